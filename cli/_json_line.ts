/** `sub --json`: a message as one line of JSON, for programs. */

import type { ApplicationMessage, PublishProperties } from "../mod.ts";
import type { Instant } from "./_terminal.ts";

/** What such a line is, for the help. */
export const jsonHelp = `--json writes one object for each message, always with
  topic       the topic name
  payload     the payload: a text, or in base64 what is not UTF-8
  encoding    which of both: "utf-8" or "base64"
  qos         0, 1 or 2
  retain      whether it was retained before
  timestamp   when it came, as in 2026-01-31T12:00:00.000Z
and, if it has any, properties: an object of those of MQTT 5.0 as they are named
in the client library (contentType, …); correlationData is in base64, and
userProperties is a list of [name, value].`;

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Writes a message. */
export function jsonLine(
  message: ApplicationMessage,
  { seconds, nanoseconds }: Instant,
  pretty: boolean,
): string {
  const { topic, qos, retain, properties } = message;
  const time = new Date(seconds * 1000 + Math.floor(nanoseconds / 1e6));
  const object = {
    topic,
    ...payloadOf(message.payload),
    qos,
    retain,
    timestamp: time.toISOString(),
    ...propertiesOf(properties),
  };
  return JSON.stringify(object, null, pretty ? 2 : undefined);
}

function payloadOf(
  payload: Uint8Array,
): { payload: string; encoding: "utf-8" | "base64" } {
  try {
    return { payload: strict.decode(payload), encoding: "utf-8" };
  } catch {
    return { payload: payload.toBase64(), encoding: "base64" };
  }
}

function propertiesOf(
  properties: PublishProperties = {},
): { properties?: Record<string, unknown> } {
  if (Object.keys(properties).length === 0) return {};
  const { correlationData, ...rest } = properties;
  return {
    properties: correlationData === undefined
      ? rest
      : { ...rest, correlationData: correlationData.toBase64() },
  };
}
