/**
 * What was sent and what came: nothing may be lost, come twice or in another
 * order.
 */

/** Why something is wrong, for people. */
export type Report = (problem: string) => void;

/** Messages of one publisher to one subscriber, in the order of sending. */
export class Lane {
  readonly name: string;
  readonly #report: Report;
  /** Whether QoS 0 may have been dropped: it is never sent twice. */
  readonly #lossy: boolean;
  #sent = 0;
  #received = 0;

  constructor(name: string, report: Report, lossy = false) {
    this.name = name;
    this.#report = report;
    this.#lossy = lossy;
  }

  get sent(): number {
    return this.#sent;
  }

  /** How many have not come. */
  get missing(): number {
    return this.#sent - this.#received;
  }

  /** The number of the next message. */
  next(): number {
    return ++this.#sent;
  }

  /**
   * A message has come.
   *
   * @param repeated Whether it says that it may be a repetition: of QoS 1 it may
   * then be one [MQTT-4.3.2-5].
   */
  receive(number: number, repeated = false): void {
    if (
      number === this.#received + 1 || (this.#lossy && number > this.#received)
    ) {
      this.#received = number;
      return;
    }
    if (repeated && number <= this.#received) return;
    this.#report(
      `${this.name}: ${number} came after ${this.#received}`,
    );
    this.#received = Math.max(this.#received, number);
  }
}

/** Messages of which each has to come to somebody, in any order. */
export class Pool {
  readonly name: string;
  readonly #waiting = new Set<number>();
  #count = 0;

  constructor(name: string) {
    this.name = name;
  }

  get sent(): number {
    return this.#count;
  }

  get missing(): number {
    return this.#waiting.size;
  }

  next(): number {
    this.#waiting.add(++this.#count);
    return this.#count;
  }

  receive(number: number): void {
    this.#waiting.delete(number);
  }
}
