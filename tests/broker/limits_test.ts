import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  defaultLimits,
  type Limits,
  type QueueFullPolicy,
} from "../../broker/mod.ts";
import { readConfig } from "../../broker/_configuration.ts";

/** Every limit, with the least and the greatest value it may have. */
const ranges: Record<
  Exclude<keyof Limits, "queueFull">,
  [least: number, most: number]
> = {
  connections: [1, Infinity],
  connectionsPerAddress: [0, Infinity],
  connectionRate: [0, Infinity],
  connectionBurst: [1, Infinity],
  failures: [0, Infinity],
  banTime: [1, Infinity],
  banTimeMaximum: [1, Infinity],
  connectTimeout: [1, Infinity],
  maximumPacketSize: [1, 268_435_460],
  clientIdLength: [1, Infinity],
  topicLength: [1, 65_535],
  topicLevels: [1, Infinity],
  topicAliasMaximum: [0, 65_535],
  subscriptions: [1, Infinity],
  subscriptionBytes: [1, Infinity],
  inflight: [1, 65_535],
  receiveMaximum: [1, 65_535],
  queuedMessages: [0, Infinity],
  queuedBytes: [0, Infinity],
  totalQueuedBytes: [0, Infinity],
  outboundBytes: [1, Infinity],
  messageRate: [0, Infinity],
  byteRate: [0, Infinity],
  memory: [0, Infinity],
  stallTimeout: [1, Infinity],
  sessions: [0, Infinity],
  sessionExpiryInterval: [0, 0xffff_ffff],
  retainedMessages: [0, Infinity],
  retainedBytes: [0, Infinity],
  pluginTimeout: [1, Infinity],
  shutdownTimeout: [0, 2_147_483],
};

Deno.test("this table of ranges has every limit", () => {
  assertEquals(
    [...Object.keys(ranges), "queueFull"].sort(),
    Object.keys(defaultLimits).sort(),
  );
});

for (const [name, [least, most]] of Object.entries(ranges)) {
  Deno.test(`limits.${name} is an integer from ${least} to ${most}`, () => {
    const key = name as keyof typeof ranges;
    const highest = Math.min(most, Number.MAX_SAFE_INTEGER);
    for (const value of [least, highest, defaultLimits[key]]) {
      const { limits } = readConfig({ limits: { [key]: value } });
      assertEquals(limits, { ...defaultLimits, [key]: value });
    }
    const range = most === Infinity
      ? `of at least ${least}`
      : `from ${least} to ${most}`;
    for (const value of [least - 1, most + 1, -Infinity, least + 0.5]) {
      const { message } = assertThrows(
        () => readConfig({ limits: { [key]: value } }),
        TypeError,
      );
      assertEquals(
        message,
        "Cannot read the configuration of the broker: " +
          `limits.${name} is ${value}, not an integer ${range}`,
      );
    }
  });
}

Deno.test("limits.queueFull is one of three policies", () => {
  const policies = ["drop-newest", "drop-oldest", "disconnect"] as const;
  for (const queueFull of policies) {
    const { limits } = readConfig({ limits: { queueFull } });
    assertEquals(limits, { ...defaultLimits, queueFull });
  }
  const queueFull = "drop-oldst" as QueueFullPolicy;
  const { message } = assertThrows(
    () => readConfig({ limits: { queueFull } }),
    TypeError,
  );
  assertStringIncludes(message, "drop-oldest");
});

Deno.test("limits are the defaults where nothing is said", () => {
  const limits = { inflight: undefined as unknown as number };
  assertEquals(readConfig({ limits }).limits, defaultLimits);
  assertEquals(readConfig({}).limits, defaultLimits);
});

Deno.test("every configuration has limits of its own", () => {
  readConfig({}).limits.inflight = 1;
  assertEquals(readConfig({}).limits, defaultLimits);
});
