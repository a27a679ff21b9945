/**
 * Grammar and matching of NATS subjects, on bytes: subjects may hold invalid UTF-8, and comparing needs no strings.
 * Must not know topics, permissions, or which subscriptions exist.
 */

const DOT = 0x2e;
const STAR = 0x2a;
const GREATER = 0x3e;

/**
 * Whether `buf[start, end)` may be subscribed to: no empty token, and `>` alone in a token only at the end.
 * @see NATS client protocol, SUB: anything else is legal, and `foo*` or `f>o` are literals
 */
export function isValidSubscription(buf: Buffer, start: number, end: number): boolean {
  for (let at = start; ; ) {
    const tokenEnd = endOfToken(buf, at, end);
    if (tokenEnd === at) return false;
    if (tokenEnd === end) return true;
    if (isWhole(buf, at, tokenEnd, GREATER)) return false;
    at = tokenEnd + 1;
  }
}

/**
 * Whether `buf[start, end)` is a subject to publish to by the rules for pedantic clients: no empty token and no
 * wildcard. Such messages are still delivered, so this decides about a complaint only.
 */
export function isValidLiteral(buf: Buffer, start: number, end: number): boolean {
  for (let at = start; ; ) {
    const tokenEnd = endOfToken(buf, at, end);
    if (tokenEnd === at) return false;
    if (isWhole(buf, at, tokenEnd, STAR) || isWhole(buf, at, tokenEnd, GREATER)) return false;
    if (tokenEnd === end) return true;
    at = tokenEnd + 1;
  }
}

/**
 * Whether a subscription to `filter` gets messages published to `subject[start, end)`. Wildcards in the subject are
 * ordinary tokens; a subject with an empty token matches nothing, not even `>`.
 * @param filter a valid subscription
 */
export function matches(filter: Buffer, subject: Buffer, start: number, end: number): boolean {
  let filterAt = 0;
  for (let at = start; ; ) {
    const filterEnd = endOfToken(filter, filterAt, filter.length);
    const tokenEnd = endOfToken(subject, at, end);
    if (tokenEnd === at) return false;
    if (isWhole(filter, filterAt, filterEnd, GREATER)) return !hasEmptyToken(subject, tokenEnd, end);
    const isMatch =
      isWhole(filter, filterAt, filterEnd, STAR) || equal(filter, filterAt, filterEnd, subject, at, tokenEnd);
    if (!isMatch) return false;
    // Both end here, or neither does.
    if (filterEnd === filter.length || tokenEnd === end)
      return filterEnd === filter.length && tokenEnd === end;
    filterAt = filterEnd + 1;
    at = tokenEnd + 1;
  }
}

/**
 * Whether every subject that matches `narrow` also matches `wide`.
 * @param narrow a valid subscription, as `wide`
 */
export function isSubset(narrow: Buffer, wide: Buffer): boolean {
  let wideAt = 0;
  for (let at = 0; ; ) {
    const wideEnd = endOfToken(wide, wideAt, wide.length);
    const tokenEnd = endOfToken(narrow, at, narrow.length);
    if (isWhole(wide, wideAt, wideEnd, GREATER)) return true;
    const isWithin = isWhole(wide, wideAt, wideEnd, STAR)
      ? !isWhole(narrow, at, tokenEnd, GREATER)
      : equal(wide, wideAt, wideEnd, narrow, at, tokenEnd);
    if (!isWithin) return false;
    const isWideDone = wideEnd === wide.length;
    if (isWideDone || tokenEnd === narrow.length) return isWideDone && tokenEnd === narrow.length;
    wideAt = wideEnd + 1;
    at = tokenEnd + 1;
  }
}

/**
 * Whether some subject matches both.
 * @param one a valid subscription, as `other`
 */
export function overlaps(one: Buffer, other: Buffer): boolean {
  let otherAt = 0;
  for (let at = 0; ; ) {
    const end = endOfToken(one, at, one.length);
    const otherEnd = endOfToken(other, otherAt, other.length);
    if (isWhole(one, at, end, GREATER) || isWhole(other, otherAt, otherEnd, GREATER)) return true;
    const isShared =
      isWhole(one, at, end, STAR) ||
      isWhole(other, otherAt, otherEnd, STAR) ||
      equal(one, at, end, other, otherAt, otherEnd);
    if (!isShared) return false;
    // Both end here, or neither does.
    if (end === one.length || otherEnd === other.length)
      return end === one.length && otherEnd === other.length;
    at = end + 1;
    otherAt = otherEnd + 1;
  }
}

function endOfToken(buf: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && buf[at] !== DOT) at++;
  return at;
}

function isWhole(buf: Buffer, start: number, end: number, byte: number): boolean {
  return end - start === 1 && buf[start] === byte;
}

function equal(a: Buffer, aStart: number, aEnd: number, b: Buffer, bStart: number, bEnd: number): boolean {
  if (aEnd - aStart !== bEnd - bStart) return false;
  for (let i = aStart, j = bStart; i < aEnd; i++, j++) if (a[i] !== b[j]) return false;
  return true;
}

/** @param tokenEnd end of a token that is not empty */
function hasEmptyToken(subject: Buffer, tokenEnd: number, end: number): boolean {
  for (let at = tokenEnd; at < end; at++) {
    if (subject[at] === DOT && (at + 1 === end || subject[at + 1] === DOT)) return true;
  }
  return false;
}
