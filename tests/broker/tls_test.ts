import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { TlsTransport } from "../../broker/_tls.ts";
import { tlsOptions } from "../../broker/_tls_handshake.ts";
import type { ClientCert } from "../../broker/mod.ts";
import type { Transport } from "../../codec/mod.ts";
import { type Certificates, makeCertificates } from "../_certificates.ts";
import { within } from "../_raw_client.ts";

/** A client that is connected to a `TlsTransport`. */
class Stage implements AsyncDisposable {
  readonly transport: TlsTransport;
  readonly client: Deno.TlsConn;
  readonly #listener: Deno.Listener;

  private constructor(
    transport: TlsTransport,
    client: Deno.TlsConn,
    listener: Deno.Listener,
  ) {
    this.transport = transport;
    this.client = client;
    this.#listener = listener;
  }

  static async make(
    certificates: Certificates,
    clientCert: ClientCert,
    identity?: { cert: string; key: string },
    lower: (connection: Deno.TcpConn) => Transport = (one) => one,
  ): Promise<Stage> {
    const { server, ca } = certificates;
    const material = { cert: server.cert, key: server.key, ca: [ca.pem] };
    const options = tlsOptions(material, clientCert, "mqtt");
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const [client, accepted] = await Promise.all([
      Deno.connectTls({
        hostname: "127.0.0.1",
        port: listener.addr.port,
        caCerts: [ca.pem],
        alpnProtocols: ["mqtt"],
        ...identity,
      }),
      listener.accept(),
    ]);
    const transport = new TlsTransport(lower(accepted), options);
    return new Stage(transport, client, listener);
  }

  /** As `make`, with the handshake done. */
  static async open(
    ...parameters: Parameters<typeof Stage.make>
  ): Promise<Stage> {
    const stage = await Stage.make(...parameters);
    await within(
      Promise.all([stage.transport.handshake(), stage.client.handshake()]),
      "the handshake",
    );
    return stage;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const one of [this.client, this.transport, this.#listener]) {
      try {
        one.close();
      } catch {
        // It is closed already.
      }
    }
    await turn();
  }
}

