import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { parseYaml, readYamlFile } from "../../broker/yaml_file.ts";
import { SettingsError } from "../../codec/mod.ts";

const where = "this";

Deno.test("parseYaml() knows where values stand, and how keys are written", () => {
  const text = "max-size: 1\nlist:\n- name: a\n- {name: b}\n";
  const yaml = parseYaml(text, "f.yaml", where);
  assertEquals(yaml.file, "f.yaml");
  assertEquals(yaml.value, {
    "max-size": 1,
    list: [{ name: "a" }, { name: "b" }],
  });
  assertEquals(yaml.warnings, []);
  assertEquals(yaml.locate([]), "f.yaml");
  assertEquals(yaml.locate(["maxSize"]), "f.yaml:1:1");
  assertEquals(yaml.locate(["list", "1", "name"]), "f.yaml:4:4");
  assertEquals(yaml.locate(["list", "0", "none"]), "f.yaml:3:1");
  assertEquals(yaml.written(["maxSize"]), ["max-size"]);
  assertEquals(yaml.written(["list", "none"]), undefined);
});

for (
  const [text, problem] of [
    ["a: 1\nb: 2\na: 3\n", "f:3:1: a is there in line 1 already; keep one"],
    [
      "auth:\n  x: 1\nb: 2\nauth: {}\n",
      "f:4:1: auth is there in line 1 already; keep one",
    ],
    [
      "l: {a: 1, a: 2}\n",
      "f:1:11: l.a is there in line 1 already; keep one",
    ],
    // which the outline does not know
    ["a: 1\n? a\n: 2\n", "f:3:1: a key is there already; keep one"],
    ["a: 1\n!!str a: 2\n", "f:2:1: a key is there already; keep one"],
    ["a: 1\ra: 2\r", "a key is there already; keep one"],
    // only the second of two is what was meant by another name
    ["capath: 1\ncapath: 2\ncapath: 3\n", "is there in line 2 already"],
    ["capath: 1\ncapath: 2\ncadata: 3\n", "is there in line 1 already"],
    ["b: {capath: 1}\na: 1\na: 2\n", "f:3:1: a is there in line 2 already"],
  ] as const
) {
  Deno.test(`parseYaml() refuses a key that stands twice: ${JSON.stringify(text)}`, () => {
    const read = () => parseYaml(text, "f", where);
    assertThrows(read, SettingsError, problem);
  });
}

Deno.test("parseYaml() lets a key stand beside the one that it is merged over", () => {
  const text = "a: &a {x: 1, y: 2}\nb:\n  <<: *a\n  x: 3\n";
  const { value, warnings } = parseYaml(text, "f", where);
  assertEquals(value, { a: { x: 1, y: 2 }, b: { x: 3, y: 2 } });
  assertEquals(warnings, []);
});

for (const depth of [1000, 3000, 20_000, 200_000]) {
  Deno.test(`parseYaml() refuses lists ${depth} deep`, () => {
    for (
      const text of [
        `a: ${"[".repeat(depth)}${"]".repeat(depth)}`,
        `a:\n  ${"- ".repeat(depth)}b\n`,
      ]
    ) {
      const read = () => parseYaml(text, "f", where);
      assertThrows(read, SettingsError, "f: it is nested too deep");
    }
  });
}

Deno.test("parseYaml() takes the second capath for cadata", () => {
  const text = "capath: /some/folder\ncapath: certificate data\n";
  const { value, warnings } = parseYaml(text, "f", where);
  assertEquals(value, { capath: "/some/folder", cadata: "certificate data" });
  assertEquals(warnings, [
    "f:2:1: capath is there in line 1 already: taken as cadata",
  ]);
  const json = '{"capath": "/f", "x": {"capath": "/g", "capath": "d"}}';
  assertEquals(parseYaml(json, "f", where).value, {
    capath: "/f",
    x: { capath: "/g", cadata: "d" },
  });
});

Deno.test("parseYaml() refuses what is not YAML with keys and values", () => {
  const cases: [string, string][] = [
    ["", "f: it is empty"],
    ["~", "f: it is empty"],
    ["- a", "f:1:1: it is a list, not keys and values"],
    ["word", 'f:1:1: it is "word", not keys and values'],
    ["a: 1\nb: [1\n", "f:"],
    ["a:\n\tb: 1\n", "f:2:1: a tab indents; use spaces"],
    ["a:\n  b: 1\n \t c: 1\n", "f:3:2: a tab indents; use spaces"],
    ["bind: [::1]:1883\n", 'an IPv6 address needs quotes: "[::1]:1883"'],
  ];
  for (const [text, message] of cases) {
    const error = assertThrows(
      () => parseYaml(text, "f", where),
      SettingsError,
      message,
    );
    assertEquals(error.message.startsWith("Cannot read this: f:"), true);
  }
});

Deno.test("parseYaml() takes tabs where they are harmless", () => {
  const text = '{\n\t"a": {\n\t\t"b": [\n\t\t\t1\n\t\t]\n\t}\n}\n';
  assertEquals(parseYaml(text, "f", where).value, { a: { b: [1] } });
  const more = "a: 1\t# one\n\t\n\t# two\nb: |\n  \tx: 1\n";
  assertEquals(parseYaml(more, "f", where).value, { a: 1, b: "\tx: 1\n" });
});

Deno.test("readYamlFile() tells why it cannot read", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/f.yaml`;
  await assertRejects(
    () => readYamlFile(path, where),
    SettingsError,
    `Cannot read this: ${path}: there is no such file`,
  );
  await Deno.writeFile(path, new Uint8Array([255]));
  await assertRejects(
    () => readYamlFile(path, where),
    SettingsError,
    `${path}: it is not UTF-8 text`,
  );
  await Deno.writeTextFile(path, "a: 1");
  assertEquals((await readYamlFile(path, where)).value, { a: 1 });
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a key that stands twice behind an anchor has a place in the file", () => {
  assertThrows(
    () => parseYaml("my-tcp-1:\n&a my-tcp-1:", "my.yaml", "my configuration"),
    SettingsError,
    "my.yaml:2:1: a key is there already",
  );
});
