import { assertEquals, assertThrows } from "@std/assert";
import { helpFlag, parseFlags, UsageError } from "../../cli/_flags.ts";
import { Selection, selectionFlags } from "../../cli/_selection.ts";
import {
  type ApplicationMessage,
  IncomingApplicationMessage,
} from "../../mod.ts";

function selection(args: string[], random = () => 0): Selection {
  const flags = { ...selectionFlags, help: helpFlag };
  return new Selection(parseFlags(flags, args), random);
}

function message(topic: string, retain = false): ApplicationMessage {
  return new IncomingApplicationMessage({
    type: "publish",
    topic,
    payload: new Uint8Array(0),
    qos: 0,
    retain,
    dup: false,
  });
}

Deno.test("all messages are shown by default, and none is cleared", () => {
  const all = selection([]);
  for (const one of [message("a"), message("a", true)]) {
    assertEquals([all.shows(one), all.clears(one), all.ends(one)], [
      true,
      false,
      false,
    ]);
  }
});

Deno.test("-T leaves topics out, of --remove-retained too", () => {
  const some = selection(["-T", "a/+", "-T", "b/#", "--remove-retained"]);
  const shown = (topic: string) => some.shows(message(topic));
  assertEquals(["a/1", "b", "b/1/2"].map(shown), [false, false, false]);
  assertEquals(["a", "a/1/2", "c"].map(shown), [true, true, true]);
  const cleared = (topic: string) => some.clears(message(topic, true));
  assertEquals(["a/1", "c"].map(cleared), [false, true]);
  assertThrows(
    () => selection(["-T", "a/#/b"]),
    UsageError,
    '-T is "a/#/b", but # is not its last level',
  );
});

Deno.test("-R leaves retained messages out, but clears them", () => {
  const fresh = selection(["-R", "--remove-retained"]);
  assertEquals(fresh.shows(message("a", true)), false);
  assertEquals(fresh.shows(message("a")), true);
  assertEquals(fresh.clears(message("a", true)), true);
  assertEquals(fresh.clears(message("a")), false);
});

Deno.test("--retained-only ends with the first other message", () => {
  const stale = selection(["--retained-only"]);
  assertEquals(stale.ends(message("a", true)), false);
  assertEquals(stale.ends(message("a")), true);
  assertThrows(
    () => selection(["--retained-only", "-R"]),
    UsageError,
    "give -R or --retained-only, not both",
  );
});

Deno.test("--random-filter shows a part", () => {
  let chance = 0;
  const some = selection(["--random-filter", "25"], () => chance);
  assertEquals(some.shows(message("a")), true);
  chance = 0.2499;
  assertEquals(some.shows(message("a")), true);
  chance = 0.25;
  assertEquals(some.shows(message("a")), false);
  for (const text of ["0", "101", "x"]) {
    assertThrows(
      () => selection(["--random-filter", text]),
      UsageError,
      "--random-filter is",
    );
  }
});
