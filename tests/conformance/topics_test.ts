/** Topic Names and Topic Filters (5.0 and 3.1.1: section 4.7). */

import { assertEquals } from "@std/assert";
import {
  publish,
  type RawClient,
  subscribe,
  unsubscribe,
} from "../_raw_client.ts";
import { assertDisconnected, type Bench, every, testIn } from "./_bench.ts";

/** A filter, topics it matches, and topics it does not. */
// deno-fmt-ignore: a table
const matching: readonly [filter: string, yes: string[], no: string[]][] = [
  ["sport/tennis/player1/#", ["sport/tennis/player1", "sport/tennis/player1/ranking", "sport/tennis/player1/score/wimbledon"], ["sport/tennis", "sport/tennis/player2", "sport/tennis/player10"]],
  ["sport/#", ["sport", "sport/", "sport/a", "sport/a/b/c"], ["sports", "Sport", "/sport", "spor"]],
  ["#", ["a", "/", "a/b", "/a", "//", "a//b", " "], ["$SYS", "$SYS/a", "$", "$a/b"]],
  ["+", ["a", " ", "a b", "\u{e4}"], ["/", "a/", "/a", "a/b", "$", "$a"]],
  ["+/#", ["a", "a/", "/a", "a/b/c", "/", "//"], ["$SYS", "$SYS/a", "$/"]],
  ["#", ["not$", "a/$SYS", "/$SYS"], ["$not"]],
  ["sport/tennis/+", ["sport/tennis/player1", "sport/tennis/"], ["sport/tennis", "sport/tennis/player1/ranking"]],
  ["sport/+", ["sport/", "sport/a", "sport/$a"], ["sport", "sport/a/", "sport/a/b"]],
  ["+/+", ["/finance", "/", "a/", "a/b"], ["a", "a/b/c", "//", "$a/b"]],
  ["/+", ["/finance", "/"], ["finance", "a/b", "/a/b"]],
  ["+/tennis/#", ["sport/tennis", "/tennis", "x/tennis/a/b"], ["tennis", "a/b/tennis"]],
  ["sport/+/player1", ["sport/tennis/player1", "sport//player1"], ["sport/player1", "sport/a/b/player1"]],
  ["+/b/+/d", ["a/b/c/d", "/b//d"], ["a/b/c", "a/b/c/d/e", "a/x/c/d"]],
  ["+/+/#", ["a/b", "a/b/c/d", "/"], ["a"]],
  ["/", ["/"], ["a", "//", "a/"]],
  ["//", ["//"], ["/", "///"]],
  ["/a", ["/a"], ["a", "/a/", "/A"]],
  ["a/", ["a/"], ["a", "a//"]],
  ["a//b", ["a//b"], ["a/b", "a/x/b"]],
  ["a/+/#", ["a/", "a/b", "a/b/c"], ["a"]],
  ["$SYS/#", ["$SYS", "$SYS/a"], ["SYS", "$SYSTEM", "a/$SYS"]],
  ["$SYS/monitor/+", ["$SYS/monitor/Clients"], ["$SYS/monitor"]],
  ["$own/+/#", ["$own/a"], ["$own"]],
  ["Accounts payable", ["Accounts payable"], ["ACCOUNTS PAYABLE", "Accounts  payable"]],
  // no normalization: [MQTT-4.7.3-4]
  ["\u{e4}", ["\u{e4}"], ["a\u{308}", "\u{c4}"]],
  ["a\u{308}/+", ["a\u{308}/b"], ["\u{e4}/b"]],
  ["\u{feff}a", ["\u{feff}a"], ["a"]],
  ["\u{1f600}/#", ["\u{1f600}", "\u{1f600}/\u{1f601}"], ["\u{1f601}"]],
  ["a/./b", ["a/./b"], ["a/b"]],
  ["a/%2B", ["a/%2B"], ["a/+".replace("+", "%2b")]],
  ["__proto__/constructor", ["__proto__/constructor"], ["__proto__", "toString"]],
  ["toString/+", ["toString/valueOf"], ["toString"]],
];

