/**
 * When to send PINGREQ, and when the broker is to be given up. It has no timer:
 * `due` says when to ask `check`.
 */

/** Both in milliseconds. */
export interface KeepAliveOptions {
  /** PINGREQ goes out this much before the keep alive is over; 0: never. */
  readonly delay: number;
  /** How long an answer may take. */
  readonly timeout: number;
}

export class KeepAlive {
  /** Reading has stopped, so that no answer can be seen: none is missed. */
  paused = false;

  /** Milliseconds without a packet before PINGREQ; 0: never. */
  #interval = 0;
  readonly #delay: number;
  readonly #timeout: number;
  #sent: number;
  #received: number;
  #unanswered = 0;
  /** When the oldest unanswered PINGREQ was sent, or the last was answered. */
  #pinged = 0;

  /**
   * @param options Its lengths.
   * @param now The time.
   */
  constructor({ delay, timeout }: KeepAliveOptions, now: number) {
    this.#delay = delay;
    this.#timeout = timeout;
    this.#sent = this.#received = now;
  }

  /** @param keepAlive The keep alive in seconds, 0 to turn it off. */
  start(keepAlive: number): void {
    const length = keepAlive * 1000;
    this.#interval = this.#delay === 0
      ? 0
      : Math.max(length - this.#delay, length / 2);
  }

  /** The transport took packets. */
  sent(now: number): void {
    this.#sent = now;
  }

  /** Bytes came, or could come again. */
  received(now: number): void {
    this.#received = now;
  }

  /** PINGREQ is on its way, even if the transport does not take it yet. */
  pingreq(now: number): void {
    this.#sent = now;
    if (this.#unanswered++ === 0) this.#pinged = now;
  }

  pingresp(now: number): void {
    if (this.#unanswered > 0) this.#unanswered--;
    this.#pinged = now;
  }

  /** When something is to be done; `Infinity` if nothing is. */
  get due(): number {
    return Math.min(this.#pingDue, this.#deadline);
  }

  /** What is to be done now. */
  check(now: number): "pingreq" | "lost" | undefined {
    if (now >= this.#deadline) return "lost";
    return now >= this.#pingDue ? "pingreq" : undefined;
  }

  /**
   * [MQTT-3.1.2-20] asks for a packet within the keep alive. A PINGREQ also
   * goes out where nothing comes in: a client that only publishes would not
   * notice otherwise that nobody receives it.
   */
  get #pingDue(): number {
    if (this.#interval === 0) return Infinity;
    const silent = this.#unanswered > 0 || this.paused
      ? this.#sent
      : Math.min(this.#sent, this.#received);
    return silent + this.#interval;
  }

  /** Any byte that comes shows that the broker is there. */
  get #deadline(): number {
    if (this.#unanswered === 0 || this.paused) return Infinity;
    return Math.max(this.#pinged, this.#received) + this.#timeout;
  }
}
