import { assertEquals } from "@std/assert";
import type { BrokerEvents, Message, MessageInit } from "../../broker/mod.ts";
import { FOREVER, type Session } from "../../broker/_session.ts";
import type { PubrelPacket, Qos } from "../../codec/mod.ts";
import { withSeeds } from "../_random.ts";
import { clientOf, Paper, Parts, plugin } from "./_parts.ts";

/** A session with a connection, and what they need. */
class Stage {
  readonly parts: Parts;
  readonly session: Session;
  paper = new Paper();

  constructor(
    limits: ConstructorParameters<typeof Parts>[0] = {},
    plugins: ConstructorParameters<typeof Parts>[1] = [],
    expiryInterval = 0,
  ) {
    this.parts = new Parts(limits, plugins);
    this.session = this.parts.session("client", expiryInterval);
    // As CONNECT does; from here on the store knows of it.
    this.session.resume(expiryInterval);
    this.parts.store.types();
  }

  /** Begins a connection; by default the one that is there. */
  attach(paper: Partial<Paper> = {}): Paper {
    this.paper = Object.assign(new Paper(), paper);
    this.session.deliveries.attach(this.paper);
    this.session.deliveries.pump();
    return this.paper;
  }

  /** Gives messages to the session, granted as they were published. */
  deliver(qos: Qos, ...topics: string[]): void {
    for (const topic of topics) {
      this.session.deliveries.deliver(
        this.message(topic, qos),
        2,
        false,
        undefined,
      );
    }
  }

  message(topic: string, qos: Qos, init: Partial<MessageInit> = {}): Message {
    return this.parts.message(topic, { qos, ...init });
  }

  /** Retains messages and has them replayed, as a new subscription does. */
  replay(granted: Qos, ...messages: Message[]): boolean {
    for (const message of messages) this.parts.retained.update(message);
    const accepted = this.session.deliveries.replay(
      messages,
      granted,
      undefined,
    );
    this.parts.store.types();
    this.session.deliveries.pump();
    return accepted;
  }

  /** Acknowledges at QoS 1, and goes on as the connection does. */
  puback(...packetIds: number[]): void {
    for (const packetId of packetIds) {
      this.session.deliveries.inflight.puback(packetId);
    }
    this.session.deliveries.pump();
  }
}

function topicsOf(paper: Paper): string[] {
  return paper.messages().map(({ topic }) => topic);
}

// The delivered QoS.

for (const published of [0, 1, 2] as const) {
  for (const granted of [0, 1, 2] as const) {
    const qos = Math.min(published, granted);
    Deno.test(`session delivers at QoS ${qos} when ${published} was published and ${granted} granted [MQTT-3.8.4-8]`, () => {
      const stage = new Stage();
      stage.attach();
      const message = stage.message("a", published);
      stage.session.deliveries.deliver(message, granted, true, [7]);
      assertEquals(stage.paper.messages(), [{
        topic: "a",
        qos: qos as Qos,
        retain: true,
        dup: false,
        packetId: qos > 0 ? 1 : 0,
        identifiers: [7],
      }]);
      assertEquals(stage.session.deliveries.inflight.size, qos > 0 ? 1 : 0);
    });
  }
}

// QoS 0.

Deno.test("session drops QoS 0 when its client is not connected", () => {
  const stage = new Stage({}, [], FOREVER);
  stage.deliver(0, "a");
  assertEquals([
    stage.session.deliveries.queued,
    stage.parts.metrics.droppedSlow,
  ], [0, 0]);
  assertEquals(stage.attach().take(), []);
});

Deno.test("session drops QoS 0 when its client does not keep up, and counts it", () => {
  const stage = new Stage();
  const paper = stage.attach({ writable: false });
  stage.deliver(0, "a", "b");
  paper.writable = true;
  stage.session.deliveries.pump();
  assertEquals([paper.take(), stage.parts.metrics.droppedSlow], [[], 2]);
});

// Flow control, and the queue.

Deno.test("session sends no more than the client's Receive Maximum without acknowledgement [MQTT-3.3.4-9] [MQTT-4.9.0-2]", () => {
  const stage = new Stage();
  const paper = stage.attach({ receiveMaximum: 2 });
  stage.deliver(1, "a", "b", "c", "d");
  assertEquals([paper.take(), stage.session.deliveries.queued], [
    ["a", "b"],
    2,
  ]);
  stage.deliver(0, "not counted");
  assertEquals(paper.take(), ["not counted"]);
  stage.puback(2);
  assertEquals([paper.take(), stage.session.deliveries.queued], [["c"], 1]);
  stage.puback(1);
  assertEquals(paper.take(), ["d"]);
  stage.deliver(1, "e");
  assertEquals(paper.take(), []);
});

