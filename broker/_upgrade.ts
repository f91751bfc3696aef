/**
 * MQTT on an HTTP server of one's own: requests become WebSockets, and these
 * connections of the broker. Deno does the WebSocket here, as the request was
 * read by Deno too; the broker's own listeners need none of this.
 */

import {
  type Address,
  type Transport,
  webSocketTransport,
} from "../codec/mod.ts";
import type { Listener } from "./listen.ts";
import { chooseSubprotocol } from "./_websocket_handshake.ts";

/**
 * Upgrades a request to a WebSocket.
 *
 * @param request The request.
 * @param remoteAddr Where the client is, if that is known.
 * @returns The response, and the transport unless the request is refused.
 */
export function upgrade(
  request: Request,
  remoteAddr: Address | undefined,
): { response: Response; transport?: Transport } {
  const { headers } = request;
  if (headers.get("upgrade")?.toLowerCase() !== "websocket") {
    return { response: refuse(400, "connect by WebSocket") };
  }
  const offered = headers.get("sec-websocket-protocol") ?? "";
  const protocol = chooseSubprotocol(
    offered.split(",").map((name) => name.trim()),
  );
  if (protocol === undefined) {
    return { response: refuse(400, "offer the subprotocol mqtt") };
  }
  // Keeping alive is MQTT's matter.
  const options = { protocol, idleTimeout: 0 };
  const { socket, response } = Deno.upgradeWebSocket(request, options);
  const address = remoteAddr === undefined ? {} : { remoteAddr };
  const transport: Transport & { handshake(): Promise<void> } =
    webSocketTransport(socket, address);
  // Before it is open it cannot be closed.
  transport.turnAway = async () => {
    await transport.handshake();
    transport.close();
  };
  return { response, transport };
}

/** A response that refuses. */
export function refuse(status: number, reason: string): Response {
  return new Response(`This is an MQTT broker: ${reason}\n`, { status });
}

/** A listener that is handed its connections. */
export class Mount implements Listener {
  #arrived: Transport[] = [];
  #accepting: PromiseWithResolvers<Transport> | undefined;

  push(transport: Transport): void {
    if (this.#accepting === undefined) this.#arrived.push(transport);
    else this.#accepting.resolve(transport);
    this.#accepting = undefined;
  }

  accept(): Promise<Transport> {
    const transport = this.#arrived.shift();
    if (transport !== undefined) return Promise.resolve(transport);
    this.#accepting = Promise.withResolvers();
    return this.#accepting.promise;
  }

  close(): void {
    this.#accepting?.reject(new Deno.errors.BadResource("The mount is closed"));
  }
}
