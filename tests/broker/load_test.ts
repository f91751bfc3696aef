import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Change, StoredWill } from "../../broker/mod.ts";
import { recordDue, restore } from "../../broker/_load.ts";
import { sweep, willDueAt } from "../../broker/_disconnect.ts";
import { FOREVER, type Session } from "../../broker/_session.ts";
import { clientOf, message, Paper, Parts, request } from "./_parts.ts";

const clientId = "client";
const now = new Parts().time;

/** A session that never ends. */
const begin = {
  type: "session",
  clientId,
  client: { ...clientOf(clientId), username: "user" },
  expiryInterval: FOREVER,
  expiresAt: undefined,
} satisfies Change;

function enqueue(
  id: number,
  packetId: number | undefined,
  qos: 1 | 2 = 1,
): Change {
  return {
    type: "enqueue",
    clientId,
    id,
    message: message(`m${id}`, { qos }),
    qos,
    retain: id % 2 === 0,
    identifiers: id === 3 ? [5] : undefined,
    shared: undefined,
    packetId,
  };
}

function load(...changes: Change[]): { parts: Parts; session: Session } {
  const parts = new Parts();
  for (const change of changes) restore(parts, change);
  return { parts, session: parts.sessions.get(clientId)! };
}

const expiries: readonly [
  what: string,
  expiryInterval: number,
  stored: number | undefined,
  expected: number,
][] = [
  ["at the time stored", 60, now + 20_000, now + 20_000],
  ["at the time stored, even if that is past", 60, now - 1, now - 1],
  [
    "so long after loading if its client was connected",
    60,
    undefined,
    now + 60_000,
  ],
  [
    "no later than its interval allows if the clock was set back",
    60,
    now + 3_600_000,
    now + 60_000,
  ],
  ["never if it is for ever", FOREVER, undefined, Infinity],
];

for (const [what, expiryInterval, expiresAt, expected] of expiries) {
  Deno.test(`loaded session ends ${what} [MQTT-3.1.2-23]`, () => {
    const { parts, session } = load({ ...begin, expiryInterval, expiresAt });
    assertEquals(session.expiresAt, expected);
    assertEquals([session.clientId, session.expiryInterval], [
      clientId,
      expiryInterval,
    ]);
    assertEquals(session.deliveries.downlink, undefined);
    assertEquals(session.client.username, "user");
    sweep(parts, session, expected === Infinity ? 1e15 : expected - 1);
    assertEquals(parts.sessions.has(clientId), true);
    if (expected === Infinity) return;
    sweep(parts, session, expected);
    assertEquals(parts.sessions.has(clientId), false);
    assertEquals(parts.store.types(), ["session_end"]);
  });
}

Deno.test("loaded subscriptions match, with their options", () => {
  const { parts, session } = load(
    begin,
    {
      type: "subscribe",
      clientId,
      request: request("a/+", { qos: 2, noLocal: true }),
      identifier: 7,
    },
    {
      type: "subscribe",
      clientId,
      request: request("$share/x/a/b", { qos: 1 }),
      identifier: undefined,
    },
  );
  assertEquals([...session.filters], ["a/+", "$share/x/a/b"]);
  const { targets, groups } = parts.subscriptions.match("a/b");
  assertEquals(
    targets.map(({ session, qos, identifiers, ifLocal }) => [
      session.clientId,
      qos,
      identifiers,
      ifLocal,
    ]),
    [[clientId, 2, [7], null]],
  );
  assertEquals(groups[0]?.members[0]?.session, session);
});

Deno.test("loaded deliveries go on where they were [MQTT-4.4.0-1] [MQTT-4.3.3-6]", () => {
  const { session, parts } = load(
    begin,
    enqueue(1, 11),
    enqueue(2, 12, 2),
    { type: "release", clientId, id: 2 },
    enqueue(3, 13, 2),
    enqueue(4, undefined),
    enqueue(5, undefined, 2),
  );
  assertEquals([session.deliveries.inflight.size, session.deliveries.queued], [
    3,
    2,
  ]);
  const paper = new Paper();
  session.deliveries.attach(paper);
  session.deliveries.pump();
  assertEquals(
    paper.sent.map((one) =>
      "type" in one
        ? [one.type, "packetId" in one && one.packetId]
        : Object.values(one).join()
    ),
    [
      ["pubrel", 12],
      "m1,1,false,true,11,",
      "m3,2,false,true,13,5",
      // new packet identifiers behind the last one
      "m4,1,true,false,14,",
      "m5,2,false,false,15,",
    ],
  );
  parts.store.types();
  session.deliveries.inflight.pubcomp(12);
  session.deliveries.inflight.puback(11);
  assertEquals(parts.store.changes, [
    { type: "settle", clientId, id: 2 },
    { type: "settle", clientId, id: 1 },
  ]);
});