Deno.test("session sends no more than the broker's limit without acknowledgement", () => {
  const stage = new Stage({ inflight: 3 });
  const paper = stage.attach({ receiveMaximum: 100 });
  stage.deliver(2, "a", "b", "c", "d");
  assertEquals(paper.take(), ["a", "b", "c"]);
});

Deno.test("session keeps messages while the client does not keep up, in their order [MQTT-4.6.0-6]", () => {
  const stage = new Stage();
  const paper = stage.attach({ writable: false });
  stage.deliver(1, "a");
  stage.deliver(2, "b");
  paper.writable = true;
  // Nothing overtakes what waits.
  stage.deliver(1, "c");
  assertEquals(paper.take(), []);
  assertEquals(stage.session.deliveries.backlogged, true);
  stage.session.deliveries.pump();
  assertEquals(topicsOf(paper), ["a", "b", "c"]);
  assertEquals(stage.session.deliveries.backlogged, false);
});

Deno.test("session stops pumping when the client stops keeping up", () => {
  const stage = new Stage();
  stage.deliver(1, "a", "b", "c");
  const paper = new Paper();
  paper.publish = function (...args): boolean {
    this.writable = false;
    return Paper.prototype.publish.apply(this, args);
  };
  stage.session.deliveries.attach(paper);
  for (const topic of ["a", "b", "c"]) {
    paper.writable = true;
    stage.session.deliveries.pump();
    assertEquals(paper.take(), [topic]);
  }
});

Deno.test("session queues no more messages than its limit, and tells what is dropped", () => {
  const dropped: BrokerEvents["broker_message_dropped"][] = [];
  const watching = plugin({
    on: { broker_message_dropped: (event) => dropped.push(event) },
  });
  const stage = new Stage({ queuedMessages: 2 }, [watching]);
  stage.deliver(1, "a", "b", "c");
  assertEquals(stage.session.deliveries.queued, 2);
  assertEquals(stage.parts.metrics.droppedQueueFull, 1);
  assertEquals(
    dropped.map(({ clientId, message, reason }) => [
      clientId,
      message.topic,
      reason,
    ]),
    [["client", "c", "the queue of the session is full"]],
  );
  assertEquals(stage.attach().take(), ["a", "b"]);
  stage.session.deliveries.detach();
  stage.deliver(1, "d");
  assertEquals(stage.session.deliveries.queued, 1);
});

Deno.test("session queues no more bytes than its limit", () => {
  const { size } = new Stage().message("a", 1);
  const stage = new Stage({ queuedBytes: 2 * size });
  stage.deliver(1, "a", "b", "c");
  assertEquals(stage.session.deliveries.queued, 2);
  assertEquals(stage.attach().take(), ["a", "b"]);
  stage.session.deliveries.detach();
  // What was sent takes no room any more.
  stage.deliver(1, "d", "e", "f");
  assertEquals(stage.session.deliveries.queued, 2);
});

Deno.test("session queues nothing when the limit is 0", () => {
  for (const limits of [{ queuedMessages: 0 }, { queuedBytes: 0 }]) {
    const stage = new Stage(limits);
    stage.deliver(1, "a");
    assertEquals(stage.session.deliveries.queued, 0);
    const paper = stage.attach();
    stage.deliver(1, "b");
    assertEquals(paper.take(), ["b"]);
  }
});

Deno.test("session has no more bytes unacknowledged than may be queued, but one message", () => {
  const { size } = new Stage().message("a", 1);
  const stage = new Stage({ queuedBytes: 2 * size });
  const paper = stage.attach();
  stage.deliver(1, "a");
  stage.deliver(2, "b");
  stage.deliver(1, "c");
  assertEquals(topicsOf(paper), ["a", "b"]);
  // It is the receiver's with PUBREC.
  stage.session.deliveries.inflight.pubrec(2, 0);
  stage.session.deliveries.pump();
  assertEquals(topicsOf(paper), ["c"]);
  stage.deliver(1, "d");
  stage.puback(1);
  assertEquals(topicsOf(paper), ["d"]);
  const large = stage.message("large", 1, { payload: new Uint8Array(10_000) });
  stage.puback(3, 4);
  stage.session.deliveries.deliver(large, 1, false, undefined);
  assertEquals(topicsOf(paper), ["large"]);
});

