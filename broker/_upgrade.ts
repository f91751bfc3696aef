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
import { checkOpening, Refusal } from "./_websocket_handshake.ts";

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
  let protocol: string;
  try {
    const headers = [...request.headers].map(([name, value]) =>
      [name, [value]] as const
    );
    ({ protocol } = checkOpening(request.method, new Map(headers)));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { status, message, headers } = error;
    return { response: refuse(status, message, headers) };
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
export function refuse(
  status: number,
  reason: string,
  { Connection: _, ...headers }: Readonly<Record<string, string>> = {},
): Response {
  // Its connection is the server's matter.
  const body = `This is an MQTT broker: ${reason}\n`;
  return new Response(body, { status, headers });
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
