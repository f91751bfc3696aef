/**
 * What is fuzzed: for the tests beside this file, which run each target for a
 * moment, and for `deno task fuzz`, which does so for as long as one likes.
 *
 * @module
 */

import { clientConfig, url } from "./_client.ts";
import { flagsTarget, format } from "./_command_line.ts";
import { config } from "./_config.ts";
import { machine } from "./_machine.ts";
import { parser } from "./_parser.ts";
import { passwords } from "./_passwords.ts";
import { type AnyTarget, target } from "./_target.ts";
import { topics } from "./_topics.ts";
import { upgrade } from "./_upgrade.ts";
import { websocket } from "./_websocket.ts";

export { type AnyTarget, describeFailure, fuzz, target } from "./_target.ts";
export type { Failure, Run, RunOptions } from "./_target.ts";

/** All targets. */
export const targets: readonly AnyTarget[] = [
  target(parser),
  target(websocket),
  target(upgrade),
  target(topics),
  target(machine),
  target(config),
  target(passwords),
  target(url),
  target(clientConfig),
  target(flagsTarget),
  target(format),
];