Deno.test("session says whether it would send or keep a message", () => {
  const stage = new Stage({ queuedMessages: 1 }, [], FOREVER);
  const takes = (qos: Qos) =>
    stage.session.deliveries.takes(stage.message("a", qos), 2);
  // connected or not: QoS 0 is not kept
  assertEquals([takes(0), takes(1), takes(2)], [false, true, true]);
  stage.deliver(1, "a");
  assertEquals([takes(0), takes(1)], [false, false]);
  const paper = stage.attach({ receiveMaximum: 1 });
  assertEquals([takes(0), takes(1)], [true, true]);
  stage.deliver(1, "b");
  assertEquals([takes(0), takes(1)], [true, false]);
  paper.writable = false;
  assertEquals([takes(0), takes(1)], [false, false]);
});

Deno.test("session makes room by what has expired [MQTT-3.3.2-5]", () => {
  const stage = new Stage({ queuedMessages: 1 }, [], FOREVER);
  const properties = { messageExpiryInterval: 10 };
  const expiring = stage.message("expiring", 1, { properties });
  stage.session.deliveries.deliver(expiring, 1, false, undefined);
  stage.parts.store.types();
  stage.parts.time += 10_000;
  stage.deliver(1, "a");
  assertEquals(stage.parts.store.types(), ["settle", "enqueue"]);
  const { droppedExpired, droppedQueueFull } = stage.parts.metrics;
  assertEquals([droppedExpired, droppedQueueFull], [1, 0]);
  assertEquals(topicsOf(stage.attach()), ["a"]);
});

Deno.test("session drops what expired in its queue [MQTT-3.3.2-5]", () => {
  const stage = new Stage();
  const expiring = (topic: string, messageExpiryInterval: number) =>
    stage.session.deliveries.deliver(
      stage.message(topic, 1, { properties: { messageExpiryInterval } }),
      1,
      false,
      undefined,
    );
  expiring("a", 10);
  expiring("b", 20);
  stage.deliver(1, "c");
  stage.parts.time += 10_000;
  assertEquals(topicsOf(stage.attach()), ["b", "c"]);
  assertEquals(stage.parts.metrics.droppedExpired, 1);
});

Deno.test("session is deaf to acknowledgements of what it did not send", () => {
  const stage = new Stage();
  const paper = stage.attach({ receiveMaximum: 1 });
  stage.deliver(1, "a", "b");
  const { inflight } = stage.session.deliveries;
  stage.puback(2, 0xffff);
  inflight.pubcomp(2);
  assertEquals(inflight.pubrec(2, 0), {
    type: "pubrel",
    packetId: 2,
    reasonCode: 0x92,
  });
  assertEquals(inflight.pubrec(2, 0x80), undefined);
  assertEquals([topicsOf(paper), inflight.size], [["a"], 1]);
});

// Too large for the client.

Deno.test("session goes on as if it had sent what is too large for the client [MQTT-3.1.2-25]", () => {
  const stage = new Stage();
  const paper = stage.attach({ receiveMaximum: 1, tooLarge: ["large"] });
  stage.deliver(0, "large");
  stage.deliver(1, "large");
  stage.deliver(2, "large");
  assertEquals(stage.session.deliveries.inflight.size, 0);
  stage.deliver(1, "a", "large", "b");
  assertEquals(topicsOf(paper), ["a"]);
  stage.puback(...[1, 2, 3]);
  assertEquals(topicsOf(paper), ["b"]);
});

Deno.test("session goes on when what it sends again is too large for the new connection [MQTT-3.1.2-25]", () => {
  const stage = new Stage({}, [], FOREVER);
  stage.attach();
  stage.deliver(1, "large", "a", "b");
  stage.session.deliveries.detach();
  stage.parts.store.types();
  const paper = stage.attach({ receiveMaximum: 1, tooLarge: ["large"] });
  assertEquals(topicsOf(paper), ["a"]);
  assertEquals(stage.parts.store.changes, [
    { type: "settle", clientId: "client", id: 1 },
  ]);
  stage.puback(2);
  assertEquals(topicsOf(paper), ["b"]);
  stage.puback(3);
  assertEquals(stage.session.deliveries.inflight.size, 0);
});

