/** What node_test.ts has Node.js run: `node client.mjs <bundle> <options>`. */

import process from "node:process";
import { createInterface } from "node:readline";
import { run } from "../_bundle_scenario.js";

const [, , bundle, options] = process.argv;
const library = await import(bundle);
const lines = createInterface({ input: process.stdin })
  [Symbol.asyncIterator]();

/** The test cuts the connection when this is written, and says when it has. */
async function drop() {
  process.stdout.write("drop\n");
  await lines.next();
}

const told = await run(library, JSON.parse(options), drop);
process.stdout.write(`${JSON.stringify(told)}\n`);
process.exit();
