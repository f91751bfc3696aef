import { assertEquals } from "@std/assert";
import type { Limits, Message } from "../../broker/mod.ts";
import { isForAbsent, redistribute, route } from "../../broker/_router.ts";
import { FOREVER, type Session } from "../../broker/_session.ts";
import type { SubscriptionRequest } from "../../codec/mod.ts";
import { Paper, Parts, plugin, request } from "./_parts.ts";

/** Sessions with subscriptions. */
class Stage {
  readonly parts: Parts;
  readonly papers = new Map<string, Paper>();

  constructor(limits: Partial<Limits> = {}, parts = new Parts(limits)) {
    this.parts = parts;
  }

  session(name: string): Session {
    return this.parts.sessions.get(name) ?? this.parts.session(name, FOREVER);
  }

  /** Connects a session. */
  connect(name: string, paper: Partial<Paper> = {}): Paper {
    const connected = Object.assign(new Paper(), paper);
    this.session(name).deliveries.attach(connected);
    this.papers.set(name, connected);
    return connected;
  }

  subscribe(
    name: string,
    filter: string,
    options: Partial<SubscriptionRequest> = {},
    identifier?: number,
  ): void {
    const session = this.session(name);
    const requested = request(filter, { qos: 2, ...options });
    session.filters.add(filter);
    this.parts.subscriptions.set({ session, request: requested, identifier });
  }

  publish(topic: string, init: Parameters<Parts["message"]>[1] = {}): boolean {
    return route(this.parts, this.parts.message(topic, init), undefined);
  }

  /** Publishes so many messages; says how many each session got. */
  share(count: number, qos: 0 | 1 | 2 = 0): Record<string, number> {
    for (let i = 0; i < count; i++) this.publish("a", { qos });
    return Object.fromEntries(
      Array.from(this.papers, ([name, paper]) => [name, paper.take().length]),
    );
  }
}

Deno.test("message goes to all whose subscriptions match, and to no other", () => {
  const stage = new Stage();
  for (const name of ["one", "two", "three"]) stage.connect(name);
  stage.subscribe("one", "a/+");
  stage.subscribe("two", "a/b");
  stage.subscribe("three", "a");
  assertEquals(stage.publish("a/b"), true);
  assertEquals(stage.publish("b"), false);
  assertEquals(
    Array.from(stage.papers, ([name, paper]) => [name, paper.take()]),
    [["one", ["a/b"]], ["two", ["a/b"]], ["three", []]],
  );
});

Deno.test("message counts as matched where its receiver is not connected", () => {
  const stage = new Stage();
  stage.subscribe("one", "a");
  stage.subscribe("two", "$share/x/b");
  assertEquals(["a", "b", "c"].map((topic) => stage.publish(topic)), [
    true,
    true,
    false,
  ]);
});

const published = [true, false];

for (const retain of published) {
  for (const retainAsPublished of [true, false]) {
    const expected = retain && retainAsPublished;
    Deno.test(`message published with RETAIN ${+retain} is forwarded with RETAIN ${+expected} when Retain As Published is ${+retainAsPublished} [MQTT-3.3.1-12] [MQTT-3.3.1-13]`, () => {
      const stage = new Stage();
      for (const filter of ["a", "$share/x/a"]) {
        const paper = stage.connect(filter);
        stage.subscribe(filter, filter, { retainAsPublished });
        stage.publish("a", { retain });
        assertEquals(paper.messages().map(({ retain }) => retain), [expected]);
        stage.parts.subscriptions.clear();
      }
    });
  }
}

Deno.test("message is retained if it says so, matched or not [MQTT-3.3.1-5] [MQTT-3.3.1-8]", () => {
  const { parts } = new Stage();
  const messages = [true, false].map((retain) =>
    parts.message("a", { retain, payload: Uint8Array.of(+retain) })
  );
  for (const message of messages) route(parts, message, undefined);
  assertEquals(parts.retained.match("#", 0), [messages[0] as Message]);
});