Deno.test("session goes on when what waited is too large for the client", () => {
  const stage = new Stage({}, [], FOREVER);
  stage.deliver(1, "large", "a");
  stage.parts.store.types();
  const paper = stage.attach({ receiveMaximum: 1, tooLarge: ["large"] });
  assertEquals(topicsOf(paper), ["a"]);
  assertEquals(stage.parts.store.types(), ["settle", "send"]);
});

// Sending again.

Deno.test("session sends again what was not acknowledged, in the order of sending, with DUP [MQTT-4.4.0-1] [MQTT-4.6.0-1] [MQTT-3.3.1-1]", () => {
  const stage = new Stage({}, [], FOREVER);
  stage.attach();
  stage.deliver(1, "a");
  stage.deliver(2, "b", "c");
  stage.deliver(1, "d");
  stage.session.deliveries.inflight.pubrec(2, 0);
  stage.puback(4);
  stage.session.deliveries.detach();
  stage.deliver(1, "e");
  const paper = stage.attach();
  assertEquals(
    paper.sent.splice(0).map((one) =>
      "type" in one
        ? [one.type, (one as PubrelPacket).packetId]
        : [one.topic, one.packetId, one.qos, one.dup]
    ),
    [
      // what no quota holds back comes first
      ["pubrel", 2],
      ["a", 1, 1, true],
      ["c", 3, 2, true],
      ["e", 5, 1, false],
    ],
  );
  stage.session.deliveries.inflight.pubcomp(2);
  stage.puback(1, 5);
  assertEquals(stage.session.deliveries.inflight.pubrec(3, 0)?.reasonCode, 0);
  stage.session.deliveries.inflight.pubcomp(3);
  assertEquals(stage.session.deliveries.inflight.size, 0);
});

Deno.test("session sends again within the Receive Maximum of the new connection [MQTT-4.9.0-1]", () => {
  const stage = new Stage({}, [], FOREVER);
  stage.attach();
  stage.deliver(1, "a", "b", "c");
  stage.session.deliveries.detach();
  const paper = stage.attach({ receiveMaximum: 2 });
  stage.deliver(1, "d");
  assertEquals(topicsOf(paper), ["a", "b"]);
  // Out of order, and one that was not sent on this connection yet.
  stage.puback(2);
  assertEquals(topicsOf(paper), ["c"]);
  stage.puback(1, 3);
  assertEquals(topicsOf(paper), ["d"]);
});

Deno.test("session does not send again what is acknowledged before its turn has come", () => {
  const stage = new Stage({}, [], FOREVER);
  stage.attach();
  stage.deliver(1, "a", "b", "c");
  stage.session.deliveries.detach();
  const paper = stage.attach({ receiveMaximum: 1 });
  // Late acknowledgements for what was sent on the connection before.
  stage.session.deliveries.inflight.puback(2);
  stage.puback(1);
  assertEquals(paper.messages().map(({ topic }) => topic), ["a", "c"]);
  stage.puback(3);
  assertEquals([paper.take(), stage.session.deliveries.inflight.size], [[], 0]);
});

Deno.test("session sends PUBREL once for what PUBREC has come for before its turn [MQTT-4.4.0-1]", () => {
  const stage = new Stage({}, [], 100);
  stage.attach();
  stage.deliver(2, "first", "second");
  stage.session.deliveries.detach();
  const paper = stage.attach({ receiveMaximum: 1 });
  assertEquals(paper.take(), ["first"]);
  const { inflight } = stage.session.deliveries;
  assertEquals(inflight.pubrec(2, 0)?.type, "pubrel");
  stage.session.deliveries.pump();
  assertEquals(paper.take(), []);
  // It counts as sent on this connection, and settles as such.
  inflight.pubcomp(2);
  stage.deliver(1, "third");
  assertEquals(paper.take(), []);
});

Deno.test("session never sends again what PUBREC has come for [MQTT-4.3.3-6]", () => {
  const stage = new Stage({}, [], FOREVER);
  stage.attach();
  stage.deliver(2, "a");
  stage.session.deliveries.inflight.pubrec(1, 0);
  for (let round = 0; round < 3; round++) {
    stage.session.deliveries.detach();
    assertEquals(stage.attach().take(), ["pubrel"]);
  }
});

Deno.test("session ends a QoS 2 delivery that the client refuses [MQTT-4.4.0-2]", () => {
  const stage = new Stage({}, [], FOREVER);
  const paper = stage.attach({ receiveMaximum: 1 });
  stage.deliver(2, "a", "b");
  stage.parts.store.types();
  assertEquals(stage.session.deliveries.inflight.pubrec(1, 0x97), undefined);
  assertEquals(stage.parts.store.types(), ["settle"]);
  stage.session.deliveries.pump();
  assertEquals(topicsOf(paper), ["a", "b"]);
});

