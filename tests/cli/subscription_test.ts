import { assertEquals, assertThrows } from "@std/assert";
import { clientFlags } from "../../cli/_client_flags.ts";
import { clientSettings } from "../../cli/_client_options.ts";
import { parseFlags, UsageError } from "../../cli/_flags.ts";
import {
  type Subscription,
  subscriptionFlags,
  subscriptionOf,
} from "../../cli/_subscription.ts";

function subscription(...args: string[]): Subscription {
  const values = parseFlags({ ...subscriptionFlags, ...clientFlags }, args);
  const settings = clientSettings(values, {
    command: "sub",
    pid: 1,
    hostname: "h",
    packets: ["subscribe", "unsubscribe"],
  });
  return subscriptionOf(values, settings);
}

Deno.test("a subscription has its topics, that of the URL first", () => {
  assertEquals(subscription("-t", "a", "-t", "b"), {
    topics: ["a", "b"],
    unsubscribe: [],
    options: { allowFailures: true },
    properties: {},
    exitAfter: false,
    count: 0,
    timeout: undefined,
  });
  assertEquals(
    subscription("-t", "b", "-L", "mqtt://box/a/#").topics,
    ["a/#", "b"],
  );
  const ended = subscription("-U", "a", "-U", "b");
  assertEquals([ended.topics, ended.unsubscribe], [[], ["a", "b"]]);
});

Deno.test("a subscription has its options, and its end", () => {
  const all = subscription(
    ...["-t", "a", "-q", "2", "-V", "5", "--retain-as-published", "-E"],
    "--no-local",
    ...["--retain-handling", "new", "-C", "7", "-W", "1.5"],
    ...["-D", "subscribe", "subscription-identifier", "3"],
  );
  assertEquals(all.options, {
    allowFailures: true,
    qos: 2,
    noLocal: true,
    retainAsPublished: true,
    retainHandling: 1,
    properties: { subscriptionIdentifiers: [3] },
  });
  assertEquals([all.exitAfter, all.count, all.timeout], [true, 7, 1.5]);
});

Deno.test("a subscription refuses what has no meaning", () => {
  const cases: [string[], string][] = [
    [[], "-t FILTER is missing"],
    [["-t", "t", "-W", "0"], '-W is "0", not a number of seconds'],
    [["-t", "t", "-W", "soon"], '-W is "soon"'],
    [["-t", "t", "-n", "-1"], '-n is "-1", not a number from 0'],
    [["-t", "t", "-q", "x"], "-q is"],
    [["-t", "t", "--no-local"], "--no-local needs -V mqttv5"],
    [
      ["-t", "t", "--retain-as-published"],
      "--retain-as-published needs -V mqttv5",
    ],
    [
      ["-t", "t", "--retain-handling", "new"],
      "--retain-handling needs -V mqttv5",
    ],
    [
      ["-t", "t", "--retain-handling", "often", "-V", "5"],
      '--retain-handling is "often", not always, new or never',
    ],
  ];
  for (const [args, message] of cases) {
    assertThrows(() => subscription(...args), UsageError, message);
  }
});
