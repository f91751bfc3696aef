import { assert, assertEquals, assertMatch } from "@std/assert";
import type { BrokerEvents, Opinion } from "../../broker/mod.ts";
import { connect, publish, text, versionNames } from "../_raw_client.ts";
import { assertRefused, Bench, every, testIn } from "../conformance/_bench.ts";
import { plugin } from "./_parts.ts";

/** A plugin that writes down who came, went and was refused. */
function diary(lines: string[]) {
  return plugin({
    on: {
      broker_client_connected: ({ clientId }) => lines.push(`+ ${clientId}`),
      broker_client_disconnected: ({ clientId, reasonCode }) =>
        lines.push(`- ${clientId} ${reasonCode}`),
      broker_connection_refused: ({ clientId, reasonCode, reason }) =>
        lines.push(`! ${clientId} ${reasonCode} ${reason}`),
    },
  });
}

testIn(every, "plugins get to know who connects", async (bench, version) => {
  asked.splice(0);
  await bench.connect(version, "one", {
    username: "user",
    password: Uint8Array.of(0, 255),
  }, { remoteAddr: { hostname: "10.0.0.1", port: 1234 } });
  const client = {
    clientId: "one",
    username: "user",
    protocolVersion: version,
    address: { hostname: "10.0.0.1", port: 1234 },
    listener: "memory",
    certificate: undefined,
  };
  assertEquals(asked, [
    [client, Uint8Array.of(0, 255)],
    { clientId: "one", client },
  ]);
  asked.splice(0);
  await bench.connect(version, "two");
  assertEquals(asked[0], [
    {
      ...client,
      clientId: "two",
      username: undefined,
      address: undefined,
    },
    undefined,
  ]);
}, () => ({ plugins: [nosy] }));

const asked: unknown[] = [];
const nosy = plugin({
  authenticate: (...args) => {
    asked.push(args.slice(0, 2));
    return true;
  },
  on: { broker_client_connected: (event) => void asked.push(event) },
});

Deno.test("client without an identifier is asked about by the one it is given [MQTT-3.1.3-6]", async () => {
  let asked = "";
  const noting = plugin({
    authenticate: ({ clientId }) => {
      asked = clientId;
      return true;
    },
  });
  await using bench = await Bench.start({ plugins: [noting] });
  const { connack } = await bench.connect(5, "");
  assertEquals(connack?.properties.assignedClientIdentifier, asked);
  assertMatch(asked, /^auto-[0-9a-f-]{36}$/);
});

const onlyGood = plugin({
  authenticate: (_, password) =>
    password !== undefined && new TextDecoder().decode(password) === "good",
});

for (const clean of [true, false]) {
  testIn(
    every,
    `client with bad credentials and clean ${clean} neither ends nor empties the session it names [MQTT-3.1.4-2]`,
    async (bench, version) => {
      const good = {
        clean: false,
        username: "u",
        password: "good",
        properties: { sessionExpiryInterval: 100 },
      };
      const owner = await bench.connect(version, "one", good);
      await owner.subscribe({ filter: "a", qos: 1 });
      const attack = async (): Promise<void> => {
        const thief = bench.open(version);
        const { code } = await thief.connect({
          ...good,
          clientId: "one",
          clean,
          password: "bad",
        });
        assertEquals(code, version === 5 ? 0x86 : 4);
        assertEquals(await thief.untilClosed(), []);
      };
      await attack();
      assertEquals(await owner.drain(), []);
      owner.drop();
      await attack();
      bench.broker.publish({ topic: "a", payload: text("kept"), qos: 1 });
      await attack();
      const again = await bench.connect(version, "one", good);
      assertEquals(await again.payloads(), ["kept"]);
      assertEquals(bench.broker.metrics.takeovers, 0);
    },
    () => ({ plugins: [onlyGood], auth: { allowAnonymous: false } }),
  );
}

testIn(
  every,
  "client that is taken over is told of before the one that takes over [MQTT-3.1.4-3]",
  async (bench, version) => {
    lines.splice(0);
    await bench.connect(version, "one");
    await bench.connect(version, "one");
    assertEquals(lines, ["+ one", "- one 142", "+ one"]);
    const { metrics } = bench.broker;
    assertEquals(
      [metrics.takeovers, metrics.clientsConnected, metrics.clientsMaximum],
      [1, 1, 1],
    );
  },
  () => ({ plugins: [diary(lines)] }),
);

const lines: string[] = [];

