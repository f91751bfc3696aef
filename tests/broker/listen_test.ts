import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import type { ResolvedListener } from "../../broker/listeners.ts";
import {
  Broker,
  BrokerError,
  type BrokerEvents,
  type ClientInfo,
  type Limits,
  type ListenerConfig,
} from "../../broker/mod.ts";
import { listen, type Listener } from "../../broker/listen.ts";
import {
  type Certificate,
  type Certificates,
  makeCertificates,
} from "../_certificates.ts";
import { connect, PacketReader, within } from "../_raw_client.ts";
import { framesOf, request } from "../_websocket_peer.ts";
import { plugin } from "./_parts.ts";

const warnings: string[] = [];

/** Listens as configured; what is not said has nothing to do with the test. */
function listenWith(listener: Partial<ResolvedListener>): Promise<Listener> {
  warnings.splice(0);
  return listen(
    {
      name: "some",
      type: "tcp",
      hostname: "127.0.0.1",
      port: 0,
      maxConnections: Infinity,
      ...listener,
    },
    { now: Date.now(), warn: (warning) => warnings.push(warning) },
  );
}

function listenOn(hostname: string, port: number): Promise<Listener> {
  return listenWith({ hostname, port });
}

/** Whether this machine has an address. */
function has(hostname: string): boolean {
  try {
    Deno.listen({ hostname, port: 0 }).close();
    return true;
  } catch {
    return false;
  }
}

for (const hostname of ["127.0.0.1", "0.0.0.0", "::1", "::"]) {
  Deno.test({
    name: `listen() accepts connections on ${hostname}`,
    ignore: !has(hostname),
    fn: async () => {
      const listener = await listenOn(hostname, 0);
      assertEquals(listener.addr?.hostname, hostname);
      const port = listener.addr!.port!;
      assert(port > 0);
      const to = { "0.0.0.0": "127.0.0.1", "::": "::1" }[hostname] ?? hostname;
      using client = await Deno.connect({ hostname: to, port });
      const transport = await listener.accept();
      const { port: from } = client.localAddr;
      assertEquals(transport.remoteAddr?.port, from);
      assertEquals(await transport.write(Uint8Array.of(7)), 1);
      const buffer = new Uint8Array(1);
      await client.read(buffer);
      assertEquals(buffer[0], 7);
      transport.close();
      listener.close();
      await assertRejects(() => listener.accept(), Deno.errors.BadResource);
    },
  });
}

Deno.test("listen() lets the port go when it is closed", async () => {
  const listener = await listenOn("127.0.0.1", 0);
  const port = listener.addr!.port!;
  listener.close();
  (await listenOn("127.0.0.1", port)).close();
});

/** Addresses that cannot be used, and why. */
const unusable: readonly [
  what: string,
  hostname: string,
  where: string,
  reason: RegExp,
][] = [
  [
    "is not this machine's",
    "203.0.113.1", // for documentation: nobody has it
    "203.0.113.1",
    /^this machine does not have the address$/,
  ],
  [
    "is an IPv6 address that is not this machine's",
    "2001:db8::1",
    "[2001:db8::1]",
    /./, // or it has no IPv6
  ],
];

for (const [what, hostname, where, reason] of unusable) {
  Deno.test(`listen() says why when the address ${what}`, async () => {
    const error = await assertRejects(
      () => listenOn(hostname, 1884),
      BrokerError,
    );
    const start = `Cannot listen on ${where}:1884 (listener some): `;
    assertEquals(error.message.slice(0, start.length), start);
    assertMatch(error.message.slice(start.length), reason);
    assertInstanceOf(error.cause, Error);
  });
}

Deno.test("listen() says why when the port is in use", async () => {
  const occupant = await listenOn("127.0.0.1", 0);
  const port = occupant.addr!.port!;
  const error = await assertRejects(
    () => listenOn("127.0.0.1", port),
    BrokerError,
  );
  assertEquals(
    error.message,
    `Cannot listen on 127.0.0.1:${port} (listener some): ` +
      "the port is in use; is another broker running?",
  );
  assertInstanceOf(error.cause, Deno.errors.AddrInUse);
  occupant.close();
});

