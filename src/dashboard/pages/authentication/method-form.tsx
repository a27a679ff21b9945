/** The settings of one method of the chain. Can be tried before it is saved. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { AuthenticationBody, MethodValues } from '../../../admin/api-types.ts';
import { ApiError, messageOf } from '../../api/errors.ts';
import { emptyEntry, isNeeded, unfinishedIn, valueAt, withValueAt } from '../../format/values.ts';
import { Button } from '../../parts/button.tsx';
import { Field } from '../../parts/fields/field.tsx';
import { type FieldErrors, idOf } from '../../parts/fields/field-props.ts';
import { Notice } from '../../parts/notice.tsx';
import { Panel } from '../../parts/page.tsx';
import { goTo } from '../../state/navigation.ts';
import { linkTo } from '../../state/route.ts';
import { useServices } from '../../state/services.ts';
import { METHOD_WORDS } from './method-words.ts';
import { TestPanel } from './test-panel.tsx';

interface MethodFormProps {
  readonly body: AuthenticationBody;
  readonly method: string;
  /** Where it stands in the chain; null: it is new. */
  readonly position: number | null;
  readonly onSaved: () => void;
}

/** What a new method begins with. The users file is made when the method is saved. */
const SUGGESTED: Readonly<Record<string, object>> = { built_in: { users_file: 'users.json' } };

/** See the head of the file. */
export function MethodForm({ body, method, position, onSaved }: MethodFormProps): JSX.Element {
  const { api, announce } = useServices();
  const fields = (body.fields[method] ?? []).filter(({ path }) => path !== 'method');
  const known = body.methods.find((each) => each.position === position)?.values;
  const [values, setValues] = useState<MethodValues>(
    known ?? { method, ...emptyEntry(fields), ...SUGGESTED[method] },
  );
  const [failure, setFailure] = useState<unknown>(null);
  const [isBusy, setIsBusy] = useState(false);
  const save = async (): Promise<void> => {
    setIsBusy(true);
    setFailure(null);
    try {
      await (position === null ? api.addMethod(values) : api.changeMethod(position, values));
      announce(position === null ? `${method} was added` : `${method} was changed`);
      onSaved();
      goTo(linkTo(['authentication']));
    } catch (refused) {
      setFailure(refused);
      setIsBusy(false);
      focusFirst(refused);
    }
  };
  return (
    <>
      <Panel title={position === null ? `Add ${method}` : `Edit ${method}`}>
        <p class="hint">{METHOD_WORDS[method]}</p>
        {position === null && !body.methods.some(({ isEnabled }) => isEnabled) && (
          <Notice kind="warning">
            So far everyone may connect. Once this method is on, clients that it does not accept are ended,
            and cannot connect any more.
          </Notice>
        )}
        {fields.length === 0 && <Notice kind="error">There is no method of this name.</Notice>}
        <form
          class="method-form"
          noValidate
          onSubmit={(event) => {
            event.preventDefault();
            void save();
          }}
        >
          <Fields fields={fields} values={values} errors={errorsOf(failure)} onChange={setValues} />
          {failure !== null && <Notice kind="error">{messageOf(failure).replaceAll(POSITION, '')}</Notice>}
          <div class="form-buttons">
            <a class="button plain" href={linkTo(['authentication'])}>
              Cancel
            </a>
            <Button type="submit" look="primary" isBusy={isBusy} isDisabled={unfinishedIn(values) !== null}>
              {position === null ? 'Add' : 'Save'}
            </Button>
          </div>
        </form>
      </Panel>
      <TestPanel
        title="Try it before you save it"
        request={{ method: values, ...(position !== null && { position }) }}
      />
    </>
  );
}

/** By the paths of the fields: the gateway names them from the root of the configuration. */
function errorsOf(failure: unknown): FieldErrors {
  if (!(failure instanceof ApiError)) return new Map();
  return new Map([...failure.fieldErrors].map(([path, message]) => [relative(path), message]));
}

/** Nobody has to know where in the file the method of the form stands. */
const POSITION = /\bauthentication\[\d+\][. ]?/g;

function relative(path: string): string {
  return path.replace(POSITION, '');
}

function focusFirst(failure: unknown): void {
  const first = [...errorsOf(failure).keys()][0];
  if (first !== undefined) document.getElementById(idOf(first))?.focus();
}

/** Settings that most people never touch. */
const RARE = /^(enable|timeout|cache|max_concurrent|max_waiting|pool_size|tls\.)/;
/** The gateway's own users bring their hashes along; how those of `users` are made matters to who moves here. */
const RARE_IN_BUILT_IN = /^(?:enable|users|password_hash_algorithm\.\w+)$/;

interface FieldsProps {
  readonly fields: AuthenticationBody['fields'][string];
  readonly values: MethodValues;
  readonly errors: FieldErrors;
  readonly onChange: (values: MethodValues) => void;
}

function Fields({ fields, values, errors, onChange }: FieldsProps): JSX.Element {
  const isRare = values.method === 'built_in' ? RARE_IN_BUILT_IN : RARE;
  const rare = fields.filter((field) => isRare.test(field.path) && !isNeeded(field));
  const usual = fields.filter((field) => !rare.includes(field));
  const isRareWrong = rare.some(({ path }) => errors.has(path));
  const formFor = (some: typeof fields): JSX.Element[] =>
    some.map((field) => (
      <Field
        key={field.path}
        field={field}
        path={field.path}
        value={valueAt(values, field.path)}
        errors={errors}
        onChange={(value) => onChange({ ...withValueAt(values, field.path, value), method: values.method })}
      />
    ));
  return (
    <>
      {formFor(usual)}
      <details class="rare" open={isRareWrong}>
        <summary>More settings</summary>
        {formFor(rare)}
      </details>
    </>
  );
}