Deno.test("packet identifiers go from 65,535 to 1 and pass by those in use [MQTT-2.2.1-3]", () => {
  const stage = new Stage();
  const paper = stage.attach();
  stage.deliver(1, "stays");
  for (let id = 2; id <= 65_535; id++) {
    stage.deliver(1, "a");
    stage.puback(id);
  }
  paper.take();
  stage.deliver(1, "b");
  assertEquals(paper.messages().map(({ packetId }) => packetId), [2]);
});

// Retained messages for a new subscription.

Deno.test("session sends retained messages with RETAIN 1 and the granted QoS [MQTT-3.3.1-8]", () => {
  const stage = new Stage();
  const paper = stage.attach();
  stage.replay(1, stage.message("a", 0), stage.message("b", 2));
  assertEquals(
    paper.messages().map(({ topic, qos, retain }) => [topic, qos, retain]),
    [["a", 0, true], ["b", 1, true]],
  );
});

Deno.test("session sends retained messages before what came after the subscription", () => {
  const stage = new Stage();
  const paper = stage.attach({ receiveMaximum: 1 });
  const retained = ["r1", "r2"].map((topic) => stage.message(topic, 1));
  stage.replay(1, ...retained);
  stage.deliver(1, "later");
  assertEquals(topicsOf(paper), ["r1"]);
  stage.puback(1);
  assertEquals(topicsOf(paper), ["r2"]);
  stage.puback(2);
  assertEquals(topicsOf(paper), ["later"]);
});

/** What may happen to a retained message before it is sent. */
const overtaken: Record<string, (stage: Stage) => void> = {
  "was replaced": (stage) =>
    stage.parts.retained.update(stage.message("old", 1)),
  "was removed": (stage) => {
    const payload = new Uint8Array();
    stage.parts.retained.update(stage.message("old", 1, { payload }));
  },
  "has expired": (stage) => void (stage.parts.time += 60_000),
};

for (const [what, happen] of Object.entries(overtaken)) {
  for (
    const [when, wait] of Object.entries({
      "the client was slow": () => {},
      "the client was gone": (stage: Stage) => {
        stage.session.deliveries.detach();
        stage.attach({ receiveMaximum: 1 });
      },
    })
  ) {
    Deno.test(`session does not send a retained message that ${what} while ${when}`, () => {
      const stage = new Stage({}, [], FOREVER);
      stage.attach({ receiveMaximum: 1 });
      const old = stage.message("old", 1, {
        properties: { messageExpiryInterval: 60 },
      });
      const other = stage.message("other", 1);
      stage.replay(1, stage.message("first", 1), old, other);
      happen(stage);
      wait(stage);
      stage.puback(1);
      assertEquals(new Set(topicsOf(stage.paper)), new Set(["first", "other"]));
    });
  }
}

Deno.test("session keeps retained messages that were not sent when the connection ended", () => {
  const stage = new Stage({}, [], FOREVER);
  stage.attach({ receiveMaximum: 1 });
  const messages = ["a", "b"].map((topic) => stage.message(topic, 1));
  stage.replay(1, ...messages, stage.message("QoS 0", 0));
  assertEquals(stage.parts.store.types(), ["enqueue"]);
  stage.session.deliveries.detach();
  assertEquals(stage.parts.store.types(), ["enqueue"]);
  const paper = stage.attach();
  assertEquals(
    paper.messages().map(({ topic, retain, dup }) => [topic, retain, dup]),
    [["a", true, true], ["b", true, false]],
  );
});

Deno.test("session without expiry keeps no retained message when the connection ends", () => {
  const stage = new Stage();
  stage.attach({ writable: false });
  stage.replay(1, stage.message("a", 1));
  stage.session.deliveries.detach();
  assertEquals([
    stage.session.deliveries.backlogged,
    stage.session.deliveries.queued,
  ], [false, 0]);
});

Deno.test("session takes retained messages that wait up to twice the limit", () => {
  const stage = new Stage({ retainedMessages: 2 });
  stage.attach({ writable: false });
  const messages = ["a", "b"].map((topic) => stage.message(topic, 0));
  assertEquals(stage.session.deliveries.room, Infinity);
  assertEquals(stage.replay(0, ...messages), true);
  assertEquals([stage.replay(0, ...messages), stage.session.deliveries.room], [
    true,
    0,
  ]);
  assertEquals(stage.replay(0, messages[0]!), false);
  assertEquals(stage.replay(0), true);
  stage.paper.writable = true;
  stage.session.deliveries.pump();
  assertEquals(stage.paper.take(), ["a", "b", "a", "b"]);
});

