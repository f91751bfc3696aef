import { assertEquals, assertThrows } from "@std/assert";
import {
  InboundTopicAliases,
  OutboundTopicAliases,
  ProtocolError,
} from "../../codec/mod.ts";
import { withSeeds } from "../_random.ts";

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

Deno.test("OutboundTopicAliases assigns aliases by use, each once [MQTT-3.1.2-26]", () => {
  const aliases = new OutboundTopicAliases(2);
  assertEquals(aliases.use("a"), { alias: 1, known: false });
  assertEquals(aliases.use("b"), { alias: 2, known: false });
  assertEquals(aliases.use("a"), { alias: 1, known: true });
  assertEquals(aliases.use("b"), { alias: 2, known: true });
});

Deno.test("OutboundTopicAliases gives the alias of a topic that is not used to a new one", () => {
  const aliases = new OutboundTopicAliases(2);
  for (const topic of ["a", "b", "a"]) aliases.use(topic);
  assertEquals(aliases.use("c"), { alias: 2, known: false });
  assertEquals(aliases.use("a"), { alias: 1, known: true });
  assertEquals(aliases.use("b").known, false);
});

Deno.test("OutboundTopicAliases never speaks of an alias that stands for another topic", () => {
  withSeeds(100, (random) => {
    const maximum = random.pick([1, 2, 5]);
    const ours = new OutboundTopicAliases(maximum);
    const theirs = new InboundTopicAliases(maximum);
    for (let i = 0; i < 200; i++) {
      const topic = `topic/${random.pick([0, 1, 2, 3, 4, 5, 6, 7, 8])}`;
      const { alias, known } = ours.use(topic);
      if (random.pick([true, false, false, false]) && !known) {
        ours.forget(topic); // it was not sent
        continue;
      }
      assertEquals(theirs.resolve(known ? "" : topic, alias), topic);
    }
  });
});
