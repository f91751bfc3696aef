/**
 * The thread that `deno task fuzz` executes a target in, so that an endless
 * loop there can be told from a long run.
 */

import { describeFailure, fuzz, targets } from "../tests/fuzz/mod.ts";

/** What the thread is to do. */
export interface Job {
  readonly target: string;
  readonly seed: number;
  readonly seconds: number;
  /** How many executions there were, for who watches. */
  readonly progress: Int32Array;
}

/** What became of it. */
export interface Outcome {
  readonly executions: number;
  /** What failed, for people. */
  readonly failure: string | undefined;
}

const scope = globalThis as unknown as {
  onmessage: ((event: MessageEvent<Job>) => void) | null;
  postMessage(outcome: Outcome): void;
};

scope.onmessage = async ({ data: { target, seed, seconds, progress } }) => {
  const found = targets.find(({ name }) => name === target)!;
  const end = performance.now() + seconds * 1000;
  const { executions, failure } = await fuzz(found, {
    seed,
    goOn: (executions) => {
      Atomics.store(progress, 0, executions);
      return performance.now() < end;
    },
  });
  scope.postMessage({
    executions,
    failure: failure && describeFailure(found, failure),
  });
};
