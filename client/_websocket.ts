/** WebSockets as transports, by whatever WebSocket there is. */

import { type Transport, webSocketTransport } from "../codec/mod.ts";
import { readCredentials } from "./_credentials.ts";
import type { DialOptions } from "./options.ts";

/**
 * What is offered to speak, the preferred first [MQTT-6.0.0-3]. The second is
 * the name that brokers of MQTT 3.1 may know alone.
 */
const SUBPROTOCOLS = ["mqtt", "mqttv3.1"];

/** Options that only some runtimes have, or only TLS without WebSocket. */
const tlsOptions = [
  "cafile",
  "capath",
  "cadata",
  "certfile",
  "keyfile",
] as const;
const checks = ["verifyCert", "checkHostname"] as const;

/**
 * Opens a WebSocket.
 *
 * @throws {TypeError} If the runtime has no WebSocket, or none with these
 * options.
 * @throws {Error} What the runtime says, which in a browser is nothing; or that
 * the other side is no broker; or the reason of the signal.
 */
export async function connectWebSocket(
  url: URL,
  options: DialOptions,
): Promise<Transport> {
  const { signal } = options;
  const socket = await create(url, options);
  const transport = webSocketTransport(socket);
  const abort = () => transport.close();
  signal?.addEventListener("abort", abort);
  try {
    if (signal?.aborted) abort();
    await transport.handshake();
  } catch (error) {
    throw signal?.aborted ? signal.reason : explain(error);
  } finally {
    signal?.removeEventListener("abort", abort);
  }
  if (!SUBPROTOCOLS.includes(socket.protocol)) {
    transport.close();
    throw new Error(
      "what answers did not choose the subprotocol mqtt; is it a broker, " +
        "and the path that of its WebSocket?",
    );
  }
  return transport;
}

async function create(url: URL, options: DialOptions): Promise<WebSocket> {
  if (typeof WebSocket === "undefined") {
    throw cannot(
      url,
      "this runtime has no WebSocket; Node.js has one from 22 on",
    );
  }
  const address = new URL(url);
  address.username = address.password = ""; // they are for CONNECT
  const { headers } = options;
  const secure = url.protocol === "wss:";
  const check = checks.find((name) => secure && options[name] === false);
  if (check !== undefined) {
    throw cannot(url, `${check}: false is for mqtts:// only`);
  }
  const named = tlsOptions.find((name) =>
    secure && options[name] !== undefined
  );
  if (headers === undefined && named === undefined) {
    return new WebSocket(address, SUBPROTOCOLS);
  }
  if (typeof Deno === "undefined") {
    throw cannot(
      url,
      `the WebSocket of this runtime takes no ${named ?? "headers"}`,
    );
  }
  const init = { protocols: SUBPROTOCOLS, ...(headers && { headers }) };
  if (named === undefined) return new WebSocket(address, init);
  const { ca, cert, key } = await readCredentials(options);
  const client = Deno.createHttpClient({
    ...(ca === undefined ? {} : { caCerts: [...ca] }),
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
  });
  try {
    const socket = new WebSocket(address, { ...init, client });
    socket.addEventListener("close", () => client.close());
    return socket;
  } catch (error) {
    client.close();
    throw error;
  }
}

/** Deno says what has happened, if not always; others say nothing. */
function explain(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const said = error.message.replace(/^.*failed to connect to WebSocket: /, "");
  return new Error(meaning(said), { cause: error });
}

function meaning(said: string): string {
  const [, certificate] = /^invalid peer certificate: (.*)/.exec(said) ?? [];
  if (certificate !== undefined) {
    return `the certificate is not trusted: ${certificate}`;
  }
  // Over TLS it tries HTTP/2 after a refusal, and tells how that went.
  return /h2 alpn|NoApplicationProtocol/.test(said)
    ? "what answers does not open a WebSocket there; is the path right?"
    : said;
}

function cannot({ protocol }: URL, reason: string): TypeError {
  return new TypeError(`Cannot connect by ${protocol}//: ${reason}`);
}
