/** As whom a client connects: its session, in flags and configuration. */

import type {
  ClientOptions,
  ConnectProperties,
  ProtocolVersion,
} from "../mod.ts";
import { type clientFlags, FOR_EVER } from "./_client_flags.ts";
import { UsageError, type Values } from "./_flags.ts";
import type { Terminal } from "./_terminal.ts";

type ClientValues = Values<typeof clientFlags>;

/** What this is about. */
export type SessionOptions =
  & Pick<ClientOptions, "clientId" | "cleanStart" | "properties">
  & { protocolVersion: ProtocolVersion };

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
 * Reads the flags.
 *
 * @param values What was given.
 * @param sender Who sends, for a client identifier.
 * @param config The configuration.
 * @param connect The properties of CONNECT.
 * @throws {UsageError} If they do not go together.
 */
export function sessionOptions(
  values: ClientValues,
  sender: Pick<Terminal, "pid" | "hostname"> & {
    readonly command: string;
    readonly protocolVersion?: ProtocolVersion;
  },
  config: ClientOptions,
  connect: ConnectProperties | undefined,
): SessionOptions {
  const { cleanSession, disableCleanSession } = values;
  if (cleanSession && disableCleanSession) {
    throw new UsageError(
      "give --clean-session or --disable-clean-session, not both",
    );
  }
  const protocolVersion = readVersion(
    values,
    config.protocolVersion ?? sender.protocolVersion,
  );
  const given = readClientId(values, sender.pid) ?? config.clientId;
  const named = !!given && values.idPrefix === undefined;
  if (disableCleanSession && !named) {
    throw new UsageError("--disable-clean-session needs -i");
  }
  // Another process has another identifier, and does not find the session.
  const usual = config.cleanStart ?? !named;
  const cleanStart = cleanSession || (!disableCleanSession && usual);
  const options: SessionOptions = { protocolVersion, cleanStart };
  const clientId = given ?? ownClientId(sender, protocolVersion);
  if (clientId !== undefined) options.clientId = clientId;
  if (protocolVersion < 5) return options;
  const expiry = values.sessionExpiry ??
    connect?.sessionExpiryInterval ?? (cleanStart ? undefined : FOR_EVER);
  if (expiry === FOR_EVER && !named) {
    throw new UsageError("a session that does not expire needs -i");
  }
  if (connect !== undefined) options.properties = connect;
  if (expiry !== undefined) {
    options.properties = { ...connect, sessionExpiryInterval: expiry };
  }
  return options;
}

function readVersion(
  { protocol, property, sessionExpiry, authMethod }: ClientValues,
  configured: ProtocolVersion = 4,
): ProtocolVersion {
  const flag = property.length > 0
    ? "-D"
    : authMethod !== undefined
    ? "--auth-method"
    : sessionExpiry !== undefined
    ? "-x"
    : undefined;
  if (protocol === undefined) return flag === undefined ? configured : 5;
  const key = protocol.toLowerCase();
  const version = Object.hasOwn(versions, key) ? versions[key] : undefined;
  if (version === undefined) {
    throw new UsageError(
      `-V is ${JSON.stringify(protocol)}, not mqttv31, mqttv311 or mqttv5`,
    );
  }
  if (flag !== undefined && version !== 5) {
    throw new UsageError(`${flag} needs -V mqttv5`);
  }
  return version;
}

function readClientId(
  { id, idPrefix }: ClientValues,
  pid: number,
): string | undefined {
  if (id !== undefined && idPrefix !== undefined) {
    throw new UsageError("give -i or -I, not both");
  }
  return idPrefix === undefined ? id : `${idPrefix}${pid}`;
}

/** As the clients of HBMQTT have it: who, and where. */
function ownClientId(
  { command, pid, hostname }: Parameters<typeof sessionOptions>[1],
  protocolVersion: ProtocolVersion,
): string | undefined {
  // It has at most 23 characters in MQTT 3.1: the client makes one.
  if (protocolVersion === 3 || hostname === undefined) return undefined;
  return `ambermq_${command}/${pid}-${hostname}`;
}
