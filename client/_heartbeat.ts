/** The keep alive of a connection, with its timer. */

import type { Clock } from "./clock.ts";
import { KeepAlive, type KeepAliveOptions } from "./_keep_alive.ts";

/** Who is told what is due. */
export interface HeartbeatOwner {
  /** PINGREQ is to be sent: call `pingreq` with it. */
  beat(): void;
  /** PINGRESP did not come in time. */
  missed(): void;
}

export class Heartbeat {
  readonly #keepAlive: KeepAlive;
  readonly #clock: Clock;
  readonly #owner: HeartbeatOwner;
  #timer: unknown;
  #running = false;

  constructor(options: KeepAliveOptions, clock: Clock, owner: HeartbeatOwner) {
    this.#keepAlive = new KeepAlive(options, clock.now());
    this.#clock = clock;
    this.#owner = owner;
  }

  /** @param keepAlive The keep alive in seconds, 0 to turn it off. */
  start(keepAlive: number): void {
    this.#running = true;
    this.#keepAlive.start(keepAlive);
    this.#schedule();
  }

  /** Nothing is due any more. */
  stop(): void {
    this.#running = false;
    this.#clock.clearTimeout(this.#timer);
  }

  /** The transport took packets. */
  sent(): void {
    this.#keepAlive.sent(this.#clock.now());
  }

  /** Bytes came. */
  received(): void {
    this.#keepAlive.received(this.#clock.now());
  }

  /** Nothing is read until this settles. */
  async pause(room: Promise<void>): Promise<void> {
    this.#keepAlive.paused = true;
    await room;
    this.#keepAlive.paused = false;
    this.received();
    this.#schedule();
  }

  /** PINGREQ is on its way. */
  pingreq(): void {
    this.#keepAlive.pingreq(this.#clock.now());
    this.#schedule();
  }

  /** PINGRESP has come. */
  pingresp(): void {
    this.#keepAlive.pingresp(this.#clock.now());
  }

  /** Sets the timer for what is due next. */
  #schedule(): void {
    if (!this.#running) return;
    this.#clock.clearTimeout(this.#timer);
    const { due } = this.#keepAlive;
    if (due === Infinity) return;
    const delay = Math.max(0, due - this.#clock.now());
    this.#timer = this.#clock.setTimeout(this.#tick, delay);
  }

  readonly #tick = (): void => {
    switch (this.#keepAlive.check(this.#clock.now())) {
      case "lost":
        return this.#owner.missed();
      case "pingreq":
        return this.#owner.beat();
      default:
        this.#schedule();
    }
  };
}
