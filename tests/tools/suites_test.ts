import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  failedCases,
  failureOf,
  listed,
} from "../../tools/suites/mosquitto.ts";
import { resultsOf } from "../../tools/suites/mqttjs.ts";
import { testsOf } from "../../tools/suites/paho_c.ts";
import { pageOf } from "../../tools/suites/page.ts";
import { freePorts, lastLine, run } from "../../tools/suites/run.ts";
import {
  judge,
  like,
  type Outcome,
  readDifferences,
  type Result,
  type Suite,
  tableOf,
  totalsOf,
} from "../../tools/suites/suite.ts";
import { textOf } from "../_sources.ts";

const failed: Result = {
  test: "v5 topic with U+0001",
  verdict: "failed",
  reason: "Still connected",
};

const table = `# suite, test, failure, reason
other\t*\t*\tof another suite
one\t* with U+0001\treceived *\tof another failure
one\t* with U+0001\tStill *\tallowed
`;

const suite: Suite = {
  name: "one",
  variable: "ONE_DIR",
  repository: "them/one",
  async *run() {},
};

Deno.test("a failure is a difference if the table has its suite, test and message", () => {
  const differences = readDifferences(table);
  assertEquals(differences.length, 3);
  assertEquals(judge("one", failed, differences), {
    ...failed,
    verdict: "differs",
    reason: "allowed",
  });
  const other = { ...failed, test: "v5 topic with U+0002" };
  assertEquals(judge("one", other, differences), other);
  const late = { ...failed, reason: "no end after 60 s" };
  assertEquals(judge("one", late, differences), late);
});

Deno.test("what passed is no difference", () => {
  const passed: Result = { ...failed, verdict: "passed", reason: "" };
  assertEquals(judge("one", passed, readDifferences("one\t*\t*\twhy")), passed);
});

Deno.test("a row of the table has four columns", () => {
  assertThrows(() => readDifferences("one\ttwo\tthree"), Error, "four columns");
});

Deno.test("the table of differences can be read, and has a reason in each row", async () => {
  const text = await textOf("tools/suites/differences.tsv");
  for (const { reason } of readDifferences(text)) {
    assertEquals(reason.length > 10, true, reason);
  }
});

Deno.test("a pattern matches as a whole, and only * is special", () => {
  assertEquals(like("a*c", "abbc"), true);
  assertEquals(like("a*c", "abbcd"), false);
  assertEquals(like("10 (byte) [x].", "10 (byte) [x]."), true);
  assertEquals(like("10 (byte) [x].", "10 (byte) [x]:"), false);
  assertEquals(like("*", "one\ntwo"), true);
});

Deno.test("the table says what came out, and what is missing of the others", () => {
  const results: Result[] = [
    failed,
    { test: "a", verdict: "passed", reason: "" },
    { test: "b", verdict: "not applicable", reason: "bridges" },
  ];
  assertEquals(totalsOf(results), {
    passed: 1,
    failed: 1,
    differs: 0,
    "not applicable": 1,
  });
  const outcomes: Outcome[] = [
    { suite, commit: "abc1234", results },
    { suite: { ...suite, name: "two", variable: "TWO_DIR" } },
  ];
  const lines = tableOf(outcomes).split("\n");
  assertEquals(
    lines[2]!.split("|").map((cell) => cell.trim()).slice(1, -1),
    ["one", "them/one abc1234", "1", "1", "0", "1"],
  );
  assertStringIncludes(
    lines[3]!,
    "skipped: set TWO_DIR to a checkout of them/one",
  );
  assertEquals(new Set(lines.map((line) => line.length)).size, 1);
});

Deno.test("the page names the tests that differ, by reason", () => {
  const results = Array.from({ length: 8 }, (_, at): Result => ({
    test: `test ${at}`,
    verdict: "differs",
    reason: "it is optional",
  }));
  const page = pageOf([{ suite, results }]);
  assertStringIncludes(page, "- it is optional: `test 0`, `test 1`");
  assertStringIncludes(page, "`test 5` and 2 more");
  assertEquals(page.includes("test 6"), false);
});

