// deno-lint-ignore-file camelcase -- the events keep the names of HBMQTT

import { assert, assertEquals } from "@std/assert";
import { Networks } from "../../broker/_address.ts";
import { type Visitor, Visitors } from "../../broker/_visitors.ts";
import type { BrokerEvents, Limits } from "../../broker/mod.ts";
import { Parts, plugin } from "./_parts.ts";

/** Visitors, and what was said of them. */
class Stage {
  readonly parts: Parts;
  readonly visitors: Visitors;
  readonly banned: BrokerEvents["broker_address_banned"][] = [];

  constructor(limits: Partial<Limits> = {}, trusted: readonly string[] = []) {
    this.parts = new Parts(limits, [plugin({
      on: { broker_address_banned: (event) => this.banned.push(event) },
    })]);
    this.visitors = new Visitors(this.parts, new Networks(trusted));
  }

  find(hostname = "192.0.2.1"): Visitor {
    return this.visitors.find({ hostname, port: 1 })!;
  }

  /** A connection comes, and stays if it is let in: the code, or 0. */
  come(hostname?: string): number {
    const visitor = this.find(hostname);
    const refusal = visitor.arrive();
    if (refusal === undefined) visitor.enter();
    return refusal?.reasonCode ?? 0;
  }

  /** So many connections come: how many are let in. */
  crowd(count: number): number {
    let entered = 0;
    for (let i = 0; i < count; i++) if (this.come() === 0) entered++;
    return entered;
  }

  fail(count: number, hostname?: string): void {
    for (let i = 0; i < count; i++) this.find(hostname).fail(`fault ${i}`);
  }

  pass(seconds: number): void {
    this.parts.time += seconds * 1000;
  }
}

Deno.test("by default five thousand devices behind one address come back at once, and again and again", () => {
  const stage = new Stage();
  for (let i = 0; i < 10; i++) assertEquals(stage.crowd(5_000), 5_000);
  assertEquals(stage.parts.metrics.connectionsRefused, 0);
});

Deno.test("an address has no more connections at a time than it may, and others when some have gone", () => {
  const stage = new Stage({ connectionsPerAddress: 3 });
  assertEquals(stage.crowd(5), 3);
  assertEquals(stage.come(), 0x97);
  assertEquals(stage.come("192.0.2.2"), 0);
  assertEquals(stage.parts.metrics.connectionsTooMany, 3);
  stage.find().leave();
  assertEquals([stage.come(), stage.come()], [0, 0x97]);
});

Deno.test("an IPv6 site is one visitor, whatever its last 64 bits are", () => {
  const stage = new Stage({ connectionsPerAddress: 1 });
  assertEquals(stage.come("2001:db8::1"), 0);
  assertEquals(stage.come("2001:db8::ffff:2"), 0x97);
  assertEquals(stage.come("2001:db8:0:1::1"), 0);
});

Deno.test("after a burst an address connects as often as its rate allows", () => {
  const stage = new Stage({ connectionRate: 10, connectionBurst: 50 });
  assertEquals(stage.crowd(100), 50);
  assertEquals(stage.come(), 0x9f);
  assertEquals(stage.parts.metrics.connectionsTooOften, 51);
  stage.pass(1);
  assertEquals(stage.crowd(100), 10);
  stage.pass(0.1);
  assertEquals(stage.crowd(2), 1);
  stage.pass(3600); // no more than a burst is saved up
  assertEquals(stage.crowd(100), 50);
});

Deno.test("a rate above the burst is a burst itself", () => {
  const stage = new Stage({ connectionRate: 10, connectionBurst: 1 });
  assertEquals(stage.crowd(100), 10);
});

Deno.test("an address that fails too often is banned, each time for twice as long, up to the maximum", () => {
  const stage = new Stage({ failures: 60, banTime: 10, banTimeMaximum: 30 });
  stage.fail(60);
  assertEquals([stage.come(), stage.banned.length], [0, 0]);
  for (const seconds of [10, 20, 30, 30]) {
    stage.fail(61);
    assertEquals(stage.banned.splice(0).map((one) => one.seconds), [seconds]);
    assertEquals(stage.come(), 0x8a);
    assertEquals(stage.come("192.0.2.2"), 0);
    stage.pass(seconds - 0.001);
    assertEquals(stage.come(), 0x8a);
    stage.pass(0.001);
    assertEquals(stage.come(), 0);
  }
  const { addressesBanned, connectionsBanned } = stage.parts.metrics;
  assertEquals([addressesBanned, connectionsBanned], [4, 8]);
});

