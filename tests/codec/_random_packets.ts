/** Any packets that can be sent, as decoding would give them. */

import type {
  Packet,
  PacketType,
  Properties,
  ProtocolVersion,
  Qos,
  RetainHandling,
  SubscriptionRequest,
} from "../../codec/mod.ts";
import type { Random } from "../_random.ts";
import { reasonCodesOf } from "./_reason_codes.ts";

type Name = keyof Properties;

const CHARACTERS = [
  ..."abcXYZ019 /$-_.~",
  "\u0001",
  "\u007f",
  "\u00e9",
  "\u07ff",
  "\u0800",
  "\u20ac",
  "\ufeff",
  "\uffff",
  "\u{1f600}",
  "\u{10ffff}",
];

/** Mostly short, at times around the limits of 64 bytes and of a length byte. */
function someLength(random: Random): number {
  return random.percent(90)
    ? random.integer(0, 12)
    : random.pick([20, 40, 63, 64, 65, 127, 128, 300]);
}

export function someString(random: Random): string {
  const characters = random.boolean() ? CHARACTERS.slice(0, 16) : CHARACTERS;
  return random
    .array(someLength(random), () => random.pick(characters))
    .join("");
}

export function someTopic(random: Random): string {
  return random.pick(["", "a/b", "/", "$SYS/x"]) + someString(random) || "t";
}

export function someFilter(random: Random): string {
  const levels = random.array(
    random.integer(1, 4),
    () =>
      random.percent(40)
        ? "+"
        : someString(random).replaceAll("/", "") || "level",
  );
  if (random.percent(30)) levels.push("#");
  const filter = levels.join("/");
  if (random.percent(20)) return `$share/${random.pick("gh")}/${filter}`;
  // what looks shared would have to be valid as such
  return filter.startsWith("$share/") ? "+" : filter;
}

function uint16(random: Random): number {
  return random.integer(0, 2 ** random.integer(1, 16) - 1);
}

function uint32(random: Random): number {
  return random.integer(0, 2 ** random.integer(1, 32) - 1);
}

function somePacketId(random: Random): number {
  return uint16(random) || 1;
}

function someBytes(random: Random): Uint8Array {
  return random.bytes(someLength(random));
}

const makers: Readonly<Record<Name, (random: Random) => unknown>> = {
  payloadFormatIndicator: (random) => random.boolean(),
  messageExpiryInterval: uint32,
  contentType: someString,
  responseTopic: someTopic,
  correlationData: someBytes,
  subscriptionIdentifiers: (random) =>
    random.array(1, () => random.integer(1, 2 ** random.integer(1, 28) - 1)),
  sessionExpiryInterval: uint32,
  assignedClientIdentifier: someString,
  serverKeepAlive: uint16,
  authenticationMethod: someString,
  authenticationData: someBytes,
  requestProblemInformation: (random) => random.boolean(),
  willDelayInterval: uint32,
  requestResponseInformation: (random) => random.boolean(),
  responseInformation: someString,
  serverReference: someString,
  reasonString: someString,
  receiveMaximum: (random) => uint16(random) || 1,
  topicAliasMaximum: uint16,
  topicAlias: (random) => uint16(random) || 1,
  maximumQos: (random) => random.integer(0, 1),
  retainAvailable: (random) => random.boolean(),
  userProperties: (random) =>
    random.array(
      random.integer(1, 3),
      () => [someString(random), someString(random)],
    ),
  maximumPacketSize: (random) => uint32(random) || 1,
  wildcardSubscriptionAvailable: (random) => random.boolean(),
  subscriptionIdentifiersAvailable: (random) => random.boolean(),
  sharedSubscriptionAvailable: (random) => random.boolean(),
};

const reason: readonly Name[] = ["reasonString", "userProperties"];
const message: readonly Name[] = [
  "payloadFormatIndicator",
  "messageExpiryInterval",
  "contentType",
  "responseTopic",
  "correlationData",
  "userProperties",
];

/** The properties of each packet, as chapter 3 has them. */
const propertiesOf: Readonly<
  Record<PacketType | "will", readonly Name[]>
> = {
  connect: [
    "sessionExpiryInterval",
    "receiveMaximum",
    "maximumPacketSize",
    "topicAliasMaximum",
    "requestResponseInformation",
    "requestProblemInformation",
    "userProperties",
    "authenticationMethod",
    "authenticationData",
  ],
  will: ["willDelayInterval", ...message],
  connack: [
    "sessionExpiryInterval",
    "receiveMaximum",
    "maximumQos",
    "retainAvailable",
    "maximumPacketSize",
    "assignedClientIdentifier",
    "topicAliasMaximum",
    "wildcardSubscriptionAvailable",
    "subscriptionIdentifiersAvailable",
    "sharedSubscriptionAvailable",
    "serverKeepAlive",
    "responseInformation",
    "serverReference",
    "authenticationMethod",
    "authenticationData",
    ...reason,
  ],
  publish: ["topicAlias", "subscriptionIdentifiers", ...message],
  puback: reason,
  pubrec: reason,
  pubrel: reason,
  pubcomp: reason,
  subscribe: ["subscriptionIdentifiers", "userProperties"],
  suback: reason,
  unsubscribe: ["userProperties"],
  unsuback: reason,
  pingreq: [],
  pingresp: [],
  disconnect: ["sessionExpiryInterval", "serverReference", ...reason],
  auth: ["authenticationMethod", "authenticationData", ...reason],
};