Deno.test("session sends an expired retained message to nobody, and a too large one neither", () => {
  const stage = new Stage();
  const paper = stage.attach({ receiveMaximum: 1, tooLarge: ["large"] });
  stage.replay(2, stage.message("large", 2), stage.message("a", 2));
  assertEquals(topicsOf(paper), ["a"]);
});

// Policy.

const denying = plugin({
  authorizeDelivery: (_, { topic }) => !topic.startsWith("secret"),
});

Deno.test("session does not get what a plugin withholds, and it is counted", () => {
  const stage = new Stage({}, [denying]);
  const paper = stage.attach();
  for (const qos of [0, 1, 2] as const) stage.deliver(qos, "secret", "a");
  stage.replay(2, stage.message("secret/retained", 0), stage.message("b", 0));
  assertEquals(topicsOf(paper), ["a", "a", "a", "b"]);
  assertEquals(stage.parts.metrics.deliveriesDenied, 4);
});

Deno.test("session does not get a retained message that a plugin withholds after reconnecting either", () => {
  const stage = new Stage({}, [denying], FOREVER);
  stage.attach({ receiveMaximum: 1 });
  const topics = ["a", "b", "secret", "c"];
  stage.replay(1, ...topics.map((topic) => stage.message(topic, 1)));
  stage.session.deliveries.detach();
  const paper = stage.attach();
  assertEquals(topicsOf(paper), ["a", "b", "c"]);
});

// The store.

Deno.test("session without expiry leaves nothing in the store", () => {
  const stage = new Stage();
  stage.attach({ receiveMaximum: 1 });
  stage.deliver(1, "a", "b");
  stage.puback(1);
  stage.session.recordEnd();
  assertEquals(stage.parts.store.types(), []);
});

Deno.test("session with expiry has its deliveries in the store step by step", () => {
  const stage = new Stage({}, [], 60);
  const { store } = stage.parts;
  const clientId = "client";
  stage.session.resume(60);
  assertEquals(store.changes.splice(0), [
    {
      type: "session",
      clientId,
      client: clientOf(clientId),
      expiryInterval: 60,
      expiresAt: undefined,
    },
  ]);
  stage.attach({ receiveMaximum: 1 });
  stage.deliver(1, "a");
  stage.deliver(2, "b");
  const ids = store.changes.splice(0).map((change) =>
    change.type === "enqueue" ? [change.id, change.packetId, change.qos] : []
  );
  assertEquals(ids, [[1, 1, 1], [2, undefined, 2]]);
  stage.puback(1);
  assertEquals(store.changes.splice(0), [
    { type: "settle", clientId, id: 1 },
    { type: "send", clientId, id: 2, packetId: 2 },
  ]);
  stage.session.deliveries.inflight.pubrec(2, 0);
  stage.session.deliveries.inflight.pubrec(2, 0);
  assertEquals(store.changes.splice(0), [{ type: "release", clientId, id: 2 }]);
  stage.session.deliveries.inflight.pubcomp(2);
  stage.session.deliveries.inflight.pubcomp(2);
  assertEquals(store.changes.splice(0), [{ type: "settle", clientId, id: 2 }]);
  stage.session.recordEnd();
  stage.session.recordEnd();
  assertEquals(store.changes, [{ type: "session_end", clientId }]);
});

Deno.test("session that is not to be kept any longer leaves the store", () => {
  const stage = new Stage({}, [], 60);
  stage.deliver(1, "a");
  stage.session.resume(0);
  stage.attach();
  stage.deliver(1, "b");
  stage.puback(1, 2);
  assertEquals(stage.parts.store.types(), [
    "enqueue",
    "session_end",
  ]);
});

// Everything at once.

