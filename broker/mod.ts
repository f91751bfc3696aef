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
export {
  type BrokerConfig,
  type ClientCert,
  defaultLimits,
  type Limits,
  type ListenerConfig,
  parseBind,
} from "./config.ts";
export * from "./error.ts";
export type { Listener } from "./listen.ts";
export * from "./message.ts";
export * from "./metrics.ts";
export type * from "./plugin.ts";
export * from "./store.ts";
