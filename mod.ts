/**
 * AmberMQ: an MQTT 3.1, 3.1.1 and 5.0 broker and client.
 *
 * ```ts
 * import { Broker } from "@ambermq/mqtt";
 *
 * await using broker = new Broker({
 *   listeners: { default: { bind: "127.0.0.1:0" } },
 * });
 * await broker.start();
 * ```
 *
 * The parts can be had one by one: `@ambermq/mqtt/broker`, `/client`, `/codec`
 * and `/plugins`; the command line is `@ambermq/mqtt/cli`.
 *
 * @module
 */

export * from "./broker/mod.ts";
export * from "./client/mod.ts";
export * from "./codec/mod.ts";
export * from "./plugins/mod.ts";
