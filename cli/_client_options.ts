/** What the flags of `pub`, `sub` and `rr` mean for the client. */

import type { ClientOptions, ProtocolVersion } from "../mod.ts";
import { authenticateBy } from "./_auth_method.ts";
import { brokerUrl } from "./_broker_url.ts";
import type { clientFlags } from "./_client_flags.ts";
import { UsageError, type Values } from "./_flags.ts";
import { type GivenProperties, readProperties } from "./_property_flags.ts";
import type { PropertyPacket } from "./_property_flags.ts";
import { sessionOptions } from "./_session_options.ts";
import type { Terminal } from "./_terminal.ts";

/** What was given. */
export type ClientValues = Values<typeof clientFlags>;

/** How a client is to be made, and what else the flags say. */
export interface ClientSettings {
  readonly options: ClientOptions & { protocolVersion: ProtocolVersion };
  /** The topic in the URL. */
  readonly topic: string | undefined;
  readonly properties: GivenProperties;
}

/** Who the command is, and what it sends besides CONNECT and its end. */
export interface Sender extends Pick<Terminal, "pid" | "hostname"> {
  readonly command: "pub" | "sub" | "rr";
  /** The version that it speaks where nothing says otherwise, by default 4. */
  readonly protocolVersion?: ProtocolVersion;
  readonly packets?: readonly PropertyPacket[];
}

/**
 * Reads the flags. What they do not say the configuration does.
 *
 * @param values What was given.
 * @param sender Who sends.
 * @param config The configuration.
 * @throws {UsageError} If they do not go together.
 */
export function clientSettings(
  values: ClientValues,
  sender: Sender,
  config: ClientOptions = {},
): ClientSettings {
  const properties = readProperties(values.property, [
    ...(sender.packets ?? []),
    "connect",
    "will",
    "disconnect",
  ]);
  const { url, topic } = brokerUrl(values, config);
  const options: ClientSettings["options"] = {
    autoReconnect: false,
    ...config,
    url,
    ...sessionOptions(values, sender, config, properties.connect),
    ...readTls(values),
  };
  const { username, password, keepAlive } = values;
  if (username !== undefined) {
    // A password is for the user it stands beside.
    if (username !== config.username) delete options.password;
    options.username = username;
  }
  if (password !== undefined) options.password = password;
  if (keepAlive !== undefined) options.keepAlive = keepAlive;
  if (values.authMethod !== undefined) {
    authenticateBy(values.authMethod, options);
  }
  const headers = readHeaders(values.extraHeaders);
  if (headers !== undefined) {
    options.headers = { ...config.headers, ...headers };
  }
  const will = readWill(values, properties);
  if (will !== undefined) options.will = will;
  return { options, topic, properties };
}

function readTls(values: ClientValues): Partial<ClientOptions> {
  const { cafile, capath, cadata, cert, key, insecure, alpn } = values;
  if ((cert === undefined) !== (key === undefined)) {
    throw new UsageError("--cert and --key need each other");
  }
  if (alpn !== undefined && alpn !== "mqtt") {
    throw new UsageError(`--tls-alpn is ${JSON.stringify(alpn)}, not mqtt`);
  }
  const options: Partial<ClientOptions> = {};
  if (cafile !== undefined) options.cafile = cafile;
  if (capath !== undefined) options.capath = capath;
  if (cadata !== undefined) options.cadata = cadata;
  if (cert !== undefined) options.certfile = cert;
  if (key !== undefined) options.keyfile = key;
  if (insecure) options.checkHostname = false;
  if (alpn !== undefined) options.alpn = true;
  return options;
}

function readHeaders(
  text: string | undefined,
): Record<string, string> | undefined {
  if (text === undefined) return undefined;
  let headers: unknown;
  try {
    headers = JSON.parse(text);
  } catch (error) {
    throw new UsageError(
      `--extra-headers is not JSON: ${(error as Error).message}`,
    );
  }
  const fine = typeof headers === "object" && headers !== null &&
    !Array.isArray(headers) &&
    Object.values(headers).every((value) => typeof value === "string");
  if (fine) return headers as Record<string, string>;
  throw new UsageError(
    '--extra-headers is not an object of texts: {"name": "value"}',
  );
}

function readWill(
  values: ClientValues,
  { will: properties }: GivenProperties,
): ClientOptions["will"] {
  const { willTopic, willMessage, willQos: qos, willRetain } = values;
  if (willTopic !== undefined) {
    return {
      topic: willTopic,
      payload: willMessage ?? "",
      qos: qos ?? 0,
      retain: willRetain,
      ...(properties === undefined ? {} : { properties }),
    };
  }
  const more = willMessage !== undefined || qos !== undefined || willRetain ||
    properties !== undefined;
  if (more) throw new UsageError("a will needs --will-topic");
  return undefined;
}
