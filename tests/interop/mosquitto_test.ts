/** The broker with the clients of Eclipse Mosquitto. */

import { assert, assertEquals } from "@std/assert";
import { BrokerProcess } from "../_broker_process.ts";
import { Process } from "../_process.ts";

const versions = ["mqttv31", "mqttv311", "mqttv5"] as const;

/** Whether a program is there. */
function has(program: string): boolean {
  try {
    new Deno.Command(program, { args: ["--help"] }).outputSync();
    return true;
  } catch {
    return false;
  }
}

const installed = has("mosquitto_pub") && has("mosquitto_sub");

/** A broker, and clients that know where it is. */
class Stage implements AsyncDisposable {
  readonly broker = new BrokerProcess(["--bind", "127.0.0.1:0", "-d"]);
  readonly #started: Process[] = [];
  #subscribers = 0;

  /** Runs a client; some of its arguments are given to all. */
  async #run(
    program: string,
    args: readonly string[],
    input?: string,
  ): Promise<Process> {
    const port = String(await this.broker.port());
    const where = ["-h", "127.0.0.1", "-p", port];
    const process = new Process(program, [...where, ...args], input);
    this.#started.push(process);
    return process;
  }

  /** Publishes, and waits until it is done. */
  async pub(args: readonly string[], input?: string): Promise<void> {
    const process = await this.#run("mosquitto_pub", args, input);
    await process.lines();
  }

  /** Subscribes, and waits until it has. */
  async sub(...args: string[]): Promise<Process> {
    const id = args.includes("-i")
      ? args[args.indexOf("-i") + 1]!
      : `sub ${++this.#subscribers}`;
    const from = this.broker.log.all.length;
    const process = await this.#run("mosquitto_sub", ["-i", id, ...args]);
    // A session that is there subscribes again too.
    const subscribed = new RegExp(`Subscribed: client "${id}"`);
    await this.broker.log.find(subscribed, from);
    return process;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const process of this.#started) await process[Symbol.asyncDispose]();
    await this.broker[Symbol.asyncDispose]();
  }
}

function test(name: string, run: (stage: Stage) => Promise<void>): void {
  Deno.test({
    name: installed
      ? `mosquitto: ${name}`
      : `skipped: mosquitto-clients is not installed: ${name}`,
    ignore: !installed,
    fn: async () => {
      await using stage = new Stage();
      await run(stage);
    },
  });
}

