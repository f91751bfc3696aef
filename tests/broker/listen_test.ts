import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { BrokerError } from "../../broker/mod.ts";
import { listen } from "../../broker/listen.ts";

function listenOn(hostname: string, port: number) {
  return listen({
    name: "some",
    type: "tcp",
    hostname,
    port,
    maxConnections: Infinity,
  });
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
      const listener = listenOn(hostname, 0);
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

Deno.test("listen() lets the port go when it is closed", () => {
  const listener = listenOn("127.0.0.1", 0);
  const port = listener.addr!.port!;
  listener.close();
  listenOn("127.0.0.1", port).close();
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
  Deno.test(`listen() says why when the address ${what}`, () => {
    const error = assertThrows(() => listenOn(hostname, 1884), BrokerError);
    const start = `Cannot listen on ${where}:1884 (listener some): `;
    assertEquals(error.message.slice(0, start.length), start);
    assertMatch(error.message.slice(start.length), reason);
    assertInstanceOf(error.cause, Error);
  });
}

Deno.test("listen() says why when the port is in use", () => {
  const occupant = listenOn("127.0.0.1", 0);
  const port = occupant.addr!.port!;
  const error = assertThrows(() => listenOn("127.0.0.1", port), BrokerError);
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
  Deno.test(`listen() says ${reason}`, () => {
    const real = Deno.listen;
    Object.assign(Deno, {
      listen: () => {
        throw cause;
      },
    });
    try {
      const error = assertThrows(() => listenOn("127.0.0.1", 80), BrokerError);
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
