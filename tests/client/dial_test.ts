import { assert, assertEquals, assertRejects } from "@std/assert";
import type { IncomingMessage } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { createServer, type TLSSocket } from "node:tls";
import {
  ConnectError,
  dial,
  type DialOptions,
  type Transport,
} from "../../client/mod.ts";
import {
  type Certificate,
  type Certificates,
  makeCertificates,
} from "../_certificates.ts";

/** Sends back what it gets, to as many as come. */
async function echo(listener: Deno.Listener): Promise<void> {
  for (;;) {
    let connection: Deno.Conn;
    try {
      connection = await listener.accept();
    } catch (error) {
      if (error instanceof Deno.errors.BadResource) return;
      continue; // a handshake that failed
    }
    connection.readable.pipeTo(connection.writable).catch(() => {});
  }
}

/** A server of TLS that sends back what it gets. */
function serveTls(
  { cert, key }: Certificate,
  hostname = "127.0.0.1",
): { port: number } & Disposable {
  const listener = Deno.listenTls({
    hostname,
    port: 0,
    cert,
    key,
    alpnProtocols: ["mqtt"],
  });
  echo(listener);
  return {
    port: listener.addr.port,
    [Symbol.dispose]: () => listener.close(),
  };
}

/** Reads so many bytes, with a buffer that is smaller than what comes. */
async function readExactly(
  transport: Transport,
  length: number,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length;) {
    const part = bytes.subarray(done, done + 1000);
    const count = await transport.read(part);
    if (count === null) throw new Error(`The end after ${done} bytes`);
    done += count;
  }
  return bytes;
}

async function writeAll(
  transport: Transport,
  bytes: Uint8Array,
): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += await transport.write(bytes.subarray(done));
  }
}

/** Bytes that differ from place to place. */
function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8)) & 255);
}

/** Sends bytes there and back, and closes. */
async function exchange(transport: Transport, length = 10): Promise<void> {
  const bytes = pattern(length);
  const [back] = await Promise.all([
    readExactly(transport, length),
    writeAll(transport, bytes),
  ]);
  assert(bytes.every((byte, i) => byte === back[i]));
  const reading = transport.read(new Uint8Array(8));
  transport.close();
  await reading.catch(() => {}); // it settles
}

/** Expects that dialling fails, for a reason. */
async function assertFails(
  url: string,
  options: DialOptions,
  reason: string,
): Promise<void> {
  const { message } = await assertRejects(
    () => dial(url, options),
    ConnectError,
    reason,
  );
  const start = `Cannot connect to ${new URL(url).host}: `;
  assertEquals(message.slice(0, start.length), start);
}

async function withCertificates(
  test: (certificates: Certificates) => Promise<void>,
): Promise<void> {
  await using certificates = await makeCertificates();
  await test(certificates);
}

// TCP

Deno.test("dial() opens a TCP connection, by IPv4, IPv6 and name", async () => {
  for (const hostname of ["127.0.0.1", "::1", "localhost"]) {
    using listener = Deno.listen({ hostname, port: 0 });
    const { port } = listener.addr;
    const host = hostname.includes(":") ? `[${hostname}]` : hostname;
    const transport = await dial(`mqtt://user:password@${host}:${port}`);
    using accepted = await listener.accept();
    await transport.write(new Uint8Array([1, 2, 3]));
    const buffer = new Uint8Array(8);
    assertEquals(await accepted.read(buffer), 3);
    assertEquals(transport.remoteAddr?.port, port);
    transport.close();
    assertEquals(await accepted.read(buffer), null);
  }
});

Deno.test("dial() rejects where nobody listens, by every scheme", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  for (const scheme of ["mqtt", "mqtts", "ws", "wss"]) {
    await assertFails(
      `${scheme}://127.0.0.1:${port}`,
      {},
      "nothing accepts connections there; is the broker running?",
    );
  }
});

Deno.test("dial() rejects for a host that does not exist, by every scheme", async () => {
  for (const scheme of ["mqtt", "mqtts", "ws", "wss"]) {
    const url = `${scheme}://there-is-none.invalid:1883`;
    await assertRejects(() => dial(url), ConnectError, "there-is-none");
  }
});

