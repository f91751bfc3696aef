/** All checks, in the order of the specification. */

import type { Check } from "./_check.ts";
import { acknowledgementChecks } from "./_acknowledgements.ts";
import { authenticationChecks } from "./_authentication.ts";
import { connectChecks } from "./_connect.ts";
import { controlChecks } from "./_control.ts";
import { flowChecks } from "./_flow.ts";
import { identifierChecks } from "./_identifiers.ts";
import { propertyChecks } from "./_properties.ts";
import { qosChecks } from "./_qos.ts";
import { resendChecks } from "./_resend.ts";
import { retainedChecks } from "./_retained.ts";
import { sessionChecks } from "./_session.ts";
import { sharedChecks } from "./_shared.ts";
import { sizeChecks } from "./_sizes.ts";
import { stringChecks } from "./_strings.ts";
import { subscribeChecks } from "./_subscribe.ts";
import { topicChecks } from "./_topics.ts";
import { unofferedChecks } from "./_unoffered.ts";
import { verdictChecks } from "./_verdicts.ts";
import { webSocketChecks } from "./_websocket.ts";
import { willChecks } from "./_will.ts";

/** All checks, by chapter. */
export const checks: readonly Check[] = [
  ...connectChecks,
  ...identifierChecks,
  ...stringChecks,
  ...willChecks,
  ...sessionChecks,
  ...resendChecks,
  ...qosChecks,
  ...acknowledgementChecks,
  ...retainedChecks,
  ...topicChecks,
  ...subscribeChecks,
  ...controlChecks,
  ...propertyChecks,
  ...flowChecks,
  ...sizeChecks,
  ...sharedChecks,
  ...verdictChecks,
  ...authenticationChecks,
  ...unofferedChecks,
  ...webSocketChecks,
];
