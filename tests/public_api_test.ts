/**
 * What can be imported, as lists: so that nothing is added, renamed or lost
 * unnoticed. Whoever changes them on purpose notes it in CHANGELOG.md.
 */

import { assertEquals } from "@std/assert";
import config from "../deno.json" with { type: "json" };
import { root } from "./_sources.ts";

interface Names {
  /** What there is at run time. */
  readonly values: readonly string[];
  /** What there is for the compiler only. */
  readonly types: readonly string[];
}

/** What each entry point exports of its own. */
const api: Record<string, { values: string; types: string }> = {
  "./broker": {
    values: `
      Broker BrokerError MemoryStore Message Metrics configFields
      configSchema dashed defaultConfig defaultCapabilities defaultLimits explainConfig parseBind
      parseConfig parseYaml readConfigFile readYamlFile SqliteStore
      backupStore checkStore compactStore dumpLines makeStore readDump readStore
    `,
    types: `
      AccessList AccessRequest AuthConfig AuthenticationAnswer AuthenticationExchange
      AuthenticationMethod Awaitable BrokerConfig
      BrokerEventName BrokerEvents BrokerStatus Capabilities Change ClientCert ClientInfo
      ConfigSource ConnectAttempt Field Fields JsonSchema Limits Listener ListenerAddress
      ListenerConfig
      LogLevel Logger MemoryLevel MessageInit MessageProperties Opinion PersistenceConfig Queues QueueSummary QueuedMessage Plugin
      PluginContext PluginFactory PluginModule PluginOptions QueueFullPolicy SessionInfo SqliteStoreOptions Store
      StoreMetrics StoreReport StoredWill SubscriptionInfo TopicCheckConfig UpgradeOptions View
      YamlFile
    `,
  },
  "./client": {
    values: `
      ApplicationMessage ClientError ConnectError ConnectionLostError
      IncomingApplicationMessage MQTTClient OutgoingApplicationMessage
      QueueFullError RequestError clientFields clientOptions dial scram systemClock
    `,
    types: `
      AcknowledgementView CallOptions ClientAuthentication ClientConfigContext ClientEvents
      ClientExchange
      ClientOptions Clock ConnectErrorOptions ConnectOptions
      ConnectionLostErrorOptions DeliverOptions Dial DialOptions
      DisconnectOptions Exchange FilterOptions OfflineQueueOptions
      PublishOptions PublishView ReconnectOptions ReconnectPolicy
      RequestErrorOptions RequestOptions SubscribeOptions Subscription SubscriptionOptions
      TlsOptions TopicOptions UnsubscribeOptions WillOptions
    `,
  },
  "./compat": {
    values: `
      ClientError ClientException ConnectError ConnectException MQTTClient
      QOS_0 QOS_1 QOS_2
    `,
    types: `
      SnakeCase SnakeCased
    `,
  },
  "./codec": {
    values: `
      Frame InboundTopicAliases MAXIMUM_PACKET_SIZE MalformedPacketError
      Outbox OutboundTopicAliases PacketParser ProtocolError Queue ReasonCode Receiver
      SCRAM_SHA_256 ScramClient ScramError ScramServer Sender deriveScramCredentials
      formatScramCredentials parseScramCredentials scramName
      SettingsError camelCase copyBytes didYouMean encode fromReturnCode
      isReasonCodeAllowed matches mayReceive packetTypes parseSharedFilter
      readSettings reasonName settingPath toReturnCode topicFilterError
      topicLevels topicNameError WebSocketEndpoint webSocketTransport
    `,
    types: `
      Acknowledgement Address AuthPacket AuthProperties ConnackPacket
      ConnackProperties ConnectPacket ConnectProperties ConnectionState
      Delivery DisconnectPacket DisconnectProperties Field Fields Packet
      PacketParserOptions PacketType PeerCertificate PingreqPacket PingrespPacket
      Properties ProtocolVersion PubackPacket PubcompPacket
      PublishPacket PublishProperties PubrecPacket PubrelPacket Qos
      ReasonProperties RetainHandling Role Layout Personal TopicAlias SettingValue Settings
      ScramChallenge ScramCredentials SharedFilter SubackPacket
      SubscribePacket SubscribeProperties SubscriptionRequest Transport
      UnsubackPacket UnsubscribePacket UnsubscribeProperties
      UserProperty WebSocketEndpointOptions WebSocketLike WebSocketTransportOptions Will
      WillProperties
    `,
  },
  "./plugins": {
    values: `
      PasswordFile authAnonymous authFile authScram brokerSys eventLogger hashPassword
      packetLogger passwordSchemes topicAcl topicTaboo verifyPassword
    `,
    types: `
      AccessLists AuthAnonymousOptions AuthFileOptions AuthScramOptions BrokerSysOptions
      EventLoggerOptions PasswordFileProblem PasswordScheme TopicAclOptions
    `,
  },
  "./cli": {
    values: `
      main
    `,
    types: "",
  },
};

