/**
 * What a server sent, cut into operations, so that two servers can be compared. Pure: bytes in, texts out. Bytes are
 * seen as Latin-1, so nothing is lost.
 */

/** Stands in a transcript for the end of the connection. */
export const EOF = 'EOF';
/** Stands for the end of the connection by RST. */
export const RESET = 'RST';

const LINE_END = '\r\n';

/**
 * Cuts server output into operations, without their line ends; a message keeps its payload after its line.
 * @returns the operations; an incomplete rest is the last entry, marked as such
 */
export function operations(bytes: Buffer): string[] {
  const text = bytes.toString('latin1');
  const found: string[] = [];
  for (let at = 0; at < text.length; ) {
    const lineEnd = text.indexOf(LINE_END, at);
    const end = lineEnd < 0 ? -1 : endOfOperation(text.slice(at, lineEnd), lineEnd + LINE_END.length);
    if (end < 0 || end > text.length) {
      found.push(`incomplete: ${text.slice(at)}`);
      break;
    }
    found.push(text.slice(at, end - LINE_END.length));
    at = end;
  }
  return found;
}

function endOfOperation(line: string, bodyStart: number): number {
  if (!/^H?MSG /.test(line)) return bodyStart;
  const size = Number(line.slice(line.lastIndexOf(' ') + 1));
  return bodyStart + size + LINE_END.length;
}

/**
 * Takes out what the gateway (which follows nats-server 2.12.0) and the nats-server of the tests (2.9.10) do
 * differently because of their release, and what comes at times of its own:
 * - INFO after the first PONG is sent always since 2.12, before only when something had changed: removed.
 * - The 503 names the subject since 2.12 (`Nats-Subject`): both become `503 <reply> <sid>`.
 * - PING of the server comes 2 s after the start of a connection, however far the script is then: removed.
 */
export function normalised(transcript: readonly string[]): string[] {
  return transcript
    .filter((operation) => !operation.startsWith('INFO ') && operation !== 'PING')
    .map((operation) => operation.replace(NO_RESPONDERS, '503 $1 $2'));
}

const NO_RESPONDERS = /^HMSG (\S+) (\S+) (\d+) \3\r\nNATS\/1\.0 503\r\n(?:Nats-Subject: [^\r\n]*\r\n)?\r\n$/;