Deno.test("dial() gives up when its signal has fired, by every scheme", async () => {
  for (const scheme of ["mqtt", "mqtts", "ws", "wss"]) {
    const signal = AbortSignal.abort(new Error("enough"));
    const url = `${scheme}://127.0.0.1:1`;
    await assertRejects(() => dial(url, { signal }), Error, "enough");
  }
});

Deno.test("dial() gives up when its signal fires during a handshake", async () => {
  for (const scheme of ["mqtts", "ws", "wss"]) {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const giveUp = new AbortController();
    const url = `${scheme}://127.0.0.1:${listener.addr.port}`;
    const dialling = dial(url, { signal: giveUp.signal });
    using accepted = await listener.accept();
    const buffer = new Uint8Array(10_000);
    assert(await accepted.read(buffer)); // the handshake has begun
    giveUp.abort(new Error("enough"));
    await assertRejects(() => dialling, Error, "enough");
    assertEquals(await accepted.read(buffer).catch(() => null), null);
  }
});

// TLS

Deno.test("dial() connects by TLS to a broker of an authority that is named", async () => {
  await withCertificates(async ({ ca, otherCa, server, dir }) => {
    for (const hostname of ["127.0.0.1", "::1", "localhost"]) {
      using broker = serveTls(server, hostname);
      const host = hostname.includes(":") ? `[${hostname}]` : hostname;
      const url = `mqtts://${host}:${broker.port}`;
      await exchange(await dial(url, { cafile: ca.file }));
      await exchange(await dial(url, { cadata: ca.pem }));
      await exchange(await dial(url, { cadata: otherCa.pem + ca.pem }));
      await exchange(await dial(url, { capath: dir }));
      await exchange(await dial(url, { cafile: ca.file, alpn: true }));
      const both = { cafile: otherCa.file, cadata: ca.pem };
      await exchange(await dial(url, both));
    }
  });
});

Deno.test("dial() carries megabytes by TLS, in both directions at once", async () => {
  await withCertificates(async ({ ca, server }) => {
    using broker = serveTls(server);
    const url = `mqtts://127.0.0.1:${broker.port}`;
    await exchange(await dial(url, { cafile: ca.file }), 5_000_000);
  });
});

Deno.test("dial() trusts no authority but those that are named, or the machine's", async () => {
  await withCertificates(async ({ server, otherCa }) => {
    using broker = serveTls(server);
    const url = `mqtts://127.0.0.1:${broker.port}`;
    const reason = "the certificate is not trusted: ";
    await assertFails(url, {}, reason);
    await assertFails(url, { cafile: otherCa.file }, reason);
    await assertFails(url, { checkHostname: false }, reason);
  });
});

Deno.test("dial() does not trust the machine's authorities beside those that are named", async () => {
  await withCertificates(async ({ server, ca, otherCa }) => {
    using broker = serveTls(server);
    // DENO_CERT makes `ca` one that the machine trusts.
    const program = `import { dial } from "./client/mod.ts";
      const url = "mqtts://127.0.0.1:${broker.port}";
      const told = [];
      for (const options of [{}, { cafile: "${otherCa.file}" }]) {
        await dial(url, options).then(
          (transport) => (transport.close(), told.push("trusted")),
          ({ message }) => told.push(message.slice(-32)),
        );
      }
      console.log(JSON.stringify(told));`;
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", "--quiet", program],
      cwd: new URL("../../", import.meta.url),
      env: { DENO_CERT: ca.file },
    }).output();
    assertEquals(JSON.parse(new TextDecoder().decode(stdout)), [
      "trusted",
      "is its authority none of those that are trusted?".slice(-32),
    ]);
  });
});

Deno.test("dial() refuses a certificate for another host, unless told not to look", async () => {
  await withCertificates(async ({ misnamed, ca }) => {
    using broker = serveTls(misnamed);
    const url = `mqtts://127.0.0.1:${broker.port}`;
    const cafile = ca.file;
    const reason = "the certificate is not trusted: it is ";
    await assertFails(url, { cafile }, reason);
    await assertFails(url, { cafile, checkHostname: true }, reason);
    await exchange(await dial(url, { cafile, checkHostname: false }));
  });
});

