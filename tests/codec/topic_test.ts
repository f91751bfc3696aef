import { assert, assertEquals } from "@std/assert";
import {
  matches,
  parseSharedFilter,
  topicFilterError,
  topicLevels,
  topicNameError,
} from "../../codec/mod.ts";
import { type Random, withSeeds } from "../_random.ts";

Deno.test("topicNameError() takes names without wildcards [MQTT-4.7.0-1] [MQTT-4.7.3-1] [MQTT-4.7.3-2] [MQTT311-4.7.1-1]", () => {
  const valid = [
    "a",
    "/",
    "//",
    " ",
    "a/b",
    "/a",
    "a/",
    "a//b",
    "$SYS/broker",
    "$share/g/a",
    "$",
    "sport/tennis/player1",
    "\u00fc/\u{1f600}",
    "\ufeff",
    "a".repeat(65_535),
  ];
  const invalid = [
    "",
    "#",
    "+",
    "a/#",
    "a/+/b",
    "a#b",
    "+a",
    "a\0b",
    "\0",
    "a".repeat(300) + "#",
  ];
  for (const topic of valid) assertEquals(topicNameError(topic), undefined);
  for (const topic of invalid) assert(topicNameError(topic), topic);
});

Deno.test("topicFilterError() wants wildcards to fill a level, and # to be last [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.7.3-1] [MQTT-4.7.3-2] [MQTT311-4.7.1-2] [MQTT311-4.7.1-3]", () => {
  const valid = [
    "a",
    "/",
    "//",
    "#",
    "+",
    "a/#",
    "/#",
    "+/#",
    "+/+",
    "/+",
    "+/",
    "a/+/b",
    "sport/tennis/player1/#",
    "sport/+",
    "+/tennis/#",
    "$SYS/#",
    "$SYS/+",
    "$share",
    "$shared/a",
    "a/$share/b",
    "a b",
    "\u20ac/+",
  ];
  const invalid = [
    "",
    "a#",
    "#/",
    "#/a",
    "a/#/b",
    "a/#b",
    "##",
    "#+",
    "sport/tennis#",
    "sport/tennis/#/ranking",
    "a+",
    "+a",
    "++",
    "a+/b",
    "a/+b",
    "a/b+/c",
    "sport+",
    "a\0",
    "\0",
  ];
  for (const filter of valid) {
    assertEquals(topicFilterError(filter), undefined, filter);
  }
  for (const filter of invalid) assert(topicFilterError(filter), filter);
});

Deno.test("topicFilterError() wants shared filters to have a share name and a filter [MQTT-4.8.2-1] [MQTT-4.8.2-2]", () => {
  const valid = [
    "$share/g/a",
    "$share/g//",
    "$share/g/#",
    "$share/g/+/b",
    "$share/consumer1/sport/tennis/+",
    "$share/a b/c",
    "$share/$share/$share/g/x",
    "$share/\u00fc/a",
  ];
  const invalid = [
    "$share/",
    "$share//",
    "$share//a",
    "$share/g",
    "$share/g/",
    "$share/+/a",
    "$share/#/a",
    "$share/#",
    "$share/g+/a",
    "$share/g#/a",
    "$share/g/a#",
    "$share/g/#/a",
    "$share/g/+a",
    "$share/g\0/a",
  ];
  for (const filter of valid) {
    assertEquals(topicFilterError(filter), undefined, filter);
  }
  for (const filter of invalid) assert(topicFilterError(filter), filter);
});