Deno.test("of mosquitto's tests those are read that it runs", () => {
  const source = `tests = [
    (1, './01-a.py'),
\t(2, "./02-b.py"),
    #(1, './03-c.py'),
    (1, './15-d.py', 'persist_sqlite'),
]`;
  assertEquals(listed(source), [
    { test: "01-a", ports: 1 },
    { test: "02-b", ports: 2 },
    { test: "15-d", ports: 1 },
  ]);
});

Deno.test("of mosquitto's tests it is told what they received instead of what", () => {
  const said = `FAIL: Received incorrect puback.
Received: PUBACK, rl=3, mid=1
Expected: PUBACK, rl=2, mid=1

mosq_test.TestError`;
  assertEquals(
    failureOf(said),
    "received PUBACK, rl=3, mid=1, expected PUBACK, rl=2, mid=1",
  );
  assertEquals(
    failureOf("Received (not decoded, len=1): b'@'\nExpected: \n"),
    "received b'@', expected",
  );
  assertEquals(failureOf("Traceback\nOSError: no\n"), "OSError: no");
  const cases = "\x1b[31mv5.0 A (1) failed: Receive message x\n" +
    "rec: e00181\nexp: e00182\ndiff:.....1\x1b[0m\n" +
    "\x1b[31mv5.0 B failed: Still connected\x1b[0m\n";
  assertEquals(
    failedCases(cases),
    new Map([
      ["v5.0 A (1)", "received e00181, expected e00182"],
      ["v5.0 B", "Still connected"],
    ]),
  );
});

Deno.test("of paho-c's tests those are read that ctest knows", () => {
  const output = `79: Test command: /b/test9 "--test_no" "1" "--name" "a b"
  Test #79: test9-1-name
`;
  assertEquals(testsOf(output), [{
    test: "test9-1-name",
    command: ["/b/test9", "--test_no", "1", "--name", "a b"],
  }]);
});

Deno.test("of MQTT.js's tests each has its line", () => {
  const output = "noise\npassed\ta b\t\nfailed\tc\twhy so\n";
  assertEquals(resultsOf(output), [
    { test: "a b", verdict: "passed", reason: "" },
    { test: "c", verdict: "failed", reason: "why so" },
  ]);
});

Deno.test("a program is run to its end, or to its deadline", async () => {
  const deno = (code: string, seconds: number) =>
    run(Deno.execPath(), ["eval", code], { seconds });
  assertEquals(await deno("console.log(1); Deno.exit(3)", 60), {
    code: 3,
    output: "1\n",
  });
  const late = await deno("setInterval(() => {}, 1000)", 0.1);
  assertEquals(late.code, undefined);
  assertEquals(lastLine(late.output), "no end after 0.1 s");
});

Deno.test("the last line that tells of an error is what is said of it", () => {
  assertEquals(lastLine("x\nAssertionError: no\nmore"), "AssertionError: no");
  assertEquals(lastLine("one\ntwo\n\n"), "two");
  assertEquals(lastLine(""), "no output");
});

Deno.test("free ports are different ones", () => {
  const ports = freePorts(5);
  assertEquals(new Set(ports).size, 5);
});

Deno.test("a suite that there is not is a wrong command line", async () => {
  const program = new URL("../../tools/suites.ts", import.meta.url).pathname;
  const args = ["run", "-A", "--quiet", program, "nonesuch"];
  const { code, output } = await run(Deno.execPath(), args, { seconds: 60 });
  assertEquals(code, 2);
  assertStringIncludes(output, "Unknown suite: nonesuch\nusage:");
});

Deno.test("a suite without a checkout is skipped", async () => {
  const program = new URL("../../tools/suites.ts", import.meta.url).pathname;
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", program, "paho"],
    env: { HOME: Deno.env.get("HOME") ?? "/", PATH: Deno.env.get("PATH")! },
    clearEnv: true,
  });
  const { code, stdout } = await command.output();
  assertEquals(code, 0);
  assertStringIncludes(
    new TextDecoder().decode(stdout),
    "skipped: set PAHO_TESTING_DIR to a checkout of eclipse/paho.mqtt.testing",
  );
});
