/**
 * Long computations in short slices, one after the other, so that whatever else
 * there is to do has its turn in between.
 */

/** Milliseconds that a slice takes, and a step more. */
const SLICE = 2;

/** The end of the last computation there is. */
let last: Promise<unknown> = Promise.resolve();

/**
 * Computes something that can be interrupted where it yields.
 *
 * @param work The computation, in steps of a fraction of a millisecond.
 * @returns What it returns.
 */
export function inSlices<T>(work: Iterator<undefined, T>): Promise<T> {
  const result = last.then(() => run(work));
  last = result.catch(() => {});
  return result;
}

async function run<T>(work: Iterator<undefined, T>): Promise<T> {
  for (;;) {
    const end = performance.now() + SLICE;
    do {
      const step = work.next();
      if (step.done) return step.value;
    } while (performance.now() < end);
    // Not setImmediate(), between whose calls Deno lets the network wait.
    await new Promise((resolve) => setTimeout(resolve));
  }
}