/** CONNECTs that are refused, and what is told of them. */
const refusals: readonly [
  what: string,
  send: (bench: Bench) => Promise<void>,
  told: string,
][] = [
  ["has no identifier in 3.1", async (bench) => {
    const client = bench.open(3);
    await client.connect({ clientId: "" });
  }, "! auto-ID 133 the client identifier is empty"],
  ["has a method", async (bench) => {
    const client = bench.open(5);
    const properties = { authenticationMethod: 'a "method"' };
    await client.connect({ clientId: "one", properties });
  }, '! one 140 the authentication method "a \\"method\\"" is not known'],
  ["has wrong credentials", async (bench) => {
    const client = bench.open(5);
    await client.connect({ clientId: "one", username: "u", password: "bad" });
  }, "! one 134 user name or password is not valid"],
  ["has none", async (bench) => {
    await bench.open(5).connect({ clientId: "one" });
  }, "! one 135 no user name was given"],
  ["breaks the protocol", async (bench) => {
    await assertRefused(bench.open(4).send("c0 00"), undefined);
  }, "! undefined 130 "],
  ["closes instead", (bench) => {
    bench.open(4).drop();
    return Promise.resolve();
  }, "! undefined 128 the client closed the connection"],
  ["resets instead", (bench) => {
    bench.open(4).connection.reset();
    return Promise.resolve();
  }, "! undefined 128 The connection was reset"],
];

for (const [what, send, told] of refusals) {
  Deno.test(`broker tells plugins of a connection that ${what}, and counts it`, async () => {
    const lines: string[] = [];
    await using bench = await Bench.start({
      plugins: [diary(lines), onlyGood],
    });
    await send(bench);
    const other = await bench.connect(5, "other", { password: "good" });
    await other.drain();
    const [line] = lines;
    assertEquals(
      line?.replace(/auto-[0-9a-f-]+/, "auto-ID").slice(0, told.length),
      told,
    );
    assertEquals(lines.slice(1), ["+ other"]);
    const { connectionsRefused, clientsConnected } = bench.broker.metrics;
    assertEquals([connectionsRefused, clientsConnected], [1, 1]);
  });
}

Deno.test("client that was given up while a plugin thought about it gets no session", async () => {
  const answer = Promise.withResolvers<Opinion>();
  const events: BrokerEvents["broker_connection_refused"][] = [];
  await using bench = await Bench.start({
    plugins: [plugin({
      authenticate: ({ clientId }) =>
        clientId === "slow" ? answer.promise : true,
      on: { broker_connection_refused: (event) => events.push(event) },
    })],
  });
  const fields = {
    clientId: "slow",
    clean: false,
    properties: { sessionExpiryInterval: 100 },
  };
  const other = await bench.connect(5, "other");
  const client = bench.open(5).send(connect(5, fields));
  await other.drain();
  bench.pass(11); // connectTimeout is 10
  answer.resolve(true);
  assertEquals(await client.untilClosed(), []);
  assertEquals(events.map(({ clientId }) => clientId), ["slow"]);
  assertEquals(bench.broker.metrics.clientsConnected, 1);
  // Nothing is left of it.
  const again = await bench.connect(5, "slow", fields);
  assertEquals(again.connack?.sessionPresent, false);
});

testIn(
  every,
  "will is independent of the receive buffer that its CONNECT came in [MQTT-3.1.2-7]",
  async (bench, version) => {
    const witness = await bench.connect(version, "witness");
    await witness.subscribe("will");
    const client = await bench.connect(version, "one", {
      will: {
        topic: "will",
        payload: "the last word",
        properties: { correlationData: text("which") },
      },
    });
    for (let i = 0; i < 10; i++) {
      await client.publish({ topic: "x".repeat(500), qos: 1 });
    }
    client.drop();
    const publish = await witness.next("publish");
    assertEquals(publish.payload, "the last word");
    if (version !== 5) return;
    assertEquals(publish.properties.correlationData, text("which"));
  },
);

testIn(
  every,
  "client whose identifier is too long is refused",
  async (bench, version) => {
    const no = version === 5 ? 0x85 : 2;
    for (const [length, expected] of [[20, 0], [21, no]] as const) {
      const client = bench.open(version);
      const { code } = await client.connect({ clientId: "x".repeat(length) });
      assertEquals(code, expected);
    }
  },
  () => ({ limits: { clientIdLength: 20 } }),
);

