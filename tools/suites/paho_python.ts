/**
 * The tests of paho-python's client that want a broker for MQTT 5.0:
 * `tests/test_mqttv5.py`. It brings one of its own, which is left out.
 */

import type { Result, Suite } from "./suite.ts";
import { config, methodsOf } from "./paho.ts";
import { lastLine, run, withBroker } from "./run.ts";

const DRIVER = new URL("paho_python.py", import.meta.url).pathname;

/** The suite. */
export const pahoPython: Suite = {
  name: "paho-python",
  variable: "PAHO_PYTHON_DIR",
  repository: "eclipse/paho.mqtt.python",
  run: (folder, only) =>
    withBroker(
      config,
      (port) => tests(folder, port, only),
    ),
};

async function* tests(
  folder: string,
  port: number,
  only: RegExp,
): AsyncGenerator<Result> {
  const tests = await methodsOf(`${folder}/tests/test_mqttv5.py`);
  for (const test of tests) {
    if (!only.test(test)) continue;
    let result: Result | undefined;
    for (let tries = 0; tries < 2 && result?.verdict !== "passed"; tries++) {
      const args = [DRIVER, folder, test, String(port)];
      const { code, output } = await run("python3", args, { seconds: 90 });
      result = code === 0
        ? { test, verdict: "passed", reason: "" }
        : { test, verdict: "failed", reason: lastLine(output) };
    }
    yield result!;
  }
}