Deno.test("message does not come back by subscriptions with No Local [MQTT-3.8.3-3]", () => {
  const stage = new Stage();
  const one = stage.connect("one");
  const two = stage.connect("two");
  for (const name of ["one", "two"]) {
    stage.subscribe(name, "a", { noLocal: true });
    stage.subscribe(name, "b", { noLocal: true, qos: 2 }, 1);
    stage.subscribe(name, "+/#", { qos: 1 }, 2);
    stage.parts.subscriptions.delete(stage.session(name), "+/#");
    stage.subscribe(name, "b/#", { qos: 1 }, 2);
  }
  const publisher = stage.session("one");
  for (const topic of ["a", "b"]) {
    route(stage.parts, stage.parts.message(topic, { qos: 2 }), publisher);
  }
  const short = (paper: Paper) =>
    paper.messages().map(({ topic, qos, identifiers }) => [
      topic,
      qos,
      identifiers?.toSorted(),
    ]);
  assertEquals(short(one), [["b", 1, [2]]]);
  assertEquals(short(two), [["a", 2, undefined], ["b", 2, [1, 2]]]);
});

Deno.test("message of the broker's own comes by subscriptions with No Local", () => {
  const stage = new Stage();
  const paper = stage.connect("one");
  stage.subscribe("one", "a", { noLocal: true });
  stage.publish("a");
  assertEquals(paper.take(), ["a"]);
});

// Shared subscriptions.

const group = "$share/x/a";

Deno.test("shared subscription gives each message to one member, in turn [MQTT-4.8.2-4]", () => {
  const stage = new Stage();
  for (const name of ["one", "two", "three"]) {
    stage.connect(name);
    stage.subscribe(name, group);
  }
  assertEquals(stage.share(99), { one: 33, two: 33, three: 33 });
  stage.parts.subscriptions.delete(stage.session("two"), group);
  assertEquals(stage.share(10), { one: 5, two: 0, three: 5 });
  stage.subscribe("two", group);
  assertEquals(stage.share(9), { one: 3, two: 3, three: 3 });
});

Deno.test("shared subscriptions give each group and each subscriber a message of its own", () => {
  const stage = new Stage();
  for (const name of ["one", "two"]) stage.connect(name);
  stage.subscribe("one", "$share/x/a");
  stage.subscribe("one", "$share/y/a");
  stage.subscribe("one", "a");
  stage.subscribe("two", "$share/y/+");
  assertEquals(stage.share(2), { one: 6, two: 2 });
});

Deno.test("shared subscription gives a message with its member's own QoS and identifier [MQTT-4.8.2-3]", () => {
  const stage = new Stage();
  const one = stage.connect("one");
  const two = stage.connect("two");
  stage.subscribe("one", group, { qos: 0 }, 1);
  stage.subscribe("two", group, { qos: 1 }, 2);
  stage.share(0);
  stage.publish("a", { qos: 2 });
  stage.publish("a", { qos: 2 });
  const short = (paper: Paper) =>
    paper.messages().map(({ qos, identifiers }) => [qos, identifiers]);
  assertEquals([short(one), short(two)], [[[0, [1]]], [[1, [2]]]]);
});

/** Members that are worse than one that is connected and keeps up. */
const lesser: Record<string, (stage: Stage) => void> = {
  "is not connected": (stage) => void stage.session("lesser"),
  "does not read": (stage) => void stage.connect("lesser", { writable: false }),
  "has as much on its way as it takes": (stage) => {
    stage.connect("lesser", { receiveMaximum: 1 });
    const message = stage.parts.message("b", { qos: 1 });
    stage.session("lesser").deliveries.deliver(message, 1, false, undefined);
    stage.papers.get("lesser")!.take();
  },
  "has a backlog": (stage) => {
    stage.connect("lesser", { receiveMaximum: 1 });
    const message = stage.parts.message("b", { qos: 1 });
    for (let i = 0; i < 2; i++) {
      stage.session("lesser").deliveries.deliver(message, 1, false, undefined);
    }
    stage.papers.get("lesser")!.take();
  },
};

