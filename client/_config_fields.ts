/** What a configuration of a client may hold, as HBMQTT and aMQTT name it. */

import type { Field, Fields } from "../codec/mod.ts";

const qos = {
  type: "integer",
  minimum: 0,
  maximum: 2,
  description: "The quality of service: 0, 1 or 2.",
  default: 0,
} as const satisfies Field;

const retain = {
  type: "boolean",
  description: "Whether the broker is to retain the message.",
  default: false,
} as const satisfies Field;

const authorities = {
  cafile: {
    type: "text",
    description: "A file in PEM with the certificates of authorities to trust.",
  },
  capath: { type: "text", description: "A folder with such files." },
  cadata: { type: "text", description: "Such certificates, in PEM." },
} as const satisfies Fields;

const credentials = {
  certfile: {
    type: "text",
    description: "A file in PEM with the client's certificate.",
  },
  keyfile: {
    type: "text",
    description: "A file in PEM with the key of that certificate.",
  },
} as const satisfies Fields;

const uri = {
  type: "text",
  description:
    "The broker: (mqtt|ws)[s]://[user:password@]host[:port]; connect() may name another.",
  default: "mqtt://localhost",
} as const satisfies Field;

const connection = {
  type: "object",
  description: "The broker, and the files of TLS.",
  fields: { uri, ...authorities, ...credentials },
} as const satisfies Field;

export const fields = {
  uri,
  clientId: {
    type: "text",
    description: "The client identifier; by default a random one.",
  },
  username: { type: "text", description: "The user name." },
  password: { type: "text", secret: true, description: "The password." },
  protocolVersion: {
    type: "integer",
    minimum: 3,
    maximum: 5,
    description: "The protocol version: 3 is MQTT 3.1, 4 is 3.1.1, 5 is 5.0.",
    default: 4,
  },
  keepAlive: {
    type: "integer",
    minimum: 0,
    maximum: 65_535,
    description: "The keep alive that CONNECT announces, in seconds; 0: none.",
    default: 10,
  },
  pingDelay: {
    type: "number",
    minimum: 0,
    description:
      "How many seconds before the end of the keep alive to ping; 0: never.",
    default: 1,
  },
  pingTimeout: {
    type: "number",
    minimum: 0,
    description: "How many seconds the answer to a ping may take.",
    default: 10,
  },
  defaultQos: qos,
  defaultRetain: retain,
  topics: {
    type: "map",
    description: "How to publish to topics, by their names.",
    values: {
      type: "object",
      description: "How to publish to a topic.",
      fields: { qos, retain },
    },
  },
  cleansession: {
    type: "boolean",
    description: "Whether to begin a new session.",
    default: true,
  },
  autoReconnect: {
    type: "boolean",
    description: "Whether to connect again; on the command line off.",
    default: true,
  },
  reconnectRetries: {
    type: "integer",
    description:
      "How many attempts to connect may fail after the first; negative: any.",
    default: 2,
  },
  reconnectMaxInterval: {
    type: "number",
    minimum: 0,
    description: "The longest wait between two attempts, in seconds.",
    default: 10,
  },
  connectionTimeout: {
    type: "number",
    minimum: 0,
    description: "How many seconds an attempt to connect may take.",
    default: 30,
  },
  resubscribe: {
    type: "boolean",
    description: "Whether to subscribe again where the session was lost.",
    default: true,
  },
  maxInflight: {
    type: "integer",
    minimum: 1,
    maximum: 65_535,
    description:
      "How many messages of QoS 1 and 2 may be on their way; by default 20 before MQTT 5.0, what the broker says in 5.0.",
  },
  topicAliases: {
    type: "boolean",
    description: "Whether to put aliases in the place of topic names (5.0).",
    default: true,
  },
  requestLimit: {
    type: "integer",
    minimum: 1,
    description: "How many requests may wait for their responses (5.0).",
    default: 1000,
  },
  responsePrefix: {
    type: "text",
    description: "What the response topic of requests begins with (5.0).",
    default: "ambermq/responses",
  },
  offlineQueue: {
    type: "object",
    description: "What may wait to be published while there is no connection.",
    fields: {
      messages: {
        type: "integer",
        minimum: 0,
        description: "How many messages.",
        default: 1000,
      },
      bytes: {
        type: "integer",
        minimum: 0,
        description: "How many bytes.",
        default: 16_777_216,
      },
    },
  },
  receiveQueueLimit: {
    type: "integer",
    minimum: 1,
    description: "How many received messages may wait to be taken.",
    default: 1000,
  },
  will: {
    type: "object",
    description: "What the broker publishes when the client is lost.",
    fields: {
      topic: { type: "text", description: "The topic name." },
      message: { type: "text", description: "The payload.", default: "" },
      qos,
      retain,
    },
  },
  ...authorities,
  ...credentials,
  checkHostname: {
    type: "boolean",
    description: "Whether the broker's certificate has to be for its host.",
    default: true,
  },
  verifyCert: {
    type: "boolean",
    description: "Whether the broker's certificate is checked at all.",
    default: true,
  },
  alpn: {
    type: "boolean",
    description: "Whether to ask for the protocol mqtt within TLS.",
    default: false,
  },
  headers: {
    type: "map",
    description: "More headers of the request that opens a WebSocket.",
    values: { type: "text", description: "The value of the header." },
  },
  connection,
  broker: { ...connection, description: "The older name of `connection`." },
  plugins: {
    type: "any",
    description: "Plugins of the client: only the packet logger.",
  },
} as const satisfies Fields;
