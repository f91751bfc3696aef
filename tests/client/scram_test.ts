import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Broker, type Plugin } from "../../broker/mod.ts";
import {
  ConnectError,
  ConnectionLostError,
  MQTTClient,
  type Packet,
  scram,
} from "../../client/mod.ts";
import {
  deriveScramCredentials,
  type ScramCredentials,
  ScramServer,
} from "../../codec/mod.ts";
import { Stage, turn } from "./_scripted_broker.ts";

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

// Servers that do what they like.

/** A client that authenticates, and the server's part of SCRAM beside it. */
class Siege extends Stage {
  readonly #sent: Packet[];
  /** What the client hashes, whether anybody waits for it or not. */
  readonly #hashing: Promise<unknown>[];
  #server = new ScramServer();

  constructor() {
    const sent: Packet[] = [];
    const hashing: Promise<unknown>[] = [];
    const { name, start } = scram("alice", "secret");
    super({
      protocolVersion: 5,
      authentication: {
        name,
        start() {
          const exchange = start();
          return {
            ...exchange,
            answer(data) {
              const answer = Promise.resolve(exchange.answer(data));
              hashing.push(answer);
              return answer;
            },
          };
        },
      },
      on: { packetSent: (packet) => void sent.push(packet) },
    });
    this.#sent = sent;
    this.#hashing = hashing;
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#hashing);
    await super[Symbol.asyncDispose]();
  }

  /** The next packet of the client, which is of this type. */
  async #next(type: Packet["type"]): Promise<Packet> {
    for (;;) {
      const packet = this.#sent.shift();
      if (packet !== undefined) {
        assertEquals(packet.type, type);
        return packet;
      }
      await turn();
    }
  }

  /** What the method says in the next packet of this type. */
  async data(type: "connect" | "auth"): Promise<Uint8Array> {
    const { properties } = await this.#next(type) as Packet & {
      properties?: { authenticationData?: Uint8Array };
    };
    return properties!.authenticationData!;
  }

  /** The client has said who it is. */
  async first(type: "connect" | "auth"): Promise<string> {
    this.#server = new ScramServer();
    const said = this.#server.first(await this.data(type));
    return new TextDecoder().decode(said.challenge(credentials));
  }

  /** Goes on with this challenge; the proof of the server, for the answer. */
  async challenge(text: string): Promise<string> {
    this.send("f0", "18", text);
    const signature = await this.#server.check(await this.data("auth"));
    return new TextDecoder().decode(signature);
  }

  /** Sends AUTH or CONNACK; CONNACK is never with a session. */
  send(
    type: "f0" | "20",
    code: string,
    data: string | undefined,
    method = "SCRAM-SHA-256",
  ): void {
    const first = type === "20" ? "00" : "";
    const said = data === undefined ? "" : `16 <${data}>`;
    this.broker.send(`${type} [${first} ${code} [15 <${method}> ${said}]]`);
  }

  /** Begins to connect; how it ends. */
  begin(): Promise<unknown> {
    const connecting = this.client.connect();
    connecting.catch(() => {});
    return connecting;
  }

  /** Lets the client in. */
  async letIn(): Promise<void> {
    const connecting = this.begin();
    const challenge = await this.first("connect");
    this.send("20", "00", await this.challenge(challenge));
    await connecting;
  }
}

// deno-fmt-ignore: a table
const lies: readonly [what: string, lie: (challenge: string) => string, why: string][] = [
  ["2^31 iterations", (text) => text.replace(/i=.*/, "i=2147483648"), 'the iterations are "2147483648", not from 4096 to'],
  ["999,999,999 iterations", (text) => text.replace(/i=.*/, "i=999999999"), 'the iterations are "999999999", not from 4096 to'],
  ["one iteration", (text) => text.replace(/i=.*/, "i=1"), 'the iterations are "1", not from 4096 to'],
  ["a nonce of its own", (text) => text.replace(/r=[^,]*/, "r=mine"), "the nonce is not an answer"],
  ["the client's nonce alone", (text) => text.replace(/r=(.{8})[^,]*/, "r=$1"), "the nonce is not an answer"],
  ["no salt", (text) => text.replace(/s=[^,]*/, "s="), "the attribute s is missing or not right"],
  ["nothing", () => "", ""],
];

