import { assertEquals } from "@std/assert";
import { parse } from "@std/yaml";
import { type Outline, placeOf, scanYaml } from "../../broker/_yaml.ts";
import { Random } from "../_random.ts";

/** The keys of a text, each with its place, as `listeners.a 2:3`. */
function places(text: string): string[] {
  const { root } = scanYaml(text);
  const lines: string[] = [];
  const visit = ({ path, offset, children }: Outline): void => {
    const { line, column } = placeOf(text, offset);
    if (path.length > 0) lines.push(`${path.join(".")} ${line}:${column}`);
    children.forEach(visit);
  };
  visit(root);
  return lines;
}

const texts: readonly [what: string, text: string, places: string[]][] = [
  ["nothing", "", []],
  ["comments and blank lines", "# a: 1\n\n  # b: 2\nc: 1 # d: 2\n", ["c 4:1"]],
  ["mappings in mappings", "a:\n  b:\n    c: 1\n  d: 2\ne: 3\n", [
    ...["a 1:1", "a.b 2:3", "a.b.c 3:5", "a.d 4:3", "e 5:1"],
  ]],
  ["lists of scalars", "a:\n  - x\n  - y\n", ["a 1:1", "a.0 2:3", "a.1 3:3"]],
  ["lists at the column of their key", "a:\n- x\n- y: 1\n  z: 2\nb: 1\n", [
    ...["a 1:1", "a.0 2:1", "a.1 3:1", "a.1.y 3:3", "a.1.z 4:3", "b 5:1"],
  ]],
  ["lists in lists", "- - a\n  - b: 1\n-\n  c: 1\n", [
    ...["0 1:1", "0.0 1:3", "0.1 2:3", "0.1.b 2:5", "1 3:1", "1.c 4:3"],
  ]],
  ["flow collections", "a: {b: [1, {c: 2}], 'd e': \"f\"}\ng: []\n", [
    ...["a 1:1", "a.b 1:5", "a.b.0 1:9", "a.b.1 1:12", "a.b.1.c 1:13"],
    ...["a.d e 1:21", "g 2:1"],
  ]],
  [
    "flow collections over lines, with comments",
    "a: [\n  x, # y: 1\n  z\n]\nb: 1\n",
    ["a 1:1", "a.0 2:3", "a.1 3:3", "b 5:1"],
  ],
  ["JSON", '{"a":{"b":[1]},\n "c":null}', [
    "a 1:2",
    "a.b 1:7",
    "a.b.0 1:12",
    "c 2:2",
  ]],
  ["quoted keys", "\"a: b\": 1\n'c''d': 2\n", ["a: b 1:1", "c'd 2:1"]],
  ["values with colons", "a: 1:2\nb: x:y:z\nc: 'd: e'\n", [
    ...["a 1:1", "b 2:1", "c 3:1"],
  ]],
  ["keys with colons and dashes", "a:b-c: 1\n-d: 2\n", ["a:b-c 1:1", "-d 2:1"]],
  ["block scalars", "a: |\n  x: 1\n\n  - y\nb: >-\n  z: 2\nc: 1\n", [
    ...["a 1:1", "b 5:1", "c 7:1"],
  ]],
  ["block scalars in lists", "- a: |\n    b: 1\n  c: 2\n", [
    ...["0 1:1", "0.a 1:3", "0.c 3:3"],
  ]],
  ["quotes over lines", "a: \"x\n  b: 1\n  y\"\nc: 'd\n  e: 2'\nf: 1\n", [
    ...["a 1:1", "c 4:1", "f 6:1"],
  ]],
  ["anchors and tags", "a: &x\n  b: 1\nc: !!map {d: 1}\ne: &y [f]\n", [
    ...["a 1:1", "a.b 2:3", "c 3:1", "c.d 3:11", "e 4:1", "e.0 4:8"],
  ]],
  ["line ends of Windows", "a:\r\n  b: |\r\n    c: 1\r\n  d: 2\r\n", [
    ...["a 1:1", "a.b 2:3", "a.d 4:3"],
  ]],
  ["a byte order mark", "\ufeffa: 1\n", ["a 1:2"]],
  ["directives and documents", "%YAML 1.2\n---\na: 1\n...\n", ["a 3:1"]],
  ["no line end", "a:\n  b: |\n    c", ["a 1:1", "a.b 2:3"]],
];

