/**
 * A plugin that observes: it tells on `presence/<client>` who is there, and logs
 * how busy the broker was.
 *
 * ```yaml
 * plugins:
 *   - ./observer.ts:
 *       interval: 60
 * ```
 */

import type { Plugin, PluginContext } from "@ambermq/mqtt/broker";
import type { Fields } from "@ambermq/mqtt/codec";

/** The broker checks the options of a configuration with this. */
export const options = {
  interval: {
    type: "integer",
    description: "Seconds between two lines in the log.",
    default: 60,
    minimum: 1,
  },
} as const satisfies Fields;

/** The broker calls this with the options. */
export function plugin({ interval = 60 }: { interval?: number }): Plugin {
  let context: PluginContext;
  let messages = 0;

  const tell = (clientId: string, presence: string): void => {
    // A client identifier may be no topic level.
    if (/[+#/\0]/.test(clientId)) return;
    context.publish({
      topic: `presence/${clientId}`,
      payload: new TextEncoder().encode(presence),
      retain: true,
    });
  };

  return {
    name: "observer",

    start(given) {
      context = given;
      // By the clock of the broker, which also stops it.
      context.every(interval, () => {
        const { clientsConnected } = context.metrics;
        context.logger.info(
          `observer: ${clientsConnected} clients, ${messages} messages in ${interval} s`,
        );
        messages = 0;
      });
    },

    // Events come in the order of what happens. Handlers change nothing, so they
    // return nothing; what they throw is reported and has no effect.
    on: {
      broker_client_connected: ({ clientId }) => tell(clientId, "online"),
      broker_client_disconnected: ({ clientId }) => tell(clientId, "offline"),
      broker_message_broadcast: () => {
        messages++;
      },
    },
  };
}
