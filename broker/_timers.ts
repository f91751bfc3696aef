/**
 * What plugins do again and again, by the broker's clock: its sweep looks at
 * them, so none has a timer of its own that could outlive the broker.
 */

/** Something to be done. */
interface Task {
  /** Milliseconds. */
  readonly interval: number;
  readonly run: () => unknown;
  readonly failed: (error: unknown) => void;
  dueAt: number;
  /** Whether the last call has not settled. */
  running: boolean;
}

export class Timers {
  readonly #now: () => number;
  #tasks: Task[] = [];

  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * Runs something every so many seconds, from now on.
   *
   * @param failed Gets what `run` throws, now or later.
   */
  every(
    seconds: number,
    run: () => unknown,
    failed: (error: unknown) => void,
  ): void {
    if (!(seconds > 0)) {
      throw new RangeError(
        `Cannot repeat anything every ${seconds} s: it is not a number above 0`,
      );
    }
    const interval = seconds * 1000;
    const dueAt = this.#now() + interval;
    this.#tasks.push({ interval, run, failed, dueAt, running: false });
  }

  /** Runs what is due. */
  tick(now: number): void {
    for (const task of [...this.#tasks]) {
      if (now < task.dueAt || task.running) continue;
      task.dueAt += task.interval;
      // Rounds that were missed are not made up for.
      if (task.dueAt <= now) task.dueAt = now + task.interval;
      run(task);
    }
  }

  /** Forgets everything. */
  clear(): void {
    this.#tasks = [];
  }
}

function run(task: Task): void {
  try {
    const later = task.run();
    if (!(later instanceof Promise)) return;
    task.running = true;
    later.catch(task.failed).finally(() => task.running = false);
  } catch (error) {
    task.failed(error);
  }
}
