import { assertEquals } from "@std/assert";
import type { Plugin } from "../../broker/mod.ts";
import {
  closeSession,
  endSession,
  setWill,
  sweep,
  willDueAt,
} from "../../broker/_disconnect.ts";
import { FOREVER, type Session } from "../../broker/_session.ts";
import { ReasonCode, type Will } from "../../codec/mod.ts";
import { clientOf, Paper, Parts, plugin, request } from "./_parts.ts";

/** A connected session with a will, and a witness of what is published. */
class Stage {
  readonly parts: Parts;
  readonly session: Session;
  readonly witness = new Paper();

  constructor(
    expiryInterval: number,
    will: Partial<Will> | undefined,
    plugins: readonly Plugin[] = [],
  ) {
    this.parts = new Parts({}, plugins);
    const witness = this.parts.session("witness");
    witness.deliveries.attach(this.witness);
    this.parts.subscriptions.set({
      session: witness,
      request: request("#", { qos: 2 }),
      identifier: undefined,
    });
    this.session = this.parts.session("client", expiryInterval);
    this.session.deliveries.attach(new Paper());
    this.session.resume(expiryInterval);
    if (will === undefined) return;
    setWill(this.session, {
      dueAt: undefined,
      will: {
        topic: "will",
        payload: Uint8Array.of(1),
        qos: 0,
        retain: false,
        ...will,
      },
    });
    this.parts.store.types();
  }

  close(reasonCode: number = ReasonCode.UnspecifiedError): void {
    closeSession(this.parts, this.session, reasonCode);
  }

  /** Lets so many seconds pass. */
  pass(seconds: number): void {
    this.parts.time += seconds * 1000;
    sweep(this.parts, this.session, this.parts.time);
  }

  get alive(): boolean {
    return this.parts.sessions.has("client");
  }
}

const delayed = { properties: { willDelayInterval: 10 } };

/** Ends of connections: who lives on, and when the will is published. */
const ends: readonly [
  what: string,
  expiryInterval: number,
  will: Partial<Will> | undefined,
  reasonCode: number,
  alive: boolean,
  publishedAfter: number | undefined,
][] = [
  ["lost", FOREVER, {}, ReasonCode.UnspecifiedError, true, 0],
  ["lost, without expiry", 0, {}, ReasonCode.UnspecifiedError, false, 0],
  ["lost, with a delay", 60, delayed, ReasonCode.UnspecifiedError, true, 10],
  ["lost, delay beyond expiry", 5, delayed, 0x80, true, 5],
  ["lost, delay without expiry", 0, delayed, 0x80, false, 0],
  ["gone", FOREVER, {}, 0, true, undefined],
  ["gone, without expiry", 0, {}, 0, false, undefined],
  ["gone with will", FOREVER, {}, 4, true, 0],
  ["gone with will, later", 60, delayed, 4, true, 10],
  ["thrown out", 0, {}, ReasonCode.ProtocolError, false, 0],
  ["taken over", 0, {}, ReasonCode.SessionTakenOver, false, 0],
  // A broker that stops publishes nothing; of a kept session the will waits.
  ["shut down", 0, {}, ReasonCode.ServerShuttingDown, false, undefined],
  ["lost, no will", FOREVER, undefined, 0x80, true, undefined],
];

for (
  const [what, expiryInterval, will, reasonCode, alive, publishedAfter] of ends
) {
  Deno.test(`session of a client that was ${what} ${alive ? "stays" : "ends"}, its will comes ${publishedAfter === undefined ? "never" : `after ${publishedAfter} s`} [MQTT-3.1.2-8] [MQTT-3.1.2-10] [MQTT-3.14.4-3] [MQTT-4.1.0-2]`, () => {
    const stage = new Stage(expiryInterval, will, []);
    stage.close(reasonCode);
    assertEquals(stage.alive, alive);
    assertEquals(stage.session.deliveries.downlink, undefined);
    if (publishedAfter === undefined) {
      stage.pass(1e6);
      assertEquals(stage.witness.take(), []);
      assertEquals(stage.parts.metrics.willsPublished, 0);
      return;
    }
    if (publishedAfter > 0) {
      stage.pass(publishedAfter - 1);
      assertEquals(stage.witness.take(), []);
      stage.pass(1);
    }
    assertEquals(stage.witness.take(), ["will"]);
    // once
    stage.pass(1e6);
    assertEquals(stage.witness.take(), []);
    assertEquals(stage.parts.metrics.willsPublished, 1);
  });
}

Deno.test("session that outlives its connection says in the store when it ends", () => {
  const stage = new Stage(60, undefined);
  stage.parts.store.types();
  stage.close(0);
  assertEquals(stage.parts.store.changes, [{
    type: "session",
    clientId: "client",
    client: clientOf("client"),
    expiryInterval: 60,
    expiresAt: stage.parts.time + 60_000,
  }]);
});

