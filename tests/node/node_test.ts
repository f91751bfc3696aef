/** The bundled client in Node.js, as it is installed here. */

import { assertEquals } from "@std/assert";
import { bundle } from "../../tools/bundle.ts";
import { expected } from "../_bundle_scenario.js";
import { type Certificates, makeCertificates } from "../_certificates.ts";
import { FragileBroker } from "../_fragile_broker.ts";
import { Process } from "../_process.ts";

/** The version of Node.js; `undefined` if there is none. */
async function findVersion(): Promise<number[] | undefined> {
  try {
    const { stdout } = await new Deno.Command("node", { args: ["--version"] })
      .output();
    const [, major, minor] = /^v(\d+)\.(\d+)/.exec(
      new TextDecoder().decode(stdout),
    )!;
    return [Number(major), Number(minor)];
  } catch {
    return undefined;
  }
}

const version = await findVersion();
const [major = 0, minor = 0] = version ?? [];

/** Why the tests cannot run; `undefined` if they can. */
const missing = version === undefined
  ? "Node.js is not installed"
  : major < 20 || (major === 20 && minor < 16)
  ? "Node.js is older than 20.16"
  : undefined;

function test(name: string, fn: (stage: Stage) => Promise<void>): void {
  Deno.test({
    name: missing === undefined
      ? `Node.js: ${name}`
      : `skipped: ${missing}: ${name}`,
    ignore: missing !== undefined,
    fn: async () => {
      await using stage = await Stage.start();
      await fn(stage);
    },
  });
}

/** The bundle, a broker, and certificates. */
class Stage implements AsyncDisposable {
  readonly broker: FragileBroker;
  readonly certificates: Certificates;
  readonly #bundle: string;

  private constructor(
    broker: FragileBroker,
    certificates: Certificates,
    bundle: string,
  ) {
    this.broker = broker;
    this.certificates = certificates;
    this.#bundle = bundle;
  }

  static async start(): Promise<Stage> {
    const certificates = await makeCertificates();
    const file = `${certificates.dir}/ambermq-client.mjs`;
    await Deno.writeTextFile(file, await bundle());
    return new Stage(await FragileBroker.start(), certificates, file);
  }

  /** Runs the client with these options; returns what it tells. */
  async run(options: object): Promise<unknown> {
    const requests = new TransformStream<string, string>();
    const writer = requests.writable.getWriter();
    await using node = new Process(
      "node",
      ["tests/node/client.mjs", this.#bundle, JSON.stringify(options)],
      requests.readable,
    );
    const told = node.lines();
    await Promise.race([node.stdout.find(/^drop$/), told]);
    this.broker.drop();
    await writer.write("dropped\n");
    await writer.close();
    return JSON.parse((await told).at(-1)!);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.broker[Symbol.asyncDispose]();
    await this.certificates[Symbol.asyncDispose]();
  }
}

test("a client of the bundle works by TCP", async (stage) => {
  const url = `mqtt://127.0.0.1:${stage.broker.listen()}`;
  for (const protocolVersion of [3, 4, 5]) {
    assertEquals(await stage.run({ url, protocolVersion }), expected);
  }
});

test("a client of the bundle works by TLS", async (stage) => {
  const { server, ca } = stage.certificates;
  const url = `mqtts://localhost:${stage.broker.listen(server)}`;
  const cafile = ca.file;
  assertEquals(await stage.run({ url, cafile, protocolVersion: 5 }), expected);
});

test("a client of the bundle works by WebSocket, with headers", async (stage) => {
  const url = `ws://127.0.0.1:${stage.broker.listenWeb()}/mqtt`;
  const headers = { authorization: "Bearer abc" };
  assertEquals(await stage.run({ url, headers, protocolVersion: 5 }), expected);
});

test("a client of the bundle works by WebSocket over TLS, with its options", async (stage) => {
  const { server, misnamed, ca } = stage.certificates;
  const cafile = ca.file;
  for (
    const [certificate, options] of [
      [server, { cafile }],
      [misnamed, { cafile, checkHostname: false }],
      [misnamed, { verifyCert: false }],
    ] as const
  ) {
    const port = stage.broker.listenWeb(undefined, certificate);
    const url = `wss://localhost:${port}/mqtt`;
    const told = await stage.run({ url, ...options, protocolVersion: 5 });
    assertEquals(told, expected);
  }
});