for (const [what, make] of Object.entries(lesser)) {
  for (const order of [["lesser", "better"], ["better", "lesser"]]) {
    Deno.test(`shared subscription passes by a member that ${what} (${order.join(" first, then ")})`, () => {
      const stage = new Stage();
      make(stage);
      stage.connect("better");
      for (const name of order) stage.subscribe(name, group);
      assertEquals(stage.share(5, 1)["better"], 5);
    });
  }
}

Deno.test("shared subscription prefers a member that does not read to one that is not connected", () => {
  const stage = new Stage();
  stage.connect("slow", { writable: false });
  stage.subscribe("gone", group);
  stage.subscribe("slow", group);
  stage.share(3, 1);
  assertEquals([
    stage.session("slow").deliveries.queued,
    stage.session("gone").deliveries.queued,
  ], [
    3,
    0,
  ]);
});

Deno.test("shared subscription prefers a member that is not connected to one whose queue is full", () => {
  const stage = new Stage({ queuedMessages: 1 });
  stage.connect("full", { receiveMaximum: 1 });
  const message = stage.parts.message("b", { qos: 1 });
  for (let i = 0; i < 2; i++) {
    stage.session("full").deliveries.deliver(message, 1, false, undefined);
  }
  stage.subscribe("full", group);
  stage.subscribe("gone", group);
  for (let i = 0; i < 2; i++) stage.publish("a", { qos: 1 });
  assertEquals(stage.session("gone").deliveries.queued, 1);
  // All are full: one more is lost.
  assertEquals(stage.parts.metrics.droppedQueueFull, 1);
});

Deno.test("shared subscription gives QoS 0 to who takes it", () => {
  const stage = new Stage();
  stage.connect("slow", { writable: false });
  stage.connect("quick");
  stage.subscribe("gone", group);
  stage.subscribe("slow", group);
  stage.subscribe("quick", group);
  assertEquals(stage.share(3), { slow: 0, quick: 3 });
});

Deno.test("shared subscription queues for its members in turn when none is connected", () => {
  const stage = new Stage();
  for (const name of ["one", "two"]) stage.subscribe(name, group);
  stage.share(6, 1);
  assertEquals([
    stage.session("one").deliveries.queued,
    stage.session("two").deliveries.queued,
  ], [
    3,
    3,
  ]);
});

Deno.test("shared subscription gives what a member has no room for any more to one that has", () => {
  const stage = new Stage({ queuedMessages: 2, queueFull: "drop-oldest" });
  stage.connect("full", { receiveMaximum: 1 });
  stage.subscribe("full", group);
  stage.subscribe("full", "own");
  stage.share(3, 1); // one is sent, two wait
  stage.subscribe("other", group);
  stage.publish("own", { qos: 1 });
  assertEquals(stage.session("other").deliveries.queued, 1);
  assertEquals(stage.session("full").deliveries.queued, 2);
  assertEquals(stage.parts.metrics.droppedQueueFull, 0);
  // What came by a subscription of its own is nobody else's.
  stage.publish("own", { qos: 1 });
  stage.publish("own", { qos: 1 });
  assertEquals(stage.session("other").deliveries.queued, 2);
  assertEquals(stage.parts.metrics.droppedQueueFull, 1);
});

Deno.test("shared subscription whose members are all full drops the oldest of one, and goes round no further", () => {
  const stage = new Stage({ queuedMessages: 1, queueFull: "drop-oldest" });
  for (const name of ["one", "two"]) stage.subscribe(name, group);
  for (const topic of ["a", "a", "a"]) stage.publish(topic, { qos: 1 });
  assertEquals(stage.parts.metrics.droppedQueueFull, 1);
  assertEquals([
    stage.session("one").deliveries.queued,
    stage.session("two").deliveries.queued,
  ], [1, 1]);
});