/** Publishes; to $SYS, which is not for clients, by the program. */
async function publishAnywhere(
  bench: Bench,
  publisher: RawClient,
  topic: string,
  retain: boolean,
): Promise<void> {
  if (/^\$SYS(\/|$)/.test(topic)) {
    bench.broker.publish({ topic, payload: new Uint8Array(1), retain });
  } else await publisher.publish({ topic, payload: "x", retain });
}

for (const [filter, yes, no] of matching) {
  testIn(
    every,
    `broker matches ${
      JSON.stringify(filter)
    } as it should [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.7.2-1] [MQTT-4.7.3-4] [MQTT-3.3.2-3] [MQTT311-4.7.1-2] [MQTT311-4.7.1-3] [MQTT311-4.7.2-1] [MQTT311-4.7.3-4] [MQTT311-3.3.2-3]`,
    async (bench, version) => {
      const client = await bench.connect(version, "client");
      await client.subscribe(filter);
      const publisher = await bench.connect(version, "publisher");
      for (const topic of [...no, ...yes]) {
        await publishAnywhere(bench, publisher, topic, true);
      }
      assertEquals((await client.collect()).map(({ topic }) => topic), yes);
      // and retained messages
      const late = await bench.connect(version, "late");
      await late.subscribe(filter);
      assertEquals(
        (await late.collect()).map(({ topic }) => topic).toSorted(),
        yes.toSorted(),
      );
      await client.unsubscribe(filter);
      await publishAnywhere(bench, publisher, yes[0]!, false);
      assertEquals(await client.payloads(), []);
    },
  );
}

testIn(
  every,
  "broker matches many overlapping filters, each once, and forgets them one by one [MQTT-3.3.2-3] [MQTT-3.10.4-1]",
  async (bench, version) => {
    const publisher = await bench.connect(version, "publisher");
    const filters = matching.map(([filter]) => filter);
    const clients = [];
    for (const [at, filter] of filters.entries()) {
      const client = await bench.connect(version, `client ${at}`);
      await client.subscribe(filter);
      clients.push(client);
    }
    for (let round = 0; round < 2; round++) {
      for (const [, yes] of matching) {
        for (const topic of yes) {
          await publishAnywhere(bench, publisher, topic, false);
        }
      }
      for (const [at, client] of clients.entries()) {
        const topics = (await client.collect()).map(({ topic }) => topic);
        const gone = round === 1 && at % 2 === 0;
        const own = matching[at]![1];
        for (const topic of own) assertEquals(topics.includes(topic), !gone);
        for (const topic of matching[at]![2]) {
          assertEquals(
            topics.includes(topic),
            false,
            `${filters[at]} ${topic}`,
          );
        }
        if (at % 2 === 0) await client.unsubscribe(filters[at]!);
      }
    }
  },
);

// deno-fmt-ignore: a table
const badFilters: readonly [filter: string, ids: string][] = [
  ["", "[MQTT-4.7.3-1] [MQTT311-4.7.3-1]"],
  ["a\0b", "[MQTT-4.7.3-2] [MQTT-1.5.4-2] [MQTT311-4.7.3-2]"],
  ["#/a", "[MQTT-4.7.1-1] [MQTT311-4.7.1-2]"],
  ["sport/tennis#", "[MQTT-4.7.1-1] [MQTT311-4.7.1-2]"],
  ["sport/tennis/#/ranking", "[MQTT-4.7.1-1] [MQTT311-4.7.1-2]"],
  ["a/#b", "[MQTT-4.7.1-1] [MQTT311-4.7.1-2]"],
  ["##", "[MQTT-4.7.1-1] [MQTT311-4.7.1-2]"],
  ["sport+", "[MQTT-4.7.1-2] [MQTT311-4.7.1-3]"],
  ["+a", "[MQTT-4.7.1-2] [MQTT311-4.7.1-3]"],
  ["a/b+/c", "[MQTT-4.7.1-2] [MQTT311-4.7.1-3]"],
  ["++", "[MQTT-4.7.1-2] [MQTT311-4.7.1-3]"],
];