Deno.test("session delivers every QoS 1 and 2 message in order, whatever the connections do [MQTT-4.6.0-5]", () => {
  withSeeds(100, (random) => {
    const stage = new Stage({ inflight: 5 }, [], FOREVER);
    const { session } = stage;
    const got: string[] = [];
    let published = 0;
    /** What the client has not acknowledged: PUBLISH, or PUBREL. */
    let unacknowledged: { packetId: number; qos: number }[] = [];
    const read = (): void => {
      for (let one; (one = stage.paper.sent.shift()) !== undefined;) {
        if ("type" in one) {
          session.deliveries.inflight.pubcomp((one as PubrelPacket).packetId);
          session.deliveries.pump();
          continue;
        }
        // Repetitions are known by their packet identifier and DUP.
        if (!one.dup || !got.includes(one.topic)) got.push(one.topic);
        unacknowledged.push(one);
      }
    };
    for (let step = 0; step < 200; step++) {
      const action = random.integer(0, 9);
      if (action < 4) {
        stage.deliver(random.pick([1, 2] as const), `${++published}`);
      } else if (action < 7) {
        const count = random.integer(1, 3);
        for (const { packetId, qos } of unacknowledged.splice(0, count)) {
          if (qos === 1) session.deliveries.inflight.puback(packetId);
          else {
            const answer = session.deliveries.inflight.pubrec(packetId, 0);
            if (answer) stage.paper.send(answer);
          }
        }
        session.deliveries.pump();
      } else if (action < 9) {
        read();
      } else {
        if (random.boolean()) read();
        session.deliveries.detach();
        unacknowledged = [];
        if (random.percent(30)) stage.deliver(1, `${++published}`);
        stage.attach({ receiveMaximum: random.integer(1, 4) });
      }
    }
    for (;;) {
      read();
      if (unacknowledged.length === 0) break;
      for (const { packetId, qos } of unacknowledged.splice(0)) {
        if (qos === 1) session.deliveries.inflight.puback(packetId);
        else stage.paper.send(session.deliveries.inflight.pubrec(packetId, 0)!);
      }
      session.deliveries.pump();
    }
    assertEquals(got, Array.from({ length: published }, (_, i) => `${i + 1}`));
    assertEquals(
      [session.deliveries.inflight.size, session.deliveries.queued],
      [
        0,
        0,
      ],
    );
  });
});

// A full queue.

Deno.test("session drops the oldest that waits where that is the policy, in step with the store", () => {
  const dropped: BrokerEvents["broker_message_dropped"][] = [];
  const stage = new Stage({
    queuedMessages: 2,
    queueFull: "drop-oldest",
  }, [
    plugin({
      on: { broker_message_dropped: (event) => void dropped.push(event) },
    }),
  ], FOREVER);
  stage.attach({ receiveMaximum: 1 });
  stage.deliver(1, "sent", "a", "b");
  stage.parts.store.changes.length = 0;
  stage.deliver(1, "c", "d");
  // Two are dropped before two others; what was sent stays.
  assertEquals(
    stage.parts.store.changes.map((change) => [
      change.type,
      "id" in change && change.id,
    ]),
    [["settle", 2], ["enqueue", 4], ["settle", 3], ["enqueue", 5]],
  );
  assertEquals(dropped.map(({ message, reason }) => [message.topic, reason]), [
    ["a", "the queue of the session is full"],
    ["b", "the queue of the session is full"],
  ]);
  assertEquals(stage.parts.metrics.droppedQueueFull, 2);
  assertEquals(stage.session.deliveries.inflight.size, 1);
  for (const packetId of [1, 2]) stage.puback(packetId);
  assertEquals(topicsOf(stage.paper), ["sent", "c", "d"]);
});

Deno.test("session drops the oldest of an absent client too, and none for one that can never fit", () => {
  const stage = new Stage(
    { queuedBytes: 1000, queueFull: "drop-oldest" },
    [],
    FOREVER,
  );
  stage.deliver(1, "a", "b", "c", "d");
  assertEquals(stage.session.deliveries.queued, 3);
  const huge = stage.message("huge", 1, { payload: new Uint8Array(1000) });
  stage.session.deliveries.deliver(huge, 1, false, undefined);
  assertEquals(stage.parts.metrics.droppedQueueFull, 2);
  assertEquals(topicsOf(stage.attach()), ["b", "c", "d"]);
});

Deno.test("session drops what has expired before what is oldest [MQTT-3.3.2-5]", () => {
  const stage = new Stage(
    { queuedMessages: 2, queueFull: "drop-oldest" },
    [],
    FOREVER,
  );
  stage.deliver(1, "a");
  const properties = { messageExpiryInterval: 10 };
  const expiring = stage.message("expiring", 1, { properties });
  stage.session.deliveries.deliver(expiring, 1, false, undefined);
  stage.parts.time += 10_000;
  stage.deliver(1, "b");
  assertEquals(topicsOf(stage.attach()), ["a", "b"]);
});