Deno.test("message is for an absent client where one that is away would keep it", () => {
  const stage = new Stage();
  stage.connect("here");
  stage.session("away");
  const isFor = (topic: string, qos: 0 | 1 = 1) =>
    isForAbsent(stage.parts, stage.parts.message(topic, { qos }));
  stage.subscribe("here", "a");
  stage.subscribe("away", "b");
  stage.subscribe("away", "c", { qos: 0 });
  for (const name of ["here", "away"]) stage.subscribe(name, "$share/g/d");
  stage.subscribe("away", "$share/g/e");
  assertEquals(["a", "b", "c", "d", "e", "f"].filter((t) => isFor(t)), [
    "b",
    "e",
  ]);
  assertEquals(isFor("b", 0), false);
});

Deno.test("what a lost member of a shared subscription has is not looked at if no other one is connected", () => {
  const stage = new Stage();
  for (const name of ["lost", "away"]) stage.subscribe(name, "$share/g/a");
  const { deliveries } = stage.session("lost");
  let looked = 0;
  deliveries.withdraw = () => void looked++;
  redistribute(stage.parts, stage.session("lost"), false);
  assertEquals(looked, 0);
  stage.connect("away");
  redistribute(stage.parts, stage.session("lost"), false);
  stage.papers.delete("away");
  redistribute(stage.parts, stage.session("lost"), true);
  assertEquals(looked, 2);
});

Deno.test("shared messages of a lost member ask once whether a group has room, not for each", () => {
  const stage = new Stage();
  stage.subscribe("lost", "$share/g/a", { qos: 1 });
  for (let i = 0; i < 100; i++) stage.publish("a", { qos: 1 });
  stage.subscribe("full", "$share/g/a", { qos: 1 });
  Object.assign(stage.parts.limits, { queuedMessages: 0 });
  const { deliveries } = stage.session("full");
  const { takes } = deliveries;
  let asked = 0;
  deliveries.takes = (...args) => {
    asked++;
    return takes.apply(deliveries, args);
  };
  redistribute(stage.parts, stage.session("lost"), false);
  assertEquals(asked, 0); // it is not connected
  stage.connect("full", { writable: false });
  redistribute(stage.parts, stage.session("lost"), false);
  assertEquals(asked, 1);
  assertEquals(stage.session("lost").deliveries.queued, 100);
});

Deno.test("what a session has not acknowledged stays in it where no other member may have it, or takes its size [MQTT-4.8.2-3]", () => {
  for (const why of ["rights", "size"]) {
    const parts = new Parts(
      {},
      why === "size" ? [] : [plugin({
        authorizeDelivery: ({ clientId }, { topic }) =>
          clientId !== "two" || topic !== "a",
      })],
    );
    const stage = new Stage({}, parts);
    stage.connect("one");
    const two = stage.connect("two", why === "size" ? { tooLarge: ["a"] } : {});
    for (const name of ["one", "two"]) stage.subscribe(name, "$share/x/+");
    for (let i = 0; i < 4; i++) {
      stage.publish(i % 2 === 0 ? "a" : "b", { qos: 1 });
    }
    two.take();
    const one = stage.session("one");
    one.deliveries.detach();
    redistribute(stage.parts, one, false);
    assertEquals(two.take().includes("a"), false);
    const back = stage.connect("one");
    one.deliveries.pump();
    assertEquals(back.take(), ["a", "a"], why);
  }
});

Deno.test("what is displaced and nobody else may have is dropped, and displaces nothing elsewhere", () => {
  const parts = new Parts({ queuedMessages: 1, queueFull: "drop-oldest" }, [
    plugin({ authorizeDelivery: ({ clientId }) => clientId !== "none" }),
  ]);
  const stage = new Stage({}, parts);
  const names = ["one", "two", "none"];
  for (const name of names) stage.subscribe(name, "$share/x/+");
  // The one that has room may not have it.
  for (const topic of ["a", "b", "c"]) stage.publish(topic, { qos: 1 });
  assertEquals(parts.metrics.droppedQueueFull, 1);
  const kept = names.map((name) => {
    const paper = stage.connect(name);
    stage.session(name).deliveries.pump();
    return paper.take();
  });
  assertEquals(kept, [["c"], ["b"], []]);
});
