/** The methods in the order in which they are asked. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { AuthenticationBody } from '../../../admin/api-types.ts';
import { messageOf } from '../../api/errors.ts';
import { formatCount } from '../../format/numbers.ts';
import { showValue, valueAt } from '../../format/values.ts';
import { Badge } from '../../parts/badge.tsx';
import { Button, IconButton } from '../../parts/button.tsx';
import { Confirm } from '../../parts/dialog.tsx';
import { Icon } from '../../parts/icons.tsx';
import { Empty, Notice } from '../../parts/notice.tsx';
import { Panel } from '../../parts/page.tsx';
import { linkTo } from '../../state/route.ts';
import { useServices } from '../../state/services.ts';
import { METHOD_WORDS, TELLING } from './method-words.ts';
import { TestPanel } from './test-panel.tsx';

type Method = AuthenticationBody['methods'][number];

interface ChainProps {
  readonly body: AuthenticationBody;
  readonly onChanged: () => void;
}

/** See the head of the file. */
export function Chain({ body, onChanged }: ChainProps): JSX.Element {
  const isOpen = !body.methods.some(({ isEnabled }) => isEnabled);
  return (
    <>
      {body.isLocked && (
        <Notice kind="info">
          The chain is set by environment or flag, which beats the file: change it there.
        </Notice>
      )}
      {isOpen && body.methods.length > 0 && (
        <Notice kind="warning">No method is on: everyone may connect, and the broker decides.</Notice>
      )}
      <Panel
        title="Methods, in the order in which they are asked"
        actions={
          !body.isLocked && (
            <a class="button primary" href={linkTo(['authentication', 'add'])}>
              <Icon name="plus" />
              Add a method
            </a>
          )
        }
      >
        {body.methods.length === 0 ? (
          <Empty title="Everyone may connect">
            <p>
              No method is configured: clients show their credentials to the MQTT broker, which decides. Add a
              method to let the gateway decide.
            </p>
          </Empty>
        ) : (
          <ol class="chain">
            {body.methods.map((method, i) => (
              <Link
                key={`${method.method} ${method.position}`}
                method={method}
                index={i}
                body={body}
                onChanged={onChanged}
              />
            ))}
            <li class="chain-end">Whoever no method accepts is refused.</li>
          </ol>
        )}
      </Panel>
      <TestPanel title="Try credentials against the chain in force" request={{}} />
    </>
  );
}

interface LinkProps extends ChainProps {
  readonly method: Method;
  readonly index: number;
}

function Link({ method, index, body, onChanged }: LinkProps): JSX.Element {
  const { api, announce } = useServices();
  const [isDeleting, setIsDeleting] = useState(false);
  const change = (work: Promise<unknown>, done: string): void => {
    work.then(
      () => {
        announce(done);
        onChanged();
      },
      (failure: unknown) => announce(`Nothing was changed: ${messageOf(failure)}`, 'failed'),
    );
  };
  const move = (to: number): void => {
    const order = body.methods.map(({ position }) => position);
    order.splice(to, 0, ...order.splice(index, 1));
    change(api.orderMethods(order), `${method.method} is asked as number ${to + 1} now`);
  };
  const enable = (isOn: boolean): void =>
    change(
      api.changeMethod(method.position, { ...method.values, enable: isOn }),
      `${method.method} is ${isOn ? 'on' : 'off'}`,
    );
  return (
    <li class={method.isEnabled ? 'link' : 'link off'}>
      <span class="link-number numbers">{index + 1}</span>
      <LinkText method={method} />
      {!body.isLocked && (
        <div class="link-actions">
          <label class="switch">
            <input
              type="checkbox"
              role="switch"
              aria-label={`${method.method} is asked`}
              aria-checked={method.isEnabled}
              checked={method.isEnabled}
              onChange={(event) => enable(event.currentTarget.checked)}
            />
          </label>
          <IconButton
            label="Ask earlier"
            icon="up"
            isDisabled={index === 0}
            onClick={() => move(index - 1)}
          />
          <IconButton
            label="Ask later"
            icon="down"
            isDisabled={index === body.methods.length - 1}
            onClick={() => move(index + 1)}
          />
          <a class="button plain" href={linkTo(['authentication', 'edit', method.position])}>
            Edit<span class="hidden"> {method.method}</span>
          </a>
          <Button look="danger" onClick={() => setIsDeleting(true)}>
            Delete …
          </Button>
        </div>
      )}
      {isDeleting && (
        <DeleteMethod method={method} onClose={() => setIsDeleting(false)} onDeleted={onChanged} />
      )}
    </li>
  );
}

function LinkText({ method }: { readonly method: Method }): JSX.Element {
  const telling = TELLING.map((path) => [path, valueAt(method.values, path)] as const).find(
    ([, value]) => value !== undefined && value !== '',
  );
  const answers = Object.entries(method.answers).filter(([, count]) => count > 0);
  return (
    <div class="link-text">
      <strong>{method.method}</strong> {!method.isEnabled && <Badge tone="muted">off</Badge>}
      <p class="hint">
        {telling === undefined ? METHOD_WORDS[method.method] : <code>{showValue(telling[1])}</code>}
      </p>
      <p class="answers numbers">
        {answers.length === 0
          ? 'not asked yet'
          : answers.map(([answer, count]) => (
              <span key={answer} class={`answer ${answer}`}>
                {formatCount(count)} {answer === 'timedOut' ? 'timed out' : answer}
              </span>
            ))}
      </p>
    </div>
  );
}

interface DeleteMethodProps {
  readonly method: Method;
  readonly onClose: () => void;
  readonly onDeleted: () => void;
}

function DeleteMethod({ method, onClose, onDeleted }: DeleteMethodProps): JSX.Element {
  const { api, announce } = useServices();
  const remove = async (): Promise<void> => {
    await api.deleteMethod(method.position);
    announce(`${method.method} was deleted`);
    onDeleted();
  };
  return (
    <Confirm title={`Delete ${method.method}?`} action="Delete" onConfirm={remove} onClose={onClose}>
      <p>
        Clients that only this method accepts can no longer connect, and those that are connected are ended.
        To try that out, switch the method off instead.
      </p>
    </Confirm>
  );
}