Deno.test("dial() refuses a certificate that has expired, even for any host", async () => {
  await withCertificates(async ({ expired, ca }) => {
    using broker = serveTls(expired);
    const url = `mqtts://127.0.0.1:${broker.port}`;
    const cafile = ca.file;
    await assertFails(url, { cafile }, "expired");
    await assertFails(url, { cafile, checkHostname: false }, "expired");
  });
});

Deno.test("dial() takes any certificate with verifyCert false, and only then", async () => {
  await withCertificates(async ({ server, misnamed, expired, otherCa }) => {
    for (const certificate of [server, misnamed, expired]) {
      using broker = serveTls(certificate);
      const url = `mqtts://127.0.0.1:${broker.port}`;
      await exchange(await dial(url, { verifyCert: false }));
      const cafile = otherCa.file;
      await exchange(await dial(url, { verifyCert: false, cafile }));
      await assertFails(url, { verifyCert: true }, "not trusted");
    }
  });
});

/** A server that wants certificates of its clients. */
async function serveMutualTls(
  { cert, key }: Certificate,
  ca: string,
): Promise<{ port: number; names: unknown[] } & AsyncDisposable> {
  const names: unknown[] = [];
  const server = createServer(
    { cert, key, ca, requestCert: true, rejectUnauthorized: true },
    (socket: TLSSocket) => {
      names.push(socket.getPeerCertificate().subject.CN);
      socket.on("error", () => {});
      socket.pipe(socket);
    },
  );
  await new Promise<void>((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve())
  );
  return {
    port: (server.address() as { port: number }).port,
    names,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => server.close(() => resolve())),
  };
}

Deno.test("dial() shows the client's certificate", async () => {
  await withCertificates(async ({ server, client, ca }) => {
    await using broker = await serveMutualTls(server, ca.pem);
    const url = `mqtts://127.0.0.1:${broker.port}`;
    const { certfile, keyfile } = client;
    const cafile = ca.file;
    await exchange(await dial(url, { cafile, certfile, keyfile }));
    assertEquals(broker.names, ["sensor-7"]);
  });
});

Deno.test("dial() tells that the broker wants a certificate, and ends where it wants another", async () => {
  await withCertificates(async ({ server, ca, ...others }) => {
    await using broker = await serveMutualTls(server, ca.pem);
    const url = `mqtts://127.0.0.1:${broker.port}`;
    const cafile = ca.file;
    const buffer = new Uint8Array(8);
    // In TLS 1.3 the client learns it when it reads.
    const without = await dial(url, { cafile });
    await assertRejects(
      () => without.read(buffer),
      Error,
      "the broker refused by TLS, certificate required; " +
        "is the client's certificate the right one?",
    );
    without.close();
    for (
      const { certfile, keyfile } of [others.stranger, others.expiredClient]
    ) {
      const other = await dial(url, { cafile, certfile, keyfile });
      assertEquals(await other.read(buffer), null);
      other.close();
    }
    assertEquals(broker.names, []);
  });
});

Deno.test("dial() tells a port without TLS from one with it", async () => {
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const closing = (async () => (await silent.accept()).close())();
  await assertFails(
    `mqtts://127.0.0.1:${silent.addr.port}`,
    {},
    "the connection was closed during the TLS handshake; is TLS spoken there?",
  );
  await closing;
  using other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const answering = (async () => {
    using connection = await other.accept();
    await connection.write(new TextEncoder().encode("HTTP/1.1 400 What?\r\n"));
    await connection.read(new Uint8Array(1000)).catch(() => {});
  })();
  await assertFails(
    `mqtts://127.0.0.1:${other.addr.port}`,
    {},
    "TLS is not spoken there; is it the port of another scheme?",
  );
  await answering;
});

