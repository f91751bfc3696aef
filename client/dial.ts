/**
 * Opens transports, with what the runtime has: Deno and Node.js connect by TCP,
 * TLS and WebSocket over either, a browser by its own WebSocket.
 *
 * @module
 */

import type { Transport } from "../codec/mod.ts";
import type { DialOptions } from "./options.ts";
import { hasBuiltins } from "./_builtin.ts";
import { failed } from "./_refusal.ts";
import { connectTcp, connectTls, type Target } from "./_socket.ts";
import { connectStandardWebSocket } from "./_standard_websocket.ts";
import { hostOf, parseBrokerUrl, portOf } from "./_url.ts";
import { connectWebSocket } from "./_websocket.ts";

/**
 * Opens a connection to a broker: what a client does unless it is given
 * something else. Deno needs the permission `--allow-net`, and `--allow-read`
 * for the files of TLS.
 *
 * @example
 * ```ts
 * import { Broker } from "@ambermq/mqtt/broker";
 * import { dial, MQTTClient } from "@ambermq/mqtt/client";
 *
 * await using broker = new Broker({
 *   listeners: { default: { bind: "127.0.0.1:0" } },
 * });
 * await broker.start();
 *
 * await using client = new MQTTClient({
 *   url: `mqtt://127.0.0.1:${broker.addresses[0]!.port}`,
 *   dial(url, options) {
 *     console.log(`Connecting to ${url.host}`);
 *     return dial(url, options);
 *   },
 * });
 * await client.connect();
 * ```
 *
 * @param url The URL, its scheme `mqtt`, `mqtts`, `ws` or `wss`; the port is by
 * default 1883, 8883, 80 or 443. Path and query are those of a WebSocket. User
 * name and password are not looked at.
 * @param options The signal that gives up; TLS, headers.
 * @returns The open connection, with all handshakes done.
 * @throws {ConnectError} If none comes about; its cause is what the system
 * says.
 * @throws {TypeError} If URL or options are not what they should be, or the
 * runtime has no such connections.
 */
export async function dial(
  url: string | URL,
  options: DialOptions = {},
): Promise<Transport> {
  const { url: parsed, address } = parseBrokerUrl(url);
  const { signal } = options;
  signal?.throwIfAborted();
  try {
    return await open(parsed, options);
  } catch (error) {
    signal?.throwIfAborted();
    throw error instanceof TypeError ? error : failed(address, error);
  }
}

async function open(url: URL, options: DialOptions): Promise<Transport> {
  const { signal } = options;
  const target = { host: hostOf(url), port: portOf(url) };
  switch (url.protocol) {
    case "ws:":
    case "wss:":
      return hasBuiltins()
        ? await connectWebSocket(
          url,
          options,
          url.protocol === "ws:"
            ? () => connectPlain(target, signal)
            // HTTP is what is spoken first.
            : () => connectTls(target, options, "http/1.1", signal),
        )
        : await connectStandardWebSocket(url, options);
    case "mqtts:": {
      const protocol = options.alpn ? "mqtt" : undefined;
      return await connectTls(target, options, protocol, signal);
    }
    default:
      return await connectPlain(target, signal);
  }
}

function connectPlain(
  target: Target,
  signal: AbortSignal | undefined,
): Promise<Transport> {
  return typeof Deno === "undefined"
    ? connectTcp(target, signal)
    : connectByDeno(target, signal);
}

/** A connection of Deno's is a transport as it is. */
async function connectByDeno(
  { host, port }: Target,
  signal: AbortSignal | undefined,
): Promise<Transport> {
  const connection = await Deno.connect({
    hostname: host,
    port,
    ...(signal && { signal }),
  });
  // What is written is whole packets already: nothing to wait for.
  connection.setNoDelay(true);
  return connection;
}
