/**
 * The opening handshake of a WebSocket (RFC 6455, section 4.1): an HTTP request
 * out, an HTTP response in. Nothing here reads or writes.
 */

/**
 * What is offered to speak, the preferred first [MQTT-6.0.0-3]. The second is
 * the name that brokers of MQTT 3.1 may know alone.
 */
export const SUBPROTOCOLS: readonly string[] = ["mqtt", "mqttv3.1"];

/** What the key of a request is made an answer with (section 1.3). */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** Headers that a request has, or that would give it a body. */
const RESERVED =
  /^(host|upgrade|connection|content-length|transfer-encoding|sec-websocket-.*)$/i;

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** What is in no value of a header: controls, and what is no byte. */
// deno-lint-ignore no-control-regex -- they are what is looked for
const NO_VALUE = /[^\t\x20-\x7e\x80-\xff]/;

/** Characters of a body that are shown. */
const LONGEST_REASON = 200;

/** What a server answers. */
export interface Response {
  readonly status: number;
  /** The status with its phrase, for people to read. */
  readonly statusText: string;
  readonly headers: Headers;
}

/** A key that nobody can foresee (section 4.1). */
export function makeKey(): string {
  return base64(crypto.getRandomValues(new Uint8Array(16)));
}

/**
 * Makes the request.
 *
 * @param url Where to; user name and password are for CONNECT.
 * @param headers More headers.
 * @param key The key.
 * @returns Its bytes.
 * @throws {TypeError} If a header cannot be sent.
 */
export function openingRequest(
  url: URL,
  headers: Readonly<Record<string, string>>,
  key: string,
): Uint8Array {
  const lines = [
    `GET ${url.pathname}${url.search} HTTP/1.1`,
    `Host: ${url.host}`,
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Key: ${key}`,
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Protocol: ${SUBPROTOCOLS.join(", ")}`,
    ...Object.entries(headers).map(([name, value]) => line(name, value)),
    "\r\n",
  ];
  return Uint8Array.from(lines.join("\r\n"), (char) => char.charCodeAt(0));
}

/** One of the headers that were asked for. Values may be secrets. */
function line(name: string, value: string): string {
  const problem = !TOKEN.test(name)
    ? "that is no name of a header"
    : RESERVED.test(name)
    ? "the handshake of WebSocket sets it itself, or cannot have it"
    : NO_VALUE.test(value)
    ? "its value has a line break or a character that headers cannot have"
    : undefined;
  if (problem === undefined) return `${name}: ${value.trim()}`;
  throw new TypeError(
    `Cannot send the header ${JSON.stringify(name)}: ${problem}`,
  );
}

/**
 * Where the head of a response ends.
 *
 * @returns The index of the byte after it; -1 if it is not complete.
 * @throws {Error} If this is no HTTP.
 */
export function endOfHead(bytes: Uint8Array): number {
  if (!"HTTP/1.".startsWith(latin1(bytes.subarray(0, 7)))) {
    throw new Error(
      "what answers does not speak HTTP; is it the port of another scheme?",
    );
  }
  // An empty line ends it.
  for (let i = bytes.indexOf(13); i >= 0; i = bytes.indexOf(13, i + 1)) {
    if (bytes[i + 1] === 10 && bytes[i + 2] === 13 && bytes[i + 3] === 10) {
      return i + 4;
    }
  }
  return -1;
}

/**
 * Reads the head of a response.
 *
 * @throws {Error} If it is malformed.
 */
export function parseHead(bytes: Uint8Array): Response {
  const [start = "", ...lines] = latin1(bytes).slice(0, -4).split("\r\n");
  const [, status, phrase] = /^HTTP\/1\.\d (\d{3})(?: (.*))?$/.exec(start) ??
    [];
  if (status === undefined) throw malformed();
  const headers = new Headers();
  for (const line of lines) {
    const colon = line.indexOf(":");
    try {
      headers.append(line.slice(0, Math.max(colon, 0)), line.slice(colon + 1));
    } catch {
      throw malformed();
    }
  }
  const statusText = `${status} ${phrase ?? ""}`.trim();
  return { status: Number(status), statusText: shown(statusText), headers };
}

