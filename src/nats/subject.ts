/** The grammar of subjects, on bytes: tokens between dots, `*` for one token, a last `>` for one or more. */

const DOT = 0x2e;
const STAR = 0x2a;
const GREATER = 0x3e;

/** Whether `buf[start, end)` may be subscribed to: no empty token, `>` only at the end. */
export function isValidSubscription(buf: Buffer, start: number, end: number): boolean {
  return checkTokens(buf, start, end, false);
}

/** Whether `buf[start, end)` is a subject to publish to in pedantic mode: no empty token and no wildcard. */
export function isValidLiteral(buf: Buffer, start: number, end: number): boolean {
  return checkTokens(buf, start, end, true);
}

function checkTokens(buf: Buffer, start: number, end: number, isLiteral: boolean): boolean {
  let tokenStart = start;
  for (let i = start; i <= end; i++) {
    if (i < end && buf[i] !== DOT) continue;
    if (i === tokenStart) return false;
    if (i === tokenStart + 1) {
      const byte = buf[tokenStart];
      if (isLiteral && (byte === STAR || byte === GREATER)) return false;
      if (byte === GREATER && i < end) return false;
    }
    tokenStart = i + 1;
  }
  return true;
}

/** End of the token that begins at `at`. */
function tokenEnd(buf: Buffer, at: number, end: number): number {
  let i = at;
  while (i < end && buf[i] !== DOT) i++;
  return i;
}

function isToken(buf: Buffer, start: number, end: number, byte: number): boolean {
  return end === start + 1 && buf[start] === byte;
}

/**
 * Whether a subscription to `filter` takes the subject `buf[start, end)`. Wildcards in the subject are literals,
 * and a subject with an empty token matches nothing, as in nats-server.
 */
export function matches(filter: Buffer, buf: Buffer, start: number, end: number): boolean {
  let f = 0;
  let s = start;
  for (;;) {
    const fEnd = tokenEnd(filter, f, filter.length);
    const sEnd = tokenEnd(buf, s, end);
    if (sEnd === s) return false;
    if (isToken(filter, f, fEnd, GREATER) && fEnd === filter.length) return hasNoEmptyToken(buf, s, end);
    const isOne = isToken(filter, f, fEnd, STAR) || filter.compare(buf, s, sEnd, f, fEnd) === 0;
    if (!isOne) return false;
    const isFilterDone = fEnd === filter.length;
    const isSubjectDone = sEnd === end;
    if (isFilterDone || isSubjectDone) return isFilterDone && isSubjectDone;
    f = fEnd + 1;
    s = sEnd + 1;
  }
}

/** `>` and `*` inside of a published subject are literals; an empty token is still nobody's. */
function hasNoEmptyToken(buf: Buffer, start: number, end: number): boolean {
  for (let i = start; i <= end; i++) {
    if ((i === end || buf[i] === DOT) && (i === start || buf[i - 1] === DOT)) return false;
  }
  return true;
}

/** Whether everything that `inner` takes is taken by `outer` too. */
export function isSubset(inner: Buffer, outer: Buffer): boolean {
  let i = 0;
  let o = 0;
  for (;;) {
    const iEnd = tokenEnd(inner, i, inner.length);
    const oEnd = tokenEnd(outer, o, outer.length);
    if (isToken(outer, o, oEnd, GREATER) && oEnd === outer.length) return true;
    if (isToken(inner, i, iEnd, GREATER) && iEnd === inner.length) return false;
    const isOne = isToken(outer, o, oEnd, STAR) || inner.compare(outer, o, oEnd, i, iEnd) === 0;
    if (!isOne) return false;
    const isInnerDone = iEnd === inner.length;
    const isOuterDone = oEnd === outer.length;
    if (isInnerDone || isOuterDone) return isInnerDone && isOuterDone;
    i = iEnd + 1;
    o = oEnd + 1;
  }
}