/** What the client's entry point exports of the codec's: for its own types. */
const shared = {
  values: `
    ReasonCode SettingsError reasonName
  `,
  types: `
    Acknowledgement Address ConnackPacket ConnackProperties ConnectProperties
    DisconnectProperties Field Fields Packet PeerCertificate Properties ProtocolVersion PublishProperties Qos
    ReasonProperties RetainHandling SubscribeProperties Transport
    UnsubscribeProperties UserProperty WillProperties
  `,
};

/** The names of a list, in alphabetical order. */
function names(list: string): string[] {
  return list.split(/\s+/).filter((one) => one !== "").sort();
}

/** Entry points whose names are not those of the main one. */
const apart = ["./cli", "./compat"];

/** What an entry point should export. */
function expected(entry: string): Names {
  // The main entry point has all of the library, once.
  const parts = entry === "."
    ? Object.keys(api).filter((one) => !apart.includes(one)).map((one) =>
      api[one]!
    )
    : [api[entry]!, ...(entry === "./client" ? [shared] : [])];
  const all = (kind: "values" | "types") =>
    [
      ...new Set(parts.flatMap((part) => names(part[kind]))),
    ].sort();
  return { values: all("values"), types: all("types") };
}

/** Runs Deno in the project's folder; returns what it says. */
async function deno(
  args: readonly string[],
  input = "",
): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: root,
    env: { NO_COLOR: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** What `deno doc` finds in a file. */
async function documented(path: string): Promise<Names> {
  const { stdout } = await deno(["doc", "--json", path]);
  const { nodes } = JSON.parse(stdout) as {
    nodes: Record<string, {
      symbols: { name: string; declarations: { kind: string }[] }[];
    }>;
  };
  const [{ symbols }] = Object.values(nodes) as [typeof nodes[string]];
  const values = symbols.filter(({ declarations }) =>
    declarations.some(({ kind }) => !/^(interface|typeAlias)$/.test(kind))
  );
  return {
    values: values.map(({ name }) => name).sort(),
    types: symbols.filter((one) => !values.includes(one))
      .map(({ name }) => name).sort(),
  };
}

Deno.test("entry points are these", () => {
  const entries = Object.keys(config.exports).sort();
  assertEquals(entries, [".", ...Object.keys(api)].sort());
});

for (const [entry, path] of Object.entries(config.exports)) {
  Deno.test(`entry point ${entry} exports these names`, async () => {
    assertEquals(await documented(path), expected(entry));
  });

  Deno.test(`entry point ${entry} has these values at run time`, async () => {
    const found = await import(new URL(path, root).href);
    assertEquals(Object.keys(found).sort(), expected(entry).values);
  });

  Deno.test(`entry point ${entry} does nothing and needs no permission when it is imported`, async () => {
    const { href } = new URL(path, root);
    const program = `import ${JSON.stringify(href)};`;
    const args = ["run", "--no-prompt", "--no-check", "--quiet", "-"];
    const result = await deno(args, program);
    assertEquals(result, { code: 0, stdout: "", stderr: "" });
  });
}