Deno.test("dial() asks for the protocol mqtt within TLS only if told to, and for http/1.1 before a WebSocket", async () => {
  await withCertificates(async ({ server: { cert, key }, ca }) => {
    using listener = Deno.listenTls({
      hostname: "127.0.0.1",
      port: 0,
      cert,
      key,
      alpnProtocols: ["mqtt", "http/1.1"],
    });
    const where = `127.0.0.1:${listener.addr.port}`;
    for (
      const [scheme, alpn, expected] of [
        ["mqtts", true, "mqtt"],
        ["mqtts", false, null],
        ["wss", true, "http/1.1"],
        ["wss", false, "http/1.1"],
      ] as const
    ) {
      const accepting = listener.accept();
      const options = { cadata: ca.pem, alpn };
      const dialling = dial(`${scheme}://${where}`, options)
        .then((transport) => transport.close(), () => {});
      const accepted = await accepting;
      const { alpnProtocol } = await accepted.handshake();
      assertEquals(alpnProtocol, expected);
      accepted.close();
      await dialling;
    }
  });
});

Deno.test("dial() by TLS sees the end, and settles what is pending when it closes", async () => {
  await withCertificates(async ({ server: { cert, key }, ca }) => {
    const address = { hostname: "127.0.0.1", port: 0 };
    using listener = Deno.listenTls({ ...address, cert, key });
    const url = `mqtts://127.0.0.1:${listener.addr.port}`;
    const buffer = new Uint8Array(8);
    for (const who of ["broker", "client"]) {
      const accepting = listener.accept();
      const dialling = dial(url, { cadata: ca.pem });
      const accepted = await accepting;
      await accepted.handshake();
      const transport = await dialling;
      assertEquals(transport.remoteAddr?.port, listener.addr.port);
      if (who === "broker") {
        await accepted.write(new Uint8Array([1]));
        accepted.close();
        assertEquals(await transport.read(buffer), 1);
        assertEquals(await transport.read(buffer), null);
        transport.close();
      } else {
        const reading = transport.read(buffer);
        transport.close();
        assertEquals(await reading, null);
        await assertRejects(() => transport.write(buffer));
        assertEquals(await accepted.read(buffer).catch(() => null), null);
        accepted.close();
      }
    }
  });
});

Deno.test("dial() by TLS ends what it writes and reads on", async () => {
  await withCertificates(async ({ server: { cert, key }, ca }) => {
    const address = { hostname: "127.0.0.1", port: 0 };
    using listener = Deno.listenTls({ ...address, cert, key });
    const accepting = listener.accept();
    const dialling = dial(`mqtts://127.0.0.1:${listener.addr.port}`, {
      cadata: ca.pem,
    });
    using accepted = await accepting;
    await accepted.handshake();
    const transport = await dialling;
    await transport.closeWrite!();
    const buffer = new Uint8Array(8);
    assertEquals(await accepted.read(buffer), null);
    await accepted.write(new Uint8Array([7]));
    assertEquals(await transport.read(buffer), 1);
    transport.close();
  });
});

// WebSocket

interface Web extends AsyncDisposable {
  readonly port: number;
  /** What was asked for, in the order in which it came. */
  readonly requests: { readonly url: URL; readonly headers: Headers }[];
  /** By which code the first one was closed. */
  readonly closed: PromiseWithResolvers<number>;
}

/** A server of WebSocket that sends back what it gets. */
function serveWeb(
  protocol: string | undefined,
  certificate?: Certificate,
): Web {
  const requests: { url: URL; headers: Headers }[] = [];
  const closed = Promise.withResolvers<number>();
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen: () => {},
    ...(certificate && { cert: certificate.cert, key: certificate.key }),
  }, (request) => {
    const url = new URL(request.url);
    requests.push({ url, headers: new Headers([...request.headers]) });
    if (url.pathname === "/none") {
      return new Response("Look elsewhere.\nOr not.", { status: 404 });
    }
    if (url.pathname === "/moved") {
      return new Response("", { status: 302, headers: { location: "/mqtt" } });
    }
    const { socket, response } = Deno.upgradeWebSocket(request, {
      ...(protocol && { protocol }),
    });
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => socket.send(data);
    socket.onclose = ({ code }) => closed.resolve(code);
    ended.then(() => socket.close());
    return response;
  });
  return {
    port: (server.addr as Deno.NetAddr).port,
    requests,
    closed,
    [Symbol.asyncDispose]: () => {
      end();
      return server.shutdown();
    },
  };
}

