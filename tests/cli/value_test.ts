import { assertEquals } from "@std/assert";
import {
  count,
  decimal,
  integer,
  seconds,
  type ValueKind,
} from "../../cli/_value.ts";

const kinds: [ValueKind<number>, string, Record<string, number>, string[]][] = [
  [
    integer<number>(0, 2),
    "a number from 0 to 2",
    { "0": 0, "2": 2 },
    ["3", "-1", "", "1.5", "x", "0x1", " 1", "1e0"],
  ],
  [
    count(1),
    "a number from 1 on",
    { "1": 1, "9007199254740991": 2 ** 53 - 1 },
    ["0", "-1", "9007199254740992"],
  ],
  [
    decimal(0.5, 100),
    "a number from 0.5 to 100",
    { "0.5": 0.5, ".75": 0.75, "100": 100 },
    ["0.4", "101", "", "-1", "x", "1e1", "1.", "Infinity"],
  ],
  [
    seconds(0.001),
    "a number of seconds from 0.001 to 2000000",
    { "0.001": 0.001, "2000000": 2_000_000 },
    ["0", "2000001", "NaN"],
  ],
];

for (const [kind, name, right, wrong] of kinds) {
  Deno.test(`the value of a flag that is ${name}`, () => {
    assertEquals(kind.name, name);
    for (const [text, number] of Object.entries(right)) {
      assertEquals(kind.read(text), number);
    }
    for (const text of wrong) assertEquals(kind.read(text), undefined, text);
  });
}
