/**
 * The worker's side of the bench's processes: takes commands from the bench by IPC and answers each. A worker ends
 * with the process that started it.
 */

/** From the bench to a worker. */
export interface Command {
  /** Null: no answer is wanted. */
  readonly id: number | null;
  readonly name: string;
  readonly argument: unknown;
}

/** From a worker to the bench: the answer to a command, or how far its receiver has got. */
export type WorkerMessage =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: string }
  | { readonly progress: number };

/** What a worker can do, by the name of the command. */
export type Commands<T> = { readonly [name in keyof T]: (argument: never) => unknown };

function send(message: WorkerMessage): void {
  process.send?.(message);
}

/** Serves commands until the bench goes away; a failure outside of a command ends the worker. */
export function serveCommands<T extends Commands<T>>(commands: T): void {
  const table = new Map<string, (argument: never) => unknown>(Object.entries(commands));
  const answer = async ({ id, name, argument }: Command): Promise<void> => {
    try {
      const run = table.get(name);
      if (run === undefined) throw new Error(`no command ${name}`);
      const result = await run(argument as never);
      if (id !== null) send({ id, result });
    } catch (error) {
      if (id === null) throw error;
      send({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  };
  // A failure that nobody waits for ends the worker, which the bench notices.
  process.on('message', (message) => void answer(message as Command));
  process.on('disconnect', () => process.exit());
  send({ id: 0, result: null });
}

/** Tells the bench how far the receiver has got, every `step` messages. */
export class ProgressReport {
  #step = Number.POSITIVE_INFINITY;
  #next = Number.POSITIVE_INFINITY;

  /** @param step Infinity: no reports */
  restart(step: number): void {
    this.#step = step;
    this.#next = step;
  }

  /** Whether it is time to tell that this many have been received. */
  isDue(received: number): boolean {
    return received >= this.#next;
  }

  /** Tells it, if it is time. */
  update(received: number): void {
    if (!this.isDue(received)) return;
    this.#next = received + this.#step;
    send({ progress: received });
  }
}