Deno.test("dial() opens a WebSocket that speaks mqtt [MQTT-6.0.0-3] [MQTT-6.0.0-4]", async () => {
  for (const protocol of ["mqtt", "mqttv3.1"]) {
    await using web = serveWeb(protocol);
    const url = `ws://user:password@127.0.0.1:${web.port}/a/mqtt?b=c%20d`;
    await exchange(await dial(url), 1_000_000);
    const [request] = web.requests;
    const { pathname, search } = request!.url;
    assertEquals([pathname, search], ["/a/mqtt", "?b=c%20d"]);
    const offered = request!.headers.get("sec-websocket-protocol");
    assertEquals(offered, "mqtt, mqttv3.1");
    assertEquals(request!.headers.get("authorization"), null);
  }
});

Deno.test("dial() refuses a WebSocket that does not speak mqtt [MQTT-6.0.0-4]", async () => {
  await using web = serveWeb(undefined);
  await assertFails(`ws://127.0.0.1:${web.port}`, {}, "subprotocol");
});

Deno.test("dial() tells what the server says instead of opening a WebSocket", async () => {
  await using web = serveWeb("mqtt");
  const url = `ws://127.0.0.1:${web.port}`;
  const { message } = await assertRejects(() => dial(`${url}/none`), Error);
  assertEquals(
    message,
    `Cannot connect to 127.0.0.1:${web.port}: ` +
      "the server answered 404 Not Found: Look elsewhere.",
  );
  await assertFails(
    `${url}/moved`,
    {},
    "the server answered 302 Found, a redirect to /mqtt; redirects are not " +
      "followed",
  );
});

/** A server that answers with these bytes, to one, in these pieces. */
async function answering(
  pieces: readonly (string | Uint8Array)[],
  test: (url: string) => Promise<void>,
): Promise<void> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const served = (async () => {
    const connection = await listener.accept();
    connection.setNoDelay(true);
    const buffer = new Uint8Array(10_000);
    await connection.read(buffer);
    for (const piece of pieces) {
      const bytes = typeof piece === "string"
        ? new TextEncoder().encode(piece)
        : piece;
      await connection.write(bytes).catch(() => {});
    }
    // Until the client goes: nothing is to wait for an end.
    while (await connection.read(buffer).catch(() => null) !== null);
    connection.close();
  })();
  await test(`ws://127.0.0.1:${listener.addr.port}`);
  await served;
}

Deno.test("dial() takes no more than a line of a refusal, and does not wait for its end", async () => {
  const head = "HTTP/1.1 403 Forbidden\r\n";
  const chunked = `${head}Transfer-Encoding: chunked\r\n\r\n`;
  const said = "the server answered 403 Forbidden: No.";
  for (
    const [pieces, reason] of [
      [[head, "\r\n"], "the server answered 403 Forbidden"],
      [["HTTP/1.1 103 Early Hints\r\n\r\n", head, "\r\n"], "403"],
      [[head, "Content-Length: 3\r\n\r\n", "N", "o."], said],
      [[head, "Content-Length: 99\r\n\r\n", "No.\nNever."], said],
      [[chunked, "3\r\n", "No.\r\n"], said],
      [[chunked, "0\r\n"], "the server answered 403 Forbidden"],
      [[head, `A: ${"a".repeat(20_000)}`], "is too long"],
      [[Uint8Array.of(0x15, 3, 1, 0, 2, 2, 70)], "does not speak HTTP; is it"],
    ] as const
  ) {
    await answering(pieces, async (url) => {
      const host = url.slice("ws://".length);
      const { message } = await assertRejects(() => dial(url), ConnectError);
      assert(message.startsWith(`Cannot connect to ${host}: `), message);
      assert(message.endsWith(reason) || message.includes(reason), message);
    });
  }
});

