/**
 * All keys of a broker's configuration as one table: checks, explanations, the
 * JSON schema and the reference in docs/ are made of it.
 *
 * @module
 */

import type { Field, Fields } from "../codec/mod.ts";
import { defaultCapabilities } from "./capabilities.ts";
import { defaultLimits, type Limits, type QueueFullPolicy } from "./limits.ts";

/** A limit: the least it may be, what it is, the most it may be; or a choice. */
type Row =
  | readonly [minimum: number, description: string, maximum?: number]
  | readonly [choices: readonly string[], description: string];

const queueFull: readonly QueueFullPolicy[] = [
  "drop-newest",
  "drop-oldest",
  "disconnect",
];

const limits: Readonly<Record<keyof Limits, Row>> = {
  connections: [
    1,
    "Connections at a time, over all listeners. Others are refused.",
  ],
  connectionsPerAddress: [
    0,
    "Connections at a time from one address (IPv6: 64 bits); 0: no limit.",
  ],
  connectionRate: [0, "Connections a second from one address; 0: no limit."],
  connectionBurst: [
    1,
    "Connections of one address that may come at once before their rate counts.",
  ],
  failures: [
    0,
    "Bad attempts a minute of one address, and as many more for each client " +
    "connected from it; above, the address is banned. 0: never.",
  ],
  banTime: [1, "Seconds of a first ban; each further one is twice as long."],
  banTimeMaximum: [
    1,
    "Seconds of the longest ban; after so many in order bans are forgotten.",
  ],
  connectTimeout: [1, "Seconds until a connection must have sent its CONNECT."],
  maximumPacketSize: [1, "Bytes of the largest packet accepted.", 268_435_460],
  clientIdLength: [1, "Characters of the longest client identifier."],
  topicLength: [1, "Bytes of the longest topic name or filter.", 65_535],
  topicLevels: [1, "Levels of a topic name or filter."],
  topicAliasMaximum: [
    0,
    "Topic aliases that a client may assign, and that are assigned for it as " +
    "far as it takes them (MQTT 5.0).",
    65_535,
  ],
  subscriptions: [1, "Subscriptions of one session."],
  subscriptionBytes: [1, "Bytes that the filters of one session take."],
  inflight: [
    1,
    "QoS 1 and 2 messages sent to one client and not yet acknowledged.",
    65_535,
  ],
  receiveMaximum: [
    1,
    "QoS 2 messages that one client may have sent and not released.",
    65_535,
  ],
  queuedMessages: [0, "Messages that wait for one session."],
  queuedBytes: [0, "Bytes of messages that wait for one session."],
  queueFull: [
    queueFull,
    "What becomes of a QoS 1 or 2 message where its session's queue is full: " +
    "it is dropped; the oldest that waits is; or it is dropped and the client " +
    "disconnected (0x97), unless it is away.",
  ],
  totalQueuedBytes: [
    0,
    "Bytes that all sessions keep for their clients, sent or not; a message " +
    "in many sessions counts once.",
  ],
  outboundBytes: [
    1,
    "Bytes that wait to be written to one connection; above it QoS 0 messages " +
    "for it are dropped and others wait in its session.",
  ],
  messageRate: [
    0,
    "PUBLISH packets per second that are read from one connection; others " +
    "wait. 0: any number.",
  ],
  byteRate: [
    0,
    "Bytes per second that are read from one connection; others wait. 0: any " +
    "number.",
  ],
  memory: [
    0,
    "Bytes of memory in use (heap and buffers) above which new clients are " +
    "refused (0x89) and QoS 0 messages dropped first; above 110 % also " +
    "messages for clients that are away (0x97). 0: any number.",
  ],
  stallTimeout: [
    1,
    "Seconds that a client may read nothing of what waits for it.",
  ],
  sessions: [0, "Sessions that outlive their connection."],
  sessionExpiryInterval: [
    0,
    "Seconds that a session may outlive its connection; 4294967295 is for ever.",
    0xffff_ffff,
  ],
  retainedMessages: [0, "Retained messages."],
  retainedBytes: [0, "Bytes of retained messages."],
  pluginTimeout: [
    1,
    "Seconds that a client waits for the answer of a plugin; then it is denied.",
  ],
  shutdownTimeout: [
    0,
    "Seconds that a shutdown waits for what is to be written.",
    2_147_483, // a timer's milliseconds have 31 bits
  ],
};

