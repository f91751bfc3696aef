/**
 * A client that sends numbered messages: as many as its window allows, or one
 * whenever it is told to.
 */

import { Client, type ClientOptions } from "./_client.ts";
import { PublishTemplate, type TemplateOptions } from "./_packets.ts";
import type { Run } from "./_run.ts";
import type { Sender } from "./_turn.ts";

/** Bytes that may wait to be written. */
const BACKLOG = 1024 * 1024;

/** The same where nothing else holds a publisher back. */
const BACKLOG_ALONE = 64 * 1024;

/** What a publisher sends. */
export interface PublisherOptions extends ClientOptions, TemplateOptions {
  /** How many subscribers get each message. */
  readonly fan: number;
  /** Messages under way until their subscribers have them; 0 for all. */
  readonly window: number;
  /** Messages under way until they are confirmed. */
  readonly inflight: number;
  /** How many messages it sends by itself; without it there is no end. */
  readonly total?: number;
  /** Draws the numbers in the topic of the next message, if it has any. */
  readonly draw?: (place: number) => number;
}

/** One publisher. */
export class Publisher extends Client implements Sender {
  readonly template: PublishTemplate;
  readonly #options: PublisherOptions;
  readonly #places: number;
  /** Whether it sends by itself, whenever its window allows. */
  isSending = false;
  /** Messages sent. */
  sent = 0;
  /** Deliveries of its messages. */
  received = 0;
  /** Messages sent with QoS 1 or 2 and not confirmed. */
  unconfirmed = 0;
  /** When the latest of its messages was confirmed. */
  confirmedAt = 0;
  readonly #idIsUsed: Uint8Array;
  #id = 0;
  #isWoken = false;

  constructor(run: Run, name: string, options: PublisherOptions) {
    super(run, name, options);
    this.#options = options;
    this.template = new PublishTemplate(options);
    this.#places = options.topic.match(/#+/g)?.length ?? 0;
    this.#idIsUsed = new Uint8Array(options.qos > 0 ? 0x10000 : 0);
  }

  /** Opens its connection. */
  async start(): Promise<void> {
    await this.open();
  }

  /** Something it waits for has come: it looks at the end of the turn. */
  wake(): void {
    if (this.#isWoken || !this.isSending) return;
    this.#isWoken = true;
    this.run.turn.wakeSender(this);
  }

  /** Sends what it may. */
  publish(): void {
    this.#isWoken = false;
    if (!this.isSending || !this.#may()) return;
    const now = performance.now();
    do this.sendOne(now); while (this.#may());
  }

  /** Whether one more message may be on its way to be confirmed. */
  get isConfirming(): boolean {
    return this.#options.qos > 0 && this.unconfirmed >= this.#options.inflight;
  }

  /** Sends a message that says it was sent at `time`. */
  sendOne(time: number): void {
    const { template } = this;
    const at = this.reserve(template.bytes.length);
    const { output, outputView } = this;
    output.set(template.bytes, at);
    for (let place = 0; place < this.#places; place++) {
      template.patchTopic(output, at, place, this.#options.draw!(place));
    }
    if (template.packetIdAt > 0) {
      outputView.setUint16(at + template.packetIdAt, this.#nextId());
      this.unconfirmed++;
    }
    if (this.#options.size > 0) template.stamp(outputView, at, this.sent, time);
    this.sent++;
  }

  protected override confirmed(packetId: number): void {
    if (this.#idIsUsed[packetId] !== 1) return super.confirmed(packetId);
    this.#idIsUsed[packetId] = 0;
    this.unconfirmed--;
    this.confirmedAt = this.readAt;
    this.wake();
  }

  protected override drained(): void {
    this.wake();
  }

  #may(): boolean {
    const { fan, window, total } = this.#options;
    if (this.sent === total) return false;
    const backlog = fan === 0 ? BACKLOG_ALONE : BACKLOG;
    if (this.isConfirming || this.pending > backlog) return false;
    return window === 0 || fan === 0 ||
      (this.sent - window + 1) * fan <= this.received;
  }

  #nextId(): number {
    do this.#id = this.#id % 0xffff + 1; while (this.#idIsUsed[this.#id] === 1);
    this.#idIsUsed[this.#id] = 1;
    return this.#id;
  }
}
