/** WebSockets over sockets: the opening handshake, then an endpoint. */

import { type Transport, WebSocketEndpoint } from "../codec/mod.ts";
import type { DialOptions } from "./options.ts";
import {
  checkResponse,
  endOfHead,
  isEnough,
  makeKey,
  openingRequest,
  parseHead,
  refusal,
} from "./_websocket_handshake.ts";

/** Bytes of the longest response, with what is read of its body. */
const LONGEST_RESPONSE = 16_384;

/**
 * Opens a WebSocket.
 *
 * @param connect Opens what carries it.
 * @throws {TypeError} If a header cannot be sent.
 * @throws {Error} What `connect` or the system says; or why there is no
 * WebSocket; or the reason of the signal.
 */
export async function connectWebSocket(
  url: URL,
  { headers = {}, signal }: DialOptions,
  connect: () => Promise<Transport>,
): Promise<Transport> {
  const key = makeKey();
  const request = openingRequest(url, headers, key);
  const lower = await connect();
  let open = true;
  const close = () => {
    if (open) lower.close();
    open = false;
  };
  signal?.addEventListener("abort", close);
  try {
    signal?.throwIfAborted();
    await writeAll(lower, request);
    const received = await readResponse(lower, key);
    signal?.throwIfAborted();
    return new WebSocketEndpoint(lower, { received, mask: randomMask });
  } catch (error) {
    close();
    throw signal?.aborted ? signal.reason : error;
  } finally {
    signal?.removeEventListener("abort", close);
  }
}

/** Thirty-two bits that nobody can foresee. */
function randomMask(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]!;
}

/** Reads and checks the response; returns what came behind it. */
async function readResponse(
  lower: Transport,
  key: string,
): Promise<Uint8Array> {
  const buffer = new Uint8Array(LONGEST_RESPONSE);
  let length = 0;
  const more = async () => {
    const count = await lower.read(buffer.subarray(length));
    length += count ?? 0;
    return count !== null;
  };
  for (;;) {
    const end = length === 0 ? -1 : endOfHead(buffer.subarray(0, length));
    if (end < 0) {
      if (length === buffer.length) {
        throw new Error("the answer to the handshake of WebSocket is too long");
      }
      if (await more()) continue;
      throw new Error(
        "the connection was closed during the handshake of WebSocket; is " +
          "WebSocket spoken there?",
      );
    }
    const response = parseHead(buffer.subarray(0, end));
    if (response.status === 101) {
      await checkResponse(response, key);
      return buffer.slice(end, length);
    }
    if (response.status < 200) { // there is another one behind it
      buffer.copyWithin(0, end, length);
      length -= end;
      continue;
    }
    const body = () => buffer.subarray(end, length);
    while (!isEnough(response, body()) && length < buffer.length) {
      if (!await more().catch(() => false)) break;
    }
    throw refusal(response, body());
  }
}

async function writeAll(lower: Transport, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += await lower.write(bytes.subarray(done));
  }
}
