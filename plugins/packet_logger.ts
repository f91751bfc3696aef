/**
 * An observer that tells of every packet.
 *
 * @module
 */

import type { Logger, Plugin } from "../broker/mod.ts";
import { type Fields, type Packet, readSettings } from "../codec/mod.ts";
import { quote, visible } from "./_text.ts";

/** The options of the plugin, as data: it has none. */
export const options = {} as const satisfies Fields;

/**
 * Makes a plugin that logs every packet, in and out, as a debug line to the
 * broker's logger: `<client_id> <-in-- <packet>`, `<client_id> -out-> <packet>`. Of
 * binary fields only the length is shown, and of a password not even that; long
 * texts are shortened, and nobody can forge a line.
 *
 * @example
 * ```ts
 * import { Broker } from "@ambermq/mqtt/broker";
 * import { packetLogger } from "@ambermq/mqtt/plugins";
 *
 * const broker = new Broker({ logger: console, plugins: [packetLogger()] });
 * ```
 *
 * @param given Nothing.
 * @returns The plugin.
 * @throws {SettingsError} If there is an option.
 */
export function packetLogger(given: Record<never, never> = {}): Plugin {
  const name = "packet_logger_plugin";
  readSettings(given, options, `the options of ${name}`);
  let logger: Logger | undefined;
  const log = (clientId: string, arrow: string, packet: Packet): void => {
    if (logger?.enabled?.("debug") === false) return;
    const who = clientId === "" ? "-" : quote(clientId);
    logger?.debug(visible(`${who} ${arrow} ${describePacket(packet)}`));
  };
  return {
    name,
    start: (context) => {
      logger = context.logger;
    },
    on: {
      mqtt_packet_received: ({ clientId, packet }) =>
        log(clientId, "<-in--", packet),
      mqtt_packet_sent: ({ clientId, packet }) =>
        log(clientId, "-out->", packet),
    },
  };
}

/** The factory, by the name that configurations look for. */
export const plugin = packetLogger;

/** `PUBLISH topic="a/b" qos=1 payload=<12 bytes>`. */
function describePacket({ type, ...fields }: Packet): string {
  return [type.toUpperCase(), ...describeFields(fields)].join(" ");
}

function describeFields(fields: object): string[] {
  return Object.entries(fields)
    .filter(([key, value]) => value !== undefined && key !== "password")
    .map(([key, value]) => `${key}=${describeValue(value)}`);
}

/** Items of a list that are shown. */
const SHOWN = 16;

function describeValue(value: unknown): string {
  if (typeof value === "string") return quote(value);
  if (value instanceof Uint8Array) return `<${value.length} bytes>`;
  if (Array.isArray(value)) {
    const more = value.length > SHOWN ? [`… ${value.length} in all`] : [];
    return `[${
      [...value.slice(0, SHOWN).map(describeValue), ...more].join(", ")
    }]`;
  }
  if (typeof value === "object" && value !== null) {
    return `{${describeFields(value).join(" ")}}`;
  }
  return String(value);
}
