/** Goes through a long list page by page. */
import type { JSX } from 'preact';
import { formatCount } from '../format/numbers.ts';
import { IconButton } from './button.tsx';

interface PagerProps {
  readonly offset: number;
  readonly limit: number;
  readonly total: number;
  /** What is listed, such as `clients`. */
  readonly noun: string;
  readonly onChange: (offset: number) => void;
}

/** See the head of the file. */
export function Pager({ offset, limit, total, noun, onChange }: PagerProps): JSX.Element {
  const last = Math.min(offset + limit, total);
  const first = formatCount(offset + 1);
  const range = offset + 1 === last ? first : `${first}–${formatCount(last)}`;
  return (
    <nav class="pager" aria-label={`Pages of ${noun}`}>
      <span class="numbers" role="status">
        {total === 0 ? `0 ${noun}` : `${range} of ${formatCount(total)} ${noun}`}
      </span>
      <IconButton
        label="Previous page"
        icon="left"
        isDisabled={offset === 0}
        onClick={() => onChange(Math.max(0, offset - limit))}
      />
      <IconButton
        label="Next page"
        icon="right"
        isDisabled={last >= total}
        onClick={() => onChange(offset + limit)}
      />
    </nav>
  );
}
