/**
 * The tests of MQTT.js that want a broker: those of its browser build. All
 * others script the other end of the connection themselves.
 */

import type { Result, Suite } from "./suite.ts";
import { freePorts, lastLine, run, withBroker } from "./run.ts";

const CONFIG = new URL("mqttjs.config.mjs", import.meta.url).pathname;

/** Its worker has this port in its source. */
const WS_PORT = 4000;

/** The suite. */
export const mqttjs: Suite = {
  name: "mqtt.js",
  variable: "MQTTJS_DIR",
  repository: "mqttjs/MQTT.js",
  async *run(folder, only) {
    yield {
      test: "test/node",
      verdict: "not applicable",
      reason: "each test scripts a server of its own",
    };
    const [wssPort] = freePorts(1);
    const certificates = `${folder}/test/browser/certs`;
    const listeners = {
      ws: { type: "ws", bind: `127.0.0.1:${WS_PORT}` },
      wss: {
        type: "ws",
        bind: `127.0.0.1:${wssPort}`,
        ssl: true,
        certfile: `${certificates}/server-cert.pem`,
        keyfile: `${certificates}/server-key.pem`,
      },
    } as const;
    const all = withBroker({ listeners }, () => tests(folder, wssPort!));
    for await (const result of all) if (only.test(result.test)) yield result;
  },
};

async function* tests(
  folder: string,
  wssPort: number,
): AsyncGenerator<Result> {
  const runner = `${folder}/node_modules/@web/test-runner/dist/bin.js`;
  const { output } = await run("node", [runner, "--config", CONFIG], {
    cwd: folder,
    seconds: 120,
    env: {
      MQTTJS_DIR: folder,
      CHROMIUM: Deno.env.get("CHROMIUM") ?? "/usr/bin/chromium",
      WS_PORT: String(WS_PORT),
      WSS_PORT: String(wssPort),
    },
  });
  const results = resultsOf(output);
  if (results.length > 0) yield* results;
  else {
    yield {
      test: "test/browser",
      verdict: "failed",
      reason: `${lastLine(output)} (npm install, npm run build, Chromium?)`,
    };
  }
}

/** The results among what the runner prints. */
export function resultsOf(output: string): Result[] {
  return Array.from(
    output.matchAll(/^(passed|failed)\t([^\t\n]*)\t(.*)$/gm),
    ([, verdict, test, reason]) => ({
      test: test!,
      verdict: verdict as "passed" | "failed",
      reason: reason!,
    }),
  );
}
