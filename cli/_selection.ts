/** Which of the messages that come `sub` is about. */

import { type ApplicationMessage, matches, topicFilterError } from "../mod.ts";
import { type Flag, UsageError, type Values } from "./_flags.ts";
import { decimal } from "./_value.ts";

/** The flags that select. */
export const selectionFlags = {
  filterOut: {
    names: ["-T", "--filter-out"],
    value: "FILTER",
    list: true,
    help: "leave out topics that match; may be given again",
  },
  noRetained: {
    names: ["-R"],
    help: "leave out messages that were retained before",
  },
  retainedOnly: {
    names: ["--retained-only"],
    help: "write only those; end with the first other one",
  },
  removeRetained: {
    names: ["--remove-retained"],
    help: "clear them on the broker, but for those of -T",
  },
  randomFilter: {
    names: ["--random-filter"],
    value: "PERCENT",
    kind: decimal(0.1, 100),
    help: "write so many, by chance: 0.1 to 100",
  },
} as const satisfies Record<string, Flag>;

export class Selection {
  readonly #values: Values<typeof selectionFlags>;
  readonly #chance: number;
  readonly #random: () => number;

  /**
   * @param values What was given.
   * @param random A number from 0 to less than 1.
   * @throws {UsageError} If it has no meaning.
   */
  constructor(values: Values<typeof selectionFlags>, random: () => number) {
    for (const filter of values.filterOut) {
      const wrong = topicFilterError(filter);
      if (wrong !== undefined) {
        throw new UsageError(`-T is ${JSON.stringify(filter)}, but ${wrong}`);
      }
    }
    if (values.noRetained && values.retainedOnly) {
      throw new UsageError("give -R or --retained-only, not both");
    }
    this.#chance = (values.randomFilter ?? 100) / 100;
    this.#values = values;
    this.#random = random;
  }

  /** Whether a message tells that there is nothing more to come. */
  ends({ retain }: ApplicationMessage): boolean {
    return this.#values.retainedOnly && !retain;
  }

  /** Whether a message is to be cleared on the broker. */
  clears(message: ApplicationMessage): boolean {
    return this.#values.removeRetained && message.retain &&
      !this.#leavesOut(message);
  }

  /** Whether a message is to be written. */
  shows(message: ApplicationMessage): boolean {
    if (this.#leavesOut(message)) return false;
    if (this.#values.noRetained && message.retain) return false;
    return this.#chance === 1 || this.#random() < this.#chance;
  }

  #leavesOut({ topic }: ApplicationMessage): boolean {
    return this.#values.filterOut.some((filter) => matches(filter, topic));
  }
}
