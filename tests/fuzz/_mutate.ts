/** Valid things made wrong, at random. */

import type { Random } from "../_random.ts";
import { concat } from "../codec/_wire.ts";

/** Changes bytes: some, none, more, fewer. */
export function mutateBytes(
  random: Random,
  whole: Uint8Array,
  most = 3,
): Uint8Array<ArrayBuffer> {
  let mutant = whole.slice();
  for (let count = random.integer(1, most); count > 0; count--) {
    if (mutant.length === 0) return mutant;
    const at = random.integer(0, mutant.length - 1);
    switch (random.integer(0, 6)) {
      case 0:
        mutant[at] = random.integer(0, 255);
        break;
      case 1: // one bit
        mutant[at] = mutant[at]! ^ 1 << random.integer(0, 7);
        break;
      case 2: // limits
        mutant[at] = random.pick([0x00, 0x01, 0x7f, 0x80, 0xff]);
        break;
      case 3: // off by one
        mutant[at] = mutant[at]! + random.pick([1, -1]);
        break;
      case 4:
        mutant = concat(
          mutant.subarray(0, at),
          random.bytes(random.integer(1, 4)),
          mutant.subarray(at),
        );
        break;
      case 5:
        mutant = concat(
          mutant.subarray(0, at),
          mutant.subarray(at + random.integer(1, 4)),
        );
        break;
      case 6: { // a part again, somewhere
        const to = random.integer(0, mutant.length);
        mutant = concat(
          mutant.subarray(0, to),
          mutant.subarray(at, at + random.integer(1, 16)),
          mutant.subarray(to),
        );
        break;
      }
    }
  }
  return mutant;
}

/** Changes a text: characters, lines, and what `words` has. */
export function mutateText(
  random: Random,
  whole: string,
  words: readonly string[],
  most = 4,
): string {
  let text = whole;
  for (let count = random.integer(1, most); count > 0; count--) {
    const at = random.integer(0, text.length);
    const length = random.pick([1, 1, 1, 2, 5, 20]);
    switch (random.integer(0, 6)) {
      case 0:
        text = text.slice(0, at) + text.slice(at + length);
        break;
      case 1:
        text = text.slice(0, at) + random.pick(words) + text.slice(at);
        break;
      case 2:
        text = text.slice(0, at) + random.pick(words) + text.slice(at + length);
        break;
      case 3:
        text = text.slice(0, at) +
          String.fromCharCode(random.integer(0, random.pick([127, 0xffff]))) +
          text.slice(at + random.integer(0, 1));
        break;
      case 4: { // a part again, somewhere
        const from = random.integer(0, text.length);
        text = text.slice(0, at) + text.slice(from, from + length) +
          text.slice(at);
        break;
      }
      default:
        text = mutateLines(random, text);
    }
  }
  return text;
}

function mutateLines(random: Random, text: string): string {
  const lines = text.split("\n");
  const at = random.integer(0, lines.length - 1);
  const line = lines[at]!;
  switch (random.integer(0, 4)) {
    case 0:
      lines.splice(at, 1);
      break;
    case 1:
      lines.splice(random.integer(0, lines.length), 0, line);
      break;
    case 2:
      lines[at] = " ".repeat(random.integer(1, 4)) + line;
      break;
    case 3:
      lines[at] = line.replace(/^ {1,2}/, "");
      break;
    case 4:
      lines[at] = random.pick(["# ", "- ", "\t", "? "]) + line;
      break;
  }
  return lines.join("\n");
}