Deno.test("connection that is not a client's yet is given less room than others", async () => {
  await using bench = await Bench.start({
    limits: { maximumPacketSize: 1_000_000 },
  });
  const userProperty = (count: number): [string, string][] =>
    Array.from({ length: count }, () => ["x".repeat(60_000), ""]);
  const client = await bench.connect(5, "client", {
    properties: { userProperty: userProperty(7) },
    will: { topic: "w", payload: "x".repeat(60_000) },
  });
  const payload = "x".repeat(900_000);
  const answer = await client.publish({ topic: "a", payload, qos: 1 });
  assertEquals(answer?.code, 0x10);
  const greedy = bench.open(5);
  greedy.send(connect(5, { properties: { userProperty: userProperty(9) } }));
  assertEquals(await greedy.untilClosed(), []);
  assertEquals(bench.broker.metrics.protocolErrors, 1);
});

Deno.test("sessions that end with their connection do not count as kept ones", async () => {
  await using bench = await Bench.start({ limits: { sessions: 1 } });
  const kept = {
    clean: false,
    properties: { sessionExpiryInterval: 100 },
  };
  await bench.connect(5, "a");
  await bench.connect(5, "b", kept);
  await (await bench.connect(5, "c", kept)).disconnect();
  const refused = bench.open(5);
  // Connected sessions do not count, kept ones do.
  const { code } = await refused.connect({ clientId: "d", ...kept });
  assertEquals(code, 0x97);
  await bench.connect(5, "e");
  // Its own session is no additional one.
  const again = await bench.connect(5, "c", kept);
  assert(again.connack?.sessionPresent);
});

// While plugins are asked.

/** A plugin whose verdict is the test's, and the signals that it got. */
class Judge {
  readonly signals: AbortSignal[] = [];
  readonly #verdicts: ((opinion: Opinion) => void)[] = [];
  #onAsked = () => {};

  readonly plugin = plugin({
    authenticate: (_client, _password, { signal }) => {
      this.signals.push(signal);
      this.#onAsked();
      return new Promise((resolve) => this.#verdicts.push(resolve));
    },
  });

  /** Waits until it was asked so often. */
  asked(times: number): Promise<void> {
    return new Promise((resolve) => {
      this.#onAsked = () => this.signals.length >= times && resolve();
      this.#onAsked();
    });
  }

  say(opinion: Opinion): void {
    this.#verdicts.shift()!(opinion);
  }
}

for (const version of every) {
  Deno.test(`client that goes while plugins are asked is noticed in ${versionNames[version]}`, async () => {
    const judge = new Judge();
    const lines: string[] = [];
    await using bench = await Bench.start({
      plugins: [judge.plugin, diary(lines)],
    });
    const client = bench.open(version);
    client.send(connect(version, { clientId: "gone", username: "u" }));
    await judge.asked(1);
    assertEquals(judge.signals[0]!.aborted, false);
    client.drop();
    await new Promise((resolve) =>
      judge.signals[0]!.addEventListener("abort", resolve)
    );
    assertEquals(lines, ["! gone 128 the client closed the connection"]);
    assertEquals(bench.broker.metrics.connectionsOpen, 0);
    judge.say(true);
    await bench.open(version).connection.close();
    assertEquals(bench.broker.metrics.clientsConnected, 0);
  });

  Deno.test(`client that sends more while plugins are asked loses nothing in ${versionNames[version]}`, async () => {
    for (const at of ["once", "later"]) {
      const judge = new Judge();
      await using bench = await Bench.start({ plugins: [judge.plugin] });
      const client = bench.open(version);
      const hello = connect(version, { clientId: "eager", username: "u" });
      const payload = "x".repeat(1000);
      const more = publish(version, {
        topic: "a",
        qos: 1,
        packetId: 1,
        payload,
      });
      if (at === "once") client.send(Uint8Array.of(...hello, ...more));
      else client.send(hello);
      await judge.asked(1);
      if (at === "later") client.send(more);
      judge.say(true);
      assertEquals((await client.next("connack")).code, 0);
      assertEquals((await client.next("puback")).packetId, 1);
      assertEquals(judge.signals[0]!.aborted, true);
    }
  });

  for (
    const [given, code, old] of [[0x89, 0x89, 3], [0x8a, 0x8a, 5], [
      0x91,
      0x87,
      5,
    ]] as const
  ) {
    Deno.test(`client is refused with the reason code ${given} of a plugin in ${versionNames[version]}`, async () => {
      await using bench = await Bench.start({
        plugins: [plugin({ authenticate: () => given })],
      });
      const client = bench.open(version);
      client.send(connect(version, { clientId: "one", username: "u" }));
      await assertRefused(client, version === 5 ? code : old);
      assertEquals(bench.broker.metrics.authenticationFailures, 1);
    });
  }
}
