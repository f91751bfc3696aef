/**
 * Rounds of the event loop. Where a transport has its bytes at hand, reading
 * goes on without one, and nobody else has a turn: so a connection that has
 * read often asks whether there was a round since it asked last, and waits for
 * one if there was none. While it reads from a socket there always was one.
 */

import { setImmediate } from "node:timers";

/** Reads between two questions: more than a socket gives in one round. */
const READS = 256;

export class Rounds {
  /** Counts them, as far as anybody asks. */
  number = 0;
  #asked = false;

  /** Has the next one counted. */
  ask(): void {
    if (this.#asked) return;
    this.#asked = true;
    setImmediate(this.#passed);
  }

  readonly #passed = (): void => {
    this.#asked = false;
    this.number++;
  };
}

/** The reads of one connection. */
export class Reads {
  readonly #rounds: Rounds;
  #count = 0;
  /** The round in which it asked last. */
  #round = -1;

  constructor(rounds: Rounds) {
    this.#rounds = rounds;
  }

  /** Counts one; returns whether others are to have their turn before the next. */
  count(): boolean {
    if (++this.#count < READS) return false;
    this.#count = 0;
    const rounds = this.#rounds;
    const due = rounds.number === this.#round;
    this.#round = rounds.number;
    rounds.ask();
    return due;
  }
}
