/** Takes users over from an export of EMQX's built-in database. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { ImportedBody, ImportRequest } from '../../../admin/api-types.ts';
import { messageOf } from '../../api/errors.ts';
import { plural } from '../../format/numbers.ts';
import { Button } from '../../parts/button.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { Notice } from '../../parts/notice.tsx';
import { useServices } from '../../state/services.ts';

interface ImportUsersProps {
  readonly onClose: () => void;
  readonly onImported: () => void;
}

/** See the head of the file. */
export function ImportUsers({ onClose, onImported }: ImportUsersProps): JSX.Element {
  const { api } = useServices();
  const [request, setRequest] = useState<ImportRequest>({ format: 'json', content: '' });
  const [result, setResult] = useState<ImportedBody | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [isBusy, setIsBusy] = useState(false);
  const send = async (): Promise<void> => {
    setIsBusy(true);
    setError(null);
    try {
      setResult(await api.importUsers(request));
      onImported();
    } catch (failure) {
      setError(messageOf(failure));
    } finally {
      setIsBusy(false);
    }
  };
  return (
    <Dialog title="Import users" onClose={onClose}>
      {result !== null ? (
        <Imported result={result} />
      ) : (
        <Inputs request={request} onChange={(part) => setRequest({ ...request, ...part })} />
      )}
      {error !== null && <Notice kind="error">{error}</Notice>}
      <div class="dialog-buttons">
        <Button onClick={onClose}>{result === null ? 'Cancel' : 'Close'}</Button>
        {result === null && (
          <Button
            look="primary"
            isBusy={isBusy}
            isDisabled={request.content === ''}
            onClick={() => void send()}
          >
            Import
          </Button>
        )}
      </div>
    </Dialog>
  );
}

interface InputsProps {
  readonly request: ImportRequest;
  readonly onChange: (part: Partial<ImportRequest>) => void;
}

function Inputs({ request, onChange }: InputsProps): JSX.Element {
  const read = async (file: File | undefined): Promise<void> => {
    if (file === undefined) return;
    onChange({ content: await file.text(), format: file.name.endsWith('.csv') ? 'csv' : 'json' });
  };
  return (
    <>
      <p>
        The file that EMQX exports: JSON, or CSV with <code>user_id,password_hash,salt,is_superuser</code>.
      </p>
      <label class="field">
        File
        <input
          type="file"
          accept=".json,.csv,application/json,text/csv"
          onChange={(event) => void read(event.currentTarget.files?.[0])}
        />
      </label>
      <label class="field">
        Format
        <select
          value={request.format}
          onChange={(event) => onChange({ format: event.currentTarget.value === 'csv' ? 'csv' : 'json' })}
        >
          <option value="json">JSON</option>
          <option value="csv">CSV</option>
        </select>
      </label>
      <label class="field">
        Content
        <textarea
          class="code"
          rows={6}
          spellcheck={false}
          value={request.content}
          onInput={(event) => onChange({ content: event.currentTarget.value })}
        />
      </label>
      <label class="check">
        <input
          type="checkbox"
          checked={request.replace === true}
          onChange={(event) => onChange({ replace: event.currentTarget.checked })}
        />
        Replace users that are there already
      </label>
    </>
  );
}

const SHOWN = 20;

function Imported({ result }: { readonly result: ImportedBody }): JSX.Element {
  return (
    <Notice kind={result.skipped.length > 0 ? 'warning' : 'done'}>
      {plural(result.added, 'user')} added, {result.changed} changed, {result.skipped.length} skipped.
      <ul>
        {result.skipped.slice(0, SHOWN).map(({ line, reason }) => (
          <li key={line}>
            Line {line}: {reason}
          </li>
        ))}
      </ul>
    </Notice>
  );
}