for (const [what, text, expected] of texts) {
  Deno.test(`scanYaml() knows the places of ${what}`, () => {
    assertEquals(places(text), expected);
  });
}

for (
  const text of [
    ...["{", "[", "[{", "{a: ", '{"a', "{a: [", "[,,]", "{:}", "]", "}", "- ["],
    ...["a: |", "a: >\n", '"', "'", "&", "- ", "-", ":", "? a\n: b", "[#x]"],
  ]
) {
  Deno.test(`scanYaml() ends with ${JSON.stringify(text)}`, () => {
    scanYaml(text);
  });
}

Deno.test("scanYaml() finds keys that stand twice, in one mapping only", () => {
  const text =
    "a:\n  x: 1\n  y: 2\n  x: 3\nb: {x: 1, x: 2}\nc:\n- x: 1\n- x: 2\n";
  const { duplicates, root } = scanYaml(text);
  assertEquals(
    duplicates.map(({ first, again }) => [
      again.path.join("."),
      ...[first, again].map(({ offset }) => placeOf(text, offset).line),
    ]),
    [["a.x", 2, 4], ["b.x", 5, 5]],
  );
  const { offset } = root.children.get("a")!.children.get("x")!;
  assertEquals(placeOf(text, offset).line, 4);
});

for (
  const [text, expected] of [
    ["a:\n\tb: 1\n", 3],
    ["a:\n \tb: 1\n", 4],
    ["a: |\n  x\n  \ty\nb:\t1\n", undefined],
    ["\t# comment\n\t\na: 1\n", undefined],
  ] as const
) {
  Deno.test(`scanYaml() finds ${expected === undefined ? "no tab that indents" : "the tab that indents"} in ${JSON.stringify(text)}`, () => {
    assertEquals(scanYaml(text).tab, expected);
  });
}

/** The paths of all keys and items of a value. */
function paths(value: unknown, path: string[] = []): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, own]) => {
    const here = [...path, key];
    return [here.join("/"), ...paths(own, here)];
  });
}

/** YAML with collections of all kinds, which differ in how they are written. */
function anyYaml(random: Random, depth: number, indent: string): string {
  const pick = random.integer(0, depth > 3 ? 1 : 5);
  const size = random.integer(1, 3);
  const names = ["a", "b-c", '"d: e"', "'f'", "g.h"];
  const each = (write: (i: number) => string): string =>
    Array.from({ length: size }, (_, i) => write(i)).join("");
  const inner = `${indent}  `;
  switch (pick) {
    case 0:
      return ` ${
        ["1", "x y", '"# q"', "'it''s'", "~"][random.integer(0, 4)]
      }\n`;
    case 1:
      return ` |\n${inner}text: ${size}\n\n${inner}- more\n`;
    case 2:
      return ` {${
        Array.from({ length: size }, (_, i) => `${names[i]}: [x, {y: 1}]`)
          .join()
      }}\n`;
    case 3:
      return "\n" +
        each((i) =>
          `${indent}-${
            random.integer(0, 1)
              ? ` k${i}: v` + "\n"
              : anyYaml(random, depth + 1, inner)
          }`
        );
    default:
      return ` # ${size}\n` +
        each((i) =>
          `${indent}${names[i]}:${anyYaml(random, depth + 1, inner)}`
        );
  }
}

Deno.test("scanYaml() finds what the parser finds, in texts made by chance", () => {
  for (let seed = 1; seed <= 500; seed++) {
    const random = new Random(seed);
    const text = `top:${anyYaml(random, 0, "  ")}end: 1\n`;
    const found: string[] = [];
    const visit = ({ path, children }: Outline): void => {
      if (path.length > 0) found.push(path.join("/"));
      children.forEach(visit);
    };
    visit(scanYaml(text).root);
    assertEquals(found, paths(parse(text)), `seed ${seed}:\n${text}`);
  }
});
