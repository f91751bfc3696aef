import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Broker, type Plugin } from "../../broker/mod.ts";
import { ConnectError, MQTTClient, scram } from "../../client/mod.ts";
import {
  deriveScramCredentials,
  type ScramCredentials,
  ScramServer,
} from "../../codec/mod.ts";

/** Checks names and passwords as a broker of somebody else might. */
function checks(
  credentials: ScramCredentials,
  lies = false,
): Plugin {
  return {
    name: "checks",
    authenticationMethods: {
      "SCRAM-SHA-256": () => {
        const server = new ScramServer();
        let username: string | undefined;
        return {
          async continue(data = new Uint8Array()) {
            if (username === undefined) {
              const first = server.first(data);
              username = first.username;
              const challenge = first.challenge(credentials);
              return { outcome: "continue", data: challenge };
            }
            const signature = await server.check(data);
            if (lies) {
              return {
                outcome: "success",
                username,
                data: new TextEncoder().encode(`v=${btoa("x".repeat(32))}`),
              };
            }
            return signature === undefined
              ? { outcome: "refusal", reasonCode: 0x86 }
              : { outcome: "success", username, data: signature };
          },
        };
      },
    },
  };
}

const credentials = await deriveScramCredentials(
  "secret",
  new Uint8Array(16),
  4096,
);

/** A client of a broker on a real socket. */
async function withClient(
  plugin: Plugin,
  password: string,
  run: (client: MQTTClient, broker: Broker) => Promise<void>,
): Promise<void> {
  await using broker = new Broker({
    listeners: { default: { bind: "127.0.0.1:0" } },
    plugins: [plugin],
    logger: { debug() {}, info() {}, warn() {}, error() {} },
  });
  await broker.start();
  await using client = new MQTTClient({
    url: `mqtt://127.0.0.1:${broker.addresses[0]!.port}`,
    protocolVersion: 5,
    authentication: scram("alice", password),
  });
  await run(client, broker);
}

Deno.test("scram() authenticates, also again and after a reconnection", async () => {
  await withClient(checks(credentials), "secret", async (client, broker) => {
    const { properties } = await client.connect();
    assertEquals(properties?.authenticationMethod, "SCRAM-SHA-256");
    await client.reauthenticate();
    await client.publish("a", "x", { qos: 1 });
    await client.reauthenticate();
    await client.disconnect();
    await client.connect();
    assertEquals(broker.metrics.authenticationFailures, 0);
  });
});

Deno.test("scram() does not get in with another password, and is not tried again", async () => {
  await withClient(checks(credentials), "wrong", async (client, broker) => {
    const error = await assertRejects(
      () => client.connect(),
      ConnectError,
      "check user name and password",
    );
    assertEquals([error.reasonCode, error.permanent], [0x86, true]);
    assertEquals(broker.metrics.authenticationFailures, 1);
  });
});

Deno.test("scram() does not take a broker that does not know the password", async () => {
  const liar = checks(credentials, true);
  await withClient(liar, "guess", async (client) => {
    const error = await assertRejects(
      () => client.connect(),
      ConnectError,
      "the authentication by SCRAM-SHA-256 failed: the server does not know " +
        "the password",
    );
    assertEquals(error.permanent, true);
    assertEquals(client.connected, false);
  });
});

Deno.test("scram() says at once what is no user name and no password", () => {
  assertThrows(() => scram("", "x"), TypeError, "the user name is empty");
  assertThrows(() => scram("a", "\u0000"), TypeError, "the password has");
});
