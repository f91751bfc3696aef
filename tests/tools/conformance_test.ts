import { assertEquals, assertGreater, assertStringIncludes } from "@std/assert";
import {
  evidenceFor,
  gather,
  page,
  referencesIn,
  resultsIn,
  resultsOf,
  runOf,
  withoutComments,
  withoutResults,
} from "../../tools/conformance.ts";
import {
  deviations,
  differences,
  referenceTo,
  root,
  rowsOf,
  type Statement,
  statementsOf,
} from "../../tools/statements.ts";

const all: readonly Statement[] = [
  ...statementsOf("5.0"),
  ...statementsOf("3.1.1"),
];

Deno.test("docs/conformance.md is what deno task conformance writes, results aside", () => {
  const path = new URL("docs/conformance.md", root);
  const text = Deno.readTextFileSync(path);
  // Not as a difference of thousands of lines.
  const fresh = withoutResults(text) === withoutResults(page());
  assertEquals(fresh, true, "stale: run deno task conformance");
});

Deno.test("every statement has a test, or a reason why not", () => {
  const evidence = gather();
  const reasons = deviations();
  for (const statement of all) {
    const { version, id } = statement;
    const { tests } = evidenceFor(statement, evidence);
    const remarks = reasons.filter((one) =>
      one.version === version && one.id === id
    );
    assertEquals(remarks.length <= 1, true, `${version} ${id}: remarks`);
    const [remark] = remarks;
    if (remark === undefined) {
      assertGreater(tests.size, 0, `${version} ${id} has neither`);
    } else if (remark.kind !== "deviation") {
      assertEquals(tests.size, 0, `${version} ${id} has tests: no remark now`);
    }
  }
});

Deno.test("remarks are of statements that exist, and say why", () => {
  for (const { version, id, kind, reason } of deviations()) {
    const exists = all.some((one) => one.version === version && one.id === id);
    assertEquals(exists, true, `${version} ${id}`);
    const kinds = ["missing", "not applicable", "deviation"];
    assertEquals(kinds.includes(kind), true, kind);
    assertGreater(reason.length, 10);
  }
});

Deno.test("the statements are those of the standards", () => {
  assertEquals(statementsOf("5.0").length, 251);
  assertEquals(statementsOf("3.1.1").length, 141);
  assertEquals(new Set(all.map(referenceTo)).size, all.length);
  const ids = new Set(statementsOf("5.0").map(({ id }) => id));
  for (const { id, binds, text, like } of all) {
    assertEquals(/^\d+\.\d+\.\d+-\d+$/.test(id), true, id);
    assertEquals(["server", "client", "both"].includes(binds), true, id);
    assertGreater(text.length, 5, id);
    assertEquals(like.filter((one) => !ids.has(one)), [], id);
  }
});

Deno.test("the comparison names statements that exist", () => {
  const ids = new Set(all.map(({ id }) => id));
  for (const { statements, theirs, verdict } of differences()) {
    for (const id of statements.split(" ")) assertEquals(ids.has(id), true, id);
    assertGreater(theirs.length, 5);
    assertGreater(verdict.length, 5);
  }
});

Deno.test("references are found in names, not in comments", () => {
  const text = [
    "/** [MQTT-3.1.0-1] */",
    "  // [MQTT-3.1.0-2]",
    'test("a [MQTT-3.1.2-24] [MQTT311-3.1.2-1]"); // [MQTT-3.2.0-1]',
  ].join("\n");
  assertEquals(referencesIn(withoutComments(text)), [
    "MQTT-3.1.2-24",
    "MQTT311-3.1.2-1",
  ]);
});

Deno.test("results are counted by statement, ignored tests aside", () => {
  const runs = runOf(`<testsuites><testsuite>
    <testcase name="a [MQTT-3.1.0-1]" time="0.1"></testcase>
    <testcase name="b [MQTT-3.1.0-1] [MQTT-3.1.0-2]" time="0.1">
      <failure message="x">trace</failure>
    </testcase>
    <testcase name="c [MQTT-3.1.0-2]"/>
    <testcase name="d [MQTT-3.2.0-1]"><skipped/></testcase>
  </testsuite></testsuites>`);
  assertEquals(Object.fromEntries(runs), {
    "MQTT-3.1.0-1": { passed: 1, failed: 1 },
    "MQTT-3.1.0-2": { passed: 1, failed: 1 },
  });
});

Deno.test("results alone do not make the page stale, and stay when it is written anew", () => {
  const xml = all.slice(3).map((one) =>
    `<testcase name="a [${referenceTo(one)}]"/>`
  ).join("\n");
  const failure = '<testcase name="b">\n<failure message="x"/></testcase>';
  const ignored = '<testcase name="c"><skipped/></testcase>';
  const results = resultsOf(`${xml}${failure}${ignored}`, "today");
  assertStringIncludes(
    results.run,
    `run of today: ${all.length - 3} tests passed, 1 failed, 1 were ignored.`,
  );
  const text = page(results);
  assertStringIncludes(text, "| 1 passed |");
  assertStringIncludes(text, results.run);
  assertEquals(withoutResults(text), withoutResults(page()));
  assertEquals(page(resultsIn(text)), text);
  assertEquals(rowsOf("# a\nb\tc\n\n"), [["b", "c"]]);
});
