/**
 * The flags that `pub`, `sub` and `rr` have in common: how to reach the broker, and
 * as whom. The letters are those of hbmqtt_pub, and where that has none those
 * of mosquitto_pub.
 */

import type { Qos } from "../mod.ts";
import { type Flag, helpFlag, type Refused } from "./_flags.ts";
import { propertyFlag } from "./_property_flags.ts";
import { integer, type ValueKind } from "./_value.ts";

type Table = Record<string, Flag>;

/** A QoS, and what there is to complete. */
export const qosValue = {
  value: "QOS",
  kind: integer<Qos>(0, 2),
  choices: ["0", "1", "2"],
} as const;

/** The session expiry interval that means never. */
export const FOR_EVER = 0xffff_ffff;

const expiryRange = integer<number>(0, FOR_EVER);

const expiry: ValueKind<number> = {
  name: `-1 or ${expiryRange.name}`,
  read: (text) =>
    text === "-1" || text === "∞" ? FOR_EVER : expiryRange.read(text),
};

/** Which broker, and how. */
export const brokerFlags = {
  url: {
    names: ["--url", "-L"],
    value: "URL",
    help: "mqtt://[user[:password]@]host[:port][/topic], or\n" +
      "with mqtts; with ws or wss what follows is a path",
  },
  host: {
    names: ["-h", "--host"],
    value: "HOST",
    orHelp: true,
    help: "its host, by default localhost; -h alone: help",
  },
  port: {
    names: ["-p", "--port"],
    value: "PORT",
    kind: integer<number>(1, 65_535),
    help: "its port, by default 1883, or with TLS 8883",
  },
  username: { names: ["-u", "--username"], value: "NAME", help: "user name" },
  password: {
    names: ["-P", "--pw", "--password"],
    value: "TEXT",
    help: "password; others on this machine may see it",
  },
  authMethod: {
    names: ["--auth-method"],
    value: "METHOD",
    choices: ["SCRAM-SHA-256"],
    help: "authenticate by this, and do not tell the broker\n" +
      "the password (5.0): SCRAM-SHA-256",
  },
  protocol: {
    names: ["-V", "--protocol-version"],
    value: "VERSION",
    choices: ["mqttv31", "mqttv311", "mqttv5"],
    help: "mqttv31, mqttv311 (default), mqttv5",
  },
  keepAlive: {
    names: ["-k", "--keepalive", "--keep-alive"],
    value: "SECONDS",
    kind: integer<number>(0, 65_535),
    help: "keep alive, by default 10; 0: none",
  },
  extraHeaders: {
    names: ["--extra-headers"],
    value: "JSON",
    help: 'headers for a WebSocket: {"name": "value"}',
  },
  nodelay: {
    names: ["--nodelay"],
    help: "send small packets at once: it is always so",
  },
} as const satisfies Table;

/** As whom. */
export const sessionFlags = {
  id: {
    names: ["-i", "--id", "--client-id"],
    value: "ID",
    help: "client identifier, by default a new one",
  },
  idPrefix: {
    names: ["-I", "--id-prefix"],
    value: "TEXT",
    help: "client identifier: this and the process identifier",
  },
  cleanSession: {
    names: ["--clean-session"],
    help: "begin a new session; without -i it is always so",
  },
  disableCleanSession: {
    names: ["--disable-clean-session"],
    help: "go on with the session: as with -i alone",
  },
  sessionExpiry: {
    names: ["-x", "--session-expiry", "--session-expiry-interval"],
    value: "SECONDS",
    kind: expiry,
    help: "how long the session is kept (5.0); -1: for ever,\n" +
      "the default where the session is to go on",
  },
} as const satisfies Table;

/** With what keys. */
export const tlsFlags = {
  cafile: {
    names: ["--cafile", "--ca-file"],
    value: "FILE",
    path: "file",
    help: "certificates of authorities to trust, in PEM",
  },
  capath: {
    names: ["--capath", "--ca-path"],
    value: "FOLDER",
    path: "folder",
    help: "folder with such files",
  },
  cadata: {
    names: ["--ca-data"],
    value: "PEM",
    help: "such certificates themselves",
  },
  cert: {
    names: ["--cert"],
    value: "FILE",
    path: "file",
    help: "the client's certificate, in PEM; needs --key",
  },
  key: {
    names: ["--key"],
    value: "FILE",
    path: "file",
    help: "its key, in PEM",
  },
  insecure: {
    names: ["--insecure"],
    help: "take a certificate that is for another host",
  },
  alpn: {
    names: ["--tls-alpn"],
    value: "PROTOCOL",
    choices: ["mqtt"],
    help: "mqtt: for a port shared with other protocols",
  },
} as const satisfies Table;

/** What is published when the client is lost. */
export const willFlags = {
  willTopic: {
    names: ["--will-topic"],
    value: "TOPIC",
    help: "have a will, to be published to this topic",
  },
  willMessage: {
    names: ["--will-message", "--will-payload"],
    value: "TEXT",
    help: "payload of the will, by default empty",
  },
  willQos: {
    names: ["--will-qos"],
    ...qosValue,
    help: "QoS of the will, by default 0",
  },
  willRetain: { names: ["--will-retain"], help: "retain the will" },
} as const satisfies Table;

/** What every client has besides. */
export const generalFlags = {
  config: {
    names: ["-c", "--config", "--config-file"],
    value: "FILE",
    path: "file",
    help: "configuration in YAML; flags are stronger",
  },
  property: propertyFlag,
  debug: {
    names: ["-d", "--debug"],
    help: "tell on standard error what happens",
  },
  quiet: {
    names: ["--quiet"],
    help: "tell no errors but those of the command line",
  },
  version: { names: ["--version"], help: "show the version" },
  help: helpFlag,
} as const satisfies Table;

/** All of them. */
export const clientFlags = {
  ...brokerFlags,
  ...sessionFlags,
  ...tlsFlags,
  ...willFlags,
  ...generalFlags,
} as const;

/** The same by subject, for the help. */
export const clientGroups = {
  Broker: brokerFlags,
  Session: sessionFlags,
  TLS: tlsFlags,
  Will: willFlags,
  General: generalFlags,
} as const;

/** Flags of mosquitto_pub and mosquitto_sub that cannot be had, and why. */
export const refusedFlags: Refused = {
  "-A": "Deno cannot choose the address to connect from",
  "-S": "name the broker's host with -h",
  "--unix": "connect to a port with -h and -p",
  "--proxy": "there are no SOCKS proxies",
  "--psk": "there are no pre-shared keys; use certificates",
  "--psk-identity": "there are no pre-shared keys; use certificates",
  "--ciphers": "the ciphers are those that Deno takes for safe",
  "--tls-version": "it is TLS 1.3, or 1.2 where the broker has no 1.3",
  "--tls-engine": "keys are files",
  "--tls-engine-kpass-sha1": "keys are files",
  "--keyform": "keys are files in PEM",
  "--tls-use-os-certs": "set the environment's DENO_TLS_CA_STORE to system",
};
