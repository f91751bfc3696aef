/**
 * The tests of Eclipse Paho's client in C. They are built with CMake in a folder
 * beside the checkout, `PAHO_C_DIR` + `.build`, and want TLS on five ports.
 */

import type { BrokerConfig, ListenerConfig } from "../../mod.ts";
import type { Result, Suite } from "./suite.ts";
import { freePorts, run, withBroker } from "./run.ts";

/** The suite. */
export const pahoC: Suite = {
  name: "paho-c",
  variable: "PAHO_C_DIR",
  repository: "eclipse/paho.mqtt.c",
  async *run(folder, only) {
    const [broker, websockets, proxy] = freePorts(3);
    const build = `${folder}.build`;
    await make(folder, build, { broker, websockets, proxy });
    for (const type of ["tcp", "ws"] as const) {
      const plain = type === "tcp" ? broker! : websockets!;
      const config = configOf(`${folder}/test`, type, plain);
      // Its proxy speaks MQTT without WebSocket to the broker, whatever comes.
      if (type === "ws") {
        config.listeners!.behind = { bind: `127.0.0.1:${broker}` };
      }
      yield* withBroker(
        config,
        () => tests(folder, build, [broker!, proxy!], type === "ws", only),
      );
    }
  },
};

async function make(
  folder: string,
  build: string,
  ports: Record<string, number | undefined>,
): Promise<void> {
  await Deno.mkdir(build, { recursive: true });
  const options = {
    PAHO_WITH_SSL: "TRUE",
    PAHO_BUILD_STATIC: "TRUE",
    PAHO_BUILD_SHARED: "FALSE",
    PAHO_ENABLE_TESTING: "TRUE",
    PAHO_BUILD_SAMPLES: "FALSE",
    PAHO_BUILD_DOCUMENTATION: "FALSE",
    MQTT_TEST_BROKER: `tcp://localhost:${ports.broker}`,
    MQTT_TEST_PROXY: `tcp://localhost:${ports.proxy}`,
    MQTT_WS_TEST_BROKER: `ws://localhost:${ports.websockets}`,
    MQTT_WS_TEST_PROXY: `ws://localhost:${ports.proxy}`,
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
  port: number,
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
    plain: { bind: `127.0.0.1:${port}` },
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
  for (const listener of Object.values(listeners)) listener.type = type;
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
  build: string,
  [broker, proxy]: readonly number[],
  websockets: boolean,
  only: RegExp,
): AsyncGenerator<Result> {
  const between = new Deno.Command("python3", {
    args: ["-B", "mqttsas.py", "localhost", String(broker), String(proxy)],
    cwd: `${folder}/test`,
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    for (const { name, command } of await listed(build)) {
      if (
        !only.test(name) ||
        websockets !== /\dws-|-ws-|--ws|ws:/.test(`${name} ${command}`)
      ) continue;
      const args = ["--test-dir", build, "-R", `^${name}$`, "--timeout", "120"];
      const { code } = await run("ctest", args, { seconds: 150 });
      yield code === 0 ? { test: name, verdict: "passed", reason: "" } : {
        test: name,
        verdict: "failed",
        reason: "see ctest --output-on-failure",
      };
    }
  } finally {
    between.kill("SIGKILL");
    await between.status;
  }
}

async function listed(
  build: string,
): Promise<{ name: string; command: string }[]> {
  const args = ["--test-dir", build, "-N", "-V"];
  const { output } = await run("ctest", args, { seconds: 30 });
  const found: { name: string; command: string }[] = [];
  let command = "";
  for (const line of output.split("\n")) {
    command = /Test command: (.*)/.exec(line)?.[1] ?? command;
    const name = /^\s*Test\s+#\d+: (\S+)/.exec(line)?.[1];
    if (name !== undefined) found.push({ name, command });
  }
  return found;
}
