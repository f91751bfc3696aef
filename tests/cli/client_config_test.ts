import { assertEquals, assertRejects } from "@std/assert";
import { readClientConfig } from "../../cli/_client_config.ts";
import { Journal } from "../../cli/_journal.ts";
import { type ClientOptions, SettingsError } from "../../mod.ts";
import { FakeTerminal } from "./_fake_terminal.ts";

/** Reads a configuration; `FILE` stands for its name in what is told. */
async function read(
  text: string | Uint8Array,
): Promise<{ options: ClientOptions; errors: string[] }> {
  const file = await Deno.makeTempFile();
  const bytes = typeof text === "string"
    ? new TextEncoder().encode(text)
    : text;
  await Deno.writeFile(file, bytes);
  const terminal = new FakeTerminal();
  try {
    const journal = new Journal(terminal, "x");
    const { on: _, ...options } = await readClientConfig(file, journal);
    const errors = terminal.errors.map((line) => line.replaceAll(file, "FILE"));
    return { options, errors };
  } catch (error) {
    if (error instanceof Error) {
      error.message = error.message.replaceAll(file, "FILE");
    }
    throw error;
  } finally {
    await Deno.remove(file);
  }
}

Deno.test("-c has the keys of the reference's documentation", async () => {
  const { options, errors } = await read(`
keep_alive: 10
ping_delay: 1
default_qos: 0
default_retain: false
auto_reconnect: false
reconnect_max_interval: 5
reconnect_retries: 10
topics:
  /test:
    qos: 1
  /some_topic:
    qos: 2
    retain: on
`);
  assertEquals(options, {
    keepAlive: 10,
    pingDelay: 1,
    defaultQos: 0,
    defaultRetain: false,
    autoReconnect: false,
    reconnectMaxInterval: 5,
    reconnectRetries: 10,
    topics: { "/test": { qos: 1 }, "/some_topic": { qos: 2, retain: true } },
  });
  assertEquals(errors, []);
});

Deno.test("without -c there is nothing", async () => {
  const journal = new Journal(new FakeTerminal(), "x");
  assertEquals(await readClientConfig(undefined, journal), {});
});

Deno.test("-c tells where a wrong configuration is wrong", async () => {
  const what = "Cannot read the configuration of the client: ";
  const cases: [string | Uint8Array, string][] = [
    ["keep_alive: 1\nkepp_alive: 2\n", "FILE:2:1: "],
    ["topics:\n  a:\n    qos: 3\n", "FILE:3:5: "],
    ["broker: {uri: mqtt://a}\nconnection: {}\n", "FILE:1:1: "],
    ["a: [", "FILE:2:1: it is not YAML: "],
    ["- a\n", "FILE:1:1: it is a list, not keys and values"],
    ["", "FILE: it is empty"],
    [new Uint8Array([255]), "FILE: it is not UTF-8 text"],
  ];
  for (const [text, message] of cases) {
    await assertRejects(() => read(text), SettingsError, what + message);
  }
  const journal = new Journal(new FakeTerminal(), "x");
  await assertRejects(
    () => readClientConfig("/none/at/all.yaml", journal),
    SettingsError,
    `${what}/none/at/all.yaml: there is no such file`,
  );
});

Deno.test("-c tells of what is odd", async () => {
  const { options, errors } = await read(
    "default_qos: 2\nping_delay: 0\n",
  );
  assertEquals(options.defaultQos, 2);
  assertEquals(errors.length, 1);
  assertEquals(errors[0]!.startsWith("ping_delay is 0: "), true);
});