Deno.test("a ban is told once, with the address, its time and the last reason", () => {
  const stage = new Stage({ failures: 2 });
  stage.fail(10, "2001:db8::7");
  assertEquals(stage.banned, [
    { address: "2001:db8:0:0::/64", seconds: 10, reason: "fault 2" },
  ]);
});

Deno.test("failures are forgotten as time passes, and bans after as long as one may be", () => {
  const stage = new Stage({ failures: 60, banTime: 10, banTimeMaximum: 100 });
  for (let i = 0; i < 600; i++) { // one a second for ten minutes
    stage.fail(1);
    stage.pass(1);
  }
  assertEquals(stage.banned, []);
  stage.fail(61);
  stage.pass(10 + 100.1);
  stage.fail(61);
  stage.pass(10 + 99);
  stage.fail(61);
  assertEquals(stage.banned.map(({ seconds }) => seconds), [10, 10, 20]);
});

Deno.test("an address with clients may fail as often again for each of them", () => {
  const stage = new Stage({ failures: 10 });
  stage.find().clients = 4;
  stage.fail(50);
  assertEquals(stage.banned.length, 0);
  stage.fail(1);
  assertEquals(stage.banned.length, 1);
});

Deno.test("with failures 0 nobody is banned", () => {
  const stage = new Stage({ failures: 0, connectionRate: 1 });
  stage.fail(10_000);
  assertEquals([stage.come(), stage.banned.length], [0, 0]);
});

Deno.test("nobody cares about trusted addresses, Unix sockets and who has no address", () => {
  const { visitors } = new Stage({}, ["127.0.0.0/8", "::1"]);
  assertEquals(visitors.find({ hostname: "127.8.9.10", port: 1 }), undefined);
  assertEquals(visitors.find({ hostname: "::1", port: 1 }), undefined);
  assertEquals(visitors.find({ path: "/run/broker.sock" }), undefined);
  assertEquals(visitors.find(undefined), undefined);
  assertEquals(visitors.size, 0);
});

Deno.test("nobody is known where nothing is limited", () => {
  const { visitors } = new Stage({ failures: 0 });
  assertEquals(visitors.find({ hostname: "192.0.2.1", port: 1 }), undefined);
});

Deno.test("who leaves in order is not remembered; who failed is, until it has long been well", () => {
  const stage = new Stage();
  const { visitors } = stage;
  const once = (): void => {
    stage.come();
    stage.find().leave();
  };
  once();
  assertEquals(visitors.size, 0);
  stage.come();
  stage.fail(1);
  stage.find().leave();
  assertEquals(visitors.size, 1);
  stage.pass(60);
  once();
  assertEquals(visitors.size, 0);
});

Deno.test("no more addresses are remembered than a table has room for, and those with connections are", () => {
  const stage = new Stage({ failures: 10 });
  for (let i = 0; i < 40; i++) stage.come(`10.0.0.${i}`);
  for (let i = 0; i < 70_000; i++) {
    stage.fail(1, `2001:db8:${(i >> 8).toString(16)}:${i & 0xff}::1`);
  }
  assertEquals(stage.visitors.size, 65_536);
  for (let i = 0; i < 40; i++) assertEquals(stage.find(`10.0.0.${i}`).open, 1);
});

Deno.test("a ban is not lifted by many who come from elsewhere", () => {
  const stage = new Stage({ failures: 1, banTime: 600 });
  stage.fail(3, "192.0.2.66");
  assertEquals(stage.come("192.0.2.66"), 0x8a);
  for (let i = 0; i < 70_000; i++) {
    stage.find(
      `2001:db8:${i.toString(16).padStart(5, "0").replace(/^(.)/, "$1:")}::1`,
    );
  }
  assert(stage.visitors.size <= 65_536);
  assertEquals(stage.come("192.0.2.66"), 0x8a);
});

Deno.test("no more addresses are remembered where all of them are banned", () => {
  const stage = new Stage({ failures: 1, banTime: 600 });
  for (let i = 0; i < 66_000; i++) {
    stage.fail(2, `10.${i >> 16}.${(i >> 8) & 0xff}.${i & 0xff}`);
  }
  assert(stage.visitors.size <= 65_536);
});
