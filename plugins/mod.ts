/**
 * Plugins of the broker.
 *
 * ```ts
 * import { Broker } from "@ambermq/mqtt/broker";
 * import { eventLogger } from "@ambermq/mqtt/plugins";
 *
 * const broker = new Broker({ logger: console, plugins: [eventLogger()] });
 * ```
 *
 * @module
 */

export { authAnonymous, type AuthAnonymousOptions } from "./auth_anonymous.ts";
export { authFile, type AuthFileOptions } from "./auth_file.ts";
export { authScram, type AuthScramOptions } from "./auth_scram.ts";
export { brokerSys, type BrokerSysOptions } from "./broker_sys.ts";
export { eventLogger, type EventLoggerOptions } from "./event_logger.ts";
export { packetLogger } from "./packet_logger.ts";
export {
  hashPassword,
  type PasswordScheme,
  passwordSchemes,
  verifyPassword,
} from "./password.ts";
export { PasswordFile, type PasswordFileProblem } from "./password_file.ts";
export {
  type AccessLists,
  topicAcl,
  type TopicAclOptions,
} from "./topic_acl.ts";
export { topicTaboo } from "./topic_taboo.ts";