/** Validity as a grammar. */
const SHARED = /^\$share\/[^/+#\0]+\/./s;
const FILTER = /^(?:(?:\+|[^/+#\0]*)\/)*(?:\+|#|[^/+#\0]*)$/;

function isValidFilter(filter: string): boolean {
  if (filter === "" || filter.includes("\0")) return false;
  if (!filter.startsWith("$share/")) return FILTER.test(filter);
  return SHARED.test(filter) &&
    FILTER.test(filter.replace(/^\$share\/[^/]*\//, ""));
}

function anyText(random: Random): string {
  return random.pick(["", "", "$share/", "$share/g/", "$SYS/"]) +
    random.array(random.integer(0, 9), () => random.pick("ab//++#$\0\u20ac"))
      .join("");
}

Deno.test("topicFilterError() agrees with a grammar", () => {
  let valid = 0;
  withSeeds(5000, (random) => {
    const filter = anyText(random);
    const expected = isValidFilter(filter);
    if (expected) valid++;
    assertEquals(topicFilterError(filter) === undefined, expected, filter);
  });
  assert(valid > 500 && valid < 4500, `${valid} were valid`);
});

Deno.test("parseSharedFilter() takes the share name off", () => {
  const cases: readonly [string, string | undefined, string][] = [
    ["$share/g/a", "g", "a"],
    ["$share/g//", "g", "/"],
    ["$share/g//a", "g", "/a"],
    ["$share/g/#", "g", "#"],
    ["$share/consumer1/sport/tennis/+", "consumer1", "sport/tennis/+"],
    ["$share/$share/$share/g/x", "$share", "$share/g/x"],
    ["$share", undefined, "$share"],
    ["$shared/g/a", undefined, "$shared/g/a"],
    ["a/$share/g/b", undefined, "a/$share/g/b"],
    ["#", undefined, "#"],
  ];
  for (const [text, shareName, filter] of cases) {
    assertEquals(parseSharedFilter(text), { shareName, filter });
  }
});

Deno.test("matches() as the specification says [MQTT-4.7.2-1] [MQTT-4.7.3-4] [MQTT311-4.7.2-1] [MQTT311-4.7.3-4]", () => {
  const cases: readonly [filter: string, yes: string, no: string][] = [
    [
      "sport/tennis/player1/#",
      "sport/tennis/player1 sport/tennis/player1/ranking sport/tennis/player1/score/wimbledon sport/tennis/player1/",
      "sport/tennis sport/tennis/player2 sport/tennis/player12 Sport/tennis/player1",
    ],
    ["sport/#", "sport sport/ sport/a/b", "sports /sport"],
    ["#", "a / a/b //", "$SYS $SYS/a $"],
    ["+", "a a$", "/a a/ / $a $SYS"],
    ["/+", "/finance /", "finance /a/b"],
    ["+/+", "/finance a/b /", "a a/b/c $a/b"],
    ["sport/+", "sport/ sport/a", "sport sport/a/b"],
    ["+/tennis/#", "a/tennis a/tennis/b /tennis", "tennis a/b $a/tennis"],
    ["+/monitor/Clients", "a/monitor/Clients", "$SYS/monitor/Clients"],
    ["$SYS/#", "$SYS $SYS/a $SYS/a/b", "SYS $SYSa"],
    [
      "$SYS/monitor/+",
      "$SYS/monitor/Clients",
      "$SYS/monitor $SYS/monitor/a/b",
    ],
    ["a/b", "a/b", "A/b a/B a/b/ /a/b a a/b/c"],
    ["a/+/c", "a/b/c a//c a/$b/c", "a/c a/b/b/c a/b/c/"],
    ["/", "/", "a // a/"],
    ["a//b", "a//b", "a/b a/x/b"],
    // composed and decomposed: not the same characters
    ["caf\u00e9", "caf\u00e9", "cafe\u0301 CAF\u00c9"],
  ];
  for (const [filter, yes, no] of cases) {
    for (const topic of yes.split(" ")) {
      assert(matches(filter, topic), `${filter} matches ${topic}`);
    }
    for (const topic of no.split(" ")) {
      assert(!matches(filter, topic), `${filter} does not match ${topic}`);
    }
  }
});

/** Matching as a regular expression. */
function matcherOf(filter: string): RegExp {
  const body = filter
    .split("/")
    .map((level) =>
      level === "+" ? "[^/]*" : level === "#" ? ".*" : RegExp.escape(level)
    )
    .join("/")
    // the parent level, too
    .replace(/\/\.\*$/, "(?:/.*)?");
  return new RegExp(`^${/^[#+]/.test(filter) ? "(?!\\$)" : ""}${body}$`, "s");
}

Deno.test("matches() agrees with regular expressions", () => {
  let matched = 0;
  withSeeds(5000, (random) => {
    const level = () => random.pick(["a", "b", "", "ab", "$", "$a"]);
    const topic = random.array(random.integer(1, 4), level).join("/") || "a";
    const levels = topic.split("/").map((one) => {
      if (random.percent(30)) return "+";
      return random.percent(80) ? one : level();
    });
    if (random.percent(20)) levels.pop();
    if (random.percent(30)) levels.push(random.pick(["#", "+", "a"]));
    const filter = levels.join("/") || "#";
    const expected = matcherOf(filter).test(topic);
    if (expected) matched++;
    assertEquals(matches(filter, topic), expected, `${filter} ${topic}`);
  });
  assert(matched > 500 && matched < 4500, `${matched} matched`);
});

Deno.test("topicLevels() counts levels", () => {
  for (const topic of ["a", "a/b", "/", "//", "a//b/", "#", "\u20ac/+"]) {
    assertEquals(topicLevels(topic), topic.split("/").length, topic);
  }
});
