/**
 * Runs the browser tests of MQTT.js as they are, in Chromium: what
 * `web-test-runner.config.mjs` does there, with a broker that runs already.
 */
// deno-lint-ignore-file no-console -- what it prints is what is read

import process from "node:process";
import { pathToFileURL } from "node:url";

const { MQTTJS_DIR, CHROMIUM, WS_PORT, WSS_PORT } = process.env;

/** A package of theirs. */
const theirs = (path) =>
  import(pathToFileURL(`${MQTTJS_DIR}/node_modules/${path}`).href);

const { chromeLauncher } = await theirs("@web/test-runner-chrome/index.mjs");

export default {
  rootDir: MQTTJS_DIR,
  files: [`${MQTTJS_DIR}/test/browser/test.js`],
  nodeResolve: true,
  concurrency: 1,
  browsers: [
    chromeLauncher({
      launchOptions: {
        executablePath: CHROMIUM,
        args: ["--no-sandbox", "--ignore-certificate-errors"],
      },
    }),
  ],
  testFramework: { config: { timeout: "10000" } },
  reporters: [{
    reportTestFileResults({ sessionsForTestFile }) {
      for (const { testResults, errors } of sessionsForTestFile) {
        for (const { message } of errors) console.log(`error\t${message}`);
        if (testResults) report(testResults, []);
      }
    },
  }],
  testRunnerHtml: (testFramework) =>
    `<html><body>
<script src="dist/mqtt.js"></script>
<script>window.wsPort = ${WS_PORT}; window.wssPort = ${WSS_PORT};</script>
<script type="module" src="${testFramework}"></script>
</body></html>`,
};

/** Prints a line for each test. */
function report({ name, suites, tests }, above) {
  const path = name ? [...above, name] : above;
  for (const { name, passed, error } of tests) {
    const why = (error?.message ?? "").replace(/\s+/g, " ");
    const verdict = passed ? "passed" : "failed";
    console.log(`${verdict}\t${[...path, name].join(" ")}\t${why}`);
  }
  for (const suite of suites) report(suite, path);
}