Deno.test("session that lost its connection by a shutdown keeps its will in the store", () => {
  const stage = new Stage(60, delayed);
  stage.close(ReasonCode.ServerShuttingDown);
  assertEquals(stage.parts.metrics.willsPublished, 0);
  const wills = stage.parts.store.changes.map((change) =>
    change.type === "will" ? change.will?.dueAt : change.type
  );
  assertEquals(wills, [stage.parts.time + 10_000, "session"]);
});

Deno.test("session that expires leaves nothing behind and is counted [MQTT-4.1.0-2] [MQTT-3.1.2-23]", () => {
  const stage = new Stage(60, undefined);
  const { parts, session } = stage;
  for (const filter of ["a", "b/#", "$share/x/a"]) {
    session.filters.add(filter);
    const requested = request(filter);
    parts.subscriptions.set({ session, request: requested, identifier: 1 });
  }
  stage.close();
  stage.pass(59);
  assertEquals([stage.alive, parts.subscriptions.size], [true, 4]);
  parts.store.types();
  stage.pass(1);
  assertEquals([stage.alive, parts.subscriptions.size], [false, 1]);
  assertEquals([parts.metrics.sessionsExpired, session.filters.size], [1, 0]);
  assertEquals(parts.store.types(), ["session_end"]);
});

Deno.test("session of a connected client does not expire", () => {
  const stage = new Stage(60, delayed);
  stage.pass(1e6);
  assertEquals([stage.alive, stage.witness.take()], [true, []]);
});

Deno.test("session that is ended publishes its will before its end [MQTT-3.1.2-8]", () => {
  const stage = new Stage(60, delayed);
  stage.close();
  endSession(stage.parts, stage.session);
  assertEquals(stage.witness.take(), ["will"]);
});

// The will as a message.

Deno.test("will is published with its QoS, its RETAIN and its properties, but the delay [MQTT-3.1.2-14] [MQTT-3.1.2-15] [MQTT-3.1.3-10]", () => {
  const stage = new Stage(0, {
    qos: 2,
    retain: true,
    properties: {
      willDelayInterval: 10,
      contentType: "x",
      messageExpiryInterval: 60,
    },
  });
  stage.close();
  const [retained] = stage.parts.retained.match("#", stage.parts.time);
  assertEquals(retained?.properties, {
    contentType: "x",
    messageExpiryInterval: 60,
  });
  // It expires so long after it was published.
  assertEquals(retained?.expiresAt, stage.parts.time + 60_000);
  assertEquals(
    stage.witness.messages().map(({ qos, retain }) => [qos, retain]),
    [[2, false]],
  );
});

/** Policies, and what comes of the will. */
const policies: readonly [
  what: string,
  hooks: Partial<Plugin>,
  got: string[],
][] = [
  ["is allowed", { authorize: () => true }, ["will"]],
  ["is allowed later", { authorize: () => Promise.resolve(true) }, ["will"]],
  ["is denied", { authorize: () => false }, []],
  ["is denied later", { authorize: () => Promise.resolve(false) }, []],
  ["is refused", { transform: () => 0x99 }, []],
  [
    "is replaced",
    { transform: (_, { payload }) => ({ topic: "other", payload }) },
    ["other"],
  ],
  [
    "is replaced later",
    {
      transform: (_, { payload }) =>
        Promise.resolve({ topic: "other", payload }),
    },
    ["other"],
  ],
];

for (const [what, hooks, got] of policies) {
  Deno.test(`will ${what} by a plugin like any message`, async () => {
    const asked: string[] = [];
    const watching = plugin({
      authorize: ({ clientId }, { action, topic }) => {
        asked.push(`${clientId} ${action} ${topic}`);
        return undefined;
      },
    });
    const stage = new Stage(0, {}, [watching, plugin(hooks)]);
    stage.close();
    for (let i = 0; i < 10; i++) await Promise.resolve();
    assertEquals(asked, ["client publish will"]);
    assertEquals(stage.witness.take(), got);
    const { willsPublished, publishRefused } = stage.parts.metrics;
    assertEquals([willsPublished, publishRefused], [
      got.length,
      1 - got.length,
    ]);
  });
}

Deno.test("will to a topic that is not for clients is not published", () => {
  const stage = new Stage(0, { topic: "$SYS/broker/uptime" });
  stage.close();
  assertEquals(
    [stage.witness.take(), stage.parts.metrics.publishRefused],
    [[], 1],
  );
});

Deno.test("sessions and wills are due at whole milliseconds, and not earlier than they may", () => {
  const session = new Parts().session("c", 10);
  const now = 1_700_000_000_000.25;
  assertEquals(session.expiryFrom(now), 1_700_000_010_001);
  const due = (willDelayInterval?: number) =>
    willDueAt({
      topic: "w",
      payload: new Uint8Array(),
      qos: 0,
      retain: false,
      ...(willDelayInterval === undefined
        ? {}
        : { properties: { willDelayInterval } }),
    }, now);
  assertEquals([due(), due(0), due(2)], [
    1_700_000_000_000,
    1_700_000_000_000,
    1_700_000_002_001,
  ]);
});
