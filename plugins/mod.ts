/**
 * Plugins of the broker.
 *
 * ```ts
 * import { Broker } from "@ambermq/mqtt/broker";
 * import { eventLogger } from "@ambermq/mqtt/plugins";
 *
 * const broker = new Broker({ logger: console, plugins: [eventLogger()] });
 * ```
 *
 * @module
 */

export { eventLogger, type EventLoggerOptions } from "./event_logger.ts";
