/**
 * What somebody meant who wrote a name that there is not.
 *
 * @module
 */

/**
 * Suggests a name for one that is not known.
 *
 * @example
 * ```ts
 * import { didYouMean } from "@ambermq/mqtt/codec";
 * import { assertEquals } from "@std/assert";
 *
 * const names = ["bind", "type"];
 * assertEquals(didYouMean("bnid", names), "; did you mean bind?");
 * assertEquals(didYouMean("certfile", names), "");
 * ```
 *
 * @param name What was written.
 * @param names The names that there are.
 * @returns `"; did you mean …?"` with the closest one, for the end of a
 * message; empty if none is close.
 */
export function didYouMean(name: string, names: Iterable<string>): string {
  let best: string | undefined;
  let least = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of names) {
    const distance = editDistance(name, candidate);
    if (distance < least) [least, best] = [distance, candidate];
  }
  return best === undefined ? "" : `; did you mean ${best}?`;
}

/** How many letters to insert, remove or change to get from one to the other. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(
        row[j]! + 1,
        next[j - 1]! + 1,
        row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1),
      );
    }
    row = next;
  }
  return row[b.length]!;
}
