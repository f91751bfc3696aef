/** Requests and responses with mosquitto, the broker, and mosquitto_rr. */

import { assertEquals, assertRejects } from "@std/assert";
import { Broker, MQTTClient, RequestError } from "../../mod.ts";
import { Process } from "../_process.ts";

/** Where Debian has it, which is not in everybody's path. */
function find(...paths: string[]): string | undefined {
  return paths.find((path) => {
    try {
      new Deno.Command(path, { args: ["--help"] }).outputSync();
      return true;
    } catch {
      return false;
    }
  });
}

const mosquitto = find("mosquitto", "/usr/sbin/mosquitto");
const requester = find("mosquitto_rr");

/** A test that needs a program. */
function test(
  program: string | undefined,
  need: string,
  name: string,
  fn: () => Promise<void>,
): void {
  Deno.test({
    name: program === undefined
      ? `skipped: ${need} is not installed: ${name}`
      : name,
    ignore: program === undefined,
    fn,
  });
}

/** Runs mosquitto on a port that was free a moment ago. */
async function start(): Promise<[Process, number]> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const process = new Process(mosquitto!, ["-v", "-p", String(port)]);
  await process.stderr.find(/mosquitto version .* running/);
  return [process, port];
}

/** A connected client that answers requests to `q` with their capitals. */
async function responder(port: number): Promise<AsyncDisposable> {
  const client = await connected(port);
  const requests = await client.subscription("q", { qos: 2 });
  const answer = async () => {
    for await (const request of requests) {
      await client.respond(request, request.text().toUpperCase());
    }
  };
  const answering = answer();
  return {
    async [Symbol.asyncDispose]() {
      await requests.unsubscribe();
      await answering;
      await client.disconnect();
    },
  };
}

async function connected(port: number): Promise<MQTTClient> {
  const client = new MQTTClient({
    url: `mqtt://127.0.0.1:${port}`,
    protocolVersion: 5,
  });
  await client.connect();
  return client;
}

test(mosquitto, "mosquitto", "requests over mosquitto", async () => {
  const [process, port] = await start();
  await using _process = process;
  await using _responder = await responder(port);
  await using client = await connected(port);
  const responses = await Promise.all(
    Array.from(
      { length: 30 },
      (_, n) => client.request("q", `a${n}`, { qos: n % 3 as 0, timeout: 10 }),
    ),
  );
  assertEquals(
    responses.map((response) => response.text()),
    Array.from({ length: 30 }, (_, n) => `A${n}`),
  );
  const error = await assertRejects(
    () => client.request("nobody", "", { qos: 1, timeout: 10 }),
    RequestError,
  );
  assertEquals(error.reasonCode, 0x10);
  assertEquals(client.strayResponses, 0);
  // ambermq rr, with a topic of its own and with one that is named.
  for (const more of [[], ["-e", "re"], ["-e", "re", "-V", "mqttv5"]]) {
    await using rr = new Process(Deno.execPath(), [
      ...["run", "--quiet", "-A", "cli/mod.ts", "rr", "-h", "127.0.0.1"],
      ...["-p", String(port), "-t", "q", "-m", "hello", "-W", "20", ...more],
    ]);
    assertEquals(await rr.lines(), ["HELLO"]);
  }
});

test(mosquitto, "mosquitto", "topic aliases with mosquitto", async () => {
  const [process, port] = await start();
  await using _process = process;

  await using client = new MQTTClient({
    url: `mqtt://127.0.0.1:${port}`,
    protocolVersion: 5,
    properties: { topicAliasMaximum: 5 },
  });
  const { properties } = await client.connect();

  assertEquals(properties?.topicAliasMaximum, 10); // what it takes unless told otherwise
  await client.subscribe("alias/#", { qos: 2 });
  // More topics than aliases, so that aliases change their topics.
  const topics = Array.from({ length: 90 }, (_, n) => `alias/${n * n % 17}`);
  await Promise.all(
    topics.map((topic, n) => client.publish(topic, topic, { qos: n % 3 as 0 })),
  );
  const seen: string[] = [];
  while (seen.length < topics.length) {
    const message = await client.deliverMessage(10);
    assertEquals(message.topic, message.text());
    seen.push(message.topic);
  }
  assertEquals(seen.toSorted(), topics.toSorted());
});

test(
  requester,
  "mosquitto_rr",
  "mosquitto_rr gets what respond() answers",
  async () => {
    await using broker = new Broker({
      listeners: { default: { bind: "127.0.0.1:0" } },
    });
    await broker.start();
    const { port } = broker.addresses[0]!;
    await using _responder = await responder(port);
    for (const qos of ["0", "1", "2"]) {
      await using rr = new Process(requester!, [
        ...["-h", "127.0.0.1", "-p", String(port), "-q", qos],
        ...["-t", "q", "-e", "re", "-m", "hello", "-W", "20"],
        ...["-D", "publish", "correlation-data", "7", "-F", "%p %D"],
      ]);
      assertEquals(await rr.lines(), ["HELLO 7"]);
    }
  },
);
