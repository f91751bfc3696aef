/**
 * The tests of Eclipse Paho's client in C. They are built with CMake in a folder
 * beside the checkout, `PAHO_C_DIR` + `.build`, and want TLS on five ports.
 */

import type { BrokerConfig, ListenerConfig } from "../../mod.ts";
import type { Result, Suite } from "./suite.ts";
import { freePorts, lastLine, run, withBroker } from "./run.ts";

/** The suite. */
export const pahoC: Suite = {
  name: "paho-c",
  variable: "PAHO_C_DIR",
  repository: "eclipse/paho.mqtt.c",
  async *run(folder, only) {
    const [tcp, websockets, proxy] = freePorts(3) as [number, number, number];
    const build = `${folder}.build`;
    await make(folder, build, { tcp, websockets, proxy });
    const all = await listed(build);
    for (const type of ["tcp", "ws"] as const) {
      const ofType = all.filter(({ test, command }) =>
        only.test(test) &&
        isWebSocket(test, command) === (type === "ws")
      );
      if (ofType.length === 0) continue;
      const config = configOf(`${folder}/test`, type, tcp, websockets);
      yield* withBroker(config, () => tests(folder, ofType, tcp, proxy));
    }
  },
};

async function make(
  folder: string,
  build: string,
  ports: Record<"tcp" | "websockets" | "proxy", number>,
): Promise<void> {
  await Deno.mkdir(build, { recursive: true });
  const options = {
    PAHO_WITH_SSL: "TRUE",
    PAHO_BUILD_STATIC: "TRUE",
    PAHO_BUILD_SHARED: "FALSE",
    PAHO_ENABLE_TESTING: "TRUE",
    PAHO_BUILD_SAMPLES: "FALSE",
    PAHO_BUILD_DOCUMENTATION: "FALSE",
    MQTT_TEST_BROKER: `tcp://localhost:${ports.tcp}`,
    MQTT_TEST_PROXY: `tcp://localhost:${ports.proxy}`,
    MQTT_WS_TEST_BROKER: `ws://localhost:${ports.websockets}`,
    MQTT_WS_TEST_PROXY: `tcp://localhost:${ports.proxy}`,
  };
  const defines = Object.entries(options).map(([key, value]) =>
    `-D${key}=${value}`
  );
  for (
    const args of [[...defines, "-S", folder, "-B", build], ["--build", build]]
  ) {
    const { code, output } = await run("cmake", args, { seconds: 900 });
    if (code !== 0) {
      throw new Error(`Cannot build ${folder}: ${output.slice(-500)}`);
    }
  }
}

/** The listeners of its `tls-testing/mosquitto.conf`, but for PSK. */
function configOf(
  folder: string,
  type: "tcp" | "ws",
  tcp: number,
  websockets: number,
): BrokerConfig {
  const ssl = `${folder}/ssl`;
  const own = {
    ssl: true,
    certfile: `${ssl}/server.crt`,
    keyfile: `${ssl}/server.key`,
  };
  const strict = { ...own, clientCert: "required" } as const;
  // The file has the authority in between, which clients are to be shown.
  const open = {
    ...own,
    cafile: `${ssl}/all-ca.crt`,
    clientCert: "optional",
  } as const;
  const listeners: Record<string, ListenerConfig> = {
    websockets: { bind: `127.0.0.1:${websockets}`, type: "ws" },
    "18883": { bind: "127.0.0.1:18883" },
    "18884": {
      ...strict,
      bind: "127.0.0.1:18884",
      cafile: `${ssl}/all-ca.crt`,
    },
    "18885": { ...open, bind: "127.0.0.1:18885" },
    "18886": { ...open, bind: "127.0.0.1:18886" },
    "18887": {
      ...strict,
      bind: "127.0.0.1:18887",
      cafile: `${ssl}/server.crt`,
    },
  };
  for (const listener of Object.values(listeners)) listener.type ??= type;
  listeners.tcp = { bind: `127.0.0.1:${tcp}` };
  return {
    listeners,
    limits: {
      maximumPacketSize: 268_435_460,
      outboundBytes: 268_435_460,
      receiveMaximum: 20,
    },
  };
}

async function* tests(
  folder: string,
  all: readonly Listed[],
  tcp: number,
  proxy: number,
): AsyncGenerator<Result> {
  const between = new Deno.Command("python3", {
    args: ["-B", "mqttsas.py", "localhost", String(tcp), String(proxy)],
    cwd: `${folder}/test`,
    stdout: "null",
    stderr: "null",
  }).spawn();
  const cwd = await Deno.makeTempDir({ prefix: "ambermq_suites_" });
  try {
    for (const { test, command: [program, ...args] } of all) {
      const options = { cwd, seconds: 120 };
      const { code, output } = await run(program!, args, options);
      const said = output.split("\n").find((line) =>
        line.startsWith("Assertion failed")
      );
      yield code === 0 ? { test, verdict: "passed", reason: "" } : {
        test,
        verdict: "failed",
        reason: said?.replace(/^.*description: /, "") ?? lastLine(output),
      };
    }
  } finally {
    between.kill("SIGKILL");
    await between.status;
    await Deno.remove(cwd, { recursive: true });
  }
}

interface Listed {
  readonly test: string;
  readonly command: readonly string[];
}

/** By its name, or by what it connects to. */
function isWebSocket(test: string, command: readonly string[]): boolean {
  return /-\d*ws-/.test(test) ||
    command.some((arg) => arg === "--ws" || /^wss?:/.test(arg));
}

/** The tests, as `ctest` has them. */
async function listed(build: string): Promise<Listed[]> {
  const args = ["--test-dir", build, "-N", "-V"];
  const { output } = await run("ctest", args, { seconds: 30 });
  return testsOf(output);
}

/** The tests that `ctest -N -V` prints. */
export function testsOf(output: string): Listed[] {
  const found: Listed[] = [];
  let command: string[] = [];
  for (const line of output.split("\n")) {
    const given = /Test command: (.*)/.exec(line)?.[1];
    if (given !== undefined) {
      command = Array.from(
        given.matchAll(/"([^"]*)"|(\S+)/g),
        ([, quoted, word]) => quoted ?? word!,
      );
    }
    const test = /^\s*Test\s+#\d+: (\S+)/.exec(line)?.[1];
    if (test !== undefined) found.push({ test, command });
  }
  return found;
}
