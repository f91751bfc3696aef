/**
 * The opening handshake of a WebSocket (RFC 6455, section 4.2): an HTTP request
 * in, an HTTP response out. Nothing here reads or writes.
 */

/** Bytes of the longest request. */
export const LONGEST_REQUEST = 8192;

/** What a listener lets in. */
export interface WebSocketOptions {
  /** The only path that is served; absent: any. */
  readonly path?: string;
  /** The only origins whose pages may connect; absent: any. */
  readonly origins?: readonly string[];
}

/** What becomes of a request. */
export interface Verdict {
  /** The bytes to answer with. */
  readonly response: Uint8Array;
  /** Why it is refused; absent: it is not. */
  readonly refusal?: string;
}

/** Names of the subprotocol, the preferred first. */
const SUBPROTOCOLS = ["mqtt", "mqttv3.1"];

/** What the key of a request is made an answer with (section 1.3). */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

const phrases: Record<number, string> = {
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  426: "Upgrade Required",
  431: "Request Header Fields Too Large",
  503: "Service Unavailable",
};

/** A request that is refused: a status, and why, for people to read. */
export class Refusal extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    message: string,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/**
 * Where a request ends.
 *
 * @param bytes What has been received.
 * @returns The index of the byte after it; -1 if it is not complete.
 */
export function endOfRequest(bytes: Uint8Array): number {
  // An empty line ends it.
  for (let i = bytes.indexOf(13); i >= 0; i = bytes.indexOf(13, i + 1)) {
    if (bytes[i + 1] === 10 && bytes[i + 2] === 13 && bytes[i + 3] === 10) {
      return i + 4;
    }
  }
  return -1;
}

/** What a peer speaks that does not begin with a request; `undefined`: HTTP. */
export function otherProtocol(first: number): string | undefined {
  if (first === 0x10) return "the client speaks MQTT without WebSocket";
  if (first === 0x16) return "the client speaks TLS, this listener does not";
  const letter = first >= 0x41 && first <= 0x5a;
  return letter ? undefined : "the client does not speak HTTP";
}

/**
 * Decides about a request.
 *
 * @param request Its bytes, to its end.
 * @param options What the listener lets in.
 * @returns The answer.
 */
export async function answer(
  request: Uint8Array,
  options: WebSocketOptions,
): Promise<Verdict> {
  try {
    const { key, protocol } = check(request, options);
    const bytes = new TextEncoder().encode(key + GUID);
    const digest = await crypto.subtle.digest("SHA-1", bytes);
    return {
      response: encode("101 Switching Protocols", {
        Upgrade: "websocket",
        Connection: "Upgrade",
        "Sec-WebSocket-Accept": btoa(
          String.fromCharCode(...new Uint8Array(digest)),
        ),
        "Sec-WebSocket-Protocol": protocol, // [MQTT-6.0.0-4]
      }),
    };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { status, message, headers } = error;
    return refuse(status, message, headers);
  }
}

/** The answer that refuses, whatever was asked. */
export function refuse(
  status: number,
  reason: string,
  headers: Readonly<Record<string, string>> = {},
): Verdict {
  const body = `This is an MQTT broker: ${reason}\n`;
  const response = encode(`${status} ${phrases[status]}`, {
    Connection: "close",
    ...headers,
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Length": String(new TextEncoder().encode(body).length),
  }, body);
  return { response, refusal: `WebSocket: ${reason} (HTTP ${status})` };
}

function encode(
  status: string,
  headers: Readonly<Record<string, string>>,
  body = "",
): Uint8Array {
  const lines = Object.entries(headers).map(([name, value]) =>
    `${name}: ${value}\r\n`
  );
  const head = `HTTP/1.1 ${status}\r\n${lines.join("")}\r\n`;
  return new TextEncoder().encode(head + body);
}

