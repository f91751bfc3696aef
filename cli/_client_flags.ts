/** What `pub` and `sub` have in common: how to reach the broker, and as whom. */

import {
  type ClientOptions,
  ConnectError,
  type ProtocolVersion,
  type Qos,
} from "../mod.ts";
import {
  type Flag,
  helpFlag,
  parseInteger,
  UsageError,
  type Values,
} from "./_flags.ts";
import type { Terminal } from "./_terminal.ts";

/** The flags; the letters are those of hbmqtt_pub and mosquitto_pub. */
export const clientFlags = {
  url: {
    names: ["--url", "-L"],
    value: "URL",
    help: "the broker: mqtt://[user[:password]@]host[:port]",
  },
  host: {
    names: ["-h", "--host"],
    value: "HOST",
    orHelp: true,
    help: "its host, by default localhost; -h alone: this help",
  },
  port: {
    names: ["-p", "--port"],
    value: "PORT",
    help: "its port, by default 1883",
  },
  username: { names: ["-u", "--username"], value: "NAME", help: "user name" },
  password: {
    names: ["-P", "--pw", "--password"],
    value: "TEXT",
    help: "password",
  },
  id: {
    names: ["-i", "--id", "--client-id"],
    value: "ID",
    help: "client identifier, by default a random one",
  },
  cleanSession: {
    names: ["--clean-session"],
    help: "begin a new session, even with -i",
  },
  keepAlive: {
    names: ["-k", "--keepalive", "--keep-alive"],
    value: "SECONDS",
    help: "keep alive, by default 60; 0: none",
  },
  protocol: {
    names: ["-V", "--protocol-version"],
    value: "VERSION",
    help: "3, 4 or 5; mqttv31, mqttv311 (default), mqttv5",
  },
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
    value: "QOS",
    help: "QoS of the will, by default 0",
  },
  willRetain: { names: ["--will-retain"], help: "retain the will" },
  debug: {
    names: ["-d", "--debug"],
    help: "tell on standard error what happens",
  },
  version: { names: ["--version"], help: "show the version" },
  help: helpFlag,
} as const satisfies Record<string, Flag>;

type ClientValues = Values<typeof clientFlags>;

const versions: Readonly<Record<string, ProtocolVersion>> = {
  "3": 3,
  "4": 4,
  "5": 5,
  "31": 3,
  "311": 4,
  "3.1": 3,
  "3.1.1": 4,
  "5.0": 5,
  mqttv31: 3,
  mqttv311: 4,
  mqttv5: 5,
};

/**
 * What the flags mean for the client.
 *
 * @throws {UsageError} If they do not go together.
 */
export function clientOptions(values: ClientValues): ClientOptions {
  const { url, host, username, password, id, protocol = "4" } = values;
  const protocolVersion = versions[protocol.toLowerCase()];
  if (protocolVersion === undefined) {
    throw new UsageError(
      `-V is ${
        JSON.stringify(protocol)
      }, not 3, 4, 5, mqttv31, mqttv311 or mqttv5`,
    );
  }
  const port = parseInteger(clientFlags.port, values.port, [1, 65_535]);
  if (url !== undefined && (host !== undefined || port !== undefined)) {
    throw new UsageError("--url says host and port already");
  }
  const options: ClientOptions = {
    url: url ?? `mqtt://${hostOf(host ?? "localhost")}:${port ?? 1883}`,
    protocolVersion,
    autoReconnect: false,
    keepAlive: parseInteger(clientFlags.keepAlive, values.keepAlive, [
      0,
      65_535,
    ]) ?? 60,
    // A random identifier does not come back for its session.
    cleanStart: values.cleanSession || id === undefined,
  };
  if (id !== undefined) options.clientId = id;
  if (username !== undefined) options.username = username;
  if (password !== undefined) options.password = password;
  if (!options.cleanStart && protocolVersion === 5) {
    options.properties = { sessionExpiryInterval: 0xffff_ffff };
  }
  const { willTopic, willMessage, willRetain } = values;
  const willQos = parseQos(clientFlags.willQos, values.willQos);
  if (willTopic !== undefined) {
    options.will = {
      topic: willTopic,
      payload: willMessage ?? "",
      qos: willQos ?? 0,
      retain: willRetain,
    };
  } else if (willMessage !== undefined || willRetain || willQos !== undefined) {
    throw new UsageError("a will needs --will-topic");
  }
  return options;
}

/** An IPv6 address has colons, and brackets around it in a URL. */
function hostOf(host: string): string {
  return host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
}

/** The QoS of a flag. */
export function parseQos(
  flag: Flag,
  text: string | undefined,
): Qos | undefined {
  return parseInteger(flag, text, [0, 2]) as Qos | undefined;
}

/** Tells what happens, if `-d` is given. */
export function debugLog(
  values: ClientValues,
  terminal: Terminal,
): (line: string) => void {
  return values.debug ? (line) => terminal.error(line) : () => {};
}

/** Tells an error on standard error. */
export function report(
  error: unknown,
  terminal: Terminal,
  command: string,
): void {
  const message = error instanceof Error ? error.message : String(error);
  terminal.error(`${command}: ${message}`);
}

/**
 * The exit status for an error: the code of a refusing CONNACK; 2 for what the
 * library takes for a mistake, such as a URL that is none; else 1.
 */
export function exitStatus(error: unknown): number {
  if (error instanceof ConnectError) return error.returnCode ?? 1;
  return error instanceof TypeError || error instanceof RangeError ? 2 : 1;
}