Deno.test("session disconnects a client whose queue is full where that is the policy, once, and not in the middle of a delivery", async () => {
  const stage = new Stage(
    { queuedMessages: 1, queueFull: "disconnect" },
    [],
    FOREVER,
  );
  const paper = stage.attach({ receiveMaximum: 1 });
  stage.deliver(1, "sent", "a", "b", "c");
  assertEquals(paper.disconnected, undefined);
  await Promise.resolve();
  assertEquals(paper.disconnected, [0x97, "the queue of the session is full"]);
  const { droppedQueueFull, queueDisconnects } = stage.parts.metrics;
  assertEquals([droppedQueueFull, queueDisconnects], [2, 1]);
  // Away, it drops the newest.
  stage.session.deliveries.detach();
  stage.deliver(1, "d");
  assertEquals(stage.parts.metrics.droppedQueueFull, 3);
  await Promise.resolve();
  assertEquals(stage.parts.metrics.queueDisconnects, 1);
  const again = stage.attach();
  assertEquals(topicsOf(again), ["sent", "a"]);
  assertEquals(again.disconnected, undefined);
});

Deno.test("session does not disconnect the next connection for what the last one did not read", async () => {
  const stage = new Stage(
    { queuedMessages: 1, queueFull: "disconnect" },
    [],
    FOREVER,
  );
  stage.attach({ receiveMaximum: 1 });
  stage.deliver(1, "sent", "a", "b");
  stage.session.deliveries.detach();
  const paper = stage.attach();
  await Promise.resolve();
  assertEquals(paper.disconnected, undefined);
});

for (const queueFull of ["drop-newest", "drop-oldest", "disconnect"] as const) {
  Deno.test(`session drops what all together have no room for (${queueFull})`, async () => {
    const dropped: string[] = [];
    const stage = new Stage({ totalQueuedBytes: 1000, queueFull }, [
      plugin({
        on: {
          broker_message_dropped: ({ reason }) => void dropped.push(reason),
        },
      }),
    ], FOREVER);
    const other = stage.parts.session("other", FOREVER);
    const paper = stage.attach({ writable: false });
    const big = stage.message("big", 1, { payload: new Uint8Array(300) });
    other.deliveries.deliver(big, 1, false, undefined);
    stage.session.deliveries.deliver(big, 1, false, undefined); // the same
    stage.deliver(1, "a", "b");
    await Promise.resolve();
    assertEquals(stage.session.deliveries.queued, 1);
    assertEquals(dropped, [
      "the queues of all sessions together are full",
      "the queues of all sessions together are full",
    ]);
    assertEquals(stage.parts.metrics.droppedQueueFull, 2);
    assertEquals(paper.disconnected, undefined);
    other.deliveries.end();
    stage.session.deliveries.end();
    assertEquals(stage.parts.metrics.queuedBytes, 0);
    // Its end is the end: nothing is kept for it any more.
    stage.deliver(1, "c");
    assertEquals(stage.parts.metrics.queuedBytes, 0);
  });
}

// Short of memory.

Deno.test("session drops QoS 0 to who does not keep up as one for want of memory", () => {
  const stage = new Stage({ memory: 100 });
  const slow = stage.attach({ writable: false });
  stage.parts.used = 101;
  for (let i = 0; i < 2; i++) stage.parts.memory.tick();
  stage.deliver(0, "a");
  slow.writable = true;
  stage.deliver(0, "b");
  const { droppedMemory, droppedSlow } = stage.parts.metrics;
  assertEquals([topicsOf(slow), droppedMemory, droppedSlow], [["b"], 1, 0]);
});

Deno.test("session keeps nothing for a client that is away while memory is critical", () => {
  const stage = new Stage({ memory: 100 }, [], FOREVER);
  stage.deliver(1, "a");
  stage.parts.used = 111;
  stage.parts.memory.tick();
  const message = stage.message("b", 1);
  assertEquals(stage.session.deliveries.takes(message, 1), false);
  stage.deliver(1, "b");
  assertEquals(stage.parts.metrics.droppedMemory, 1);
  // For one that is connected it does.
  const paper = stage.attach({ receiveMaximum: 1 });
  assertEquals(stage.session.deliveries.takes(message, 1), true);
  stage.deliver(1, "c");
  stage.puback(1);
  assertEquals(topicsOf(paper), ["a", "c"]);
});
