/** How far a long send has come: a line on a terminal, and only there. */

import type { Instant, Terminal } from "./_terminal.ts";

/** Seconds before there is something to see: who waits less need not know. */
const PATIENCE = 1;

/** Seconds between two looks. */
const INTERVAL = 0.1;

/** Characters of the bar itself. */
const BAR = 24;

export class Progress {
  /** What will have been done in the end; `undefined`: nobody knows. */
  total: number | undefined;

  readonly #terminal: Terminal;
  readonly #width: number;
  readonly #start: Instant;
  #done = 0;
  #messages = 0;
  /** Seconds after the start. */
  #next = PATIENCE;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
    this.#width = terminal.width;
    this.#start = terminal.now();
  }

  /**
   * A message has been sent.
   *
   * @param amount How much of the total it is.
   */
  add(amount: number): void {
    this.#messages++;
    this.#done += amount;
    if (this.#width === 0) return;
    const passed = secondsBetween(this.#start, this.#terminal.now());
    if (passed < this.#next) return;
    this.#next = passed + INTERVAL;
    this.#terminal.status(this.#line(passed).slice(0, this.#width - 1));
  }

  /** There is nothing more to show. */
  end(): void {
    if (this.#width > 0) this.#terminal.status("");
  }

  #line(seconds: number): string {
    const rate = Math.round(this.#messages / seconds);
    const sent = `${this.#messages} messages, ${rate} per second`;
    if (this.total === undefined || this.total === 0) return sent;
    const part = Math.min(1, this.#done / this.total);
    const bar = "#".repeat(Math.round(part * BAR)).padEnd(BAR, "-");
    return `[${bar}] ${Math.floor(part * 100)} %  ${sent}`;
  }
}

function secondsBetween(from: Instant, to: Instant): number {
  return to.seconds - from.seconds +
    (to.nanoseconds - from.nanoseconds) / 1e9;
}
