/**
 * `ambermq_pub`: the command `ambermq pub` as a program of its own.
 *
 * @module
 */

import { main } from "./mod.ts";

if (import.meta.main) Deno.exit(await main(["pub", ...Deno.args]));