function malformed(): Error {
  return new Error("what answers does not speak HTTP as it should");
}

/**
 * Checks a response with the status 101 (section 4.1).
 *
 * @param response The response.
 * @param key The key of the request.
 * @throws {Error} If it opens no WebSocket, or none for MQTT.
 */
export async function checkResponse(
  { headers }: Response,
  key: string,
): Promise<void> {
  const list = (name: string) =>
    (headers.get(name) ?? "").toLowerCase().split(",").map((one) => one.trim());
  const bytes = new TextEncoder().encode(key + GUID);
  const digest = await crypto.subtle.digest("SHA-1", bytes);
  const accept = base64(new Uint8Array(digest));
  const wrong = headers.get("upgrade")?.toLowerCase() !== "websocket"
    ? "Upgrade"
    : !list("connection").includes("upgrade")
    ? "Connection"
    : headers.get("sec-websocket-accept") !== accept
    ? "Sec-WebSocket-Accept"
    : headers.has("sec-websocket-extensions") // none was offered
    ? "Sec-WebSocket-Extensions"
    : undefined;
  if (wrong !== undefined) {
    throw new Error(
      `what answers does not open a WebSocket as it should: its header ` +
        `${wrong} is not right`,
    );
  }
  // [MQTT-6.0.0-4]
  if (!SUBPROTOCOLS.includes(headers.get("sec-websocket-protocol") ?? "")) {
    throw wrongSubprotocol();
  }
}

/** The error for a server that speaks something else. */
export function wrongSubprotocol(): Error {
  return new Error(
    "what answers did not choose the subprotocol mqtt; is it a broker, " +
      "and the path that of its WebSocket?",
  );
}

/**
 * Whether enough of a body was received for {@linkcode refusal}: its first
 * line, or all that there will be.
 */
export function isEnough(response: Response, body: Uint8Array): boolean {
  const { status, headers } = response;
  if (status === 204 || status === 304) return true;
  const chunked = isChunked(headers);
  const length = headers.get("content-length");
  // Without either it ends with the connection, which may go on.
  if (!chunked && length === null) return true;
  const text = new TextDecoder().decode(body);
  return /\S[^\n]*\n/.test(chunked ? unchunked(text) : text) ||
    (chunked ? /^0+\r\n/.test(text) : !(body.length < Number(length)));
}

/**
 * The error for a response without a WebSocket.
 *
 * @param response The response.
 * @param body What was received of its body.
 */
export function refusal(response: Response, body: Uint8Array): Error {
  const { status, statusText, headers } = response;
  const location = headers.get("location");
  if (status >= 300 && status < 400 && location !== null) {
    return new Error(
      `the server answered ${statusText}, a redirect to ${shown(location)}; ` +
        "redirects are not followed",
    );
  }
  if (status < 300) {
    return new Error(
      `the server answered ${statusText} and opened no WebSocket; is the ` +
        "path right?",
    );
  }
  const decoded = new TextDecoder().decode(body);
  const text = isChunked(headers) ? unchunked(decoded) : decoded;
  const said = shown(text.trimStart().split(/[\r\n]/)[0]!);
  // A page is nothing to read in a line.
  const reason = said === "" || said.startsWith("<") ? "" : `: ${said}`;
  return new Error(`the server answered ${statusText}${reason}`);
}

function isChunked(headers: Headers): boolean {
  return /\bchunked\b/i.test(headers.get("transfer-encoding") ?? "");
}

/** The first chunk of a body. */
function unchunked(text: string): string {
  return text.replace(/^[^\n]*(\n|$)/, "");
}

/** What a server says, as it can be shown. */
function shown(text: string): string {
  const line = text.replace(/\p{Cc}/gu, " ").trim();
  return line.length > LONGEST_REASON
    ? `${line.slice(0, LONGEST_REASON)}…`
    : line;
}

/** Bytes as characters, one for each. */
function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

function base64(bytes: Uint8Array): string {
  return btoa(latin1(bytes));
}
