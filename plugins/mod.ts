/**
 * Plugins of the broker.
 *
 * ```ts
 * import { Broker } from "@ambermq/mqtt/broker";
 * import { eventLogger } from "@ambermq/mqtt/plugins";
 *
 * const broker = new Broker({
 *   plugins: [eventLogger({ log: (level, line) => console.log(level, line) })],
 * });
 * ```
 *
 * @module
 */

export * from "./event_logger.ts";
