/** Programs of others, run with a deadline; ports that nobody uses. */

import { Broker, type BrokerConfig } from "../../mod.ts";

/** How a program ended. */
export interface Ended {
  /** Its exit status; `undefined` if it was killed at its deadline. */
  readonly code: number | undefined;
  /** What it wrote to stdout, then to stderr. */
  readonly output: string;
}

/** What a program is run with. */
export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Record<string, string>;
  /** Seconds after which it is killed. */
  readonly seconds: number;
}

const decoder = new TextDecoder();

/** Runs a program to its end. */
export async function run(
  command: string,
  args: readonly string[],
  { seconds, cwd, env = {} }: RunOptions,
): Promise<Ended> {
  const child = new Deno.Command(command, {
    args: [...args],
    ...cwd !== undefined && { cwd },
    env: { PYTHONDONTWRITEBYTECODE: "1", NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let late = false;
  const deadline = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, seconds * 1000);
  try {
    const { code, stdout, stderr } = await child.output();
    const output = decoder.decode(stdout) + decoder.decode(stderr);
    return late
      ? { code: undefined, output: `${output}\nno end after ${seconds} s` }
      : { code, output };
  } finally {
    clearTimeout(deadline);
  }
}

/** Ports that are free now, each another one. */
export function freePorts(count: number): number[] {
  const listeners = Array.from(
    { length: count },
    () => Deno.listen({ hostname: "127.0.0.1", port: 0 }),
  );
  const ports = listeners.map(({ addr }) => addr.port);
  for (const listener of listeners) listener.close();
  return ports;
}

/** Runs a broker of ours on a free port as long as it is needed. */
export async function* withBroker<T>(
  config: BrokerConfig,
  use: (port: number) => AsyncIterable<T>,
): AsyncGenerator<T> {
  await using broker = new Broker({
    listeners: { default: { bind: "127.0.0.1:0" } },
    auth: { allowAnonymous: true },
    ...config,
  });
  await broker.start();
  const [address] = broker.addresses;
  if (address === undefined) throw new Error("No listener has a port");
  yield* use(address.port);
}

/** The last line that says something of an error, for a table. */
export function lastLine(output: string): string {
  const lines = output.split("\n").map((line) => line.trim())
    .filter((line) => line !== "");
  const error = /^(\w+\.)*\w*(Error|Exception|timeout)\b|^FAIL|no end after/;
  const said = lines.findLast((line) => error.test(line)) ?? lines.at(-1);
  return (said ?? "no output").slice(0, 200);
}