Deno.test("loaded deliveries are released wherever that is told, and as many as there may be at once", () => {
  const { session, parts } = load(begin);
  const began = performance.now();
  for (let id = 1; id <= 65_535; id++) {
    restore(parts, enqueue(id, id, 2));
    if (id > 2) restore(parts, { type: "release", clientId, id });
  }
  restore(parts, { type: "release", clientId, id: 1 });
  const time = performance.now() - began;
  const paper = new Paper();
  session.deliveries.attach(paper);
  session.deliveries.pump();
  const released = paper.sent.filter((one) => "type" in one);
  assertEquals(released.length, 65_534); // the message waits for a quota
  assert(time < 10_000, `${time} ms`);
});

Deno.test("deliveries after loading have ids of their own", () => {
  const { session, parts } = load(begin, enqueue(7, undefined));
  session.deliveries.deliver(message("new", { qos: 1 }), 1, false, undefined);
  assertEquals(
    parts.store.changes.map((change) => "id" in change && change.id),
    [8],
  );
});

Deno.test("loaded QoS 2 receipts are remembered [MQTT-4.3.3-10]", () => {
  const { session } = load(
    begin,
    { type: "receive", clientId, packetId: 5 },
    { type: "receive", clientId, packetId: 6 },
  );
  assertEquals([...session.receiver.packetIds], [5, 6]);
});

const will = {
  topic: "w",
  payload: new Uint8Array([1]),
  qos: 0,
  retain: false,
  properties: { willDelayInterval: 10 },
} as const;

const wills: readonly [what: string, stored: StoredWill, dueAt: number][] = [
  ["at the time stored", { will, dueAt: now + 3000 }, now + 3000],
  [
    "no later than its delay allows if the clock was set back",
    { will, dueAt: now + 3_600_000 },
    willDueAt(will, now),
  ],
  [
    "after its delay if the client was connected",
    { will, dueAt: undefined },
    now + 10_000,
  ],
  [
    "at once if the client was connected and it has no delay",
    { will: { ...will, properties: {} }, dueAt: undefined },
    now,
  ],
];

for (const [what, stored, dueAt] of wills) {
  Deno.test(`loaded will is published ${what} [MQTT-3.1.2-8] [MQTT-3.1.3-9]`, () => {
    const { session, parts } = load(
      begin,
      { type: "will", clientId, will: stored },
    );
    assertEquals(session.will, { will: stored.will, dueAt });
    sweep(parts, session, dueAt - 1);
    assertEquals(parts.metrics.willsPublished, 0);
    sweep(parts, session, dueAt);
    assertEquals(parts.metrics.willsPublished, 1);
  });
}

Deno.test("loaded session has no will where it has none any more", () => {
  const { session } = load(begin, { type: "will", clientId, will: undefined });
  assertEquals(session.will, undefined);
});

Deno.test("loaded retained messages are found and not recorded again", () => {
  const one = message("a");
  const { parts } = load({ type: "retain", message: one });
  assertEquals(parts.retained.match("#", now), [one]);
  assertEquals(parts.store.types(), []);
});

Deno.test("loading tells the store nothing", () => {
  const { parts } = load(
    begin,
    { type: "subscribe", clientId, request: request("a"), identifier: 1 },
    enqueue(1, 1, 2),
    { type: "release", clientId, id: 1 },
    enqueue(2, undefined),
    { type: "receive", clientId, packetId: 5 },
    { type: "will", clientId, will: { will, dueAt: undefined } },
  );
  assertEquals(parts.store.types(), []);
});

Deno.test("changes of a session that is not there are passed by", () => {
  const { parts } = load(
    { type: "unretain", topic: "a" },
    { type: "subscribe", clientId, request: request("a"), identifier: 1 },
    enqueue(1, 1),
    { type: "receive", clientId, packetId: 5 },
  );
  assertEquals([parts.sessions.size, parts.subscriptions.size], [0, 0]);
});

Deno.test("change that no store may load is an error", () => {
  for (const type of ["unsubscribe", "send", "settle", "complete"] as const) {
    const change = { type, clientId, filter: "a", id: 1, packetId: 1 };
    assertThrows(
      () => load(begin, change),
      TypeError,
      `Cannot load a change of type ${type}`,
    );
  }
});

Deno.test("loading tells of whom the store has to know when they are due", () => {
  const parts = new Parts();
  const will = { topic: "w", payload: new Uint8Array(), qos: 0, retain: false };
  const session = { ...begin, expiryInterval: 60 };
  const cases: readonly [Change, told: boolean][] = [
    [session, true], // its client was connected
    [{ ...session, expiresAt: now + 1 }, false],
    [begin, false], // it never ends
    [
      { type: "will", clientId, will: { will, dueAt: now } as StoredWill },
      false,
    ],
    [
      {
        type: "will",
        clientId,
        will: { will, dueAt: undefined } as StoredWill,
      },
      true,
    ],
    [enqueue(1, undefined), false],
  ];
  for (const [change, told] of cases) {
    assertEquals(restore(parts, change) !== undefined, told, change.type);
  }
  recordDue(restore(parts, session)!);
  assertEquals(parts.store.changes, [
    { ...session, expiresAt: now + 60_000 },
  ]);
});
