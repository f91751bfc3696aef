/** M17: a configuration that is not understood starts no broker. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Broker, MQTTClient, SettingsError } from "../../mod.ts";
import { ConfiguredBroker, Folder, refusal, run } from "./_stage.ts";

const listener = 'listeners: {default: {bind: "127.0.0.1:0"}}\n';

for (
  const [what, yaml, problem] of [
    // Not YAML.
    ["a bracket that is open", `${listener}auth: [\n`, ":3:1: it is not YAML"],
    [
      "a quote that is open",
      `${listener}auth: {password-file: "x}\n`,
      ":3:1: it is not YAML",
    ],
    ["a tab", "listeners:\n\tdefault: {}\n", ":2:1: a tab indents; use spaces"],
    [
      "wrong indentation",
      "auth:\n  allow-anonymous: false\n password-file: x\n",
      ":3:",
    ],
    ["nothing in it", "", ": it is empty"],
    ["only a comment", "# later\n", ": it is empty"],
    ["a list", "- a\n", ":1:1: it is a list"],
    ["a text", "hello\n", ':1:1: it is "hello"'],
    // Keys.
    [
      "an unknown key",
      `${listener}listener: {}\n`,
      ":2:1: there is no listener; did you mean listeners?",
    ],
    [
      "an unknown key deep down",
      "listeners:\n  a:\n    bnd: 1883\n",
      ":3:5: there is no listeners.a.bnd; did you mean bind?",
    ],
    [
      "a key of a section at the top",
      `${listener}allow-anonymous: false\n`,
      ":2:1: there is no allow-anonymous",
    ],
    [
      "a key in two spellings",
      `${listener}sys_interval: 1\nsys-interval: 2\n`,
      ":3:1: sys-interval and sys_interval are one key",
    ],
    // Types.
    [
      "a number that is a text",
      `${listener}sys_interval: soon\n`,
      ':2:1: sys_interval is "soon"',
    ],
    [
      "a number below its range",
      `${listener}sys_interval: -1\n`,
      ":2:1: sys_interval is -1",
    ],
    [
      "a boolean that is a text",
      `${listener}auth:\n  allow-anonymous: maybe\n`,
      ':3:3: auth.allow-anonymous is "maybe", not true or false',
    ],
    ["a section that is empty", `${listener}auth:\n`, ":2:1: auth is empty"],
    [
      "listeners that are a list",
      "listeners: [a]\n",
      ":1:1: listeners is a list",
    ],
    // Files and plugins.
    [
      "a password file that is missing",
      `${listener}auth: {password-file: /nonexistent/passwd}\n`,
      "/nonexistent/passwd",
    ],
    [
      "a plugin that is missing",
      `${listener}plugins: [nobody]\n`,
      ":2:11: there is no plugin nobody",
    ],
    [
      "a limit that is none",
      `${listener}limits: {inflight: 0}\n`,
      ":2:10: limits.inflight is 0",
    ],
  ] as const
) {
  Deno.test(`M17: ${what} stops the start, with its place, and so does --test-config`, async () => {
    const { code, stdout, stderr } = await refusal(yaml);
    assertEquals([code, stdout], [1, ""], stderr);
    assertStringIncludes(stderr, "ambermq broker: Cannot ");
    const place = problem.startsWith(":")
      ? `DIR/broker.yaml${problem}`
      : problem;
    assertStringIncludes(stderr, place);
    assert(!stderr.includes(" bind to "), `it listens:\n${stderr}`);
    assert(!stderr.includes("    at "), `a stack trace:\n${stderr}`);
    assert(!stderr.trimEnd().endsWith("."), stderr);
    await using folder = await Folder.make({ "broker.yaml": yaml });
    const file = folder.file("broker.yaml");
    const tested = await run(["broker", "-c", file, "--test-config"]);
    assertEquals([tested.code, tested.stdout], [1, ""]);
    const same = tested.stderr.replaceAll(folder.path, "DIR");
    assertStringIncludes(same, place);
  });
}

for (const name of ["none.yaml", "."]) {
  Deno.test(`M17: the file ${name} cannot be read: nothing starts`, async () => {
    await using folder = await Folder.make();
    const file = folder.file(name);
    const { code, stderr } = await run(["broker", "-c", file]);
    assertEquals(code, 1);
    assertStringIncludes(stderr, file);
    assert(!stderr.includes(" bind to "));
  });
}

Deno.test("M17: -c without a file, and words that are not expected, are a wrong command line", async () => {
  for (const args of [["-c"], ["broker.yaml"], ["-c", "x", "--bind", "1"]]) {
    const { code, stderr } = await run(["broker", ...args]);
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, "ambermq broker: ");
    assert(!stderr.includes(" bind to "));
  }
});

Deno.test("M17: --test-config says that a file is good, and starts nothing", async () => {
  await using folder = await Folder.make({
    "broker.yaml": `${listener}auth: {password-file: $DIR/passwd}\n`,
    passwd: "",
  });
  const file = folder.file("broker.yaml");
  const { code, stdout, stderr } = await run([
    ...["broker", "-c", file, "--test-config"],
  ]);
  assertEquals([code, stdout], [0, `${file} is good`]);
  assert(!stderr.includes(" bind to "));
});

Deno.test("M17: in code it is the same: an object that is wrong makes no broker", () => {
  for (
    const config of [
      null,
      [],
      "listeners",
      { listener: {} },
      { auth: { allowAnonymous: "perhaps" } },
      { listeners: { default: { bind: "nowhere:x" } } },
      { plugins: ["nobody"] },
    ]
  ) {
    try {
      new Broker(config as ConstructorParameters<typeof Broker>[0]);
    } catch (error) {
      assert(error instanceof SettingsError, String(error));
      continue;
    }
    throw new Error(`It made a broker of ${JSON.stringify(config)}`);
  }
});

Deno.test("M17: what is open says so, and what says anything else of auth is not open by accident", async () => {
  const enters = async (broker: ConfiguredBroker): Promise<boolean> => {
    const client = new MQTTClient({ url: broker.url(), autoReconnect: false });
    try {
      await client.connect();
      await client.disconnect();
      return true;
    } catch {
      return false;
    }
  };
  for (
    const [auth, open] of [
      ["", true],
      ["auth: {allow-anonymous: true}\n", true],
      ["auth: {allow-anonymous: false}\n", false],
      ["auth: {password-file: $DIR/passwd}\n", false],
      ["auth: {plugins: []}\n", false],
      ["auth: {plugins: [auth_file]}\n", false],
    ] as const
  ) {
    await using broker = await ConfiguredBroker.start(listener + auth, {
      passwd: "",
    });
    assertEquals(await enters(broker), open, auth);
    const said = broker.log.some((line) => line.includes("Anonymous access"));
    assertEquals(said, open, broker.log.join("\n"));
  }
});

Deno.test("M17: an open broker on all interfaces warns; on this machine alone it says so", async () => {
  for (
    const [bind, level] of [["0", "WARNING"], ["127.0.0.1:0", "INFO"]] as const
  ) {
    await using broker = await ConfiguredBroker.start(
      `listeners: {default: {bind: "${bind}"}}\n`,
    );
    await broker.find(new RegExp(`${level} - Anonymous access is open`));
  }
});
