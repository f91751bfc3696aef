/** WebSockets by that of the runtime: a browser has nothing else. */

import { type Transport, webSocketTransport } from "../codec/mod.ts";
import type { DialOptions } from "./options.ts";
import { SUBPROTOCOLS, wrongSubprotocol } from "./_websocket_handshake.ts";

/** Options of TLS that are refused: to overlook them would be worse. */
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
 * @throws {TypeError} If the runtime has no WebSocket, or options are asked for
 * that it does not have.
 * @throws {Error} What the runtime says, which in a browser is nothing; or that
 * the other side is no broker; or the reason of the signal.
 */
export async function connectStandardWebSocket(
  url: URL,
  options: DialOptions,
): Promise<Transport> {
  if (typeof WebSocket === "undefined") {
    throw cannot(
      url,
      "this runtime has no sockets and no WebSocket; Node.js has them from 20.16 on",
    );
  }
  const refused = refusedOption(url, options);
  if (refused !== undefined) {
    throw cannot(url, `the WebSocket of this runtime takes no ${refused}`);
  }
  const { signal } = options;
  signal?.throwIfAborted();
  const address = new URL(url);
  address.username = address.password = ""; // they are for CONNECT
  const socket = new WebSocket(address, [...SUBPROTOCOLS]);
  const transport = webSocketTransport(socket);
  const abort = () => transport.close();
  signal?.addEventListener("abort", abort);
  try {
    await transport.handshake();
  } catch (error) {
    throw signal?.aborted ? signal.reason : error;
  } finally {
    signal?.removeEventListener("abort", abort);
  }
  if (!SUBPROTOCOLS.includes(socket.protocol)) {
    transport.close();
    throw wrongSubprotocol();
  }
  return transport;
}

function refusedOption(url: URL, options: DialOptions): string | undefined {
  if (options.headers !== undefined) return "headers";
  if (url.protocol === "ws:") return undefined;
  const check = checks.find((name) => options[name] === false);
  if (check !== undefined) return `${check}: false`;
  return tlsOptions.find((name) => options[name] !== undefined);
}

function cannot({ protocol }: URL, reason: string): TypeError {
  return new TypeError(`Cannot connect by ${protocol}//: ${reason}`);
}
