/**
 * The names of the operations a client may send, as a table for recognising them byte by byte.
 * Must not know what follows a name.
 */

/** What a control line asks for. Plain numbers: the parser switches on them for every operation. */
export const CONNECT = 0;
export const PUB = 1;
export const HPUB = 2;
export const SUB = 3;
export const UNSUB = 4;
export const PING = 5;
export const PONG = 6;
export const INFO = 7;
export const OK = 8;
export const ERR = 9;

/** Table states from here on mean: name complete, operation = state − this. */
export const NAME_COMPLETE = 64;

/** State in front of the first byte. */
export const NAME_START = 1;

/** Names as they must be spelled; where a blank or TAB must follow, it is part of the name. */
const NAMES: readonly (readonly [string, number])[] = [
  ['CONNECT', CONNECT],
  ['PUB ', PUB],
  ['PUB\t', PUB],
  ['HPUB ', HPUB],
  ['HPUB\t', HPUB],
  ['SUB ', SUB],
  ['SUB\t', SUB],
  ['UNSUB ', UNSUB],
  ['UNSUB\t', UNSUB],
  ['PING', PING],
  ['PONG', PONG],
  ['INFO', INFO],
  ['+OK', OK],
  ['-ERR ', ERR],
  ['-ERR\t', ERR],
];

/**
 * Next state for `state << 8 | byte`, in any letter case; 0 means that no operation is spelled like this.
 * @see NATS client protocol: operation names are case-insensitive
 */
export const NAME_TABLE: Uint8Array = buildTable();

function buildTable(): Uint8Array {
  const table = new Uint8Array(NAME_COMPLETE << 8);
  let lastState = NAME_START;
  for (const [name, operation] of NAMES) {
    let state = NAME_START;
    for (let i = 0; i < name.length; i++) {
      const isLast = i === name.length - 1;
      const upper = (state << 8) | name.charCodeAt(i);
      const lower = (state << 8) | name.toLowerCase().charCodeAt(i);
      let next = table[upper] ?? 0;
      if (next === 0) next = isLast ? NAME_COMPLETE + operation : ++lastState;
      table[upper] = next;
      table[lower] = next;
      state = next;
    }
  }
  return table;
}