for (const to of versions) {
  test(`${to} gets what each version publishes at each QoS`, async (stage) => {
    const expected: string[] = [];
    const count = String(versions.length * 3);
    // deno-fmt-ignore: flags with their values
    const sub = await stage.sub(
      "-V", to, "-q", "2", "-t", "m/#", "-C", count, "-F", "%t %q %r %p",
    );
    for (const from of versions) {
      for (const qos of ["0", "1", "2"]) {
        const topic = `m/${from}/${qos}`;
        const payload = `from ${from}`;
        // deno-fmt-ignore: flags with their values
        await stage.pub(["-V", from, "-q", qos, "-t", topic, "-m", payload]);
        expected.push(`${topic} ${qos} 0 ${payload}`);
      }
    }
    assertEquals((await sub.lines()).toSorted(), expected.toSorted());
  });

  test(`${to} gets no more than the QoS that it subscribed with`, async (stage) => {
    for (
      const [granted, qos] of [["0", "2"], ["1", "2"], ["2", "1"]] as const
    ) {
      // deno-fmt-ignore: flags with their values
      const sub = await stage.sub(
        "-V", to, "-q", granted, "-t", "a", "-C", "1", "-F", "%q",
      );
      await stage.pub(["-V", "mqttv311", "-q", qos, "-t", "a", "-m", "x"]);
      assertEquals(await sub.lines(), [`${Math.min(+granted, +qos)}`]);
    }
  });

  test(`${to} gets retained messages, as long as they are`, async (stage) => {
    for (const from of versions) {
      await stage.pub(["-V", from, "-t", `r/${from}`, "-m", from, "-r"]);
      await stage.pub(["-V", from, "-t", `gone/${from}`, "-m", from, "-r"]);
      await stage.pub(["-V", from, "-t", `gone/${from}`, "-n", "-r"]);
    }
    await stage.pub(["-t", "other", "-m", "not retained"]);
    // deno-fmt-ignore: flags with their values
    const sub = await stage.sub("-V", to, "-t", "#", "-C", "4", "-F", "%t %r");
    // Nothing that was removed comes before this.
    await stage.pub(["-t", "end", "-m", "x"]);
    assertEquals(
      (await sub.lines()).toSorted(),
      [...versions.map((from) => `r/${from} 1`), "end 0"].toSorted(),
    );
  });

  test(`${to} gets the wills of clients that are killed, and of no others`, async (stage) => {
    // deno-fmt-ignore: flags with their values
    const witness = await stage.sub(
      "-V", to, "-q", "2", "-t", "will/#", "-C", "3", "-F", "%t %q %r %p",
    );
    for (const from of versions) {
      // deno-fmt-ignore: flags with their values
      const will = [
        "-V", from, "-t", "x", "--will-topic", `will/${from}`,
        "--will-payload", "the end", "--will-qos", "1", "--will-retain",
      ];
      // It leaves with DISCONNECT.
      await (await stage.sub(...will, "-E")).lines();
      const killed = await stage.sub(...will);
      killed.kill("SIGKILL");
      await killed.status();
    }
    assertEquals(
      (await witness.lines()).toSorted(),
      versions.map((from) => `will/${from} 1 0 the end`),
    );
    // It is retained.
    // deno-fmt-ignore: flags with their values
    const later = await stage.sub(
      "-V", to, "-t", `will/${to}`, "-C", "1", "-F", "%r",
    );
    assertEquals(await later.lines(), ["1"]);
  });

  test(`${to} gets what was published while it was away, in order`, async (stage) => {
    const kept = [
      ...["-V", to, "-c", "-i", "kept", "-q", "2", "-t", "a/#"],
      ...(to === "mqttv5" ? ["-x", "100"] : []),
    ];
    // It subscribes and leaves.
    await (await stage.sub(...kept, "-E")).lines();
    const published: Record<string, string[]> = { "1": [], "2": [] };
    for (const [i, qos] of ["1", "2", "0", "2", "1", "1"].entries()) {
      await stage.pub(["-q", qos, "-t", `a/${i}`, "-m", "x"]);
      published[qos]?.push(`a/${i}`);
    }
    await stage.pub(["-q", "1", "-t", "other", "-m", "x"]);
    const again = await stage.sub(...kept, "-C", "5", "-F", "%q %t");
    const got = (await again.lines()).map((line) => line.split(" "));
    // It shows a QoS 2 message when the exchange is over.
    for (const [qos, topics] of Object.entries(published)) {
      const mine = got.filter(([delivered]) => delivered === qos);
      assertEquals(mine.map(([, topic]) => topic), topics);
    }
    // And that is all.
    await stage.pub(["-q", "1", "-t", "a", "-m", "last"]);
    const last = await stage.sub(...kept, "-C", "1");
    assertEquals(await last.lines(), ["last"]);
  });

  test(`${to} gets topics by wildcards`, async (stage) => {
    const filters: Record<string, string[]> = {
      "a/+/c": ["a/b/c", "a//c"],
      "a/#": ["a", "a/b", "a/b/c", "a//c"],
      "+/b": ["a/b"],
      "+": ["a"],
    };
    const subs = new Map<string, Process>();
    for (const [filter, topics] of Object.entries(filters)) {
      const count = String(topics.length + 1);
      // deno-fmt-ignore: flags with their values
      subs.set(filter, await stage.sub(
        "-V", to, "-t", filter, "-t", "end", "-C", count, "-F", "%t",
      ));
    }
    for (const topic of ["a", "a/b", "a/b/c", "a//c", "b/c/d", "$a/b"]) {
      await stage.pub(["-q", "1", "-t", topic, "-m", "x"]);
    }
    await stage.pub(["-q", "1", "-t", "end", "-m", "x"]);
    for (const [filter, sub] of subs) {
      const expected = [...new Set([...filters[filter]!, "end"])];
      assertEquals(await sub.lines(), expected, filter);
    }
  });

  test(`${to} shares a subscription`, async (stage) => {
    const count = 10;
    // deno-fmt-ignore: flags with their values
    const flags = ["-V", to, "-q", "1", "-t", "$share/group/a", "-C", "5"];
    const subs = [await stage.sub(...flags), await stage.sub(...flags)];
    const payloads = Array.from({ length: count }, (_, i) => `message ${i}`);
    // A line is a message.
    await stage.pub(["-q", "1", "-t", "a", "-l"], payloads.join("\n") + "\n");
    const got = (await Promise.all(subs.map((sub) => sub.lines()))).flat();
    assertEquals(got.toSorted(), payloads.toSorted());
  });

  test(`${to} gets a large message, and a thousand small ones in order`, async (stage) => {
    const large = "0123456789".repeat(100_000);
    // deno-fmt-ignore: flags with their values
    const sub = await stage.sub(
      "-V", to, "-q", "1", "-t", "large", "-C", "1", "-F", "%l %p",
    );
    await stage.pub(["-q", "1", "-t", "large", "-s"], large);
    const [line] = await sub.lines();
    assert(line === `1000000 ${large}`, `${line?.length} characters`);
    const payloads = Array.from({ length: 1000 }, (_, i) => `message ${i}`);
    // deno-fmt-ignore: flags with their values
    const many = await stage.sub("-V", to, "-q", "2", "-t", "many", "-C", "1000");
    await stage.pub(
      ["-q", "2", "-t", "many", "-l"],
      payloads.join("\n") + "\n",
    );
    assertEquals(await many.lines(), payloads);
  });
}

test("mqttv5 passes properties on", async (stage) => {
  // deno-fmt-ignore: flags with their values
  const sub = await stage.sub(
    "-V", "mqttv5", "-t", "a", "-C", "1", "-F", "%C|%R|%D|%P|%E",
  );
  // deno-fmt-ignore: flags with their values
  await stage.pub([
    "-V", "mqttv5", "-q", "1", "-t", "a", "-m", "x",
    "-D", "publish", "content-type", "text/plain",
    "-D", "publish", "response-topic", "reply/here",
    "-D", "publish", "correlation-data", "which",
    "-D", "publish", "user-property", "name", "value",
    "-D", "publish", "message-expiry-interval", "100",
  ]);
  assertEquals(await sub.lines(), [
    "text/plain|reply/here|which|name:value|100",
  ]);
});

test("a client that takes an identifier over ends the other", async (stage) => {
  const same = ["-V", "mqttv5", "-i", "same", "-t", "a", "-C", "1"];
  const first = await stage.sub(...same);
  const second = await stage.sub(...same);
  await stage.broker.log.find(/Disconnected: .*"same".*another connection/);
  await first.status();
  await stage.pub(["-t", "a", "-m", "x"]);
  assertEquals([first.stdout.all, await second.lines()], [[], ["x"]]);
});
