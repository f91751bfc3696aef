/**
 * The broker as a library.
 *
 * ```ts
 * import { Broker } from "@ambermq/mqtt/broker";
 *
 * await using broker = new Broker({
 *   listeners: { default: { bind: "127.0.0.1:0" } },
 * });
 * await broker.start();
 * ```
 *
 * @module
 */

export * from "./broker.ts";
export { type Capabilities, defaultCapabilities } from "./capabilities.ts";
export * from "./config.ts";
export * from "./config_file.ts";
export * from "./error.ts";
export * from "./explain.ts";
export * from "./fields.ts";
export * from "./json_schema.ts";
export * from "./limits.ts";
export type { Listener } from "./listen.ts";
export {
  type ClientCert,
  type ListenerConfig,
  parseBind,
} from "./listeners.ts";
export * from "./message.ts";
export * from "./metrics.ts";
export type * from "./plugin.ts";
// What these speak of: a plugin is complete without importing it.
export type { Field, Fields } from "../codec/mod.ts";
export { SqliteStore, type SqliteStoreOptions } from "./sqlite_store.ts";
export * from "./store.ts";
export * from "./store_dump.ts";
export * from "./store_upkeep.ts";
export * from "./yaml_file.ts";
