/**
 * Our broker as a program named `mosquitto`, for tests that start one: it takes
 * its flags and configuration files. What it cannot do goes to the file that
 * `SUITES_MISSING` names.
 */

// Before all else: some tests stop it at once.
const stopped = new Promise<void>((resolve) => {
  Deno.addSignalListener("SIGTERM", resolve);
  Deno.addSignalListener("SIGINT", resolve);
});

const { Broker } = await import("../../mod.ts");
const { translate } = await import("./mosquitto_config.ts");

function flag(name: string): string | undefined {
  const at = Deno.args.indexOf(name);
  return at < 0 ? undefined : Deno.args[at + 1];
}

const file = flag("-c");
const port = flag("-p");
const { config, missing } = translate(
  file === undefined ? "" : Deno.readTextFileSync(file),
  port === undefined ? undefined : Number(port),
);
if (missing.length > 0) {
  const to = Deno.env.get("SUITES_MISSING");
  if (to !== undefined) {
    Deno.writeTextFileSync(to, `${missing.join("\n")}\n`, { append: true });
  }
  Deno.exit(3);
}
const broker = new Broker(config);
await broker.start();
await stopped;
await broker.shutdown();
Deno.exit(0);
