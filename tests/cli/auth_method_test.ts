import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { authenticateBy } from "../../cli/_auth_method.ts";
import { UsageError } from "../../cli/_flags.ts";
import { runPub } from "../../cli/_pub.ts";
import { runRr } from "../../cli/_rr.ts";
import { runSub } from "../../cli/_sub.ts";
import {
  authScram,
  type ClientOptions,
  deriveScramCredentials,
  formatScramCredentials,
  MQTTClient,
  scram,
} from "../../mod.ts";
import { FakeTerminal } from "./_fake_terminal.ts";
import { RunningBroker } from "./_running_broker.ts";

const url = "mqtt://box";

/** The first message of the client that the options make. */
function said(options: ClientOptions, method = "SCRAM-SHA-256"): string {
  authenticateBy(method, options);
  const { authentication } = options;
  assertEquals([options.username, options.password], [undefined, undefined]);
  assertEquals(authentication!.name, "SCRAM-SHA-256");
  const first = authentication!.start().first() as Uint8Array;
  return new TextDecoder().decode(first).replace(/r=.*/, "");
}

Deno.test("authenticateBy() takes user name and password from the options, or the URL, and has none sent", () => {
  const password = "secret";
  assertEquals(said({ url, username: "alice", password }), "n,,n=alice,");
  assertEquals(said({ url: "mqtt://b%2Cb:secret@box" }), "n,,n=b=2Cb,");
  const bytes = new TextEncoder().encode(password);
  const one = { url: "mqtt://bob:x@box", username: "alice", password: bytes };
  assertEquals(said(one, "scram-sha-256"), "n,,n=alice,");
});

const who = { username: "alice", password: "secret" };

// deno-fmt-ignore: a table
const wrong: readonly [options: ClientOptions, method: string, message: string][] = [
  [{ url, ...who }, "PLAIN", '--auth-method is "PLAIN", not SCRAM-SHA-256'],
  [{ url }, "SCRAM-SHA-256", "needs a user name and a password"],
  [{ url, username: "alice" }, "SCRAM-SHA-256", "needs a user name and a password"],
  [{ url: "mqtt://a%:x@box" }, "SCRAM-SHA-256", "needs a user name and a password"],
  [{ url, ...who, password: "" }, "SCRAM-SHA-256", "the password is empty"],
  [{ url, ...who, properties: { authenticationMethod: "X" } }, "SCRAM-SHA-256", "both say how"],
];

for (const [options, method, message] of wrong) {
  Deno.test(`authenticateBy() with ${method} and ${JSON.stringify(options)}: ${message}`, () => {
    assertThrows(() => authenticateBy(method, options), UsageError, message);
  });
}

const commands = { pub: runPub, sub: runSub, rr: runRr } as const;

Deno.test("pub, sub and rr get in by --auth-method with the right password, and end with the code of CONNACK with a wrong one", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const salt = new Uint8Array(16);
    const credentials = await deriveScramCredentials("secret", salt, 4096);
    const passwordFile = `${folder}/passwd`;
    await Deno.writeTextFile(
      passwordFile,
      `alice:${formatScramCredentials(credentials)}\n`,
    );
    await using running = await RunningBroker.start({
      plugins: [authScram({ passwordFile })],
      logger: { debug() {}, info() {}, warn() {}, error() {} },
    });
    const { url } = running;
    await using other = new MQTTClient({
      url,
      protocolVersion: 5,
      authentication: scram("alice", "secret"),
    });
    await other.connect();
    await using questions = await other.subscription("q");
    const answering = (async () => {
      for await (const question of questions) {
        if (question.properties?.responseTopic === undefined) continue;
        await other.respond(question, "answer");
      }
    })();
    await other.publish("kept", "message", { qos: 1, retain: true });
    const what = {
      pub: ["-t", "q", "-m", "x", "-q", "1"],
      sub: ["-t", "kept", "-C", "1"],
      rr: ["-t", "q", "-m", "x"],
    };
    const run = async (
      name: keyof typeof commands,
      user: string,
      password: string,
      method: readonly string[],
    ) => {
      const terminal = new FakeTerminal();
      const who = ["-u", user, "-P", password, ...method];
      const args = ["--url", url, "-V", "5", ...who, ...what[name]];
      const status = await commands[name](args, terminal);
      return [status, terminal.text, terminal.errors.join()];
    };
    const method = ["--auth-method", "SCRAM-SHA-256"];
    for (const name of ["pub", "sub", "rr"] as const) {
      const text = { pub: "", sub: "message\n", rr: "answer\n" }[name];
      assertEquals(await run(name, "alice", "secret", method), [0, text, ""]);
      for (
        const [who, word] of [["alice", "wrong"], ["bob", "secret"]] as const
      ) {
        const [status, none, error] = await run(name, who, word, method);
        assertEquals([status, none], [0x86, ""], String(error));
        assertStringIncludes(String(error), "check user name and password");
        assertStringIncludes(String(error), `ambermq ${name}: Cannot connect`);
      }
      // The password itself is not what this broker wants.
      const [status] = await run(name, "alice", "secret", []);
      assertEquals(status, 0x86);
    }
    await questions.unsubscribe();
    await answering;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
