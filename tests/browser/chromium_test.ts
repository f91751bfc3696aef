/** The bundled client in a browser: Chromium, as Debian has it. */

import { assertEquals, assertMatch } from "@std/assert";
import { Broker } from "../../broker/mod.ts";
import { bundle } from "../../tools/bundle.ts";
import { expected } from "../_bundle_scenario.js";
import { Process } from "../_process.ts";
import { FragileBroker } from "../_fragile_broker.ts";

const CHROMIUM = "/usr/bin/chromium";

/** Milliseconds that the browser has: it starts slowly on a busy machine. */
const PATIENCE = 90_000;

/** Nothing that leaves the machine, and nothing that stays on it. */
const FLAGS = [
  "--headless",
  "--no-sandbox", // which needs a user who is not root
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-default-apps",
  "--disable-extensions",
  "--disable-sync",
  "--no-default-browser-check",
  "--no-first-run",
];

const installed = await Deno.stat(CHROMIUM).then(() => true, () => false);

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({
    name: installed
      ? `Chromium: ${name}`
      : `skipped: chromium is not installed: ${name}`,
    ignore: !installed,
    fn,
  });
}

/** What the page needs. */
async function files(): Promise<ReadonlyMap<string, [string, string]>> {
  const read = (path: string) =>
    Deno.readTextFile(new URL(path, import.meta.url));
  const script = "text/javascript";
  return new Map([
    ["/", ["text/html", await read("page.html")]],
    ["/page.js", [script, await read("page.js")]],
    ["/scenario.js", [script, await read("../_bundle_scenario.js")]],
    ["/ambermq-client.js", [script, await bundle()]],
  ]);
}

/** Has a page opened; returns what it tells, or what the browser says. */
async function visit(
  url: string,
  told: Promise<Record<string, unknown>>,
): Promise<Record<string, unknown>> {
  const folder = await Deno.makeTempDir({ prefix: "ambermq_chromium_" });
  try {
    await using browser = new Process("env", [
      `HOME=${folder}`,
      CHROMIUM,
      ...FLAGS,
      `--user-data-dir=${folder}`,
      "--enable-logging=stderr",
      url,
    ]);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const said = browser.stderr.all.join("\n");
        reject(new Error(`The page told nothing; Chromium said:\n${said}`));
      }, PATIENCE);
    });
    try {
      return await Promise.race([told, late]);
    } finally {
      clearTimeout(timer);
      // So that its processes end together, and leave the folder alone.
      browser.kill("SIGTERM");
      await browser.status();
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Answers for the page, and tells what it tells. */
function answers(
  served: ReadonlyMap<string, [string, string]>,
  drop: () => unknown,
  tell: (told: Record<string, unknown>) => void,
): (request: Request) => Promise<Response> {
  return async (request) => {
    const { pathname } = new URL(request.url);
    if (request.method === "POST") {
      if (pathname === "/drop") await drop();
      if (pathname === "/told") tell(await request.json());
      return new Response(null, { status: 204 });
    }
    const [type, text] = served.get(pathname) ?? ["", null];
    return new Response(text, {
      status: text === null ? 404 : 200,
      headers: { "content-type": `${type}; charset=utf-8` },
    });
  };
}

function assertTold(
  { tcp, headers, cafile, none, ...runs }: Record<string, unknown>,
): void {
  assertEquals(runs, { 3: expected, 4: expected, 5: expected });
  assertMatch(String(tcp), /^TypeError: .* a browser has only ws:\/\//);
  assertMatch(String(headers), /^TypeError: .* takes no headers$/);
  assertMatch(String(cafile), /^TypeError: .* takes no cafile$/);
  assertMatch(String(none), /^ConnectError: Cannot connect to localhost:/);
}

test("a page connects by WebSocket, publishes, receives and survives a lost connection", async () => {
  const { promise: told, resolve } = Promise.withResolvers<
    Record<string, unknown>
  >();
  const served = await files();
  await using broker = await FragileBroker.start();
  const drop = () => broker.drop();
  const port = broker.listenWeb(answers(served, drop, resolve));
  assertTold(await visit(`http://localhost:${port}/`, told));
});

test("a page does the same at a listener of type ws, and survives that the broker restarts", async () => {
  const { promise: told, resolve } = Promise.withResolvers<
    Record<string, unknown>
  >();
  const served = await files();
  const start = async (port: number): Promise<Broker> => {
    const bind = `127.0.0.1:${port}`;
    const broker = new Broker({
      listeners: { web: { type: "ws", bind, path: "/mqtt" } },
      auth: { allowAnonymous: true },
    });
    await broker.start();
    return broker;
  };
  let broker = await start(0);
  const { port } = broker.addresses[0]!;
  const restart = async (): Promise<void> => {
    await broker.shutdown();
    broker = await start(port);
  };
  try {
    await using server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      answers(served, restart, resolve),
    );
    const page = `http://localhost:${server.addr.port}/`;
    const url = encodeURIComponent(`ws://localhost:${port}/mqtt`);
    assertTold(await visit(`${page}?broker=${url}`, told));
  } finally {
    await broker.shutdown();
  }
});
