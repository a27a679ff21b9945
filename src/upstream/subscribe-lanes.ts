/**
 * The subscribing sessions of one pair: the main one, and where the broker needs it some for queue groups. Chooses the
 * session of a filter, and makes one barrier of those of all sessions.
 */
import { GROUP_SESSIONS_PER_PAIR } from './connect-options.ts';
import type { PairContext } from './pair-context.ts';
import type { GroupSessions } from './strategy.ts';
import { type LaneOptions, SubscribeLane } from './subscribe-lane.ts';
import type { TableOptions } from './subscription-table.ts';

/** Name of the lane of all queue groups where they share one; no group can have it. */
const ALL_GROUPS = '';

/** What lanes ask of their pair. */
export interface LanesOptions {
  /** Of the main lane, or of group session `position`. */
  readonly laneOptions: (position: number | null) => LaneOptions;
  readonly groupSessions: () => GroupSessions;
}

/** See the head of this file. */
export class SubscribeLanes {
  readonly main: SubscribeLane;
  readonly #options: LanesOptions;
  /** By position. A lane stays with its session; the group that it serves may change. */
  readonly #groups: { name: string; readonly lane: SubscribeLane }[] = [];
  /** Barriers over several lanes: what was asked for, and what each lane was asked in its place. */
  readonly #joint = new Map<() => void, () => void>();

  constructor(options: LanesOptions) {
    this.#options = options;
    this.main = new SubscribeLane(options.laneOptions(null));
  }

  /** Topic filters. */
  get filters(): number {
    return this.all().reduce((sum, { table }) => sum + table.size, 0);
  }

  /** How many wait for a barrier. */
  get waiting(): number {
    return Math.max(this.main.barrier.waiting, ...this.#groups.map(({ lane }) => lane.barrier.waiting));
  }

  get isPubackOwed(): boolean {
    return this.all().some(({ barrier }) => barrier.isPubackOwed);
  }

  /** The main one first. */
  all(): readonly SubscribeLane[] {
    return [this.main, ...this.#groups.map(({ lane }) => lane)];
  }

  group(position: number): SubscribeLane | undefined {
    return this.#groups[position]?.lane;
  }

  /**
   * Where the filters of a queue group go.
   * @returns the position of its session, `main`, or null when there are no more sessions to be had
   */
  placeOf(group: string): number | 'main' | null {
    const way = this.#options.groupSessions();
    if (way === 'none') return 'main';
    const name = way === 'one' ? ALL_GROUPS : group;
    const held = this.#groups.findIndex((one) => one.name === name);
    if (held !== -1) return held;
    const idle = this.#groups.findIndex(({ lane }) => lane.table.size === 0);
    const reused = this.#groups[idle];
    if (reused !== undefined) {
      reused.name = name;
      return idle;
    }
    const position = this.#groups.length;
    if (position === GROUP_SESSIONS_PER_PAIR) return null;
    this.#groups.push({ name, lane: new SubscribeLane(this.#options.laneOptions(position)) });
    return position;
  }

  /** Calls back when everything published so far has come back on all sessions; see `Barrier.request`. */
  barrier(done: () => void): void {
    if (this.#groups.length === 0) {
      this.main.barrier.request(done);
      return;
    }
    const lanes = this.all();
    let open = lanes.length;
    const onOne = (): void => {
      open--;
      if (open > 0) return;
      this.#joint.delete(done);
      done();
    };
    this.#joint.set(done, onOne);
    for (const { barrier } of lanes) barrier.request(onOne);
  }

  /** See `Barrier.withdraw`. */
  withdraw(done: () => void): void {
    const asked = this.#joint.get(done) ?? done;
    this.#joint.delete(done);
    for (const { barrier } of this.all()) barrier.withdraw(asked);
  }

  /** No barrier calls back any more. */
  cancelBarriers(): void {
    this.#joint.clear();
    for (const { barrier } of this.all()) barrier.cancel();
  }

  /** Everything ends; the sessions of groups are gone for good. */
  dispose(): void {
    this.cancelBarriers();
    for (const { table } of this.all()) table.dispose();
    this.#groups.length = 0;
  }
}

/** What all lanes of a pair have in common. */
export function tableOptionsOf(context: PairContext, onCulprit: TableOptions['onCulprit']): TableOptions {
  const { overlap, wildcardsMatchDollar, groups, counters } = context;
  return {
    overlap,
    wildcardsMatchDollar,
    get wantsRetained() {
      return context.wantsRetained;
    },
    onUnclaimed: (entry, scope, message) => groups.handOver(entry, scope, message),
    onSharedCopy: (entry, message) => groups.serveOtherScopes(entry, message),
    onSharedEntry: (entry, scope, isHeld) => groups.note(entry, scope, isHeld),
    onRetainedShared: () => counters.drop('retained_on_shared'),
    onCulprit,
  };
}
