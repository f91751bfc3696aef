/**
 * `ambermq` for the examples of the documents: a broker listens on ports that
 * are free instead of those that its configuration says, and clients find it
 * there. Otherwise it is the real one.
 */

import { main } from "../../cli/mod.ts";
import { Broker, defaultConfig, parseBind, readConfigFile } from "../../mod.ts";

/** From the ports of the documents to those that are real: a file. */
const PORTS = Deno.env.get("DOCS_PORTS")!;

type Ports = Record<string, number>;

const [command, ...args] = Deno.args;
if (command === "broker" && !args.includes("--test-config")) {
  await serve(args[args.indexOf("-c") + 1]);
} else {
  const isClient = ["pub", "sub", "rr"].includes(command!);
  const own = isClient ? translated(args) : args;
  Deno.exit(await main([command!, ...own]));
}

async function serve(file: string | undefined): Promise<void> {
  const config = file === undefined
    ? defaultConfig()
    : await readConfigFile(file);
  const said = new Map<string, number>();
  for (const [name, listener] of Object.entries(config.listeners!)) {
    if (listener.bind === undefined) continue;
    said.set(name, parseBind(listener.bind).port);
    listener.bind = "127.0.0.1:0";
  }
  const broker = new Broker(config);
  await broker.start();
  const ports: Ports = {};
  for (const { name, port } of broker.addresses) ports[said.get(name)!] = port;
  await Deno.writeTextFile(PORTS, JSON.stringify(ports));
  await Deno.stdout.write(new TextEncoder().encode("started\n"));
}

/** The arguments of a client, with the ports that are real. */
function translated(args: readonly string[]): string[] {
  const ports: Ports = JSON.parse(Deno.readTextFileSync(PORTS));
  const real = (port: string): string => String(ports[port] ?? "unknown");
  let found = false;
  const own = args.map((arg, i) => {
    if (args[i - 1] === "-p") {
      found = true;
      return real(arg);
    }
    const url = /^(mqtts?|wss?):\/\/(.*@)?([^:/]+)(?::(\d+))?(.*)$/.exec(arg);
    if (url === null) return arg;
    found = true;
    const [, scheme, user = "", host, port, rest] = url;
    const usual = { mqtt: "1883", mqtts: "8883", ws: "80", wss: "443" };
    const used = port ?? usual[scheme as keyof typeof usual];
    return `${scheme}://${user}${host}:${real(used)}${rest}`;
  });
  if (found) return own;
  const usesTls = args.some((arg) => /^--ca/.test(arg));
  return [...own, "-p", real(usesTls ? "8883" : "1883")];
}
