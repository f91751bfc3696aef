/**
 * The protocol without I/O: control packets of MQTT 3.1, 3.1.1 and 5.0 as
 * bytes and as objects, and what broker and client share of chapter 4.
 *
 * ```ts
 * import { encode, PacketParser } from "@ambermq/mqtt/codec";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = encode({ type: "subscribe", packetId: 1, subscriptions: [{
 *   filter: "home/+/temperature",
 *   qos: 1,
 *   noLocal: false,
 *   retainAsPublished: false,
 *   retainHandling: 0,
 * }] }, 5);
 *
 * const parser = new PacketParser({ version: 5 });
 * parser.push(bytes.subarray(0, 7)); // in any chunking
 * assertEquals(parser.next(), undefined);
 * parser.push(bytes.subarray(7));
 * assertEquals(parser.next()?.type, "subscribe");
 * ```
 *
 * @module
 */

export * from "./delivery.ts";
export * from "./did_you_mean.ts";
export { encode } from "./encode.ts";
export * from "./error.ts";
export * from "./frame.ts";
export * from "./outbox.ts";
export * from "./packet.ts";
export * from "./packet_reason.ts";
export * from "./parser.ts";
export type { Layout, Personal } from "./personal.ts";
export * from "./queue.ts";
export type * from "./property.ts";
export * from "./reason_code.ts";
export type * from "./schema.ts";
export * from "./scram.ts";
export * from "./scram_client.ts";
export * from "./scram_server.ts";
export * from "./settings.ts";
export * from "./states.ts";
export * from "./topic.ts";
export * from "./topic_alias.ts";
export * from "./transport.ts";
export * from "./websocket.ts";
export * from "./websocket_endpoint.ts";