/** The next round of the event loop: streams of Node's end in one. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

function test(
  name: string,
  run: (certificates: Certificates) => Promise<void>,
): void {
  Deno.test(name, async () => {
    await using certificates = await makeCertificates();
    await run(certificates);
  });
}

test("TlsTransport carries bytes both ways, and the ends of both", async (certificates) => {
  await using stage = await Stage.open(certificates, "optional");
  const { transport, client } = stage;
  const { alpnProtocol } = await client.handshake();
  assertEquals(alpnProtocol, "mqtt");
  assertEquals(await transport.write(Uint8Array.of(1, 2, 3)), 3);
  const buffer = new Uint8Array(10);
  assertEquals(await client.read(buffer), 3);
  await client.write(Uint8Array.of(4, 5, 6, 7, 8));
  const small = new Uint8Array(2);
  const got: number[] = [];
  while (got.length < 5) {
    const count = await within(transport.read(small), "bytes");
    got.push(...small.subarray(0, count!));
  }
  assertEquals(got, [4, 5, 6, 7, 8]);
  await transport.closeWrite();
  assertEquals(await within(client.read(buffer), "the end"), null);
  await client.write(Uint8Array.of(9));
  assertEquals(await within(transport.read(buffer), "more"), 1);
  await client.closeWrite();
  assertEquals(await within(transport.read(buffer), "the end"), null);
});

test("TlsTransport knows who shows a valid certificate", async (certificates) => {
  for (const clientCert of ["optional", "required"] as const) {
    const { client } = certificates;
    await using stage = await Stage.open(certificates, clientCert, client);
    const { certificate } = stage.transport;
    assertEquals(certificate?.commonName, "sensor-7");
    assertEquals(certificate?.subjectAltNames, ["URI:urn:ambermq:sensor-7"]);
    assertEquals(certificate?.issuer, "CN=AmberMQ test CA");
    assertEquals(certificate?.authorized, true);
  }
});

test("TlsTransport lets in who shows no certificate if that is optional, and calls it nobody", async (certificates) => {
  await using stage = await Stage.open(certificates, "optional");
  assertEquals(stage.transport.certificate, undefined);
});

test("TlsTransport refuses who shows no certificate if one is required", async (certificates) => {
  await using stage = await Stage.make(certificates, "required");
  await assertRejects(
    () => within(stage.transport.handshake(), "the refusal"),
    Error,
    "TLS: the client has no certificate",
  );
  const reading = stage.client.read(new Uint8Array(1));
  await assertRejects(() => within(reading, "the end"), Error);
});

test("TlsTransport refuses certificates that are not valid, required or not", async (certificates) => {
  const { stranger, expiredClient } = certificates;
  for (const clientCert of ["optional", "required"] as const) {
    for (
      const [identity, reason] of [
        [stranger, "is of no authority that is trusted"],
        [expiredClient, "has expired"],
      ] as const
    ) {
      await using stage = await Stage.make(certificates, clientCert, identity);
      await assertRejects(
        () => within(stage.transport.handshake(), "the refusal"),
        Error,
        `TLS: the certificate of CN=sensor-7 ${reason}`,
      );
      assertEquals(stage.transport.certificate, undefined);
    }
  }
});

test("TlsTransport says what is wrong when the client speaks no TLS, or leaves", async (certificates) => {
  const { server, ca } = certificates;
  const material = { cert: server.cert, key: server.key, ca: [ca.pem] };
  const options = tlsOptions(material, "none", "mqtt");
  for (
    const [bytes, reason] of [
      [[0x10, 12, 0, 4], "TLS: the client does not speak TLS"],
      [[0x16, 3, 1], "TLS: the client left during the handshake"],
    ] as const
  ) {
    let sent = false;
    const transport = new TlsTransport({
      read: (buffer) => {
        if (sent) return Promise.resolve(null);
        sent = true;
        buffer.set(bytes);
        return Promise.resolve(bytes.length);
      },
      write: (bytes) => Promise.resolve(bytes.length),
      close: () => {},
    }, options);
    await assertRejects(
      () => within(transport.handshake(), "the refusal"),
      Error,
      reason,
    );
    await assertRejects(() => transport.read(new Uint8Array(1)), Error);
    await transport.closeWrite();
    await turn();
  }
});

test("TlsTransport ends its handshake when it is closed", async (certificates) => {
  await using stage = await Stage.make(certificates, "required");
  // The client does not begin: Deno shakes hands when it reads or writes.
  const handshake = stage.transport.handshake();
  const refused = assertRejects(() => handshake, Error, "TLS: ");
  await turn();
  stage.transport.close();
  await within(refused, "the end");
});

test("TlsTransport holds a peer back that is not read, and keeps little of what it sent", async (certificates) => {
  let received = 0;
  await using stage = await Stage.open(
    certificates,
    "optional",
    undefined,
    (connection) => ({
      read: async (buffer) => {
        const count = await connection.read(buffer);
        received += count ?? 0;
        return count;
      },
      write: (bytes) => connection.write(bytes),
      close: () => connection.close(),
    }),
  );
  const { transport, client } = stage;
  const total = 20_000_000;
  const bytes = new Uint8Array(100_000);
  let sent = 0;
  const sending = (async () => {
    while (sent < total) sent += await client.write(bytes);
  })();
  // Until nothing comes any more: the buffers on the way are full.
  for (let before = -1; before < received || received < 65_536;) {
    before = received;
    for (let i = 0; i < 20; i++) await turn();
  }
  assert(received < 1_000_000, `${received} bytes received`);
  assert(sent < total, `${sent} bytes sent`);
  const buffer = new Uint8Array(65_536);
  for (let got = 0; got < total;) {
    got += (await within(transport.read(buffer), "bytes"))!;
  }
  await sending;
});

test("TlsTransport waits for a peer that does not read", async (certificates) => {
  await using stage = await Stage.open(certificates, "optional");
  const { transport, client } = stage;
  const bytes = new Uint8Array(1_000_000);
  let written = 0;
  let waiting = 0;
  const total = 20_000_000;
  const writing = (async () => {
    while (written < total) {
      waiting++;
      const count = await transport.write(bytes);
      waiting--;
      assert(count <= 65_536, `${count} bytes at a time`);
      written += count;
    }
  })();
  for (let before = -1; before < written || written === 0;) {
    before = written;
    for (let i = 0; i < 20; i++) await turn();
  }
  assertEquals(waiting, 1);
  assert(written < total, `${written} bytes written`);
  const buffer = new Uint8Array(65_536);
  for (let got = 0; got < total;) got += (await client.read(buffer))!;
  await writing;
});

test("TlsTransport settles reads and writes when it is closed or the network fails", async (certificates) => {
  const network = Promise.withResolvers<never>();
  const failing = (connection: Deno.TcpConn): Transport => ({
    read: (buffer) => Promise.race([connection.read(buffer), network.promise]),
    write: (bytes) => connection.write(bytes),
    close: () => connection.close(),
  });
  {
    await using stage = await Stage.open(
      certificates,
      "optional",
      undefined,
      failing,
    );
    const reading = stage.transport.read(new Uint8Array(1));
    network.reject(new Error("The network is down"));
    await assertRejects(
      () => within(reading, "the failure"),
      Error,
      "The network is down",
    );
    await assertRejects(() => stage.transport.write(Uint8Array.of(1)), Error);
  }
  {
    await using stage = await Stage.open(certificates, "optional");
    const { transport } = stage;
    const reading = transport.read(new Uint8Array(1));
    const writing = (async () => {
      for (;;) await transport.write(new Uint8Array(65_536));
    })();
    const failed = assertRejects(() => writing, Error);
    for (let i = 0; i < 100; i++) await turn(); // until it waits
    transport.close();
    assertEquals(await within(reading, "the end"), null);
    await within(failed, "the failure");
    // Though the peer has not read, the connection is gone.
    const rest = (async () => {
      while (await stage.client.read(new Uint8Array(65_536)) !== null);
    })();
    await within(rest.catch(() => {}), "the end");
    await assertRejects(() => transport.write(Uint8Array.of(1)), Error, "lost");
  }
});

test("TlsTransport says when the client does not trust the broker", async (certificates) => {
  const { server, ca, otherCa } = certificates;
  const material = { cert: server.cert, key: server.key, ca: [ca.pem] };
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const [client, accepted] = await Promise.all([
    Deno.connectTls({
      hostname: "127.0.0.1",
      port: listener.addr.port,
      caCerts: [otherCa.pem],
    }),
    listener.accept(),
  ]);
  const options = tlsOptions(material, "none", "mqtt");
  const transport = new TlsTransport(accepted, options);
  const refused = assertRejects(() => client.handshake());
  await assertRejects(
    () => within(transport.handshake(), "the refusal"),
    Error,
    "TLS: the client does not trust the broker's certificate (",
  );
  await refused;
  client.close();
  listener.close();
  await turn();
});

test("TlsTransport asks for no certificate if there is to be none", async (certificates) => {
  const { client } = certificates;
  await using stage = await Stage.open(certificates, "none", client);
  assertEquals(stage.transport.certificate, undefined);
});

const DAY = 86_400_000;

test("TlsTransport refuses certificates at times that they are not for, whatever the runtime says", async (certificates) => {
  const { server, ca, client } = certificates;
  const material = { cert: server.cert, key: server.key, ca: [ca.pem] };
  for (
    const [days, reason] of [[3, "has expired on"], [
      -3,
      "is not valid before",
    ]] as const
  ) {
    const options = {
      ...tlsOptions(material, "required", "mqtt"),
      now: () => Date.now() + days * DAY,
    };
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const [connection, accepted] = await Promise.all([
      Deno.connectTls({
        hostname: "127.0.0.1",
        port: listener.addr.port,
        caCerts: [ca.pem],
        alpnProtocols: ["mqtt"],
        ...client,
      }),
      listener.accept(),
    ]);
    const transport = new TlsTransport(accepted, options);
    await assertRejects(
      () => within(transport.handshake(), "the refusal"),
      Error,
      `TLS: the certificate of CN=sensor-7 ${reason}`,
    );
    for (const one of [connection, transport, listener]) one.close();
    await turn();
  }
});

const openssl = await new Deno.Command("openssl", {
  args: ["version"],
  stdout: "null",
}).output().then(({ success }) => success, () => false);

Deno.test({
  name:
    "TlsTransport looks at the certificate of a session that is resumed: its time, and whose it is",
  ignore: !openssl, // it keeps sessions; the runtime's client does not
  fn: async () => {
    await using certificates = await makeCertificates();
    const { dir, server, ca, otherCa, client } = certificates;
    const trusting = (pem: string, days = 0) => ({
      ...tlsOptions(
        { cert: server.cert, key: server.key, ca: [pem] },
        "required",
        "mqtt",
      ),
      now: () => Date.now() + days * DAY,
    });
    /** Who comes, and whether the session is one from before. */
    const connect = async (
      options: ReturnType<typeof trusting>,
      ...args: string[]
    ): Promise<[outcome: string, reused: boolean]> => {
      using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const output = new Deno.Command("openssl", {
        args: [
          ...["s_client", "-connect", `127.0.0.1:${listener.addr.port}`],
          ...["-ign_eof", "-CAfile", ca.file, "-cert", client.certfile],
          ...["-key", client.keyfile, ...args],
        ],
        stdin: "null",
        stdout: "piped",
        stderr: "null",
      }).output();
      const transport = new TlsTransport(await listener.accept(), options);
      const outcome = await within(transport.handshake(), "the handshake")
        .then(() => transport.certificate!.commonName, String);
      if (outcome === "sensor-7") {
        await transport.write(Uint8Array.of(1));
        await transport.closeWrite();
        await transport.read(new Uint8Array(1)).catch(() => null);
      }
      transport.close();
      const { stdout } = await within(output, "the end of openssl");
      return [outcome, /^Reused/m.test(new TextDecoder().decode(stdout))];
    };
    for (const version of ["-tls1_2", "-tls1_3"]) {
      const session = `${dir}/session${version}`;
      const begin = [version, "-sess_out", session];
      const resume = [version, "-sess_in", session];
      const begun = await connect(trusting(ca.pem), ...begin);
      assertEquals(begun, ["sensor-7", false]);
      const [elsewhere] = await connect(trusting(otherCa.pem), ...resume);
      assertMatch(elsewhere, /CN=sensor-7 is of no authority that is trusted/);
      const [late] = await connect(trusting(ca.pem, 3), ...resume);
      assertMatch(late, /CN=sensor-7 has expired/);
      const resumed = await connect(trusting(ca.pem), ...resume);
      assertEquals(resumed, ["sensor-7", true]);
    }
  },
});