Deno.test("dial() tells that the server closes instead of opening a WebSocket", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const closing = (async () => {
    using connection = await listener.accept();
    await connection.read(new Uint8Array(10_000));
  })();
  await assertFails(
    `ws://127.0.0.1:${listener.addr.port}`,
    {},
    "the connection was closed during the handshake of WebSocket; is " +
      "WebSocket spoken there?",
  );
  await closing;
});

Deno.test("dial() sends headers with the request for a WebSocket", async () => {
  await using web = serveWeb("mqtt");
  const headers = { authorization: "Bearer abc", "x-device": "7" };
  await exchange(await dial(`ws://127.0.0.1:${web.port}`, { headers }));
  const [request] = web.requests;
  assertEquals(request!.headers.get("authorization"), "Bearer abc");
  assertEquals(request!.headers.get("x-device"), "7");
  for (const wrong of ["", "Upgrade"]) {
    const headers = { [wrong]: "a" };
    await assertRejects(
      () => dial("ws://127.0.0.1:1", { headers }),
      TypeError,
      `Cannot send the header ${JSON.stringify(wrong)}: `,
    );
  }
});

Deno.test("dial() opens a WebSocket that says when it is closed", async () => {
  for (const secure of [false, true]) {
    await withCertificates(async ({ server, ca }) => {
      await using web = serveWeb("mqtt", secure ? server : undefined);
      const url = `${secure ? "wss" : "ws"}://127.0.0.1:${web.port}`;
      const transport = await dial(url, { cafile: ca.file });
      transport.close();
      assertEquals(await web.closed.promise, 1000);
    });
  }
});

Deno.test("dial() opens a WebSocket by TLS to a broker that is trusted, and no other", async () => {
  await withCertificates(async (certificates) => {
    const { server, misnamed, expired, ca, otherCa, dir } = certificates;
    const cafile = ca.file;
    await using web = serveWeb("mqtt", server);
    const url = `wss://127.0.0.1:${web.port}/mqtt`;
    const headers = { "x-device": "7" };
    await exchange(await dial(url, { cafile }), 1_000_000);
    await exchange(await dial(url, { capath: dir }));
    await exchange(await dial(url, { cadata: ca.pem, headers }));
    assertEquals(web.requests.at(-1)!.headers.get("x-device"), "7");
    const reason = "the certificate is not trusted: ";
    await assertFails(url, {}, reason);
    await assertFails(url, { cafile: otherCa.file }, reason);
    for (const certificate of [misnamed, expired]) {
      await using other = serveWeb("mqtt", certificate);
      const url = `wss://127.0.0.1:${other.port}`;
      await assertFails(url, { cafile }, reason);
      await exchange(await dial(url, { verifyCert: false }));
      const options = { cafile, checkHostname: false };
      if (certificate === expired) await assertFails(url, options, "expired");
      else await exchange(await dial(url, options));
    }
  });
});

Deno.test("dial() shows the client's certificate when it opens a WebSocket by TLS", async () => {
  await withCertificates(async ({ server, client, ca, stranger }) => {
    const names: unknown[] = [];
    const web = createHttpsServer({
      cert: server.cert,
      key: server.key,
      ca: ca.pem,
      requestCert: true,
      rejectUnauthorized: true,
    });
    web.on("upgrade", (request: IncomingMessage, socket: TLSSocket) => {
      names.push((request.socket as TLSSocket).getPeerCertificate().subject.CN);
      socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
    });
    await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));
    const { port } = web.address() as { port: number };
    const url = `wss://127.0.0.1:${port}/mqtt`;
    const cafile = ca.file;
    const { certfile, keyfile } = client;
    const reason = "the server answered 403 Forbidden";
    await assertFails(url, { cafile, certfile, keyfile }, reason);
    assertEquals(names, ["sensor-7"]);
    const { certfile: other, keyfile: otherKey } = stranger;
    const strange = { cafile, certfile: other, keyfile: otherKey };
    for (const options of [{ cafile }, strange]) {
      await assertFails(url, options, "");
    }
    assertEquals(names, ["sensor-7"]);
    await new Promise((resolve) => web.close(resolve));
  });
});