function limitFields(): Fields {
  return Object.fromEntries(
    Object.entries(limits).map(([name, [least, description, maximum]]) => [
      name,
      {
        ...(typeof least === "number"
          ? { type: "integer", minimum: least }
          : { type: "text", choices: least }),
        ...(maximum === undefined ? {} : { maximum }),
        default: defaultLimits[name as keyof Limits],
        description,
      },
    ]),
  );
}

const listener: Fields = {
  type: {
    type: "text",
    choices: ["tcp", "ws"],
    default: "tcp",
    description: "What is spoken below MQTT: TCP, or WebSocket.",
  },
  bind: {
    type: "text",
    description: "Where: host:port, [IPv6]:port, :port, port or host; " +
      "unix:/path is a Unix socket. Without a port 1883, with ssl 8883, for " +
      "ws 8080, for ws with ssl 8443. A listener without bind is not started.",
  },
  maxConnections: {
    type: "integer",
    default: 0,
    description: "Connections at a time; others are refused. 0 or less: no " +
      "limit.",
  },
  ssl: {
    type: "boolean",
    default: false,
    description: "Whether connections are encrypted (TLS); needs certfile " +
      "and keyfile.",
  },
  certfile: {
    type: "text",
    description: "PEM file of the broker's certificate, and of those that it " +
      "is of.",
  },
  keyfile: {
    type: "text",
    description: "PEM file of the private key of the certificate.",
  },
  cafile: {
    type: "text",
    description: "PEM file of the authorities that clients' certificates are " +
      "of.",
  },
  capath: {
    type: "text",
    description: "Directory of such PEM files.",
  },
  cadata: {
    type: "text",
    description: "Such certificates themselves, in PEM.",
  },
  clientCert: {
    type: "text",
    choices: ["none", "optional", "required"],
    description: "Whether clients show a certificate: not asked for, asked " +
      "for, or refused without; needs ssl: on. By default optional with " +
      "cafile, capath or cadata, else none.",
  },
  path: {
    type: "text",
    description: "For ws: the only path that is served, as /mqtt; by default " +
      "any.",
  },
  origins: {
    type: "list",
    values: { type: "text", description: "An origin: https://example.org." },
    description: "For ws: the only origins whose pages may connect; by " +
      "default any.",
  },
};

const filters: Field = {
  type: "list",
  values: { type: "text", description: "A topic filter." },
  description: "Topic filters.",
};

function acl(description: string): Field {
  return { type: "map", values: filters, description };
}

function names(description: string): Field {
  const values: Field = {
    type: "text",
    description: "A name or a module specifier.",
  };
  return { type: "list", values, description };
}

const capabilities: Fields = {
  maximumQos: {
    type: "integer",
    minimum: 0,
    maximum: 2,
    default: defaultCapabilities.maximumQos,
    description: "The highest QoS to publish with, and to be granted.",
  },
  retain: {
    type: "boolean",
    default: defaultCapabilities.retain,
    description: "Whether messages may be retained.",
  },
  wildcardSubscriptions: {
    type: "boolean",
    default: defaultCapabilities.wildcardSubscriptions,
    description: "Whether filters may have wildcards.",
  },
  sharedSubscriptions: {
    type: "boolean",
    default: defaultCapabilities.sharedSubscriptions,
    description: "Whether subscriptions may be shared ($share).",
  },
  subscriptionIdentifiers: {
    type: "boolean",
    default: defaultCapabilities.subscriptionIdentifiers,
    description: "Whether subscriptions may have identifiers (MQTT 5.0).",
  },
  maximumKeepAlive: {
    type: "integer",
    minimum: 0,
    maximum: 65_535,
    default: defaultCapabilities.maximumKeepAlive,
    description:
      "Seconds of the longest keep alive: clients of MQTT 5.0 that " +
      "want a longer one or none get this. 0 leaves it to them.",
  },
  responseInformation: {
    type: "text",
    default: defaultCapabilities.responseInformation,
    description: "Response Information for clients of MQTT 5.0 that ask for " +
      "it: how topics begin that answers to them go to. %c stands for the " +
      "client identifier. Empty: none.",
  },
  validatePayload: {
    type: "boolean",
    default: defaultCapabilities.validatePayload,
    description: "Whether payloads that claim to be UTF-8 (MQTT 5.0: Payload " +
      "Format Indicator 1) have to be, or are refused.",
  },
};

