import { assertEquals, assertThrows } from "@std/assert";
import { fanOf, filtersOf } from "../../bench/_map.ts";
import {
  type Options,
  parseOptions,
  UsageError,
} from "../../bench/_options.ts";
import { SCENARIOS, USUAL } from "../../bench/_scenarios.ts";

function options(flags: string): Options {
  return parseOptions(flags.split(" ").filter(Boolean))!;
}

Deno.test("every scenario is a command line of the generator", () => {
  for (const flags of Object.values(SCENARIOS)) options(flags);
  for (const name of USUAL) assertEquals(typeof SCENARIOS[name], "string");
});

Deno.test("subscriptions have the QoS of the messages unless it is given", () => {
  assertEquals(options("--qos 2").subscriptionQos, 2);
  assertEquals(options("--qos 2 --sqos 1").subscriptionQos, 1);
});

Deno.test("what makes no sense is refused", () => {
  const bad = [
    "--host 192.0.2.1",
    "--host 127.example.org",
    "--size 19",
    "--qos 3",
    "--P 1.5",
    "--W ",
    "--v 3",
    "--map some",
    "--unknown",
    "stray",
  ];
  for (const flags of bad) {
    assertThrows(() => parseOptions(flags.split(" ")), UsageError);
  }
  assertEquals(parseOptions(["--help"]), undefined);
});

Deno.test("all subscribers of a publisher are counted", () => {
  for (const map of ["one", "all", "allone"]) {
    for (const [publishers, subscribers] of [[3, 7], [7, 3], [1, 5], [2, 0]]) {
      const some = options(`--map ${map} --P ${publishers} --S ${subscribers}`);
      for (let publisher = 0; publisher < publishers!; publisher++) {
        let fan = 0;
        for (let index = 0; index < subscribers!; index++) {
          const filters = filtersOf(index, some);
          const topic = `bench/${publisher}`;
          if (filters.some((one) => one === topic || one === "bench/+")) fan++;
        }
        assertEquals(fanOf(publisher, some), fan);
      }
    }
  }
  assertEquals(fanOf(0, options("--map shared --P 2 --S 9")), 1);
  assertEquals(fanOf(0, options("--map match --P 2 --S 0")), 0);
});

Deno.test("no two subscribers of the map match take the same device", () => {
  const some = options("--map match --P 1 --S 3 --filters 4");
  const all = [0, 1, 2].flatMap((index) => filtersOf(index, some));
  assertEquals(new Set(all).size, 12);
  assertEquals(all[0], "bench/+/dev/00/#");
});
