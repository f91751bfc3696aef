import { assertEquals, assertRejects } from "@std/assert";
import { dial } from "../../client/mod.ts";

Deno.test("dial() opens a TCP connection, by IPv4 and IPv6", async () => {
  for (const hostname of ["127.0.0.1", "::1"]) {
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

Deno.test("dial() rejects where nobody listens", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  await assertRejects(
    () => dial(`mqtt://127.0.0.1:${port}`),
    Deno.errors.ConnectionRefused,
  );
});

Deno.test("dial() gives up when its signal fires", async () => {
  await assertRejects(
    () =>
      dial("mqtt://127.0.0.1:1", {
        signal: AbortSignal.abort(new Error("enough")),
      }),
    Error,
  );
});

Deno.test("dial() refuses schemes that it does not support", async () => {
  for (const scheme of ["mqtts", "ws", "wss"]) {
    await assertRejects(
      () => dial(`${scheme}://127.0.0.1`),
      TypeError,
      `Cannot connect by ${scheme}:// yet: only mqtt:// is supported`,
    );
  }
});
