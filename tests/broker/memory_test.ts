import { assert, assertEquals } from "@std/assert";
import type { BrokerEvents, Limits } from "../../broker/mod.ts";
import { Memory, processMemory } from "../../broker/_memory.ts";
import { Parts, plugin } from "./_parts.ts";

type Event = BrokerEvents["broker_overloaded"];

/** A memory, and what it said. */
class Stage {
  used = 0;
  /** How much of it the next collection finds. */
  garbage = 0;
  collections = 0;
  readonly events: Event[] = [];
  readonly parts: Parts;
  readonly memory: Memory;

  constructor(limits: Partial<Limits> = { memory: 1000 }) {
    this.parts = new Parts(limits, [
      plugin({ on: { broker_overloaded: (event) => this.events.push(event) } }),
    ]);
    const { limits: all, metrics, hooks } = this.parts;
    this.memory = new Memory(all, metrics, hooks, {
      used: () => this.used,
      collect: () => {
        this.collections++;
        this.used -= this.garbage;
      },
    });
  }

  /** The levels of sweeps that find so much in use. */
  levels(...used: number[]): string[] {
    return used.map((bytes) => {
      this.used = bytes;
      this.memory.tick();
      return this.memory.level;
    });
  }
}

Deno.test("memory is short above the mark, and critical above 110 %", () => {
  const stage = new Stage();
  assertEquals(stage.levels(0, 1000, 1001, 1100, 1101), [
    "normal",
    "normal",
    "high",
    "high",
    "critical",
  ]);
});

Deno.test("memory is not short when garbage was all there was", () => {
  const stage = new Stage();
  stage.garbage = 200;
  const used = Array.from({ length: 31 }, () => 1050);
  assertEquals(new Set(stage.levels(...used)), new Set(["normal"]));
  // It is looked for at once, and then every five seconds.
  assertEquals(stage.collections, 3);
});

Deno.test("memory is critical at once, garbage or not", () => {
  const stage = new Stage();
  stage.levels(1050, 800);
  stage.garbage = 200;
  assertEquals(stage.levels(1101), ["critical"]);
});

Deno.test("memory is enough again a tenth below each mark, not before", () => {
  const stage = new Stage();
  assertEquals(stage.levels(1200, 1000, 991), [
    "critical",
    "critical",
    "critical",
  ]);
  assertEquals(stage.levels(990, 1000, 901), ["high", "high", "high"]);
  assertEquals(stage.levels(900, 1000), ["normal", "normal"]);
});

Deno.test("memory says when it changes, and counts how often it came to be short", () => {
  const stage = new Stage();
  stage.levels(1001, 1200, 1200, 950, 800, 800, 1200, 100);
  const limit = 1000;
  assertEquals(stage.events, [
    { level: "high", used: 1001, limit },
    { level: "critical", used: 1200, limit },
    { level: "high", used: 950, limit },
    { level: "normal", used: 800, limit },
    { level: "critical", used: 1200, limit },
    { level: "normal", used: 100, limit },
  ]);
  assertEquals(stage.parts.metrics.overloads, 2);
});

Deno.test("memory lets less and less wait to be written", () => {
  const stage = new Stage({ memory: 1000, outboundBytes: 1600 });
  const at = (used: number): number => {
    stage.levels(used, used);
    return stage.memory.outboundBytes;
  };
  assertEquals([0, 1001, 1200, 0].map(at), [1600, 100, 1, 1600]);
});

Deno.test("memory has garbage collected again and again while it is short", () => {
  const stage = new Stage();
  stage.levels(...Array.from({ length: 123 }, () => 1050));
  assertEquals(stage.collections, 3);
});

Deno.test("memory is never looked at where no limit is set", () => {
  const stage = new Stage({});
  stage.memory.tick();
  assertEquals([stage.levels(1e15), stage.collections], [["normal"], 0]);
});

Deno.test("memory of this process is what it uses, and garbage does not stay", () => {
  const { used, collect } = processMemory;
  const fill = (): number => {
    const garbage: Uint8Array[] = [];
    for (let i = 0; i < 100; i++) garbage.push(new Uint8Array(1 << 20));
    assertEquals(garbage.length, 100);
    return used();
  };
  collect();
  const before = used();
  const full = fill();
  assert(full - before > 90 << 20);
  collect();
  assert(used() - before < 10 << 20);
});
