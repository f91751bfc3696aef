/**
 * The interoperability suites of Eclipse Paho, `client_test.py` (3.1.1) and
 * `client_test5.py` (5.0), with the broker set up as all of their tests want it.
 */

import { type BrokerConfig, type Plugin, ReasonCode } from "../../mod.ts";
import type { Result, Suite } from "./suite.ts";
import { lastLine, run, withBroker } from "./run.ts";

const DRIVER = new URL("paho.py", import.meta.url).pathname;

/** They want 0x80, and no other reason, for `test/nosubscribe`. */
const nosubscribe: Plugin = {
  name: "nosubscribe",
  authorize: (_, { action, topic }) =>
    action === "subscribe" && topic === "test/nosubscribe"
      ? ReasonCode.UnspecifiedError
      : true,
};

/** The broker as they want it. */
export const config: BrokerConfig = {
  plugins: [nosubscribe],
  limits: { receiveMaximum: 20 },
  capabilities: { maximumKeepAlive: 60 },
};

/** The suite. */
export const paho: Suite = {
  name: "paho",
  variable: "PAHO_TESTING_DIR",
  repository: "eclipse/paho.mqtt.testing",
  run: (folder, only) =>
    withBroker(
      config,
      (port) => tests(`${folder}/interoperability`, port, only),
    ),
};

async function* tests(
  folder: string,
  port: number,
  only: RegExp,
): AsyncGenerator<Result> {
  for (const file of ["client_test.py", "client_test5.py"]) {
    const path = `${folder}/${file}`;
    for (const name of await methodsOf(path)) {
      const test = `${file} ${name}`;
      if (!only.test(test)) continue;
      yield await one(path, name, port, test);
    }
  }
}

async function one(
  path: string,
  name: string,
  port: number,
  test: string,
): Promise<Result> {
  let reason = "";
  // They sleep where they should wait: what fails is tried once more.
  for (let tries = 0; tries < 2; tries++) {
    const args = [DRIVER, path, name, String(port)];
    const { code, output } = await run("python3", args, { seconds: 60 });
    if (code === 0) return { test, verdict: "passed", reason: "" };
    reason = lastLine(output);
  }
  return { test, verdict: "failed", reason };
}

/** Prints the test methods of a class `Test`, in their order. */
const LIST = `
import ast, sys
for node in ast.parse(open(sys.argv[1]).read()).body:
    if isinstance(node, ast.ClassDef) and node.name == "Test":
        for method in node.body:
            if isinstance(method, ast.FunctionDef):
                print(method.name)
`;

/** The test methods of a suite, in its order. */
export async function methodsOf(path: string): Promise<string[]> {
  const args = ["-c", LIST, path];
  const { code, output } = await run("python3", args, { seconds: 10 });
  if (code !== 0) throw new Error(`Cannot read ${path}: ${lastLine(output)}`);
  return output.split("\n").filter((name) => name.startsWith("test"));
}
