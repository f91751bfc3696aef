/** What a broker says that it offers: what it does not is not checked. */

import type { Qos } from "../../mod.ts";
import { Skip } from "./_verdict.ts";

/** What a broker offers, by the names in its CONNACK (5.0). */
export interface Capabilities {
  readonly maximumQos: Qos;
  readonly retainAvailable: boolean;
  readonly wildcardSubscriptionAvailable: boolean;
  readonly subscriptionIdentifiersAvailable: boolean;
  readonly sharedSubscriptionAvailable: boolean;
  readonly topicAliasMaximum: number;
  readonly receiveMaximum: number;
  readonly maximumPacketSize: number;
}

/** What holds where the broker says nothing. */
export const allCapabilities: Capabilities = {
  maximumQos: 2,
  retainAvailable: true,
  wildcardSubscriptionAvailable: true,
  subscriptionIdentifiersAvailable: true,
  sharedSubscriptionAvailable: true,
  topicAliasMaximum: 0,
  receiveMaximum: 65_535,
  maximumPacketSize: 268_435_460,
};

/**
 * Goes no further if the broker says that it does not offer something.
 *
 * @throws {Skip} If so.
 */
export function need(
  capabilities: Capabilities,
  what: keyof Capabilities,
  least: number | true = true,
): void {
  if (capabilities[what] >= least) return;
  throw new Skip(`the broker says ${what}: ${capabilities[what]}`);
}
