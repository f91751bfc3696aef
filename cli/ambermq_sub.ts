/**
 * `ambermq_sub`: the command `ambermq sub` as a program of its own.
 *
 * @module
 */

import { main } from "./mod.ts";

if (import.meta.main) Deno.exit(await main(["sub", ...Deno.args]));
