/**
 * A load generator for MQTT brokers: see README.md, or `--help`.
 */

// deno-lint-ignore-file no-console -- a command line prints

import { connect } from "./_connect.ts";
import type { Fields } from "./_meter.ts";
import { type Options, parseOptions, USAGE, UsageError } from "./_options.ts";
import { pubsub } from "./_pubsub.ts";
import { retained } from "./_retained.ts";
import { Run } from "./_run.ts";

const MODES = { connect, pubsub, retained };

/** What was asked for, as the result has it. */
function describeOptions(options: Options): Fields {
  return {
    "broker": options.broker,
    "label": options.label,
    "mode": options.mode,
    "map": options.map,
    "transport": "tcp",
    "v": options.version,
    "P": options.publishers,
    "S": options.subscribers,
    "qos": options.qos,
    "sqos": options.subscriptionQos,
    "size": options.size,
    "W": options.window,
    "I": options.inflight,
    "rate": options.rate,
  };
}

async function main(args: readonly string[]): Promise<number> {
  let options: Options | undefined;
  try {
    options = parseOptions(args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`${error.message}; see --help`);
    return 2;
  }
  if (options === undefined) {
    console.log(USAGE);
    return 0;
  }
  const run = new Run(options.maximumSeconds);
  const fields = await MODES[options.mode](run, options);
  console.log(JSON.stringify({
    ...describeOptions(options),
    ...fields,
    "errors": run.errors,
    "timed_out": run.timedOut,
    "err": run.error,
  }));
  return run.broken ? 1 : 0;
}

// Whatever is still open or waited for after a broken run must not hold it up.
if (import.meta.main) Deno.exit(await main(Deno.args));
