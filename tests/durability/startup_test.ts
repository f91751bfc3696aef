/** A broker with much to load starts soon, and says what it has. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Change, makeStore, Message, readStore } from "../../mod.ts";
import { Client, Folder } from "./_scene.ts";

const SESSIONS = 2000;
/** Messages that wait for each of them. */
const WAITING = 10;

function* changes(): Generator<Change> {
  for (let i = 0; i < SESSIONS; i++) {
    const clientId = `client${i}`;
    yield {
      type: "session",
      clientId,
      client: {
        clientId,
        username: undefined,
        protocolVersion: 5,
        address: undefined,
        listener: "default",
        certificate: undefined,
      },
      expiryInterval: 0xffff_ffff,
      expiresAt: undefined,
    };
    for (let id = 1; id <= WAITING; id++) {
      const payload = new TextEncoder().encode(`${id}`);
      yield {
        type: "enqueue",
        clientId,
        id,
        message: Message.from({ topic: `a/${i}`, payload, qos: 1 }, 0),
        qos: 1,
        retain: false,
        identifiers: undefined,
        shared: undefined,
        packetId: undefined,
      };
    }
  }
}

Deno.test("a broker with thousands of sessions and of messages that wait starts within seconds", async () => {
  await using folder = new Folder();
  await makeStore(folder.file, changes());
  const began = performance.now();
  await using broker = folder.start();
  const port = await broker.port();
  const seconds = (performance.now() - began) / 1000;
  assert(seconds < 8, `${seconds} s`);
  assertMatch(
    await broker.log.find(/Loaded/),
    /Loaded 2000 sessions and 0 retained messages: 22000 entries in /,
  );
  const client = await Client.connect(`client${SESSIONS - 1}`, port);
  const payloads = await client.take(WAITING);
  assert(payloads.every((payload, i) => payload === String(i + 1)));
  await client.end();
  broker.kill("SIGTERM");
  await broker.status();
});

Deno.test("a session that has expired while the broker was down is not found any more, nor one whose client was connected at two crashes", async () => {
  await using folder = new Folder();
  const [past] = changes() as unknown as [Extract<Change, { type: "session" }>];
  const session = { ...past, expiryInterval: 60 };
  await makeStore(
    folder.file,
    [
      { ...session, clientId: "past", expiresAt: Date.now() - 1000 },
      { ...session, clientId: "future", expiresAt: Date.now() + 60_000 },
      { ...session, clientId: "lost", expiresAt: undefined },
    ].map((one) => ({
      ...one,
      client: { ...one.client, clientId: one.clientId },
    })),
  );
  {
    await using broker = folder.start();
    const port = await broker.port();
    await using past = await Client.connect("past", port);
    await using future = await Client.connect("future", port);
    assertEquals([past.present, future.present], [false, true]);
    broker.kill("SIGKILL");
    await broker.status();
  }
  // When it is due was decided by the first start, and is stored.
  const lost = [...readStore(folder.file)].find((one) =>
    one.type === "session" && one.clientId === "lost"
  ) as Extract<Change, { type: "session" }>;
  assert(lost.expiresAt! <= Date.now() + 60_000);
});