/** What the system may say, and how it is passed on. */
const refusals: readonly [error: unknown, reason: string][] = [
  [
    new Deno.errors.PermissionDenied("Permission denied (os error 13)"),
    "permission denied; ports below 1024 need a privileged user",
  ],
  [new Error("Out of luck"), "Out of luck"],
  ["odd", "odd"],
];

for (const [cause, reason] of refusals) {
  Deno.test(`listen() says ${reason}`, async () => {
    const real = Deno.listen;
    Object.assign(Deno, {
      listen: () => {
        throw cause;
      },
    });
    try {
      const error = await assertRejects(
        () => listenOn("127.0.0.1", 80),
        BrokerError,
      );
      assertEquals(
        error.message,
        `Cannot listen on 127.0.0.1:80 (listener some): ${reason}`,
      );
      assertEquals(error.cause, cause);
    } finally {
      Object.assign(Deno, { listen: real });
    }
  });
}

// Unix sockets.

/** Runs with the path of a socket that is not there. */
async function withPath(run: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "ambermq_" });
  try {
    await run(`${folder}/mqtt.sock`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const unix = { ignore: Deno.build.os === "windows" };

Deno.test(
  "listen() accepts connections on a Unix socket, whose file goes when it is closed",
  unix,
  async () => {
    await withPath(async (unixPath) => {
      const listener = await listenWith({ unixPath });
      assertEquals(listener.addr?.path, unixPath);
      using client = await Deno.connect({ transport: "unix", path: unixPath });
      const transport = await listener.accept();
      await transport.write(Uint8Array.of(7));
      assertEquals(await client.read(new Uint8Array(9)), 1);
      transport.close();
      listener.close();
      await assertRejects(() => Deno.lstat(unixPath), Deno.errors.NotFound);
    });
  },
);

Deno.test(
  "listen() takes the place of a Unix socket that nobody listens on",
  unix,
  async () => {
    await withPath(async (unixPath) => {
      // Its file stays, as after a crash.
      const path = `${unixPath}.before`;
      const crashed = Deno.listen({ transport: "unix", path });
      await Deno.rename(path, unixPath);
      crashed.close();
      assert((await Deno.lstat(unixPath)).isSocket);
      const listener = await listenWith({ unixPath });
      using _client = await Deno.connect({ transport: "unix", path: unixPath });
      (await listener.accept()).close();
      listener.close();
    });
  },
);

Deno.test(
  "listen() leaves a Unix socket in use alone, and a file that is none",
  unix,
  async () => {
    await withPath(async (unixPath) => {
      const refuse = async (reason: string): Promise<void> => {
        const error = await assertRejects(
          () => listenWith({ unixPath }),
          BrokerError,
        );
        assertEquals(
          error.message,
          `Cannot listen on ${unixPath} (listener some): ${reason}`,
        );
      };
      const occupant = await listenWith({ unixPath });
      await refuse("the socket is in use; is another broker running?");
      occupant.close();
      await Deno.writeTextFile(unixPath, "precious");
      await refuse("there is a file of this name, not a socket");
      assertEquals(await Deno.readTextFile(unixPath), "precious");
    });
  },
);

Deno.test(
  "listen() says why when a Unix socket cannot be made",
  unix,
  async () => {
    await withPath(async (path) => {
      const unixPath = `${path}/none/mqtt.sock`;
      const error = await assertRejects(
        () => listenWith({ unixPath }),
        BrokerError,
      );
      assertStringIncludes(error.message, `Cannot listen on ${unixPath} `);
    });
  },
);

// TLS.

Deno.test("listen() warns of an expired certificate and goes on", async () => {
  await using certificates = await makeCertificates();
  const { certfile, keyfile } = certificates.expired;
  const tls = { certfile, keyfile, clientCert: "none" } as const;
  (await listenWith({ tls })).close();
  assertEquals(warnings.length, 1);
  assertStringIncludes(warnings[0]!, certfile);
});

Deno.test("listen() says which file of TLS cannot be used", async () => {
  const certfile = "/nowhere/broker.pem";
  const tls = { certfile, keyfile: certfile, clientCert: "none" } as const;
  const error = await assertRejects(() => listenWith({ tls }), BrokerError);
  assertEquals(
    error.message,
    `Cannot use certfile ${certfile} (listener some): it does not exist`,
  );
});

for (const clientCert of ["none", "required"] as const) {
  Deno.test(`listen() waits for no handshake when certificates of clients are ${clientCert}`, async () => {
    await using certificates = await makeCertificates();
    const { server: { certfile, keyfile }, ca } = certificates;
    const tls = { certfile, keyfile, cafile: ca.file, clientCert };
    const listener = await listenWith({ tls });
    const port = listener.addr!.port!;
    for (let i = 0; i < 3; i++) {
      // It says nothing.
      using _client = await Deno.connect({ hostname: "127.0.0.1", port });
      (await within(listener.accept(), "a connection")).close();
    }
    listener.close();
  });
}

// A broker with one listener of each kind.

/** What a broker has told. */
class Stage implements AsyncDisposable {
  readonly broker: Broker;
  readonly clients: ClientInfo[] = [];
  readonly refused: BrokerEvents["broker_connection_refused"][] = [];
  /** What the clock says, in milliseconds. */
  time = 1_700_000_000_000;
  #wake = (): void => {};

  private constructor(config: ListenerConfig, limits: Partial<Limits>) {
    this.broker = new Broker({
      listeners: { some: { bind: "127.0.0.1:0", ...config } },
      limits,
      now: () => this.time,
      plugins: [plugin({
        authenticate: (client) => {
          this.clients.push(client);
          return true;
        },
        on: {
          broker_connection_refused: (event) => {
            this.refused.push(event);
            this.#wake();
          },
        },
      })],
    });
  }

  static async start(
    config: ListenerConfig,
    limits: Partial<Limits> = {},
  ): Promise<Stage> {
    const stage = new Stage(config, limits);
    await stage.broker.start();
    return stage;
  }

  get port(): number {
    return this.broker.addresses[0]!.port;
  }

  /** Why so many connections were refused. */
  async reasons(count: number): Promise<string[]> {
    const waiting = async (): Promise<void> => {
      while (this.refused.length < count) {
        await new Promise<void>((resolve) => this.#wake = resolve);
      }
    };
    await within(waiting(), "a refusal");
    return this.refused.map(({ reason }) => reason);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.broker[Symbol.asyncDispose]();
  }
}

/** What is used of a `Deno.Conn` here. */
type Conn = Pick<Deno.Conn, "read" | "write" | "close">;

/** Connects a client of MQTT and leaves; returns the type of the answer. */
async function greet(connection: Conn): Promise<string | undefined> {
  const reader = new PacketReader(5);
  try {
    await connection.write(connect(5, { clientId: "client" }));
    const buffer = new Uint8Array(1000);
    for (;;) {
      const packet = reader.next();
      if (packet !== undefined) return packet.type;
      const count = await within(connection.read(buffer), "CONNACK");
      if (count === null) return undefined;
      reader.push(buffer.slice(0, count));
    }
  } finally {
    connection.close();
  }
}

/** As `greet`, over WebSocket; 101 if there is one, or why there is none. */
async function greetByWebSocket(
  url: string,
  options: { client?: Deno.HttpClient; protocols?: string[] } = {},
): Promise<[type: string | undefined, protocol: string]> {
  const socket = new WebSocket(url, { protocols: ["mqtt"], ...options });
  socket.binaryType = "arraybuffer";
  const reader = new PacketReader(5);
  const done = Promise.withResolvers<string | undefined>();
  socket.onopen = () => socket.send(connect(5, { clientId: "client" }));
  socket.onmessage = ({ data }) => {
    reader.push(new Uint8Array(data));
    done.resolve(reader.next()?.type);
  };
  const closed = new Promise<void>((resolve) => {
    socket.onclose = () => {
      done.resolve(undefined);
      resolve();
    };
  });
  const type = await within(done.promise, "CONNACK");
  const { protocol } = socket;
  socket.close();
  await within(closed, "the end");
  return [type, protocol];
}

function over(
  { server, ca }: Certificates,
  config: ListenerConfig = {},
): ListenerConfig {
  const { certfile, keyfile } = server;
  const asks = config.clientCert === undefined ? {} : { cafile: ca.file };
  return { ssl: true, certfile, keyfile, ...asks, ...config };
}

function byTls(
  port: number,
  { ca }: Certificates,
  identity?: Certificate,
): Promise<Deno.TlsConn> {
  return Deno.connectTls({
    hostname: "127.0.0.1",
    port,
    caCerts: [ca.pem],
    ...(identity === undefined ? {} : {
      cert: identity.cert,
      key: identity.key,
    }),
  });
}

Deno.test("a broker speaks MQTT over TLS", async () => {
  await using certificates = await makeCertificates();
  await using stage = await Stage.start(over(certificates));
  const client = await byTls(stage.port, certificates);
  assertEquals(await greet(client), "connack");
  assertEquals(stage.clients[0]?.certificate, undefined);
  const offering = await Deno.connectTls({
    hostname: "127.0.0.1",
    port: stage.port,
    caCerts: [certificates.ca.pem],
    alpnProtocols: ["mqtt"],
  });
  assertEquals((await offering.handshake()).alpnProtocol, "mqtt");
  assertEquals(await greet(offering), "connack");
});

Deno.test("a broker speaks MQTT over TLS on IPv6", {
  ignore: !has("::1"),
}, async () => {
  await using certificates = await makeCertificates();
  await using stage = await Stage.start(
    over(certificates, { bind: "[::1]:0" }),
  );
  const client = await Deno.connectTls({
    hostname: "::1",
    port: stage.port,
    caCerts: [certificates.ca.pem],
  });
  assertEquals(await greet(client), "connack");
});

Deno.test("a broker over TLS says why connections are refused, and serves the next", async () => {
  await using certificates = await makeCertificates();
  await using stage = await Stage.start(over(certificates));
  const { port } = stage;
  const plain = await Deno.connect({ hostname: "127.0.0.1", port });
  await plain.write(connect(5, { clientId: "client" }));
  await stage.reasons(1);
  plain.close();
  const wary = await Deno.connectTls({
    hostname: "127.0.0.1",
    port,
    caCerts: [certificates.otherCa.pem],
  });
  await assertRejects(() => wary.handshake());
  wary.close();
  const reasons = await stage.reasons(2);
  assertMatch(reasons[0]!, /^TLS: the client does not speak TLS/);
  assertMatch(reasons[1]!, /^TLS: the client does not trust the broker/);
  const client = await byTls(port, certificates);
  assertEquals(await greet(client), "connack");
  const { handshakesFailed, connectionsRefused } = stage.broker.metrics;
  assertEquals([handshakesFailed, connectionsRefused], [2, 2]);
});

for (const clientCert of ["optional", "required"] as const) {
  Deno.test(`a broker over TLS knows clients by their certificates when they are ${clientCert}`, async () => {
    await using certificates = await makeCertificates();
    await using stage = await Stage.start(over(certificates, { clientCert }));
    const { client, stranger, expiredClient } = certificates;
    const connection = await byTls(stage.port, certificates, client);
    assertEquals(await greet(connection), "connack");
    assertEquals(stage.clients[0]?.certificate?.commonName, "sensor-7");
    for (const identity of [stranger, expiredClient, undefined]) {
      const other = await byTls(stage.port, certificates, identity);
      const answer = greet(other).catch(() => undefined);
      const accepted = clientCert === "optional" && identity === undefined;
      assertEquals(await answer, accepted ? "connack" : undefined);
    }
    assertEquals(stage.clients[1]?.certificate, undefined);
    assertEquals(stage.clients.length, clientCert === "optional" ? 2 : 1);
    const reasons = (await stage.reasons(clientCert === "optional" ? 2 : 3))
      .map((reason) => reason.replace(/ (on|\().*/, ""));
    assertEquals(reasons.slice(0, 2), [
      "TLS: the certificate of CN=sensor-7 is of no authority that is " +
      "trusted, or not for this use",
      "TLS: the certificate of CN=sensor-7 has expired",
    ]);
    assertEquals(
      reasons[2],
      clientCert === "required"
        ? "TLS: the client has no certificate"
        : undefined,
    );
  });
}

Deno.test("a broker speaks MQTT over WebSocket, by the subprotocol that is offered [MQTT-6.0.0-4]", async () => {
  await using stage = await Stage.start({ type: "ws" });
  const url = `ws://127.0.0.1:${stage.port}/any/path`;
  assertEquals(await greetByWebSocket(url), ["connack", "mqtt"]);
  const old = { protocols: ["mqttv3.1"] };
  assertEquals(await greetByWebSocket(url, old), ["connack", "mqttv3.1"]);
  const strange = { protocols: ["stomp"] };
  assertEquals(await greetByWebSocket(url, strange), [undefined, ""]);
  assertEquals(await stage.reasons(1), [
    "WebSocket: offer the subprotocol mqtt (HTTP 400)",
  ]);
});

Deno.test("a broker serves the path and the origins that it was told only", async () => {
  const origins = ["https://app.example"];
  await using stage = await Stage.start({ type: "ws", path: "/mqtt", origins });
  const url = `http://127.0.0.1:${stage.port}`;
  const plain = await fetch(`${url}/mqtt`);
  assertEquals(plain.status, 426);
  assertStringIncludes(await plain.text(), "connect by WebSocket");
  const elsewhere = await fetch(url, { method: "POST", body: "x" });
  assertEquals(elsewhere.status, 405);
  await elsewhere.body?.cancel();
  const statuses: string[] = [];
  for (
    const [start, origin] of [
      ["GET / HTTP/1.1", undefined],
      ["GET /mqtt HTTP/1.1", "https://evil.example"],
      ["GET /mqtt HTTP/1.1", "https://app.example"],
    ] as const
  ) {
    using client = await Deno.connect({
      hostname: "127.0.0.1",
      port: stage.port,
    });
    await client.write(request({ Origin: origin }, start));
    const buffer = new Uint8Array(1000);
    const count = await within(client.read(buffer), "the answer");
    statuses.push(
      new TextDecoder().decode(buffer.subarray(9, Math.min(count!, 12))),
    );
  }
  assertEquals(statuses, ["404", "403", "101"]);
  assertEquals((await stage.reasons(4)).slice(2), [
    "WebSocket: there is nothing at / (HTTP 404)",
    "WebSocket: the origin https://evil.example is not allowed (HTTP 403)",
  ]);
});

Deno.test("a broker speaks MQTT over secure WebSocket, with and without certificates of clients", async () => {
  await using certificates = await makeCertificates();
  const { ca, client: identity } = certificates;
  for (const clientCert of ["none", "required"] as const) {
    await using stage = await Stage.start(
      over(certificates, { type: "ws", clientCert }),
    );
    const url = `wss://127.0.0.1:${stage.port}/mqtt`;
    const { cert, key } = identity;
    using client = Deno.createHttpClient({ caCerts: [ca.pem], cert, key });
    assertEquals(await greetByWebSocket(url, { client }), ["connack", "mqtt"]);
    const expected = clientCert === "none" ? undefined : "sensor-7";
    assertEquals(stage.clients[0]?.certificate?.commonName, expected);
    using nobody = Deno.createHttpClient({ caCerts: [ca.pem] });
    const [type] = await greetByWebSocket(url, { client: nobody });
    assertEquals(type, clientCert === "none" ? "connack" : undefined);
  }
});

Deno.test(
  "a broker speaks MQTT over a Unix socket, with and without WebSocket",
  unix,
  async () => {
    await withPath(async (path) => {
      const connectUnix = () => Deno.connect({ transport: "unix", path });
      {
        await using stage = await Stage.start({ bind: `unix:${path}` });
        assertEquals(stage.broker.addresses, [
          { name: "some", hostname: "", port: 0, path },
        ]);
        assertEquals(await greet(await connectUnix()), "connack");
      }
      await using _stage = await Stage.start({
        type: "ws",
        bind: `unix:${path}`,
      });
      using client = await connectUnix();
      await client.write(request());
      const buffer = new Uint8Array(1000);
      await within(client.read(buffer), "the answer");
      assertStringIncludes(new TextDecoder().decode(buffer), " 101 ");
    });
  },
);

Deno.test("a broker answers 503 to WebSockets that it has no room for", async () => {
  await using stage = await Stage.start({ type: "ws", maxConnections: 1 });
  const { port } = stage;
  using client = await Deno.connect({ hostname: "127.0.0.1", port });
  await client.write(request());
  await within(client.read(new Uint8Array(1000)), "the answer");
  const response = await fetch(`http://127.0.0.1:${port}/`);
  assertEquals(response.status, 503);
  assertEquals(
    await response.text(),
    "This is an MQTT broker: too many connections: the listener has 1\n",
  );
  assertEquals(stage.broker.metrics.connectionsRefused, 1);
});

Deno.test("a broker closes a WebSocket as WebSockets are closed", async () => {
  await using stage = await Stage.start({ type: "ws" });
  const { port } = stage;
  using client = await Deno.connect({ hostname: "127.0.0.1", port });
  await client.write(request());
  const buffer = new Uint8Array(1000);
  await within(client.read(buffer), "the answer");
  // It is told in a frame, and the end follows.
  await client.write(Uint8Array.of(0x81, 0x80, 0, 0, 0, 0));
  const count = await within(client.read(buffer), "the close frame");
  const [frames] = framesOf(buffer.subarray(0, count!));
  assertEquals(frames, [{ opcode: 8, payload: Uint8Array.of(3, 235) }]);
  assertEquals(await within(client.read(buffer), "the end"), null);
  assertEquals(await stage.reasons(1), [
    "WebSocket: a text frame came, not a binary",
  ]);
});

for (
  const [what, make] of [
    ["TLS", (certificates: Certificates) => over(certificates)],
    [
      "TLS that requires certificates",
      (certificates: Certificates) =>
        over(certificates, { clientCert: "required" }),
    ],
    ["WebSocket", () => ({ type: "ws" as const })],
    ["secure WebSocket that requires certificates", (
      certificates: Certificates,
    ) => over(certificates, { type: "ws", clientCert: "required" })],
  ] as const
) {
  Deno.test(`a broker over ${what} ends clients that do not shake hands, who delay nobody`, async () => {
    await using certificates = await makeCertificates();
    await using stage = await Stage.start(make(certificates));
    const { port, broker } = stage;
    const silent: Deno.TcpConn[] = [];
    for (let i = 0; i < 3; i++) {
      silent.push(await Deno.connect({ hostname: "127.0.0.1", port }));
    }
    await silent[0]!.write(Uint8Array.of(what === "WebSocket" ? 0x47 : 0x16));
    const { client } = certificates;
    if (what.includes("ebSocket")) {
      const secure = what !== "WebSocket";
      const url = `${secure ? "wss" : "ws"}://127.0.0.1:${port}/`;
      const { cert, key } = client;
      using http = Deno.createHttpClient({
        caCerts: [certificates.ca.pem],
        cert,
        key,
      });
      const [type] = await greetByWebSocket(url, { client: http });
      assertEquals(type, "connack");
    } else {
      const connection = await byTls(port, certificates, client);
      assertEquals(await greet(connection), "connack");
    }
    stage.time += 10_001;
    broker.sweep();
    assertEquals(
      await stage.reasons(3),
      new Array(3).fill("the handshake was not complete within 10 s"),
    );
    for (const one of silent) {
      const read = one.read(new Uint8Array(100)).catch(() => null);
      assertEquals(await within(read, "the end"), null);
      one.close();
    }
    assertEquals(broker.metrics.handshakesFailed, 3);
  });
}
