/**
 * An MQTT client that does no more than a generator needs: it connects,
 * subscribes, confirms, and hands over what was delivered and confirmed.
 */

import { Connection, type Endpoint } from "./_connection.ts";
import {
  connectPacket,
  HEADER,
  type QoS,
  subscribePacket,
  unsubscribePacket,
  type Version,
} from "./_packets.ts";
import type { Run } from "./_run.ts";

/** Filters in one SUBSCRIBE. */
const BATCH = 16;

/** SUBSCRIBE packets sent before the first of them is confirmed. */
const SUBSCRIBES_INFLIGHT = 4;

/** What all clients of a run have in common. */
export interface ClientOptions extends Endpoint {
  readonly version: Version;
  /** Seconds. */
  readonly keepAlive: number;
  /** Whether its session outlives its connection. */
  readonly durable?: boolean;
}

/** One client. The base of publishers and subscribers. */
export class Client extends Connection {
  readonly options: ClientOptions;
  /** Answered PINGREQ packets. */
  pongs = 0;
  #answer: PromiseWithResolvers<void> | undefined;
  /** Filters whose SUBSCRIBE is not confirmed yet. */
  #unconfirmed = 0;

  constructor(run: Run, name: string, options: ClientOptions) {
    super(run, name);
    this.options = options;
  }

  /** Connects and waits for the CONNACK. */
  async open(): Promise<void> {
    const { version, keepAlive, durable } = this.options;
    try {
      await this.connect(this.options);
    } catch (error) {
      return this.run.fail(`${this.name}: ${(error as Error).message}`);
    }
    const id = `load${Deno.pid}${this.name.replaceAll(" ", "")}`;
    this.send(connectPacket(version, id, keepAlive, durable));
    await this.#answered();
  }

  /** Subscribes, and waits until all filters are confirmed. */
  async subscribe(filters: readonly string[], qos: QoS): Promise<void> {
    const { version } = this.options;
    for (let at = 0; at < filters.length && !this.run.broken; at += BATCH) {
      const batch = filters.slice(at, at + BATCH);
      this.#unconfirmed += batch.length;
      this.send(subscribePacket(version, at / BATCH + 1, batch, qos));
      const isLast = at + BATCH >= filters.length;
      const limit = isLast ? 0 : BATCH * (SUBSCRIBES_INFLIGHT - 1);
      while (this.#unconfirmed > limit && !this.run.broken) {
        await this.#answered();
      }
    }
  }

  /** Unsubscribes, and waits until it is confirmed. */
  async unsubscribe(filter: string): Promise<void> {
    this.send(unsubscribePacket(this.options.version, 1, filter));
    await this.#answered();
  }

  /** Asks for a PINGRESP. */
  ping(): void {
    this.#sendEmpty(HEADER.pingreq);
  }

  /** Takes leave and closes. */
  async leave(): Promise<void> {
    this.#sendEmpty(HEADER.disconnect);
    await this.close();
  }

  /** A message was delivered: where its payload is in the input. */
  protected delivered(_header: number, _start: number, _end: number): void {
    this.run.fail(`${this.name}: got a message without a subscription`);
  }

  /** A message sent was confirmed, to the end: PUBACK or PUBCOMP. */
  protected confirmed(packetId: number): void {
    this.run.fail(`${this.name}: packet ${packetId} was never sent`);
  }

  protected packet(header: number, start: number, end: number): void {
    const { input } = this;
    switch (header >> 4) {
      case 3:
        return this.#publish(header, start, end);
      case 4: // PUBACK
      case 7: // PUBCOMP
        if (!this.#isRefused(start, end)) this.confirmed(this.#id(start));
        return;
      case 5: // PUBREC
        if (this.#isRefused(start, end)) return;
        return this.#confirm(HEADER.pubrel, start);
      case 6: // PUBREL
        return this.#confirm(HEADER.pubcomp, start);
      case 2: // CONNACK
        if (input[start + 1] !== 0) this.#refuse("CONNECT", input[start + 1]);
        return this.#resume();
      case 9: // SUBACK
        return this.#subscribed(start, end);
      case 11: // UNSUBACK
        return this.#resume();
      case 13: // PINGRESP
        this.pongs++;
        return;
      case 14: // DISCONNECT
        return this.#refuse("to go on", end > start ? input[start] : 0);
      default:
        return this.run.fail(`${this.name}: got a packet of type ${header}`);
    }
  }

  #publish(header: number, start: number, end: number): void {
    const { input } = this;
    const qos = header >> 1 & 3;
    let at = start + 2 + this.#id(start); // that long is the topic
    if (qos > 0) {
      this.#confirm(qos === 1 ? HEADER.puback : HEADER.pubrec, at);
      at += 2;
    }
    if (this.options.version === 5) at = this.#afterProperties(at);
    if (at > end || end > input.length) {
      return this.run.fail(`${this.name}: got a malformed PUBLISH`);
    }
    this.delivered(header, at, end);
  }

  #subscribed(start: number, end: number): void {
    const isV5 = this.options.version === 5;
    const codes = isV5 ? this.#afterProperties(start + 2) : start + 2;
    for (let at = codes; at < end; at++) {
      if (this.input[at]! >= 0x80) this.#refuse("SUBSCRIBE", this.input[at]);
    }
    this.#unconfirmed -= end - codes;
    this.#resume();
  }

  #afterProperties(at: number): number {
    let length = 0;
    let byte = 0x80;
    for (let shift = 0; byte >= 0x80; shift += 7) {
      byte = this.input[at++] ?? 0;
      length |= (byte & 0x7f) << shift;
    }
    return at + length;
  }

  #id(at: number): number {
    return this.input[at]! << 8 | this.input[at + 1]!;
  }

  /** Answers with the packet identifier that is at a place of the input. */
  #confirm(header: number, idAt: number): void {
    const at = this.reserve(4);
    const { input, output } = this;
    output[at] = header;
    output[at + 1] = 2;
    output[at + 2] = input[idAt]!;
    output[at + 3] = input[idAt + 1]!;
  }

  #sendEmpty(header: number): void {
    const at = this.reserve(2);
    this.output[at] = header;
    this.output[at + 1] = 0;
  }

  #isRefused(start: number, end: number): boolean {
    const code = end - start > 2 ? this.input[start + 2]! : 0;
    if (code < 0x80) return false;
    this.#refuse("PUBLISH", code);
    return true;
  }

  #refuse(what: string, code: number | undefined): void {
    this.run.fail(`${this.name}: the broker refused ${what}, code ${code}`);
    this.#resume();
  }

  #resume(): void {
    this.#answer?.resolve();
    this.#answer = undefined;
  }

  /** Waits for the next answer, or for the run to break. */
  async #answered(): Promise<void> {
    const answer = this.#answer = Promise.withResolvers<void>();
    await this.run.orBroken(answer.promise);
  }
}

/** Opens clients, so many at a time. */
export async function openAll(
  clients: Iterable<{ start(): Promise<void>; readonly run: Run }>,
  concurrency: number,
): Promise<void> {
  const queue = clients[Symbol.iterator]();
  async function worker(): Promise<void> {
    for (const client of { [Symbol.iterator]: () => queue }) {
      if (client.run.broken) return;
      await client.start();
    }
  }
  await Promise.all(Array.from({ length: concurrency }, worker));
}
