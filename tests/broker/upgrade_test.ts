import { assert, assertEquals, assertRejects } from "@std/assert";
import { Broker, type ClientInfo, type Limits } from "../../broker/mod.ts";
import { Mount } from "../../broker/_upgrade.ts";
import { connect, PacketReader, pingreq, within } from "../_raw_client.ts";
import { MemoryListener } from "../_memory_transport.ts";
import { plugin } from "./_parts.ts";

/** A server that has the broker at one of its paths. */
class Stage implements AsyncDisposable {
  readonly clients: ClientInfo[] = [];
  readonly broker: Broker;
  readonly server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    (request, { remoteAddr }) =>
      new URL(request.url).pathname === "/mqtt"
        ? this.broker.upgrade(request, { remoteAddr })
        : new Response("other"),
  );

  constructor(limits: Partial<Limits> = {}) {
    this.broker = new Broker({
      listeners: {},
      limits,
      plugins: [plugin({
        authenticate: (client) => {
          this.clients.push(client);
          return true;
        },
      })],
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.server.addr.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.broker[Symbol.asyncDispose]();
    await this.server.shutdown();
  }
}

/** A WebSocket, and what comes by it. */
class Client {
  readonly socket: WebSocket;
  readonly closed: Promise<number>;
  readonly #reader = new PacketReader(5);
  #wake = (): void => {};

  constructor(url: string, protocols: string[] = ["mqtt"]) {
    this.socket = new WebSocket(`${url.replace("http", "ws")}/mqtt`, protocols);
    this.socket.binaryType = "arraybuffer";
    this.socket.onmessage = ({ data }) => {
      this.#reader.push(new Uint8Array(data));
      this.#wake();
    };
    this.closed = new Promise((resolve) => {
      this.socket.onclose = ({ code }) => resolve(code);
    });
  }

  async open(): Promise<this> {
    const opened = new Promise((resolve) => this.socket.onopen = resolve);
    await within(opened, "the WebSocket");
    return this;
  }

  async next(): Promise<string> {
    for (;;) {
      const packet = this.#reader.next();
      if (packet !== undefined) return packet.type;
      const come = new Promise<void>((resolve) => this.#wake = resolve);
      await within(come, "a packet");
    }
  }
}

Deno.test("Broker.upgrade() speaks MQTT on a server of one's own", async () => {
  await using stage = new Stage();
  await stage.broker.start();
  for (const protocol of ["mqtt", "mqttv3.1"]) {
    const client = await new Client(stage.url, ["foo", protocol]).open();
    assertEquals(client.socket.protocol, protocol);
    client.socket.send(connect(5, { clientId: protocol }));
    assertEquals(await client.next(), "connack");
    client.socket.send(pingreq);
    assertEquals(await client.next(), "pingresp");
    client.socket.close();
    await within(client.closed, "the end");
  }
  assertEquals(
    stage.clients.map(({ listener, address }) => [listener, address?.hostname]),
    [["upgrade", "127.0.0.1"], ["upgrade", "127.0.0.1"]],
  );
  assertEquals(stage.broker.metrics.connectionsAccepted, 2);
  assertEquals(await (await fetch(stage.url)).text(), "other");
});

const opening = {
  upgrade: "websocket",
  connection: "Upgrade",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  "sec-websocket-protocol": "mqtt",
};

for (
  const [what, method, headers, status, reason] of [
    ["no request for a WebSocket", "GET", {}, 426, "connect by WebSocket"],
    [
      "without Connection: Upgrade",
      "GET",
      { ...opening, connection: "keep-alive" },
      426,
      "connect by WebSocket",
    ],
    [
      "of another version",
      "GET",
      { ...opening, "sec-websocket-version": "8" },
      426,
      "only version 13 of WebSocket is spoken",
    ],
    [
      "without a key",
      "GET",
      { ...opening, "sec-websocket-key": "" },
      400,
      "Sec-WebSocket-Key is not 16 bytes in base 64",
    ],
    ["a POST", "POST", opening, 405, "POST is not allowed"],
    [
      "without a subprotocol of MQTT [MQTT-6.0.0-3]",
      "GET",
      { ...opening, "sec-websocket-protocol": "stomp, MQTT" },
      400,
      "offer the subprotocol mqtt",
    ],
  ] as const
) {
  Deno.test(`Broker.upgrade() says ${status} when a request is ${what}`, async () => {
    await using broker = new Broker({ listeners: {} });
    await broker.start();
    const request = new Request("http://broker/mqtt", { method, headers });
    const response = broker.upgrade(request);
    assertEquals(response.status, status);
    const version = response.headers.get("sec-websocket-version");
    assertEquals(version, what === "of another version" ? "13" : null);
    const body = await response.text();
    assertEquals(body, `This is an MQTT broker: ${reason}\n`);
  });
}

Deno.test("Broker.upgrade() takes requests that offer other upgrades too", async () => {
  await using stage = new Stage();
  await stage.broker.start();
  const { port } = stage.server.addr;
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const headers = Object.entries({
    ...opening,
    host: "broker",
    upgrade: "h2c, WebSocket",
    connection: "keep-alive, upgrade",
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  const request = `GET /mqtt HTTP/1.1\r\n${headers.join("")}\r\n`;
  await connection.write(new TextEncoder().encode(request));
  const answer = new Uint8Array(1000);
  const count = await within(connection.read(answer), "the answer");
  const text = new TextDecoder().decode(answer.subarray(0, count!));
  assertEquals(text.split("\r\n")[0], "HTTP/1.1 101 Switching Protocols");
});

Deno.test("Broker.upgrade() says 503 when the broker is not started", async () => {
  const broker = new Broker({ listeners: {} });
  const response = broker.upgrade(new Request("http://broker/mqtt"));
  assertEquals(response.status, 503);
  assertEquals(await response.text(), "This is an MQTT broker: it is new\n");
});

Deno.test("Broker.upgrade() minds the limit on connections", async () => {
  await using stage = new Stage({ connections: 1 });
  await stage.broker.start();
  const first = await new Client(stage.url).open();
  const second = new Client(stage.url);
  await within(second.closed, "the end");
  assertEquals(stage.broker.metrics.connectionsRefused, 1);
  first.socket.close();
  await within(first.closed, "the end");
});

Deno.test("Broker.shutdown() tells the clients of upgrade() and ends them", async () => {
  await using stage = new Stage();
  await stage.broker.start();
  const client = await new Client(stage.url).open();
  client.socket.send(connect(5, { clientId: "client" }));
  await client.next();
  await stage.broker.shutdown();
  assertEquals(await client.next(), "disconnect");
  assertEquals(await within(client.closed, "the end") >= 1000, true);
  const response = await fetch(`${stage.url}/mqtt`);
  assertEquals(response.status, 503);
  await response.body?.cancel();
});

Deno.test("Mount gives its connections in order, and ends", async () => {
  const memory = new MemoryListener();
  const mount = new Mount();
  const transports = [];
  for (let i = 0; i < 3; i++) {
    memory.connect();
    transports.push(await memory.accept());
  }
  const first = mount.accept();
  for (const transport of transports) mount.push(transport);
  assert(await first === transports[0]);
  assert(await mount.accept() === transports[1]);
  assert(await mount.accept() === transports[2]);
  const last = mount.accept();
  mount.close();
  await assertRejects(() => last, Deno.errors.BadResource);
  for (const transport of transports) transport.close();
});
