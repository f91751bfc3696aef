/**
 * What a broker has promised by its acknowledgements, and whether it keeps it.
 *
 * Each topic has a single publisher, which numbers its messages from 1: so what
 * a subscriber has seen of a topic is one number, and each message that comes
 * says by its own whether one was lost, came twice or came too early.
 */

/** A topic as its publisher knows it. */
export class Topic {
  /** The last message that was sent, be it stored or not. */
  sent = 0;
  /** The last message of which the publisher knows that it is stored. */
  acknowledged = 0;
  /** Messages that were sent more than once: QoS 1 may deliver them so. */
  readonly repeated = new Set<number>();
}

export class Ledger {
  /** What went wrong. */
  readonly problems: string[] = [];
  readonly topics = new Map<string, Topic>();
  /** Messages that came, the same one to two subscribers counted twice. */
  delivered = 0;
  /** Of these: repetitions that QoS 1 allows. */
  repetitions = 0;

  /** By subscriber and topic: the last message that came. */
  readonly #seen = new Map<string, number>();
  /** By subscriber: how many messages came, not counting repetitions. */
  readonly #got = new Map<string, number>();
  #sent = 0;

  constructor(subscribers: readonly string[]) {
    for (const name of subscribers) this.#got.set(name, 0);
  }

  /** Messages that were sent and are not with the slowest of subscribers. */
  get backlog(): number {
    return this.#sent - Math.min(...this.#got.values());
  }

  /** The number of the next message of a topic, which is sent now. */
  next(name: string): number {
    this.#sent++;
    return ++this.topic(name).sent;
  }

  /** Notes that something is not as it was promised. */
  problem(text: string): void {
    if (this.problems.length < 20) this.problems.push(text);
  }

  topic(name: string): Topic {
    let topic = this.topics.get(name);
    if (topic === undefined) this.topics.set(name, topic = new Topic());
    return topic;
  }

  /** A message has come. */
  deliver(
    subscriber: string,
    name: string,
    qos: number,
    number: number,
    dup: boolean,
  ): void {
    const key = `${subscriber} ${name}`;
    const last = this.#seen.get(key) ?? 0;
    const what = `${subscriber} got ${name} ${number}, QoS ${qos}`;
    this.delivered++;
    if (number === last + 1) {
      this.#seen.set(key, number);
      this.#got.set(subscriber, this.#got.get(subscriber)! + 1);
    } else if (number > last) this.problem(`${what}, after ${last}`);
    else if (qos === 2) this.problem(`${what}, a second time`);
    else {
      this.repetitions++;
      const { repeated } = this.topic(name);
      if (dup || repeated.has(number)) return;
      this.problem(`${what}, a second time without DUP`);
    }
  }

  /** What a subscriber has not got although it was sent. */
  missing(subscriber: string): string[] {
    return [...this.topics].flatMap(([name, { sent }]) => {
      const seen = this.#seen.get(`${subscriber} ${name}`) ?? 0;
      return seen === sent
        ? []
        : [`${subscriber} has ${name} up to ${seen} of ${sent}`];
    });
  }
}
