/**
 * The two gateway-wide memory bounds, without sockets and with a clock that tests move.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InputAccount, type InputHolder } from '../../../src/transport/input-account.ts';
import { PendingAccount, type PendingHolder } from '../../../src/transport/pending-account.ts';
import { FakeClock } from '../../support/fake-clock.ts';

/** Behaves as a connection does: discards and leaves when it is cut. */
class Pending implements PendingHolder {
  pendingBytes = 0;
  cuts = 0;
  readonly #account: PendingAccount;

  constructor(account: PendingAccount) {
    this.#account = account;
    account.join(this);
  }
  grow(bytes: number): void {
    this.pendingBytes += bytes;
    this.#account.change(bytes);
  }
  cutSlowConsumer(): void {
    this.cuts += 1;
    this.#account.leave(this, this.pendingBytes);
    this.pendingBytes = 0;
  }
}

describe('pending account', () => {
  it('cuts nobody at the limit and the largest above it', () => {
    const account = new PendingAccount(100);
    const [small, large] = [new Pending(account), new Pending(account)];
    large.grow(60);
    small.grow(40);
    assert.deepEqual([small.cuts, large.cuts, account.totalBytes], [0, 0, 100]);
    small.grow(1);
    assert.deepEqual([small.cuts, large.cuts, account.totalBytes], [0, 1, 41]);
  });

  it('cuts as many as it takes, the caller included', () => {
    const account = new PendingAccount(100);
    const [small, large] = [new Pending(account), new Pending(account)];
    small.grow(90);
    large.grow(250);
    assert.deepEqual([small.cuts, large.cuts, account.totalBytes], [0, 1, 90]);
    small.grow(11);
    assert.deepEqual([small.cuts, account.totalBytes], [1, 0]);
  });

  it('counts a holder out once only', () => {
    const account = new PendingAccount(100);
    const holder = new Pending(account);
    holder.grow(10);
    account.leave(holder, 10);
    account.leave(holder, 10);
    assert.equal(account.totalBytes, 0);
  });
});

class Input implements InputHolder {
  inputBytes = 0;
  isHeld = false;
  mayRead = true;
  cuts = 0;
  readonly #account: InputAccount;

  constructor(account: InputAccount) {
    this.#account = account;
  }
  set(bytes: number): void {
    const before = this.inputBytes;
    this.inputBytes = bytes;
    this.mayRead = this.#account.update(this, before, bytes);
  }
  allowInput(): void {
    this.mayRead = true;
  }
  cutStalledInput(): void {
    this.cuts += 1;
    this.#account.leave(this, this.inputBytes);
    this.inputBytes = 0;
  }
}

function inputs(): { account: InputAccount; clock: FakeClock; a: Input; b: Input; c: Input } {
  const clock = new FakeClock();
  const account = new InputAccount(100, clock);
  return { account, clock, a: new Input(account), b: new Input(account), c: new Input(account) };
}

describe('input account', () => {
  it('lets everybody read up to the limit', () => {
    const { clock, a, b } = inputs();
    a.set(50);
    b.set(50);
    assert.deepEqual([a.mayRead, b.mayRead, clock.pendingTimers], [true, true, 0]);
  });

  it('lets one at a time read above the limit, the largest first', () => {
    const { account, clock, a, b, c } = inputs();
    a.set(50);
    b.set(40);
    c.set(20);
    assert.deepEqual([a.mayRead, c.mayRead, account.totalBytes], [true, false, 110]);
    b.set(45);
    a.set(60);
    assert.deepEqual([a.mayRead, b.mayRead, c.mayRead], [true, false, false]);
    b.set(90);
    a.set(0);
    assert.deepEqual([b.mayRead, c.mayRead], [true, false]);
    b.set(0);
    assert.deepEqual([c.mayRead, clock.pendingTimers], [true, 0]);
  });

  it('does not let those who have stopped sending keep the memory', () => {
    const { clock, a, b } = inputs();
    a.set(95);
    b.set(10);
    assert.equal(b.mayRead, false);
    clock.advance(2000);
    assert.deepEqual([a.cuts, b.cuts, b.mayRead, clock.pendingTimers], [1, 0, true, 0]);
  });

  it('never stops one that has nothing unfinished', () => {
    const { a, b } = inputs();
    a.set(150);
    b.set(0);
    assert.equal(b.mayRead, true);
  });

  it('cuts the one that does not finish in its turn', () => {
    const { account, clock, a, b } = inputs();
    a.set(110);
    b.set(50);
    assert.deepEqual([a.mayRead, b.mayRead], [true, false]);
    clock.advance(1999);
    assert.equal(a.cuts, 0);
    clock.advance(1);
    assert.deepEqual([a.cuts, b.cuts, b.mayRead, account.totalBytes], [1, 0, true, 50]);
    assert.equal(clock.pendingTimers, 0);
  });

  it('does not cut one that waits for the broker, and passes its turn on', () => {
    const { clock, a, b } = inputs();
    a.set(110);
    a.isHeld = true;
    b.set(50);
    clock.advance(2000);
    assert.deepEqual([a.cuts, b.mayRead], [0, true]);
    clock.advance(2000);
    assert.equal(b.cuts, 1);
  });

  it('gives the turn on when its holder leaves', () => {
    const { account, clock, a, b, c } = inputs();
    a.set(110);
    b.set(120);
    c.set(130);
    account.leave(a, 110);
    assert.deepEqual([b.mayRead, c.mayRead], [false, true]);
    account.leave(c, 130);
    assert.equal(b.mayRead, true);
    account.leave(b, 120);
    assert.deepEqual([account.totalBytes, clock.pendingTimers], [0, 0]);
  });
});
