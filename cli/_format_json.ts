/** `sub -F %j` and `%J`: a message as the JSON that mosquitto_sub writes. */

import type { ApplicationMessage, PublishProperties } from "../mod.ts";
import { strftime } from "./_strftime.ts";
import type { Instant } from "./_terminal.ts";

/** A payload is not the JSON it should be. */
export class PayloadError extends Error {
  override readonly name: string = "PayloadError";
}

/** Names and values in their order; a name may come again, unlike in objects. */
interface Entries {
  readonly entries: (readonly [name: string, value: Value])[];
}

type Value = { readonly plain: unknown } | Entries;

/**
 * Writes a message as JSON.
 *
 * @param options Whether it is indented, and whether the payload is JSON too.
 * @throws {PayloadError} If it is not.
 */
export function formatJson(
  message: ApplicationMessage,
  time: Instant,
  options: { pretty: boolean; parsed: boolean },
): string {
  const { topic, qos, retain, payload, packetId, properties } = message;
  const micro = String(Math.floor(time.nanoseconds / 1000)).padStart(6, "0");
  const entries: [string, Value][] = [
    ["tst", { plain: strftime(`%Y-%m-%dT%H:%M:%S.${micro}%z`, time) }],
    ["topic", { plain: topic }],
    ["qos", { plain: qos }],
    ["retain", { plain: retain ? 1 : 0 }],
    ["payloadlen", { plain: payload.length }],
  ];
  if (packetId !== undefined) entries.push(["mid", { plain: packetId }]);
  const named = propertyEntries(properties ?? {});
  if (named.length > 0) entries.push(["properties", { entries: named }]);
  entries.push(["payload", { plain: payloadOf(message, options.parsed) }]);
  return write({ entries }, options.pretty ? "\n" : "");
}

function payloadOf(message: ApplicationMessage, parsed: boolean): unknown {
  if (message.payload.length === 0) return null;
  const text = message.text();
  if (!parsed) return text;
  try {
    return JSON.parse(text);
  } catch {
    throw new PayloadError(
      `Cannot write the payload as JSON: that of topic ${
        JSON.stringify(message.topic)
      } is none`,
    );
  }
}

const decoder = new TextDecoder();

/** In the order in which they came. */
function propertyEntries(properties: PublishProperties): [string, Value][] {
  return Object.entries(properties).flatMap(
    ([key, value]): [string, Value][] => {
      const name = key.replaceAll(
        /[A-Z]/g,
        (letter) => `-${letter.toLowerCase()}`,
      );
      if (key === "userProperties") {
        const pairs = value as readonly (readonly [string, string])[];
        const entries = pairs.map(([name, text]) =>
          [name, { plain: text }] as const
        );
        return [[name, { entries }]];
      }
      if (key === "subscriptionIdentifiers") {
        const [first] = value as number[];
        return [["subscription-identifier", { plain: first }]];
      }
      if (value instanceof Uint8Array) {
        return [[name, { plain: decoder.decode(value) }]];
      }
      return [[name, { plain: typeof value === "boolean" ? +value : value }]];
    },
  );
}

/** @param line The end of a line and its indentation; empty: all in one line. */
function write(value: Value, line: string): string {
  const tab = line === "" ? undefined : "\t";
  if ("plain" in value) {
    return JSON.stringify(value.plain, null, tab).replaceAll("\n", line);
  }
  const next = line === "" ? "" : `${line}\t`;
  const colon = line === "" ? ":" : ": ";
  const all = value.entries.map(([name, one]) =>
    `${next}${JSON.stringify(name)}${colon}${write(one, next)}`
  );
  return `{${all.join(",")}${line}}`;
}