for (const [filter, ids] of badFilters) {
  testIn(
    every,
    `broker ends the connection at the filter ${
      JSON.stringify(filter)
    } in SUBSCRIBE and UNSUBSCRIBE ${ids}`,
    async (bench, version) => {
      for (const request of [subscribe, unsubscribe]) {
        const client = await bench.connect(version, "client");
        client.send(request(version, 1, ["valid", filter]));
        const disconnect = await client.disconnected();
        const code = disconnect?.code;
        if (version !== 5) assertEquals(code, undefined);
        // "malformed packet", or "topic filter invalid"
        else assertEquals(code === 0x81 || code === 0x8f, true, `${code}`);
      }
    },
  );
}

// deno-fmt-ignore: a table
const badTopics: readonly [topic: string, code: number, ids: string][] = [
  ["#", 0x81, "[MQTT-3.3.2-2] [MQTT-4.7.0-1] [MQTT311-3.3.2-2] [MQTT311-4.7.1-1]"],
  ["+", 0x81, "[MQTT-3.3.2-2] [MQTT-4.7.0-1] [MQTT311-3.3.2-2] [MQTT311-4.7.1-1]"],
  ["a/+/b", 0x81, "[MQTT-3.3.2-2] [MQTT-4.7.0-1] [MQTT311-3.3.2-2] [MQTT311-4.7.1-1]"],
  ["a+", 0x81, "[MQTT-3.3.2-2] [MQTT-4.7.0-1] [MQTT311-3.3.2-2] [MQTT311-4.7.1-1]"],
  ["a#b", 0x81, "[MQTT-3.3.2-2] [MQTT-4.7.0-1] [MQTT311-3.3.2-2] [MQTT311-4.7.1-1]"],
  ["a\0b", 0x81, "[MQTT-4.7.3-2] [MQTT-1.5.4-2] [MQTT311-4.7.3-2] [MQTT311-1.5.3-2]"],
  ["", 0x82, "[MQTT-4.7.3-1] [MQTT311-4.7.3-1]"],
];

for (const [topic, code, ids] of badTopics) {
  testIn(
    every,
    `broker ends the connection at PUBLISH to ${JSON.stringify(topic)} ${ids}`,
    async (bench, version) => {
      for (const qos of [0, 1, 2]) {
        const client = await bench.connect(version, "client");
        client.send(publish(version, { topic, qos }));
        await assertDisconnected(client, code);
      }
    },
  );
}

testIn(
  every,
  "broker does not let clients publish to $SYS [MQTT-4.7.2-1] [MQTT311-4.7.2-1]",
  async (bench, version) => {
    const client = await bench.connect(version, "client");
    await client.subscribe("$SYS/#");
    for (const topic of ["$SYS/a", "$SYS/broker/version"]) {
      client.send(publish(version, { topic, payload: "x", retain: true }));
      const answer = await client.publish({ topic, qos: 1, payload: "x" });
      assertEquals(answer!.code, version === 5 ? 0x90 : 0);
    }
    assertEquals(await client.payloads(), []);
    assertEquals(await client.subscribe("$SYS/#"), [0]);
    assertEquals(await client.payloads(), []);
  },
);

testIn(
  every,
  "broker takes topics and filters of 65,535 bytes [MQTT-4.7.3-3] [MQTT-3.3.2-1] [MQTT-3.8.3-1] [MQTT-3.10.3-1] [MQTT311-4.7.3-3]",
  async (bench, version) => {
    const client = await bench.connect(version, "client");
    for (const topic of ["t".repeat(65_535), "\u{e4}".repeat(32_767) + "x"]) {
      await client.subscribe(topic);
      client.send(publish(version, { topic, payload: "x" }));
      assertEquals((await client.next("publish")).topic, topic);
      const { codes } = await client.unsubscribe(topic);
      if (version === 5) assertEquals(codes, [0]);
    }
  },
);
