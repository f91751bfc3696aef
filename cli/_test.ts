/**
 * `ambermq test`: tells whether a broker, any broker, does what the
 * specification asks for.
 */

import { dial, type ProtocolVersion, type TlsOptions } from "../mod.ts";
import {
  checks,
  type Format,
  formats,
  json,
  junit,
  list,
  type Result,
  runCases,
  select,
  textOfResult,
  textOfTotals,
  UnreachableError,
} from "./conformance/mod.ts";
import { FAILED } from "./_exit_status.ts";
import {
  describeFlags,
  parseFlags,
  UsageError,
  type Values,
} from "./_flags.ts";
import { type Interruption, print, type Terminal } from "./_terminal.ts";
import { testFlags as flags, testGroups } from "./_test_flags.ts";

/** The help. */
export const testHelp = `Usage: ambermq test URL [options]

Checks whether an MQTT broker does what the specification asks for. It connects
as many clients, with identifiers and topics of its own (ambermq-test/...), and
leaves nothing behind.

URL is mqtt://host[:port], mqtts://..., ws://host[:port]/path or wss://...
WebSocket itself is checked with a URL of one, and SCRAM-SHA-256 to its end with
a user name and a password. What the broker does not offer is skipped.

${describeFlags(testGroups)}
Exit status: 0 if no check failed; 1 if one did; 2 for a wrong command line; 3 if
the broker cannot be reached or lets nobody in; 130 if interrupted (143 by
SIGTERM).
`;

/** Nobody is there, or nobody is let in. */
const UNREACHABLE = 3;

/** What did not come in time, where a connection of that kind is opened. */
const awaited: Readonly<Record<string, string>> = {
  "mqtt:": "no connection came about",
  "mqtts:": "no connection came about, or TLS was not answered",
  "ws:":
    "no connection came about, or the WebSocket handshake was not answered",
  "wss:":
    "no connection came about, or TLS or the WebSocket handshake was not " +
    "answered",
};

const versions: Readonly<Record<string, ProtocolVersion>> = {
  "3": 3,
  "3.1": 3,
  "4": 4,
  "3.1.1": 4,
  "5": 5,
  "5.0": 5,
};

/**
 * Runs the command.
 *
 * @throws {UsageError} If the command line is wrong.
 */
export async function runTest(
  args: readonly string[],
  terminal: Terminal,
): Promise<number> {
  const [first] = args;
  const isUrl = first !== undefined && !first.startsWith("-");
  const values = parseFlags(flags, isUrl ? args.slice(1) : args);
  if (values.help) return await print(terminal, testHelp);
  const { filter, slow } = values;
  const cases = select(checks, {
    versions: parseVersions(values.versions),
    slow: slow || values.list,
    ...(filter !== undefined && { filter }),
  });
  if (cases.length === 0) throw new UsageError("no check is like that");
  if (values.list) return await print(terminal, list(cases));
  const format = parseFormat(values.format);
  const patience = 1000 * (values.timeout ?? 5);
  const url = parseUrl(isUrl ? first : values.url);
  const username = values.username ?? decode(url.username);
  const password = values.password ?? decode(url.password);
  // Neither is for reports.
  url.username = url.password = "";
  const tls = tlsOptions(values);
  const { interrupted } = terminal;
  const dialTo = async (url: URL) => {
    const signal = AbortSignal.timeout(patience);
    try {
      return await dial(url, { ...tls, signal });
    } catch (error) {
      if (!signal.aborted) throw error;
      throw new Error(`${awaited[url.protocol]} within ${patience / 1000} s`);
    }
  };
  const carrier = carrierOf(url);
  const target = {
    dial: () => dialTo(url),
    ...(carrier && { webSocket: { url, dial: () => dialTo(carrier) } }),
    ...(username && { username }),
    ...(password && { password }),
    patience,
    wait: (seconds: number) => terminal.sleep(seconds, interrupted),
  };
  const results: Result[] = [];
  let chapter = "";
  try {
    for await (const result of runCases(cases, target, interrupted)) {
      results.push(result);
      if (format !== "text") continue;
      if (result.chapter !== chapter) {
        chapter = result.chapter;
        await print(terminal, `\n${chapter}\n`);
      }
      await print(terminal, `  ${textOfResult(result)}`);
    }
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error;
    if (results.length > 0) {
      await print(terminal, endOf(format, url.href, results));
    }
    terminal.error(`ambermq test: Cannot test ${url.href}: ${error.message}`);
    return UNREACHABLE;
  }
  await print(terminal, endOf(format, url.href, results));
  if (interrupted.aborted) return (interrupted.reason as Interruption).status;
  return results.some(({ outcome }) => outcome === "failed") ? FAILED : 0;
}

function endOf(format: Format, url: string, results: Result[]): string {
  switch (format) {
    case "text":
      return textOfTotals(results);
    case "json":
      return json(url, results);
    case "junit":
      return junit(url, results);
  }
}

function parseVersions(texts: readonly string[]): ProtocolVersion[] {
  if (texts.length === 0) return [3, 4, 5];
  return texts.map((text) => {
    const version = Object.hasOwn(versions, text) ? versions[text] : undefined;
    if (version !== undefined) return version;
    throw new UsageError(
      `--version is ${JSON.stringify(text)}, not 3.1, 3.1.1 or 5.0`,
    );
  });
}

function parseFormat(text = "text"): Format {
  const format = formats.find((one) => one === text);
  if (format !== undefined) return format;
  throw new UsageError(
    `--format is ${JSON.stringify(text)}, not ${formats.join(", ")}`,
  );
}

/** How to secure connections. */
function tlsOptions(values: Values<typeof flags>): TlsOptions {
  const { cafile, capath, cadata, cert, key, insecure, alpn } = values;
  return {
    ...(cafile !== undefined && { cafile }),
    ...(capath !== undefined && { capath }),
    ...(cadata !== undefined && { cadata }),
    ...(cert !== undefined && { certfile: cert }),
    ...(key !== undefined && { keyfile: key }),
    ...(insecure && { checkHostname: false }),
    ...(alpn !== undefined && { alpn: true }),
  };
}

function parseUrl(text: string | undefined): URL {
  if (text === undefined) throw new UsageError("the URL is missing");
  const url = URL.parse(text);
  if (url && ["mqtt:", "mqtts:", "ws:", "wss:"].includes(url.protocol)) {
    return url;
  }
  throw new UsageError(
    `${JSON.stringify(text)} is no URL of a broker, such as mqtt://host:1883`,
  );
}

/** Where the bytes of a WebSocket go, if the URL is of one. */
function carrierOf({ protocol, hostname, port }: URL): URL | undefined {
  if (protocol === "ws:") return new URL(`mqtt://${hostname}:${port || 80}`);
  if (protocol !== "wss:") return undefined;
  return new URL(`mqtts://${hostname}:${port || 443}`);
}

/** What a URL has with percent signs. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new UsageError(`${JSON.stringify(text)} in the URL is not encoded`);
  }
}