for (const [what, lie, why] of lies) {
  Deno.test(`scram() does not hash its password for a server with ${what}`, async () => {
    await using siege = new Siege();
    const connecting = siege.begin();
    const challenge = await siege.first("connect");
    const start = performance.now();
    siege.send("f0", "18", lie(challenge));
    const error = await assertRejects(
      () => connecting,
      ConnectError,
      `the authentication by SCRAM-SHA-256 failed: ${why}`,
    );
    assertEquals(error.permanent, true);
    assert(performance.now() - start < 1000);
    assertEquals(siege.client.connected, false);
  });
}

Deno.test("scram() does not take a CONNACK without the server's proof, nor one that comes too early", async () => {
  for (const early of [true, false]) {
    for (const proof of [undefined, "", "v=", `v=${btoa("x".repeat(32))}`]) {
      await using siege = new Siege();
      const connecting = siege.begin();
      const challenge = await siege.first("connect");
      if (!early) await siege.challenge(challenge);
      siege.send("20", "00", proof);
      const error = await assertRejects(
        () => connecting,
        ConnectError,
        "the authentication by SCRAM-SHA-256 failed",
      );
      assertEquals([error.permanent, siege.client.connected], [true, false]);
    }
  }
});

Deno.test("scram() does not take a CONNACK that comes while it hashes", async () => {
  await using siege = new Siege();
  const connecting = siege.begin();
  const challenge = await siege.first("connect");
  siege.send("f0", "18", challenge);
  siege.send("20", "00", `v=${btoa("x".repeat(32))}`);
  await assertRejects(() => connecting, ConnectError, "does not know");
});

Deno.test("scram() again: a server that lies is left with DISCONNECT, one that is gone rejects, and neither is taken for the other", async () => {
  for (
    const lie of [
      async (siege: Siege) => {
        await siege.challenge(await siege.first("auth"));
        siege.send("f0", "00", "v=");
      },
      async (siege: Siege) => {
        await siege.first("auth");
        siege.send("f0", "00", undefined);
      },
      async (siege: Siege) => {
        const challenge = await siege.first("auth");
        siege.send("f0", "18", challenge.replace(/i=.*/, "i=999999999"));
      },
      async (siege: Siege) => {
        const challenge = await siege.first("auth");
        siege.send("f0", "18", challenge, "PLAIN");
      },
      async (siege: Siege) => {
        const challenge = await siege.first("auth");
        siege.send("f0", "18", challenge);
        siege.send("f0", "18", challenge);
      },
    ]
  ) {
    await using siege = new Siege();
    await siege.letIn();
    const again = siege.client.reauthenticate();
    await lie(siege);
    await turn();
    siege.broker.end();
    await assertRejects(() => again, ConnectionLostError);
    assertEquals(siege.client.connected, false);
    assert(await siege.client.closed instanceof ConnectionLostError);
  }
});

Deno.test("scram() again, twice at a time and twice in turn, and with the connection lost in between", async () => {
  await using siege = new Siege();
  await siege.letIn();
  const { client } = siege;
  for (let time = 0; time < 2; time++) {
    const again = client.reauthenticate();
    await assertRejects(() => client.reauthenticate(), TypeError, "already");
    siege.send("f0", "00", await siege.challenge(await siege.first("auth")));
    await again;
  }
  // Lost while the client hashes: what it comes to is for nobody.
  const again = client.reauthenticate();
  siege.send("f0", "18", await siege.first("auth"));
  siege.broker.end();
  await assertRejects(() => again, ConnectionLostError);
  await assertRejects(
    () => client.reauthenticate(),
    ConnectionLostError,
    "the client is not connected",
  );
  await siege.letIn();
  const last = client.reauthenticate();
  siege.send("f0", "00", await siege.challenge(await siege.first("auth")));
  await last;
});