/** All keys of a broker's configuration that a file can have. */
export const configFields: Fields = {
  listeners: {
    type: "map",
    values: {
      type: "object",
      fields: listener,
      description: "A listener.",
    },
    description: "The listeners by name. What one does not say it takes from " +
      "the one named default, except bind.",
  },
  auth: {
    type: "object",
    fields: {
      allowAnonymous: {
        type: "boolean",
        description:
          "Whether the plugin auth_anonymous lets everybody in whom " +
          "no other plugin denies; if not, it refuses clients without a user " +
          "name. By default true; false with password-file.",
      },
      passwordFile: {
        type: "text",
        description:
          "File of user names and password hashes, for the plugins " +
          "auth_file and auth_scram; it activates auth_file, unless plugins " +
          "names auth_scram.",
      },
      plugins: names(
        "Plugins that authenticate, in the order in which they are asked. A " +
          "key of this section activates its plugin by itself.",
      ),
    },
    description: "Who may connect. One denial refuses a client; at least one " +
      "approval is needed.",
  },
  topicCheck: {
    type: "object",
    fields: {
      enabled: {
        type: "boolean",
        default: false,
        description: "Whether this section has any effect.",
      },
      plugins: names(
        "Plugins that decide, in the order in which they are asked. By " +
          "default topic_taboo, and topic_acl if it has rules.",
      ),
      acl: acl(
        "Filters that a user may subscribe to, by user name; anonymous is " +
          "who has none. Same as subscribe-acl.",
      ),
      subscribeAcl: acl("Filters that a user may subscribe to, by user name."),
      publishAcl: acl(
        "Filters of the topics that a user may publish to, by user name; " +
          "absent: all.",
      ),
      receiveAcl: acl(
        "Filters of the topics that a user may receive, by user name; " +
          "absent: all.",
      ),
    },
    description: "Who may publish and subscribe to what. One denial refuses.",
  },
  persistence: {
    type: "object",
    fields: {
      file: {
        type: "text",
        description: "The SQLite file; made if it is not there.",
      },
      synchronous: {
        type: "text",
        choices: ["full", "normal"],
        default: "full",
        description: "What an acknowledgement survives: a crash of the " +
          "machine, or only one of the broker.",
      },
    },
    description: "Where sessions and retained messages outlive the broker's " +
      "process. By default they are kept in memory.",
  },
  plugins: {
    type: "any",
    description: "More plugins, in the order in which they are asked: a list " +
      "of names or module specifiers, or a map from them to their options.",
  },
  sysInterval: {
    type: "integer",
    minimum: 0,
    maximum: 2_147_483, // a timer's milliseconds have 31 bits
    default: 0,
    description: "Seconds between two updates of $SYS topics; 0: none.",
  },
  timeoutDisconnectDelay: {
    type: "number",
    minimum: 0,
    description:
      "Seconds added to a client's keep alive to get its deadline. " +
      "By default the deadline is one and a half times the keep alive.",
  },
  sessionExpiryInterval: {
    type: "integer",
    minimum: 0,
    maximum: 0xffff_ffff,
    description: "Same as limits.session-expiry-interval.",
  },
  limits: {
    type: "object",
    fields: limitFields(),
    description: "Bounds of what clients can make the broker keep or do.",
  },
  trustedAddresses: {
    type: "list",
    values: {
      type: "text",
      description: "An address, or a network: 192.0.2.0/24, 2001:db8::/32.",
    },
    description: "Addresses without limits of their own and never banned: " +
      "of proxies, as all that comes by one has its address. By default those " +
      "of this machine, 127.0.0.0/8 and ::1.",
  },
  capabilities: {
    type: "object",
    fields: capabilities,
    description:
      "What is offered of MQTT. Clients of 5.0 are told; of others " +
      "QoS and RETAIN of messages are lowered, and what else is not offered is " +
      "refused.",
  },
  maxQos: {
    type: "integer",
    minimum: 0,
    maximum: 2,
    description: "Same as capabilities.maximum-qos.",
  },
};
