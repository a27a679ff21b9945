/** Which kind of method is to be added. */
import type { JSX } from 'preact';
import type { AuthenticationBody } from '../../../admin/api-types.ts';
import { Panel } from '../../parts/page.tsx';
import { linkTo } from '../../state/route.ts';
import { METHOD_WORDS } from './method-words.ts';

/** See the head of the file. */
export function AddMethod({ body }: { readonly body: AuthenticationBody }): JSX.Element {
  return (
    <Panel title="Add a method" actions={<a href={linkTo(['authentication'])}>Cancel</a>}>
      <ul class="choices">
        {Object.keys(body.fields).map((method) => (
          <li key={method}>
            <a href={linkTo(['authentication', 'add', method])}>
              <strong>{method}</strong>
              <span>{METHOD_WORDS[method]}</span>
            </a>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
