/** Has the broker tell what its heap holds, which nobody sees from outside. */

import type { Plugin } from "../../broker/mod.ts";

/** A plugin that publishes `$SYS/broker/soak/heap` each second, in MiB. */
export function plugin(): Plugin {
  return {
    name: "soak_heap",
    start: (context) =>
      context.every(1, () => {
        const { heapUsed, external } = Deno.memoryUsage();
        context.publish({
          topic: "$SYS/broker/soak/heap",
          payload: new TextEncoder().encode(
            ((heapUsed + external) / 2 ** 20).toFixed(2),
          ),
        });
      }),
  };
}