function someProperties(
  random: Random,
  holder: PacketType | "will",
  version: ProtocolVersion,
): { properties?: Properties } {
  const names = propertiesOf[holder];
  if (version < 5 || names.length === 0 || random.percent(30)) return {};
  const properties: Record<string, unknown> = {};
  for (let count = random.integer(1, 6); count > 0; count--) {
    const name = random.pick(names);
    properties[name] = makers[name](random);
  }
  if (holder === "connect" && "authenticationData" in properties) {
    properties["authenticationMethod"] ??= someString(random);
  }
  if (holder === "publish" && random.percent(20)) {
    properties["subscriptionIdentifiers"] = random.array(
      random.integer(1, 3),
      () => random.integer(1, 200),
    );
  }
  return { properties };
}

function someSubscription(
  random: Random,
  version: ProtocolVersion,
): SubscriptionRequest {
  const filter = someFilter(random);
  const five = version === 5;
  return {
    filter,
    qos: random.integer(0, 2) as Qos,
    noLocal: five && !filter.startsWith("$share/") && random.boolean(),
    retainAsPublished: five && random.boolean(),
    retainHandling: (five ? random.integer(0, 2) : 0) as RetainHandling,
  };
}

/** A packet of this type. */
export function somePacket(
  random: Random,
  type: PacketType,
  version: ProtocolVersion,
): Packet {
  const packetId = somePacketId(random);
  const properties = someProperties(random, type, version);
  const someReason = () => version === 5 ? random.pick(reasonCodesOf(type)) : 0;
  switch (type) {
    case "connect": {
      const will = {
        topic: someTopic(random),
        payload: someBytes(random),
        qos: random.integer(0, 2) as Qos,
        retain: random.boolean(),
        ...someProperties(random, "will", version),
      };
      const hasUser = random.boolean();
      const hasPassword = random.boolean() && (hasUser || version === 5);
      return {
        type,
        protocolVersion: version,
        cleanStart: random.boolean(),
        keepAlive: uint16(random),
        clientId: someString(random),
        ...properties,
        ...(random.boolean() ? { will } : {}),
        ...(hasUser ? { username: someString(random) } : {}),
        ...(hasPassword ? { password: someBytes(random) } : {}),
      };
    }
    case "connack": {
      const refused = random.boolean();
      const codes = version === 5
        ? reasonCodesOf(type)
        : [0x00, 0x84, 0x85, 0x86, 0x87, 0x88];
      return {
        type,
        sessionPresent: !refused && version > 3 && random.boolean(),
        reasonCode: refused ? random.pick(codes) : 0,
        ...properties,
      };
    }
    case "publish": {
      const qos = random.integer(0, 2) as Qos;
      const alias = properties.properties?.topicAlias !== undefined;
      return {
        type,
        topic: alias && random.boolean() ? "" : someTopic(random),
        payload: random.percent(5)
          ? random.bytes(random.integer(0, 5000))
          : someBytes(random),
        qos,
        retain: random.boolean(),
        dup: qos > 0 && random.boolean(),
        ...(qos > 0 ? { packetId } : {}),
        ...properties,
      };
    }
    case "puback":
    case "pubrec":
    case "pubrel":
    case "pubcomp":
      return { type, packetId, reasonCode: someReason(), ...properties };
    case "subscribe": {
      const subscriptions = random.array(
        random.integer(1, 4),
        () => someSubscription(random, version),
      );
      return { type, packetId, subscriptions, ...properties };
    }
    case "suback": {
      const codes = version === 5 ? reasonCodesOf(type) : [0, 1, 2, 0x80];
      const reasonCodes = random.array(
        random.integer(1, 4),
        () => random.pick(codes),
      );
      return { type, packetId, reasonCodes, ...properties };
    }
    case "unsubscribe": {
      const filters = random.array(
        random.integer(1, 4),
        () => someFilter(random),
      );
      return { type, packetId, filters, ...properties };
    }
    case "unsuback": {
      const count = version === 5 ? random.integer(1, 4) : 0;
      const reasonCodes = random.array(count, someReason);
      return { type, packetId, reasonCodes, ...properties };
    }
    case "pingreq":
    case "pingresp":
      return { type };
    case "disconnect":
    case "auth":
      return { type, reasonCode: someReason(), ...properties };
  }
}
