import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Broker, dial, MemoryStore } from "../../../mod.ts";
import { Failure, Skip } from "../../../cli/conformance/_verdict.ts";
import { allCapabilities } from "../../../cli/conformance/_capabilities.ts";
import { Stage } from "../../../cli/conformance/_stage.ts";
import { agreeable } from "./_agreeable_broker.ts";

/** Runs something with a stage before a real broker. */
async function withStage(
  run: (stage: Stage) => Promise<void>,
  store = new MemoryStore(),
): Promise<void> {
  await using broker = new Broker({
    listeners: { default: { bind: "127.0.0.1:0" } },
    store,
  });
  await broker.start();
  const url = `mqtt://127.0.0.1:${broker.addresses[0]!.port}`;
  await using stage = new Stage(
    {
      dial: () => dial(url),
      patience: 10_000,
      wait: () => Promise.resolve(),
    },
    5,
    "stage",
    allCapabilities,
  );
  await run(stage);
}

Deno.test("a stage leaves no sessions and no retained messages behind", async () => {
  const store = new MemoryStore();
  await withStage(async (stage) => {
    const peer = await stage.connect("a", { session: true });
    await peer.subscribe(stage.topic("a"));
    await stage.retain(peer, stage.topic("a"), "x");
    assertEquals([...store.load()].length > 1, true);
  }, store);
  assertEquals([...store.load()], []);
});

Deno.test("a stage gives what was received before the publisher's last message", async () => {
  await withStage(async (stage) => {
    const a = await stage.connect("a");
    const b = await stage.connect("b");
    await a.subscribe(stage.topic("#"));
    for (const qos of [2, 1, 0] as const) {
      await b.publish(stage.topic("x"), `${qos}`, { qos });
    }
    assertEquals(await stage.payloads(a, b), ["2", "1", "0"]);
    assertEquals(await stage.payloads(a, b), []);
  });
});

Deno.test("a stage sees whether a connection is ended, and how", async () => {
  await withStage(async (stage) => {
    const peer = await stage.connect("a");
    await peer.sendBytes(new Uint8Array([0, 0]));
    await stage.closed(peer, "packet type 0", [0x99]);
    assertEquals(stage.notes, [
      "packet type 0: DISCONNECT 0x81, where 0x99 would say more",
    ]);
    const other = await stage.connect("b");
    await assertRejects(() => stage.closed(other, "nothing"), Failure);
    const third = await stage.open();
    await third.sendBytes(new Uint8Array([0x11, 0]));
    await stage.refused(third, "flags");
  });
});

Deno.test("a stage sees that a CONNECT is accepted that should not be", async () => {
  await using stage = new Stage(
    {
      dial: () => Promise.resolve(agreeable()),
      patience: 20,
      wait: () => Promise.resolve(),
    },
    4,
    "stage",
    { ...allCapabilities, retainAvailable: false, maximumQos: 1 },
  );
  const peer = await stage.open();
  await peer.send(stage.connectPacket("a"));
  peer.connack = await peer.next("connack");
  await assertRejects(() => stage.refused(peer, "why not"), Failure);
  assertThrows(() => stage.needs("retainAvailable"), Skip);
  assertThrows(() => stage.needs("maximumQos", 2), Skip);
  stage.needs("maximumQos", 1);
});
