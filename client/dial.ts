/**
 * Opens transports: the one file of the client that needs Deno.
 *
 * @module
 */

import type { Transport } from "../codec/mod.ts";
import type { CallOptions } from "./options.ts";
import { parseBrokerUrl, portOf } from "./_url.ts";

/**
 * Opens a TCP connection to a broker. Needs the permission `--allow-net`.
 *
 * @param url The URL: `mqtt://host:port`, the port by default 1883. User name
 * and password in it are not looked at.
 * @param options The signal that gives up.
 * @returns The open connection.
 * @throws {TypeError} If the URL is none, or not of a kind that is supported.
 * @throws {Error} Whatever the operating system says.
 */
export async function dial(
  url: string | URL,
  options: CallOptions = {},
): Promise<Transport> {
  const { url: { protocol }, url: parsed } = parseBrokerUrl(url);
  if (protocol !== "mqtt:") {
    throw new TypeError(
      `Cannot connect by ${protocol}// yet: only mqtt:// is supported`,
    );
  }
  const connection = await Deno.connect({
    hostname: parsed.hostname.replace(/^\[(.*)\]$/, "$1"), // IPv6
    port: portOf(parsed),
    ...options,
  });
  // What is written is whole packets already: nothing to wait for.
  connection.setNoDelay(true);
  return connection;
}
