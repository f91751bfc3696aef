/**
 * The receiving half of a connection: bytes become packets, and each is handled
 * before the next. It reads only while the broker can take more: not while a
 * handler waits for a plugin, while the peer leaves its answers unread, or while
 * it sends faster than it may.
 */

import {
  type Packet,
  PacketParser,
  type ProtocolVersion,
  type Transport,
} from "../codec/mod.ts";
import type { Limits } from "./limits.ts";
import type { Metrics } from "./metrics.ts";
import { pause } from "./_pause.ts";
import { ReadAhead } from "./_read_ahead.ts";
import { Reads, type Rounds } from "./_rounds.ts";
import type { Throttle, Throttles } from "./_throttle.ts";
import type { Watch } from "./_watch.ts";

/** Bytes of the largest CONNECT: its six fields at their longest, and more. */
const LARGEST_CONNECT = 512 * 1024;

/** Steps of routing for one client before others have their turn: some 10 ms. */
const STEPS = 50_000;

/** The parts of the broker that are needed to read. */
export interface InputHost {
  readonly limits: Limits;
  readonly metrics: Metrics;
  readonly rounds: Rounds;
  readonly throttles: Throttles;
  readonly subscriptions: { readonly steps: number };
}

/** Whose packets they are. */
export interface InputOwner {
  /** Whether it is over: nothing more is handled. */
  readonly ended: boolean;
  /** Whether plugins are asked who the client is. */
  readonly asking: boolean;
  readonly output: { readonly size: number };
  /** Handles a packet; a promise if something is waited for. */
  handle(packet: Packet): Promise<void> | undefined;
  /** Nothing more comes. */
  onBroken(reason: string): void;
}

export class Input {
  readonly #broker: InputHost;
  readonly #transport: Transport;
  readonly #owner: InputOwner;
  readonly #watch: Watch;
  readonly #parser: PacketParser;
  /** How fast the client may send, if that is limited. */
  readonly #throttle: Throttle | undefined;
  /** What is read while the verdict on CONNECT is awaited. */
  #ahead: ReadAhead | undefined;
  /** Whether a handler waits for a plugin. */
  #handling = false;
  /** Set while the peer does not read its answers. */
  #resume: (() => void) | undefined;
  /** Set while the client has sent too fast. */
  #release: (() => void) | undefined;

  /** @param watch Is told of what arrives. */
  constructor(
    broker: InputHost,
    transport: Transport,
    owner: InputOwner,
    watch: Watch,
  ) {
    this.#broker = broker;
    this.#transport = transport;
    this.#owner = owner;
    this.#watch = watch;
    this.#throttle = broker.throttles.create();
    const { maximumPacketSize } = broker.limits;
    // Who is not known yet is not given as much room.
    this.#parser = new PacketParser({
      maximumPacketSize: Math.min(maximumPacketSize, LARGEST_CONNECT),
    });
  }

  /** As CONNECT says. */
  get version(): ProtocolVersion {
    return this.#parser.version ?? 4;
  }

  /** The bytes of the packet that is being handled, if they can be passed on. */
  get frame(): Uint8Array | undefined {
    return this.#parser.frame;
  }

  /** Whether a handler waits for a plugin. */
  get handling(): boolean {
    return this.#handling;
  }

  /** Whether nothing is read, and that is not the client's fault. */
  get busy(): boolean {
    return this.#handling || this.#resume !== undefined ||
      this.#release !== undefined;
  }

  /** It is known who the client is: it may send large packets. */
  widen(): void {
    this.#parser.maximumPacketSize = this.#broker.limits.maximumPacketSize;
  }

  /**
   * Reads until the connection is over; rejects with what handling a packet
   * throws.
   */
  async run(): Promise<void> {
    const { metrics, rounds, subscriptions } = this.#broker;
    const owner = this.#owner;
    const parser = this.#parser;
    const throttle = this.#throttle;
    const watch = this.#watch;
    const reads = new Reads(rounds);
    while (!owner.ended) {
      let count: number | null;
      try {
        count = await (this.#ahead === undefined
          ? this.#transport.read(this.#writable)
          : this.#ahead.into(parser));
      } catch (error) {
        return owner.onBroken(
          error instanceof Error ? error.message : String(error),
        );
      }
      this.#ahead = undefined;
      if (count === null) {
        return owner.onBroken("the client closed the connection");
      }
      if (owner.ended) return;
      watch.bytes += count;
      metrics.bytesReceived += count;
      parser.advance(count);
      throttle?.read(count);
      let steps = subscriptions.steps;
      for (let packet; (packet = parser.next()) !== undefined;) {
        watch.active = true;
        const waiting = owner.handle(packet);
        if (waiting !== undefined) await this.#wait(waiting);
        if (owner.ended) return; // [MQTT-3.14.4-1] [MQTT-3.1.4-6]
        // What is cheap to send may be dear to handle: others come between.
        if (subscriptions.steps - steps > STEPS) {
          await pause();
          steps = subscriptions.steps;
          if (owner.ended) return;
        }
        if (throttle !== undefined && packet.type === "publish") {
          if (!throttle.published()) await this.#hold(throttle);
          if (owner.ended) return;
        }
      }
      while (this.#flooded && !owner.ended) {
        await new Promise<void>((resolve) => this.#resume = resolve);
      }
      if (throttle?.open === false && !owner.ended) await this.#hold(throttle);
      if (reads.count() && !owner.ended) await pause();
    }
  }

  /** What waits to be written has become less. */
  resume(): void {
    this.#resume?.();
    this.#resume = undefined;
  }

  /** The connection is over: nothing is waited for any more. */
  finish(): void {
    this.#throttle?.close();
    this.#release?.();
    this.#resume?.();
  }

  /** Gives the buffer back, once nothing is read into it. */
  async close(): Promise<void> {
    this.#parser.close();
    await this.#ahead?.over();
  }

  /** What is to be read into. */
  get #writable(): Uint8Array<ArrayBuffer> {
    const buffer = this.#parser.writable();
    return this.#throttle === undefined
      ? buffer
      : this.#throttle.within(buffer);
  }

  /** Waits for a plugin. */
  async #wait(handled: Promise<void>): Promise<void> {
    this.#handling = true;
    if (this.#owner.asking) this.#readAhead();
    await handled;
    this.#handling = false;
    this.#watch.active = true;
  }

  /** Notices while the verdict is awaited that the client has gone. */
  #readAhead(): void {
    if (this.#parser.pending > 0) return;
    this.#ahead = new ReadAhead(this.#transport, (reason) => {
      if (this.#owner.asking) this.#owner.onBroken(reason);
    });
  }

  /** Waits until the client may send more. */
  async #hold(throttle: Throttle): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#release = resolve;
      throttle.wait(resolve);
    });
    this.#release = undefined;
    this.#watch.active = true; // the silence was not the client's
  }

  /** Who does not read answers is asked for no more questions. */
  get #flooded(): boolean {
    const { outboundBytes, maximumPacketSize } = this.#broker.limits;
    return this.#owner.output.size > outboundBytes + maximumPacketSize;
  }
}
