/** What would become of a client that shows these credentials? Nothing is connected, nothing is kept. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { TestBody, TestRequest } from '../../../admin/api-types.ts';
import { messageOf } from '../../api/errors.ts';
import { formatDateTime, formatLatency } from '../../format/numbers.ts';
import { unfinishedIn } from '../../format/values.ts';
import { Button } from '../../parts/button.tsx';
import { Notice } from '../../parts/notice.tsx';
import { Facts, Panel } from '../../parts/page.tsx';
import { useServices } from '../../state/services.ts';

type Credentials = TestRequest['credentials'];

const INPUTS: readonly (readonly [name: keyof Credentials, label: string, isSecret: boolean])[] = [
  ['user', 'User', false],
  ['pass', 'Password', true],
  ['auth_token', 'Token', true],
  ['jwt', 'NATS JWT', false],
];

interface TestPanelProps {
  readonly title: string;
  /** What is tried: a method, or the chain in force. */
  readonly request: Omit<TestRequest, 'credentials'>;
}

/** See the head of the file. */
export function TestPanel({ title, request }: TestPanelProps): JSX.Element {
  const { api } = useServices();
  const [credentials, setCredentials] = useState<Credentials>({});
  const [result, setResult] = useState<TestBody | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [isBusy, setIsBusy] = useState(false);
  const test = async (): Promise<void> => {
    setIsBusy(true);
    setError(null);
    setResult(null);
    try {
      setResult(await api.testCredentials({ ...request, credentials }));
    } catch (failure) {
      setError(messageOf(failure));
    } finally {
      setIsBusy(false);
    }
  };
  return (
    <Panel title={title} class="test">
      <form
        class="test-form"
        onSubmit={(event) => {
          event.preventDefault();
          void test();
        }}
      >
        <Inputs credentials={credentials} onChange={setCredentials} />
        <Button type="submit" isBusy={isBusy} isDisabled={unfinishedIn(request) !== null}>
          Try
        </Button>
      </form>
      <div aria-live="polite">
        {error !== null && <Notice kind="error">{error}</Notice>}
        {result !== null && <Result result={result} isChain={request.method === undefined} />}
      </div>
    </Panel>
  );
}

interface InputsProps {
  readonly credentials: Credentials;
  readonly onChange: (credentials: Credentials) => void;
}

function Inputs({ credentials, onChange }: InputsProps): JSX.Element {
  return (
    <>
      {INPUTS.map(([name, label, isSecret]) => {
        const common = {
          id: `test-${name}`,
          value: credentials[name] ?? '',
          spellcheck: false,
          onInput: (event: { readonly currentTarget: HTMLInputElement }) =>
            onChange(withCredential(credentials, name, event.currentTarget.value)),
        };
        return (
          <label key={name} class="filter" for={`test-${name}`}>
            {label}
            {isSecret ? (
              <input type="password" autocomplete="new-password" {...common} />
            ) : (
              <input type="text" autocomplete="off" autocapitalize="off" {...common} />
            )}
          </label>
        );
      })}
    </>
  );
}

/** A field that is empty is not shown to the method at all. */
function withCredential(credentials: Credentials, name: keyof Credentials, text: string): Credentials {
  const { [name]: _before, ...others } = credentials;
  return text === '' ? others : { ...others, [name]: text };
}

const VERDICTS: Readonly<
  Record<TestBody['verdict'], readonly ['done' | 'error' | 'warning' | 'info', string]>
> = {
  accept: ['done', 'Accepted'],
  reject: ['error', 'Refused'],
  skip: ['info', 'Skipped: left to the next method'],
  failed: ['warning', 'The method could not be asked, so the client would be refused'],
};

interface ResultProps {
  readonly result: TestBody;
  /** All methods were asked: there is no next one. */
  readonly isChain: boolean;
}

function Result({ result, isChain }: ResultProps): JSX.Element {
  const [kind, words] = VERDICTS[result.verdict === 'skip' && isChain ? 'reject' : result.verdict];
  const { identity } = result;
  return (
    <Notice kind={kind}>
      <strong>{words}</strong> in {formatLatency(result.durationMs)}
      {result.detail !== '' && <p>{result.detail}</p>}
      {identity !== null && (
        <Facts
          facts={[
            ['Name', identity.name],
            ['Superuser', identity.isSuperuser ? 'yes' : 'no'],
            [
              'Permissions',
              identity.permissions === null ? (
                'everything'
              ) : (
                <code>{JSON.stringify(identity.permissions)}</code>
              ),
            ],
            ['Ends', identity.expiresMs === null ? 'never' : formatDateTime(identity.expiresMs)],
            ...Object.entries(identity.attributes),
          ]}
        />
      )}
    </Notice>
  );
}
