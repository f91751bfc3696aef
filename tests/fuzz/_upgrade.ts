/** Requests that a WebSocket listener gets. */

import { assert, assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import {
  answer,
  endOfRequest,
  otherProtocol,
} from "../../broker/_websocket_handshake.ts";
import type { Random } from "../_random.ts";
import { request } from "../_websocket_peer.ts";
import { mutateBytes, mutateText } from "./_mutate.ts";
import { simplerBytes } from "./_shrink.ts";
import type { Target } from "./_target.ts";

const words = [
  "\r\n",
  "\r\n\r\n",
  "\n",
  "\r",
  ": ",
  ",",
  " ",
  "\t",
  "HTTP/1.0",
  "HTTP/1.1",
  "POST ",
  "Host: other",
  "Content-Length: 5\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Sec-WebSocket-Protocol: mqttv3.1",
  "Upgrade: h2c",
  "Origin: https://evil.example\r\n",
  "Sec-WebSocket-Version: 8",
  "\0",
  "/../mqtt",
  "?",
  "http://broker/mqtt",
  "ü",
];

const options = { path: "/mqtt", origins: ["https://example.org"] };

/** The statuses of refusals, for people who write clients. */
const refusals = [400, 403, 404, 405, 426];

function generate(random: Random): Uint8Array {
  const whole = request(
    random.boolean() ? {} : {
      Origin: random.pick(["https://example.org", "https://evil.example"]),
      "Sec-WebSocket-Protocol": random.pick([
        "mqtt",
        "mqttv3.1, mqtt",
        "x",
        "",
      ]),
      Connection: random.pick(["upgrade", "keep-alive, Upgrade", "close"]),
    },
  );
  if (random.percent(30)) return mutateBytes(random, whole);
  const text = mutateText(random, new TextDecoder().decode(whole), words);
  return new TextEncoder().encode(text);
}

async function check(bytes: Uint8Array): Promise<void> {
  const text = new TextDecoder("latin1").decode(bytes);
  const end = endOfRequest(bytes);
  assertEquals(
    end,
    text.indexOf("\r\n\r\n") < 0 ? -1 : text.indexOf("\r\n\r\n") + 4,
  );
  if (bytes.length > 0) otherProtocol(bytes[0]!);
  if (end < 0) return;
  const head = bytes.slice(0, end);
  const { response, refusal } = await answer(head, options);
  const [start, headers, body] = takeApart(response);
  const status = Number(/^HTTP\/1\.1 (\d{3}) [A-Z]/i.exec(start)?.[1]);
  if (refusal !== undefined) {
    assert(refusals.includes(status), start);
    assert(!/[\r\n]/.test(refusal), "The refusal goes into a log");
    assertEquals(Number(headers.get("content-length")), body.length);
    return;
  }
  assertEquals([status, body.length], [101, 0]);
  checkAccepted(text.slice(0, end), headers);
}

/** A response in parts: its headers have to be well-formed, each there once. */
function takeApart(
  response: Uint8Array,
): [start: string, headers: Map<string, string>, body: string] {
  const text = new TextDecoder("latin1").decode(response);
  const end = text.indexOf("\r\n\r\n");
  const [start, ...lines] = text.slice(0, end).split("\r\n");
  const headers = new Map<string, string>();
  for (const line of lines) {
    const found = /^([\w-]+): ([^\r\n\0]*)$/.exec(line);
    assert(found !== null, line);
    assert(!headers.has(found[1]!.toLowerCase()), line);
    headers.set(found[1]!.toLowerCase(), found[2]!);
  }
  return [start!, headers, text.slice(end + 4)];
}

/** What a request has that is let in, found in the simplest way. */
function checkAccepted(head: string, headers: Map<string, string>): void {
  assert(/^GET (http:\/\/[^/ ?]*)?\/mqtt(\?\S*)? HTTP\/1\.1\r\n/i.test(head));
  const values = (name: string): string[] =>
    [...head.matchAll(new RegExp(`^${name}:[ \\t]*(.*?)[ \\t]*\\r?$`, "gim"))]
      .map((found) => found[1]!);
  assertEquals(values("host").length, 1);
  const [key] = values("sec-websocket-key");
  const digest = createHash("sha1")
    .update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  assertEquals(headers.get("sec-websocket-accept"), digest);
  const offered = values("sec-websocket-protocol").join(",").split(",");
  const protocol = headers.get("sec-websocket-protocol")!;
  assert(offered.map((one) => one.trim()).includes(protocol));
  assert(
    values("origin").every((one) => /^https:\/\/example\.org$/i.test(one)),
  );
  assertEquals(values("transfer-encoding"), []);
  assert(values("content-length").every((one) => one === "0"));
}

/** The handshake of `broker/_websocket_handshake.ts`. */
export const upgrade: Target<Uint8Array> = {
  name: "upgrade",
  about: "HTTP requests are answered by the letter; none gets in by mistake",
  generate,
  check,
  shrink: simplerBytes,
  show: (bytes) => JSON.stringify(new TextDecoder("latin1").decode(bytes)),
};
