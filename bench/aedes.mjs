/**
 * The broker Aedes, for compare.ts; runs in Deno and in Node.js.
 *
 * Its arguments are the module to import, so that nothing here depends on it,
 * and the port.
 */

import { createServer } from "node:net";
import process from "node:process";

const [module, port] = process.argv.slice(2);
const { Aedes } = await import(module);
const broker = await Aedes.createBroker();
createServer(broker.handle).listen(Number(port), "127.0.0.1");
