/** Where a client comes from, as far as it cannot choose that itself. */

import type { ClientInfo } from "../broker/mod.ts";

/** Groups of an IPv6 address that name a network: hosts have the others. */
const NETWORK = 4;

/**
 * A name for where a client comes from: its IPv4 address, or the network (/64)
 * of its IPv6 address; empty if it is not known.
 */
export function sourceOf({ address }: ClientInfo): string {
  const hostname = address?.hostname ?? "";
  if (!hostname.includes(":")) return hostname;
  // An IPv4 address in the clothes of IPv6.
  if (hostname.includes(".")) return hostname.replace(/^.*:/, "");
  const [head = "", tail] = hostname.split("::");
  const groups = head === "" ? [] : head.split(":");
  if (tail !== undefined) {
    const after = tail === "" ? 0 : tail.split(":").length;
    while (groups.length + after < 8) groups.push("0");
    groups.push(...(tail === "" ? [] : tail.split(":")));
  }
  return groups.slice(0, NETWORK).join(":");
}
