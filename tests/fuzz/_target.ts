/**
 * What is fuzzed: inputs made of a seed, and what has to hold for each.
 *
 * Execution N of a run that begins with seed S has seed S + N and depends on
 * nothing else, so that the seed of a failure alone repeats it.
 */

import { Random } from "../_random.ts";

/** One thing that is fuzzed. */
export interface Target<Input> {
  /** What it is called on the command line. */
  readonly name: string;
  /** What has to hold, in a few words. */
  readonly about: string;

  /** Makes an input, from chance alone. */
  generate(random: Random): Input;

  /** Throws if what has to hold for this input does not. */
  check(input: Input): void | Promise<void>;

  /** Inputs that are a little simpler, those that are much simpler first. */
  shrink(input: Input): Iterable<Input>;

  /** The input, for people. */
  show(input: Input): string;
}

/** A target whose inputs are known to nobody else. */
export type AnyTarget = Target<unknown>;

/** Makes a target one of a list. */
export function target<Input>(one: Target<Input>): AnyTarget {
  return one as AnyTarget;
}

/** An input that something does not hold for. */
export interface Failure {
  readonly seed: number;
  /** What went wrong with the simplest input. */
  readonly error: Error;
  /** The simplest input that fails, for people. */
  readonly shown: string;
  /** In how many steps it was made simpler. */
  readonly steps: number;
}

/** How long a run is. */
export interface RunOptions {
  /** The seed of the first execution. */
  readonly seed: number;
  /** Asked after each execution, with how many there were: whether to go on. */
  goOn(executions: number): boolean;
}

/** What became of a run. */
export interface Run {
  readonly executions: number;
  readonly failure: Failure | undefined;
}

/** Checks simpler inputs this many times at most. */
const PATIENCE = 3000;

/** Milliseconds that no input takes, on a machine with other things to do. */
const SLOW = 4000;

/** Executes a target until it fails or the run is long enough. */
export async function fuzz(
  target: AnyTarget,
  { seed, goOn }: RunOptions,
): Promise<Run> {
  for (let executions = 0;;) {
    const input = target.generate(new Random(seed + executions));
    const error = await failureOf(target, input);
    if (error !== undefined) {
      const failure = await simplest(target, input, error);
      const run = { seed: seed + executions, ...failure };
      return { executions: executions + 1, failure: run };
    }
    if (!goOn(++executions)) return { executions, failure: undefined };
  }
}

async function failureOf(
  target: AnyTarget,
  input: unknown,
): Promise<Error | undefined> {
  const start = performance.now();
  try {
    const checked = target.check(input);
    if (checked !== undefined) await checked;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
  const time = performance.now() - start;
  return time > SLOW ? new Error(`It took ${Math.round(time)} ms`) : undefined;
}

/** Makes an input that fails simpler for as long as it still fails. */
async function simplest(
  target: AnyTarget,
  input: unknown,
  error: Error,
): Promise<Omit<Failure, "seed">> {
  let [best, why, steps, tries] = [input, error, 0, 0];
  for (let improved = true; improved && tries < PATIENCE;) {
    improved = false;
    for (const simpler of target.shrink(best)) {
      if (++tries > PATIENCE) break;
      const found = await failureOf(target, simpler);
      if (found === undefined) continue;
      [best, why, improved] = [simpler, found, true];
      steps++;
      break;
    }
  }
  return { error: why, shown: target.show(best), steps };
}

/** What to tell of a failure. */
export function describeFailure(
  { name }: AnyTarget,
  { seed, error, shown, steps }: Failure,
): string {
  return `${name} fails with seed ${seed}: ${error.message}\n\n` +
    `the input, made simpler in ${steps} steps:\n${shown}\n\n` +
    `again: deno task fuzz ${name} --seed ${seed} --seconds 0\n` +
    `${error.stack ?? ""}`;
}
