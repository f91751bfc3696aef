/** `-D`: properties of MQTT 5.0 on the command line. */

import type { Properties } from "../mod.ts";
import { type Flag, UsageError } from "./_flags.ts";

/** The packets that can have properties of `-D`; the will has its own. */
export type PropertyPacket =
  | "connect"
  | "will"
  | "publish"
  | "subscribe"
  | "unsubscribe"
  | "disconnect";

/** What was given, by the packet. */
export type GivenProperties = Partial<Record<PropertyPacket, Properties>>;

/** The value is a number of this range, or what it says. */
type Kind = readonly [number, number] | "text" | "bytes" | "switch" | "pair";

const BYTE2 = [0, 0xffff] as const;
const BYTE4 = [0, 0xffff_ffff] as const;

const anything: readonly PropertyPacket[] = [
  "connect",
  "will",
  "publish",
  "subscribe",
  "unsubscribe",
  "disconnect",
];

/** What they are called, what they are to the client, and who may have them. */
const properties: Readonly<
  Record<string, readonly [keyof Properties, Kind, readonly PropertyPacket[]]>
> = {
  "payload-format-indicator": [
    "payloadFormatIndicator",
    "switch",
    ["publish", "will"],
  ],
  "message-expiry-interval": [
    "messageExpiryInterval",
    BYTE4,
    ["publish", "will"],
  ],
  "content-type": ["contentType", "text", ["publish", "will"]],
  "response-topic": ["responseTopic", "text", ["publish", "will"]],
  "correlation-data": ["correlationData", "bytes", ["publish", "will"]],
  "will-delay-interval": ["willDelayInterval", BYTE4, ["will"]],
  "session-expiry-interval": [
    "sessionExpiryInterval",
    BYTE4,
    ["connect", "disconnect"],
  ],
  "receive-maximum": ["receiveMaximum", [1, 0xffff], ["connect"]],
  "maximum-packet-size": [
    "maximumPacketSize",
    [1, 0xffff_ffff],
    ["connect"],
  ],
  "topic-alias-maximum": ["topicAliasMaximum", BYTE2, ["connect"]],
  "request-response-information": [
    "requestResponseInformation",
    "switch",
    ["connect"],
  ],
  "request-problem-information": [
    "requestProblemInformation",
    "switch",
    ["connect"],
  ],
  "authentication-method": ["authenticationMethod", "text", ["connect"]],
  "authentication-data": ["authenticationData", "bytes", ["connect"]],
  "subscription-identifier": [
    "subscriptionIdentifiers",
    [1, 268_435_455],
    ["subscribe"],
  ],
  "reason-string": ["reasonString", "text", ["disconnect"]],
  "user-property": ["userProperties", "pair", anything],
};

/** Properties that are not for people to give, and why. */
const automatic: Readonly<Record<string, string>> = {
  "topic-alias": "the client assigns topic aliases by itself",
};

/** The flag. */
export const propertyFlag = {
  names: ["-D", "--property"],
  value: "PACKET NAME VALUE",
  words: (following) => following[1] === "user-property" ? 4 : 3,
  choices: anything,
  help: "a property of MQTT 5.0; PACKET: connect, will …;\n" +
    "user-property has a name and a value;\n" +
    "may be given again",
} as const satisfies Flag;

/**
 * Reads the values of the flag.
 *
 * @param given The words of each.
 * @param packets Those that the command sends.
 * @throws {UsageError} If a property is not one of its packet, or its value
 * not what it should be.
 */
export function readProperties(
  given: readonly (readonly string[])[],
  packets: readonly PropertyPacket[],
): GivenProperties {
  const result: GivenProperties = {};
  for (const [packetName = "", name = "", value = "", more = ""] of given) {
    const packet = packets.find((one) => one === packetName.toLowerCase());
    if (packet === undefined) {
      throw new UsageError(
        `-D has ${JSON.stringify(packetName)} where one of ${
          packets.join(", ")
        } is expected`,
      );
    }
    const [key, kind, allowed] = Object.hasOwn(properties, name)
      ? properties[name]!
      : [];
    if (Object.hasOwn(automatic, name)) {
      throw new UsageError(`-D ${packet} ${name}: ${automatic[name]}`);
    }
    if (key === undefined || !allowed!.includes(packet)) {
      throw new UsageError(
        `-D ${packet} has no property ${JSON.stringify(name)}, but ${
          namesFor(packet).join(", ")
        }`,
      );
    }
    const target: Properties = result[packet] ??= {};
    if (kind === "pair") {
      (target.userProperties ??= []).push([value, more]);
    } else if (Object.hasOwn(target, key)) {
      throw new UsageError(`-D ${packet} ${name} is given twice`);
    } else {
      const one = readValue(`-D ${packet} ${name}`, kind!, value);
      const list = key === "subscriptionIdentifiers";
      Object.assign(target, { [key]: list ? [one] : one });
    }
  }
  return result;
}

/** The properties that a packet may have. */
function namesFor(packet: PropertyPacket): string[] {
  return Object.entries(properties)
    .filter(([, [, , packets]]) => packets.includes(packet))
    .map(([name]) => name);
}

function readValue(
  what: string,
  kind: Exclude<Kind, "pair">,
  text: string,
): string | number | boolean | Uint8Array {
  if (kind === "text") return text;
  if (kind === "bytes") return new TextEncoder().encode(text);
  const [least, most] = kind === "switch" ? [0, 1] : kind;
  const number = /^\d+$/.test(text) ? Number(text) : NaN;
  if (number >= least && number <= most) {
    return kind === "switch" ? number === 1 : number;
  }
  throw new UsageError(
    `${what} is ${JSON.stringify(text)}, not a number from ${least} to ${most}`,
  );
}
