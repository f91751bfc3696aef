import { assertEquals, assertThrows } from "@std/assert";
import { InboundTopicAliases, ProtocolError } from "../../codec/mod.ts";

Deno.test("InboundTopicAliases takes every alias up to its maximum [MQTT-3.3.2-10] [MQTT-3.3.2-12]", () => {
  for (const maximum of [1, 10, 65_535]) {
    const aliases = new InboundTopicAliases(maximum);
    for (const alias of [1, maximum]) {
      assertEquals(aliases.resolve(`topic/${alias}`, alias), `topic/${alias}`);
    }
    for (const alias of [1, maximum]) {
      assertEquals(aliases.resolve("", alias), `topic/${alias}`);
    }
  }
});

Deno.test("InboundTopicAliases refuses aliases above its maximum [MQTT-3.3.2-9] [MQTT-3.3.2-11]", () => {
  for (
    const [maximum, alias] of [[0, 1], [10, 11], [65_534, 65_535]] as const
  ) {
    const aliases = new InboundTopicAliases(maximum);
    for (const topic of ["a", ""]) {
      const error = assertThrows(
        () => aliases.resolve(topic, alias),
        ProtocolError,
      );
      assertEquals(error.reasonCode, 0x94);
    }
  }
});

Deno.test("InboundTopicAliases refuses an alias that stands for nothing", () => {
  const aliases = new InboundTopicAliases(10);
  aliases.resolve("a", 1);
  const error = assertThrows(() => aliases.resolve("", 2), ProtocolError);
  assertEquals(error.reasonCode, 0x82);
});

Deno.test("InboundTopicAliases lets an alias stand for another topic", () => {
  const aliases = new InboundTopicAliases(2);
  assertEquals(aliases.resolve("a", 1), "a");
  assertEquals(aliases.resolve("a", 2), "a");
  assertEquals(aliases.resolve("b", 1), "b");
  assertEquals(aliases.resolve("", 1), "b");
  assertEquals(aliases.resolve("", 2), "a");
});

Deno.test("InboundTopicAliases of one connection mean nothing to another [MQTT-3.3.2-7]", () => {
  new InboundTopicAliases(5).resolve("a", 1);
  const aliases = new InboundTopicAliases(5);
  assertThrows(() => aliases.resolve("", 1), ProtocolError);
});
