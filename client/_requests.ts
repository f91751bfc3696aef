/** SUBSCRIBE, UNSUBSCRIBE and PINGREQ: what is asked, until it is answered. */

import {
  ProtocolError,
  type ProtocolVersion,
  Queue,
  type ReasonCode,
  type SubackPacket,
  type UnsubackPacket,
} from "../codec/mod.ts";
import { RequestError } from "./error.ts";
import type { Pending } from "./_pending.ts";
import { describeReason } from "./_reason.ts";

/** The answer to a request with a packet identifier. */
type Answer = SubackPacket | UnsubackPacket;

/** A request, as long as it is not answered. */
export interface Request {
  /** The answer to it. */
  readonly type: Answer["type"];
  readonly filters: readonly string[];
  /** Whether a filter that is refused is no error. */
  readonly allowFailures: boolean;
  readonly pending: Pending<ReasonCode[]>;
}

export class Requests {
  readonly #version: ProtocolVersion;
  readonly #requests = new Map<number, Request>();
  /** One for each PINGREQ; the keep alive's own are `undefined`. */
  readonly #pings = new Queue<Pending<void> | undefined>();

  constructor(version: ProtocolVersion) {
    this.#version = version;
  }

  /** How many packet identifiers wait for their answers. */
  get size(): number {
    return this.#requests.size;
  }

  /** Whether a packet identifier waits for its answer. */
  has(packetId: number): boolean {
    return this.#requests.has(packetId);
  }

  add(packetId: number, request: Request): void {
    this.#requests.set(packetId, request);
  }

  /** SUBACK or UNSUBACK has come. */
  answer(packet: Answer): void {
    const request = this.#requests.get(packet.packetId);
    if (request === undefined) return;
    this.#requests.delete(packet.packetId);
    const { type, filters, allowFailures, pending } = request;
    if (packet.type !== type) {
      throw new ProtocolError(`${packet.type} came where ${type} should`);
    }
    // Before 5.0 UNSUBACK has no codes: it always is a success.
    const reasonCodes: ReasonCode[] = type === "unsuback" && this.#version < 5
      ? filters.map(() => 0)
      : packet.reasonCodes;
    if (reasonCodes.length !== filters.length) {
      throw new ProtocolError(
        `${type} has ${reasonCodes.length} reason codes ` +
          `for ${filters.length} filters`,
      );
    }
    if (allowFailures || reasonCodes.every((code) => code < 0x80)) {
      pending.resolve(reasonCodes);
    } else {
      pending.reject(refusal(request, { ...packet, reasonCodes }));
    }
  }

  ping(pending: Pending<void> | undefined): void {
    this.#pings.push(pending);
  }

  /** PINGRESP has come. */
  pingresp(): void {
    this.#pings.shift()?.resolve();
  }

  /** The connection is gone. The promises were told already. */
  clear(): void {
    this.#requests.clear();
    this.#pings.clear();
  }
}

function refusal(
  { type, filters }: Request,
  { reasonCodes, properties }: Answer,
): RequestError {
  const refused = filters
    .filter((_, index) => reasonCodes[index]! >= 0x80)
    .map((filter) => JSON.stringify(filter));
  const action = type === "suback" ? "subscribe to" : "unsubscribe from";
  const first = reasonCodes.find((code) => code >= 0x80)!;
  return new RequestError(
    `Cannot ${action} ${refused.join(", ")}: ${
      describeReason(first, properties)
    }`,
    reasonCodes,
    properties === undefined ? {} : { properties },
  );
}
