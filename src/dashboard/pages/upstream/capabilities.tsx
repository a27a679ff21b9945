/** What the broker can do, and what NATS clients go without because of it. */
import type { JSX } from 'preact';
import { Badge } from '../../parts/badge.tsx';
import { Notice } from '../../parts/notice.tsx';
import { Panel } from '../../parts/page.tsx';
import { type Finding, findingsOf, limitationsOf } from './report-words.ts';

const KINDS = { error: 'error', warn: 'warning', info: 'info' } as const;

/** See the head of the file. */
export function Capabilities({
  report,
}: {
  readonly report: Readonly<Record<string, unknown>> | null;
}): JSX.Element {
  if (report === null)
    return (
      <Panel title="What the broker can do">
        <p class="hint">Not known yet: the broker has not been reached since the start.</p>
      </Panel>
    );
  const limitations = limitationsOf(report);
  return (
    <Panel title="What the broker can do">
      {report.isProbed === false && (
        <p class="hint">
          The broker did not let the gateway find out everything (or upstream.probe is off); what is not known
          is treated in the way that is safe with every broker.
        </p>
      )}
      <dl class="findings">
        {findingsOf(report).map((finding) => (
          <div key={finding.question}>
            <dt>{finding.question}</dt>
            <dd>
              <Answer finding={finding} />
            </dd>
          </div>
        ))}
      </dl>
      <h3>What clients go without</h3>
      {limitations.length === 0 && (
        <Notice kind="done">Nothing: this broker gives NATS clients all they ask for.</Notice>
      )}
      {limitations.map(({ id, severity, meaning }) => (
        <Notice key={id} kind={KINDS[severity]}>
          {meaning}
        </Notice>
      ))}
    </Panel>
  );
}

function Answer({ finding: { answer, isGood } }: { readonly finding: Finding }): JSX.Element {
  if (isGood === null) return <span class="numbers">{answer}</span>;
  return <Badge tone={isGood ? 'good' : 'warn'}>{answer}</Badge>;
}
