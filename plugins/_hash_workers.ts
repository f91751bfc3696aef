/**
 * Threads for hashes that take a thread. They are made when they are needed,
 * kept for the next time, and ended by `close`.
 */

import type { Hash } from "./_hash.ts";

/** What a worker is asked: the hash as it was read, and the password. */
export interface HashQuestion {
  readonly text: string;
  readonly password: Uint8Array;
}

/** What the password comes to. */
export type HashAnswer = string;

/** A task that a worker has. */
interface Task {
  readonly worker: Worker;
  end(answer: HashAnswer | undefined): void;
}

export class HashWorkers {
  readonly #make: () => Worker;
  #idle: Worker[] = [];
  /** Those that are idle since the last call of `rest`. */
  #resting = new Set<Worker>();
  readonly #tasks = new Set<Task>();
  /** Whether no worker can be made here. */
  #broken = false;

  /** @param make Makes a worker; by default one with `_hash_worker.ts`. */
  constructor(make: () => Worker = hashWorker) {
    this.#make = make;
  }

  /**
   * What a password comes to: computed by a worker if the hash takes long, and
   * by this thread where there can be none.
   *
   * @returns `undefined` if `close` was faster.
   */
  async derive(hash: Hash, password: Uint8Array): Promise<string | undefined> {
    if (hash.long === undefined) return await hash.derive(password);
    const { text } = hash.long;
    const worker = this.#broken ? undefined : this.#take();
    if (worker === undefined) return await hash.derive(password);
    try {
      return await this.#ask(worker, { text, password });
    } catch {
      // It could not be loaded: a program may be without the file.
      this.#broken = true;
      return await hash.derive(password);
    }
  }

  /** Ends the workers that had nothing to do since the last call. */
  rest(): void {
    for (const worker of this.#resting) {
      worker.terminate();
      this.#idle.splice(this.#idle.indexOf(worker), 1);
    }
    this.#resting = new Set(this.#idle);
  }

  /** Ends all workers, whatever they do; `derive` makes new ones. */
  close(): void {
    for (const worker of this.#idle) worker.terminate();
    this.#idle = [];
    this.#resting.clear();
    for (const { worker, end } of this.#tasks) {
      worker.terminate();
      end(undefined);
    }
    this.#tasks.clear();
  }

  #take(): Worker | undefined {
    try {
      const worker = this.#idle.pop() ?? this.#make();
      this.#resting.delete(worker);
      return worker;
    } catch {
      this.#broken = true;
      return undefined;
    }
  }

  #ask(
    worker: Worker,
    question: HashQuestion,
  ): Promise<HashAnswer | undefined> {
    return new Promise((resolve, reject) => {
      const task: Task = { worker, end: resolve };
      this.#tasks.add(task);
      worker.onmessage = ({ data }: MessageEvent<HashAnswer>) => {
        this.#tasks.delete(task);
        this.#idle.push(worker);
        resolve(data);
      };
      worker.onerror = (event) => {
        event.preventDefault(); // it would end the process
        this.#tasks.delete(task);
        worker.terminate();
        reject(new Error(event.message));
      };
      worker.postMessage(question);
    });
  }
}

function hashWorker(): Worker {
  const url = new URL("./_hash_worker.ts", import.meta.url);
  return new Worker(url, { type: "module", name: "ambermq-hash" });
}