function check(
  request: Uint8Array,
  { path, origins }: WebSocketOptions,
): { key: string; protocol: string } {
  const { method, target, headers } = parse(request);
  checkMethod(method);
  if (!one(headers, "host")) throw new Refusal(400, "Host is missing");
  if (
    headers.has("transfer-encoding") ||
    !["0", undefined].includes(one(headers, "content-length"))
  ) {
    throw new Refusal(400, "the request has a body");
  }
  const asked = target.replace(/^https?:\/\/[^/?]*/i, "").replace(/\?.*$/, "");
  if (path !== undefined && (asked || "/") !== path) {
    throw new Refusal(404, `there is nothing at ${asked || "/"}`);
  }
  const origin = one(headers, "origin"); // of browsers only
  if (origin !== undefined && origins !== undefined) {
    const allowed = origins.map((one) => one.toLowerCase());
    if (!allowed.includes(origin.toLowerCase())) {
      throw new Refusal(403, `the origin ${origin} is not allowed`);
    }
  }
  return checkOpening(method, headers);
}

function checkMethod(method: string): void {
  if (method === "GET") return;
  throw new Refusal(405, `${method} is not allowed`, { Allow: "GET" });
}

/**
 * Checks what every request for a WebSocket with MQTT has.
 *
 * @param method Its method.
 * @param headers The values of its headers by name, in small letters.
 * @returns Its key, and the subprotocol to speak.
 * @throws {Refusal} If it has not.
 */
export function checkOpening(
  method: string,
  headers: ReadonlyMap<string, readonly string[]>,
): { key: string; protocol: string } {
  checkMethod(method);
  if (
    !list(headers, "upgrade", true).includes("websocket") ||
    !list(headers, "connection", true).includes("upgrade")
  ) {
    throw new Refusal(426, "connect by WebSocket", {
      Upgrade: "websocket",
      Connection: "close, Upgrade",
    });
  }
  if (one(headers, "sec-websocket-version") !== "13") {
    const reason = "only version 13 of WebSocket is spoken";
    throw new Refusal(426, reason, { "Sec-WebSocket-Version": "13" });
  }
  const key = one(headers, "sec-websocket-key") ?? "";
  if (!/^[A-Za-z0-9+/]{22}==$/.test(key)) {
    throw new Refusal(400, "Sec-WebSocket-Key is not 16 bytes in base 64");
  }
  const protocol = chooseSubprotocol(list(headers, "sec-websocket-protocol"));
  if (protocol === undefined) {
    throw new Refusal(400, "offer the subprotocol mqtt");
  }
  return { key, protocol };
}

/**
 * Chooses the subprotocol [MQTT-6.0.0-3].
 *
 * @param offered The names that the client offers.
 * @returns One of them; `undefined` if none is MQTT's.
 */
export function chooseSubprotocol(
  offered: readonly string[],
): string | undefined {
  return SUBPROTOCOLS.find((name) => offered.includes(name));
}

interface Request {
  readonly method: string;
  readonly target: string;
  /** The values by name, in small letters. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

function parse(request: Uint8Array): Request {
  // Names are ASCII; what is not is compared with nothing.
  const text = new TextDecoder("latin1").decode(request);
  const [start = "", ...lines] = text.slice(0, -4).split("\r\n");
  const parts = /^([A-Z]+) (\S+) HTTP\/1\.1$/.exec(start);
  // deno-lint-ignore no-control-regex -- they are what is looked for
  if (parts === null || /[\0-\x08\x0a-\x1f\x7f]/.test(lines.join(""))) {
    throw new Refusal(400, "the request is not one of HTTP/1.1");
  }
  const headers = new Map<string, string[]>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(colon, 0)).toLowerCase();
    if (!TOKEN.test(name)) throw new Refusal(400, "a header is malformed");
    const values = headers.get(name);
    const value = line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, "");
    if (values === undefined) headers.set(name, [value]);
    else values.push(value);
  }
  const [, method, target] = parts;
  return { method: method!, target: target!, headers };
}

/** The value of a header that may come once; `undefined` if it does not. */
function one(headers: Request["headers"], name: string): string | undefined {
  const values = headers.get(name);
  if (values !== undefined && values.length > 1) {
    throw new Refusal(400, `the header ${name} comes twice`);
  }
  return values?.[0];
}

/** The elements of a header that is a list. */
function list(
  headers: Request["headers"],
  name: string,
  ignoreCase = false,
): string[] {
  const values = (headers.get(name) ?? []).join(",");
  return (ignoreCase ? values.toLowerCase() : values).split(",")
    .map((element) => element.trim());
}
