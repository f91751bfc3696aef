/** M9: configurations of aMQTT. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Broker, MQTTClient } from "../../mod.ts";
import { ConfiguredBroker, refusal, run, until } from "./_stage.ts";

const fixture = new URL(
  "../fixtures/seeds/amqtt_default_broker.yaml",
  import.meta.url,
);

Deno.test("M9: aMQTT's default configuration loads as it is", async () => {
  const path = decodeURIComponent(fixture.pathname);
  const { code, stdout, stderr } = await run([
    ...["broker", "-c", path, "--test-config"],
  ]);
  assertEquals([code, stdout], [0, `${path} is good`], stderr);
  assert(!stderr.includes("ERROR"), stderr);
});

Deno.test("M9: aMQTT's default configuration does what it says", async () => {
  const yaml = (await Deno.readTextFile(fixture))
    .replace("0.0.0.0:1883", "127.0.0.1:0")
    .replace("sys_interval: 20", "sys_interval: 1");
  assertStringIncludes(yaml, "127.0.0.1:0");
  assertStringIncludes(yaml, "sys_interval: 1\n");
  await using broker = await ConfiguredBroker.start(yaml);
  await using client = new MQTTClient("me", { url: broker.url() });
  await client.connect();
  await client.subscribe("$SYS/broker/uptime");
  const { topic } = await client.deliverMessage(10);
  assertEquals(topic, "$SYS/broker/uptime");
  // Both of its loggers are at work.
  await broker.find(/INFO - Connected: .*"me"/);
  await broker.find(/DEBUG - "me" <-in-- /);
  await broker.find(/DEBUG - "me" -out-> /);
});

const listener = 'listeners: {default: {bind: "127.0.0.1:0"}}\n';

Deno.test("M9: plugins by class path, with their options, as a mapping or a list", async () => {
  const auth = "amqtt.plugins.authentication";
  const topics = "amqtt.plugins.topic_checking";
  const list = [
    [`${auth}.AnonymousAuthPlugin`, "{allow_anonymous: false}"],
    [`${auth}.FileAuthPlugin`, "{password_file: $DIR/passwd}"],
    [
      `${topics}.TopicAccessControlListPlugin`,
      "{acl: {ann: ['a/#']}, publish_acl: {ann: ['a/#']}}",
    ],
    [`${topics}.TopicTabooPlugin`, ""],
    ["amqtt.plugins.sys.broker.BrokerSysPlugin", "{sys_interval: 0}"],
  ];
  const asMap = list.map(([name, options]) => `  ${name}: ${options}\n`);
  const asList = list.map(([name, options]) =>
    options === "" ? `  - ${name}\n` : `  - ${name}: ${options}\n`
  );
  for (const lines of [asMap, asList]) {
    await using broker = await ConfiguredBroker.start(
      `${listener}plugins:\n${lines.join("")}`,
      { passwd: "" },
    );
    const passwd = broker.folder.file("passwd");
    await run(["passwd", "-b", "-H", "sha512-crypt", passwd, "ann", "pw"]);
    const login = { url: broker.url(), username: "ann", password: "pw" };
    await until("her password", async () => {
      const client = new MQTTClient({ ...login, autoReconnect: false });
      const connecting = client.connect();
      return await connecting.then(() => client.disconnect()).then(
        () => true,
        () => false,
      );
    });
    await using client = new MQTTClient(login);
    await client.connect();
    const filters = ["a/b", "b", "prohibited"];
    const codes = await client.subscribe(filters, { allowFailures: true });
    assertEquals(codes, [0, 0x80, 0x80]);
    const { code } = await run(["sub", "--url", broker.url(), "-t", "a", "-E"]);
    assertEquals(code, 5);
  }
});

for (
  const [plugin, problem] of [
    ["my.company.SecretPlugin", "there is no plugin my.company.SecretPlugin"],
    [
      "amqtt.plugins.authentication.AnonymusAuthPlugin",
      "did you mean amqtt.plugins.authentication.AnonymousAuthPlugin?",
    ],
    ["amqtt.contrib.ldap.UserAuthLdapPlugin", "LDAP"],
    ["amqtt.contrib.http.UserAuthHttpPlugin", "a web service"],
  ] as const
) {
  Deno.test(`M9: the class path ${plugin} stops the start, with a hint how to write a plugin`, async () => {
    const { code, stderr } = await refusal(
      `${listener}plugins:\n  ${plugin}: {}\n`,
    );
    assertEquals(code, 1);
    assertStringIncludes(stderr, "DIR/broker.yaml:3:3: ");
    assertStringIncludes(stderr, problem);
    assertStringIncludes(stderr, "export function plugin(options)");
    assertStringIncludes(stderr, "./my_plugin.ts");
  });
}

Deno.test("M9: options that a plugin does not have stop the start, with their place", async () => {
  const { code, stderr } = await refusal(
    `${listener}plugins:\n  amqtt.plugins.sys.broker.BrokerSysPlugin:\n` +
      "    sys_intervall: 20\n",
  );
  assertEquals(code, 1);
  assertStringIncludes(stderr, "DIR/broker.yaml:4:5: ");
  assertStringIncludes(stderr, "sys_interval?");
});

Deno.test("M9: auth beside plugins that authenticate is an error, not ignored", async () => {
  const { code, stderr } = await refusal(
    `${listener}auth: {allow-anonymous: false}\nplugins:\n` +
      "  amqtt.plugins.authentication.AnonymousAuthPlugin: " +
      "{allow_anonymous: true}\n",
  );
  assertEquals(code, 1);
  assertStringIncludes(stderr, "both configure who may connect");
});

for (const key of ["session_expiry_interval", "session-expiry-interval"]) {
  Deno.test(`M9: ${key} is how long a session outlives its connection`, async () => {
    let now = 0;
    await using broker = new Broker(
      {
        listeners: { default: { bind: "127.0.0.1:0" } },
        [key]: 60,
        now: () => now,
      } as ConstructorParameters<typeof Broker>[0],
    );
    await broker.start();
    const url = `mqtt://127.0.0.1:${broker.addresses[0]!.port}`;
    const visit = async (): Promise<boolean> => {
      const client = new MQTTClient("c", { url, cleanStart: false });
      const { sessionPresent } = await client.connect();
      await client.disconnect();
      await until("its end", () => broker.metrics.clientsConnected === 0);
      return sessionPresent;
    };
    const seen = [await visit()];
    for (const seconds of [59, 61]) {
      now += seconds * 1000;
      broker.sweep();
      seen.push(await visit());
    }
    assertEquals(seen, [false, true, false]);
    assertEquals(broker.metrics.sessionsExpired, 1);
  });
}
