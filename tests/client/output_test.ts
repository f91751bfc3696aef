import { assert, assertEquals } from "@std/assert";
import { Output, type OutputOwner } from "../../client/_output.ts";
import { Frame, type Transport } from "../../codec/mod.ts";
import { turn, wire } from "./_scripted_broker.ts";

/** A transport whose writes a test settles. */
class SlowTransport implements Transport {
  readonly writes: { bytes: Uint8Array; done: PromiseWithResolvers<number> }[] =
    [];

  read(): Promise<number | null> {
    return Promise.resolve(null);
  }

  write(bytes: Uint8Array): Promise<number> {
    const done = Promise.withResolvers<number>();
    this.writes.push({ bytes, done });
    return done.promise;
  }

  close(): void {}
}

class Owner implements OutputOwner {
  progressed(): void {}

  readonly events: string[] = [];
  written(): void {
    this.events.push("written");
  }
  flushed(): void {
    this.events.push("flushed");
  }
  failed(error: unknown): void {
    this.events.push(`failed: ${(error as Error).message}`);
  }
}

function set(version: 4 | 5 = 4) {
  const transport = new SlowTransport();
  const owner = new Owner();
  return { transport, owner, output: new Output(transport, version, owner) };
}

Deno.test("Output writes what is there with one call, what comes meanwhile with the next", async () => {
  const { transport, owner, output } = set();
  output.push({ type: "pingreq" });
  output.push({ type: "puback", packetId: 1, reasonCode: 0 });
  assertEquals(transport.writes.length, 0);
  await turn();
  assertEquals(transport.writes[0]!.bytes, wire("c0 [] 40 [0001]"));
  output.push({ type: "pubrel", packetId: 2, reasonCode: 0x92 }); // 3.1.1 has no reason
  output.push({ type: "disconnect", reasonCode: 0 });
  await turn();
  assertEquals(transport.writes.length, 1);
  transport.writes[0]!.done.resolve(6);
  await turn();
  assertEquals(transport.writes[1]!.bytes, wire("62 [0002] e0 []"));
  assertEquals(owner.events, ["written"]);
  transport.writes[1]!.done.resolve(6);
  await turn();
  assertEquals(owner.events, ["written", "written", "flushed"]);
});

Deno.test("Output goes on where a write took only a part", async () => {
  const { transport, owner, output } = set(5);
  output.push({ type: "pubcomp", packetId: 2, reasonCode: 0x92 });
  await turn();
  transport.writes[0]!.done.resolve(1);
  await turn();
  assertEquals(transport.writes[1]!.bytes, wire("03 0002 92"));
  transport.writes[1]!.done.resolve(3);
  await turn();
  assertEquals(transport.writes[2]!.bytes, wire("92"));
  transport.writes[2]!.done.resolve(1);
  await turn();
  assertEquals(owner.events, ["written", "flushed"]);
});

Deno.test("Output tells that it failed, and writes nothing more", async () => {
  const { transport, owner, output } = set();
  output.push({ type: "pingreq" });
  await turn();
  transport.writes[0]!.done.reject(new Error("broken"));
  await turn();
  output.push({ type: "pingreq" });
  await turn();
  assertEquals(owner.events, ["failed: broken"]);
  assertEquals(transport.writes.length, 1);
});

Deno.test("Output is congested by more than 256 KiB", () => {
  const { output } = set();
  const frame = Frame.encode({
    type: "publish",
    topic: "t",
    payload: new Uint8Array(100_000),
    qos: 1,
    packetId: 1,
    retain: false,
    dup: false,
  }, 4);
  output.pushFrame(frame, 2, 1);
  output.pushFrame(frame, 2, 2);
  assert(!output.congested);
  output.pushFrame(frame, 2, 3);
  assert(output.congested);
});

Deno.test("Output refuses a packet above the maximum, and sends the others [MQTT-3.2.2-15]", async () => {
  const { transport, output } = set();
  const packet = {
    type: "unsubscribe" as const,
    packetId: 1,
    filters: ["abc"],
  };
  assert(!output.push(packet, 8));
  assert(output.push(packet, 9));
  await turn();
  assertEquals(transport.writes[0]!.bytes, wire("a2 [0001 <abc>]"));
});
