import { assert, assertEquals, assertRejects } from "@std/assert";
import { connectStandardWebSocket } from "../../client/_standard_websocket.ts";
import type { DialOptions } from "../../client/mod.ts";

interface Web extends AsyncDisposable {
  readonly url: URL;
  /** What was asked for. */
  readonly requests: { readonly url: string; readonly headers: Headers }[];
}

/** A server of WebSocket that sends back what it gets. */
function serve(protocol?: string): Web {
  const requests: { url: string; headers: Headers }[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => {
      const headers = new Headers([...request.headers]);
      requests.push({ url: request.url, headers });
      const { socket, response } = Deno.upgradeWebSocket(request, {
        ...(protocol && { protocol }),
      });
      socket.onmessage = ({ data }) => socket.send(data);
      return response;
    },
  );
  const { port } = server.addr as Deno.NetAddr;
  return {
    url: new URL(`ws://user:password@127.0.0.1:${port}/mqtt?a=b`),
    requests,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

Deno.test("connectStandardWebSocket() opens a WebSocket that speaks mqtt [MQTT-6.0.0-3] [MQTT-6.0.0-4]", async () => {
  for (const protocol of ["mqtt", "mqttv3.1"]) {
    await using web = serve(protocol);
    const transport = await connectStandardWebSocket(web.url, {});
    await transport.write(new Uint8Array([1, 2, 3]));
    assertEquals(await transport.read(new Uint8Array(8)), 3);
    transport.close();
    const { url, headers } = web.requests[0]!;
    assert(url.endsWith("/mqtt?a=b"), url);
    assertEquals(headers.get("sec-websocket-protocol"), "mqtt, mqttv3.1");
    assertEquals(headers.get("authorization"), null);
  }
});

Deno.test("connectStandardWebSocket() refuses one that does not speak mqtt [MQTT-6.0.0-4]", async () => {
  await using web = serve();
  await assertRejects(
    () => connectStandardWebSocket(web.url, {}),
    Error,
    "what answers did not choose the subprotocol mqtt; is it a broker",
  );
});

Deno.test("connectStandardWebSocket() gives up when its signal fires, before and after it began", async () => {
  const enough = new Error("enough");
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = new URL(`ws://127.0.0.1:${listener.addr.port}`);
  const before = { signal: AbortSignal.abort(enough) };
  await assertRejects(
    () => connectStandardWebSocket(url, before),
    Error,
    "enough",
  );
  const giveUp = new AbortController();
  const connecting = connectStandardWebSocket(url, { signal: giveUp.signal });
  using accepted = await listener.accept();
  const buffer = new Uint8Array(10_000);
  assert(await accepted.read(buffer)); // the handshake has begun
  giveUp.abort(enough);
  await assertRejects(() => connecting, Error, "enough");
  assertEquals(await accepted.read(buffer).catch(() => null), null);
});

for (
  const [scheme, options, refused] of [
    ["ws", { headers: {} }, "headers"],
    ["wss", { headers: {} }, "headers"],
    ["wss", { cafile: "ca.pem" }, "cafile"],
    ["wss", { capath: "cas" }, "capath"],
    ["wss", { cadata: "" }, "cadata"],
    ["wss", { certfile: "a.pem" }, "certfile"],
    ["wss", { keyfile: "a.key" }, "keyfile"],
    ["wss", { verifyCert: false }, "verifyCert: false"],
    ["wss", { checkHostname: false }, "checkHostname: false"],
  ] as const
) {
  Deno.test(`connectStandardWebSocket() refuses ${refused} by ${scheme}`, async () => {
    const { message } = await assertRejects(
      () =>
        connectStandardWebSocket(
          new URL(`${scheme}://127.0.0.1:1`),
          options satisfies DialOptions,
        ),
      TypeError,
    );
    assertEquals(
      message,
      `Cannot connect by ${scheme}://: the WebSocket of this runtime takes no ` +
        refused,
    );
  });
}

Deno.test("connectStandardWebSocket() does not look at options of TLS without it", async () => {
  await using web = serve("mqtt");
  const options = { verifyCert: false, cafile: "ca.pem" };
  (await connectStandardWebSocket(web.url, options)).close();
});
