import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  type Delivery,
  ProtocolError,
  ReasonCode,
  Receiver,
  Sender,
} from "../../codec/mod.ts";
import { withSeeds } from "../_random.ts";

/** Messages and packet identifiers that are unsettled, in their order. */
function unsettled(sender: Sender<string>): [number, string | undefined][] {
  return Array.from(
    sender.unsettled(),
    ({ packetId, message }) => [packetId, message],
  );
}

Deno.test("Sender gives packet identifiers from 1 to 65,535 and round again [MQTT-2.2.1-3] [MQTT-2.2.1-4] [MQTT311-2.3.1-1]", () => {
  const sender = new Sender<string>();
  for (let turn = 0; turn < 2; turn++) {
    for (let packetId = 1; packetId <= 65_535; packetId++) {
      // without assertEquals(): it takes too long 130,000 times
      const delivery = sender.send("m", 1);
      if (delivery.packetId !== packetId) {
        assertEquals(delivery.packetId, packetId);
      }
      sender.puback(packetId);
    }
  }
  assertEquals(sender.size, 0);
});

Deno.test("Sender skips packet identifiers that are in use [MQTT-4.3.2-1] [MQTT-4.3.3-1] [MQTT311-2.3.1-2]", () => {
  const sender = new Sender<string>();
  assertEquals(sender.send("one", 1).packetId, 1);
  assertEquals(sender.send("two", 2).packetId, 2);
  assertEquals(sender.send("three", 1).packetId, 3);
  sender.puback(3);
  sender.pubrec(2, false); // PUBREL needs it still
  for (let packetId = 4; packetId <= 65_535; packetId++) {
    sender.puback(sender.send("m", 1).packetId);
  }
  assertEquals(sender.send("next", 1).packetId, 3);
  assertEquals(sender.get(1)?.message, "one");
  assertEquals(sender.get(2)?.message, undefined);
  assertEquals(sender.get(3)?.message, "next");
});

Deno.test("Sender.nextId() skips what is in use for something else", () => {
  const sender = new Sender<string>();
  assertEquals(sender.nextId((packetId) => packetId < 1000), 1000);
  assertEquals(sender.nextId(), 1001);
  assertEquals(sender.nextId((packetId) => packetId !== 1001), 1001);
  sender.send("m", 1);
  assertThrows(
    () => sender.nextId((packetId) => packetId !== 1002),
    RangeError,
    "all packet identifiers are in use",
  );
});

Deno.test("Sender uses all packet identifiers, and no more", () => {
  const sender = new Sender<number>(100_000);
  const seen = new Set<number>();
  for (let i = 0; i < 65_535; i++) {
    if (!sender.ready) assert(sender.ready, `after ${i}`);
    seen.add(sender.send(i, 1).packetId);
  }
  assertEquals(seen.size, 65_535);
  assert(!seen.has(0));
  assertEquals(sender.ready, false);
  assertThrows(() => sender.send(-1, 1), RangeError);
  sender.puback(777);
  assertEquals(sender.ready, true);
  assertEquals(sender.send(-1, 2).packetId, 777);
});

Deno.test("Sender starts with a quota of Receive Maximum [MQTT-4.9.0-1] [MQTT-3.3.4-7] [MQTT-3.3.4-9]", () => {
  const sender = new Sender<string>(2);
  assert(sender.ready);
  sender.send("one", 1);
  assert(sender.ready);
  sender.send("two", 2);
  assertEquals(sender.ready, false); // [MQTT-4.9.0-2]
  sender.restart(3);
  assert(sender.ready);
});

Deno.test("Sender is ready again after PUBACK, PUBCOMP and a failing PUBREC [MQTT-4.9.0-2]", () => {
  const sender = new Sender<string>(1);
  sender.send("at QoS 1", 1);
  assertEquals(sender.ready, false);
  sender.puback(1);
  assert(sender.ready);

  sender.send("at QoS 2", 2);
  sender.pubrec(2, false);
  assertEquals(sender.ready, false, "PUBREC alone gives nothing back");
  sender.pubcomp(2);
  assert(sender.ready);

  sender.send("at QoS 2, refused", 2);
  sender.pubrec(3, true);
  assert(sender.ready);
});

Deno.test("Sender's quota does not rise above Receive Maximum [MQTT-4.9.0-1]", () => {
  const sender = new Sender<string>(5);
  for (const message of ["a", "b", "c"]) sender.send(message, 1);
  sender.restart(1);
  // they come in although nothing was sent again
  for (const packetId of [1, 2, 3]) sender.puback(packetId);
  sender.send("d", 1);
  assertEquals(sender.ready, false);
});

Deno.test("Sender takes what is sent again from the quota", () => {
  const sender = new Sender<string>();
  for (const message of ["a", "b", "c"]) sender.send(message, 1);
  sender.restart(2);
  sender.resent();
  assert(sender.ready);
  sender.resent();
  assertEquals(sender.ready, false);
  sender.puback(1);
  assert(sender.ready);
  sender.resent();
  assertEquals(sender.ready, false);
});

Deno.test("Sender ends QoS 1 with PUBACK [MQTT-4.3.2-3]", () => {
  const sender = new Sender<string>();
  const delivery = sender.send("m", 1);
  assertEquals(delivery, { packetId: 1, qos: 1, message: "m" });
  assertEquals(unsettled(sender), [[1, "m"]]);
  assertEquals(sender.puback(1), delivery);
  assertEquals(sender.puback(1), undefined);
  assertEquals(sender.size, 0);
});

Deno.test("Sender ends QoS 2 with PUBCOMP, after PUBREC [MQTT-4.3.3-3] [MQTT-4.3.3-5]", () => {
  const sender = new Sender<string>();
  const delivery = sender.send("m", 2);
  assertEquals(delivery, { packetId: 1, qos: 2, message: "m" });
  assertThrows(() => sender.pubcomp(1), ProtocolError, "PUBREC is expected");
  assertEquals(unsettled(sender), [[1, "m"]]);
  assertEquals(sender.pubrec(1, false), delivery);
  assertEquals(unsettled(sender), [[1, undefined]]);
  assertEquals(sender.pubcomp(1), true);
  assertEquals(sender.pubcomp(1), false);
  assertEquals(sender.size, 0);
});

Deno.test("Sender does not publish again after PUBREC [MQTT-4.3.3-6] [MQTT311-4.3.3-1]", () => {
  const sender = new Sender<string>();
  sender.send("m", 2);
  sender.pubrec(1, false);
  sender.restart(10);
  assertEquals(unsettled(sender), [[1, undefined]]);
  // a PUBREC again, answered by PUBREL again, brings nothing back
  assertEquals(sender.pubrec(1, false)?.packetId, 1);
  assertEquals(unsettled(sender), [[1, undefined]]);
});

Deno.test("Sender ends with a PUBREC of 0x80 or more: no retransmission [MQTT-4.4.0-2]", () => {
  const sender = new Sender<string>();
  sender.send("m", 2);
  assertEquals(sender.pubrec(1, true)?.packetId, 1);
  assertEquals(unsettled(sender), []);
  assertEquals(sender.pubrec(1, false), undefined);
  assertEquals(sender.pubcomp(1), false);
});

Deno.test("Sender takes acknowledgements of the right QoS only", () => {
  const sender = new Sender<string>(2);
  sender.send("at QoS 1", 1);
  sender.send("at QoS 2", 2);
  const refused = (acknowledge: () => unknown, why: string) => {
    const error = assertThrows(acknowledge, ProtocolError, why);
    assertEquals(error.reasonCode, ReasonCode.ProtocolError);
  };
  refused(() => sender.pubrec(1, false), "PUBACK is expected");
  refused(() => sender.pubrec(1, true), "PUBACK is expected");
  refused(() => sender.pubcomp(1), "PUBACK is expected");
  refused(() => sender.puback(2), "PUBREC is expected");
  refused(() => sender.pubcomp(2), "PUBREC is expected");
  assertEquals(unsettled(sender), [[1, "at QoS 1"], [2, "at QoS 2"]]);
  sender.pubrec(2, false);
  refused(() => sender.puback(2), "PUBCOMP is expected");
  assertEquals(sender.ready, false);
});

Deno.test("Sender knows nothing of packet identifiers it did not give", () => {
  const sender = new Sender<string>(1);
  sender.send("m", 1);
  for (const packetId of [0, 2, 65_535]) {
    assertEquals(sender.puback(packetId), undefined);
    assertEquals(sender.pubrec(packetId, false), undefined);
    assertEquals(sender.pubrec(packetId, true), undefined);
    assertEquals(sender.pubcomp(packetId), false);
    assertEquals(sender.get(packetId), undefined);
  }
  assertEquals(sender.ready, false, "nor does the quota rise");
});

Deno.test("Sender has what is unsettled in the order of sending, also round the end [MQTT-4.6.0-1] [MQTT-4.4.0-1]", () => {
  const sender = new Sender<string>();
  sender.restore({ packetId: 65_533, qos: 1, message: "kept" });
  for (const message of ["a", "b", "c", "d"]) sender.send(message, 2);
  sender.pubrec(65_535, true);
  sender.pubrec(1, false);
  assertEquals(unsettled(sender), [
    [65_533, "kept"],
    [65_534, "a"],
    [1, undefined],
    [2, "d"],
  ]);
});

Deno.test("Sender.restore() puts deliveries back and goes on behind them", () => {
  const sender = new Sender<string>(10);
  const deliveries: Delivery<string>[] = [
    { packetId: 41, qos: 2, message: undefined },
    { packetId: 7, qos: 1, message: "seven" },
  ];
  for (const delivery of deliveries) sender.restore(delivery);
  assertEquals([...sender.unsettled()], deliveries);
  assertEquals(sender.size, 2);
  assertEquals(sender.send("next", 1).packetId, 8);
  assertEquals(sender.pubcomp(41), true);
  assertEquals(sender.puback(7)?.message, "seven");
});

Deno.test("Sender.cancel() frees packet identifier and quota", () => {
  const sender = new Sender<string>(1);
  const { packetId } = sender.send("too large", 2);
  assertEquals(sender.ready, false);
  sender.cancel(packetId);
  assert(sender.ready);
  assertEquals(unsettled(sender), []);
  assertEquals(sender.pubrec(packetId, false), undefined);
});

Deno.test("Sender.clear() forgets everything", () => {
  const sender = new Sender<string>(2);
  sender.send("a", 1);
  sender.send("b", 2);
  sender.clear();
  assertEquals(sender.size, 0);
  assertEquals(unsettled(sender), []);
  assertEquals(sender.puback(1), undefined);
});

Deno.test("Sender does what a simple model does", () => {
  interface Sent {
    packetId: number;
    qos: 1 | 2;
    message: string | undefined;
  }
  withSeeds(60, (random) => {
    const initial = random.integer(1, 6);
    const sender = new Sender<string>(initial);
    let maximum = initial;
    let quota = initial;
    let model: Sent[] = [];
    const settle = (sent: Sent) => {
      model = model.filter((one) => one !== sent);
      quota = Math.min(quota + 1, maximum);
    };
    for (let step = 0; step < 200; step++) {
      const packetId = random.percent(80) && model.length > 0
        ? random.pick(model).packetId
        : random.integer(1, 300);
      const sent = model.find((one) => one.packetId === packetId);
      switch (random.integer(0, 5)) {
        case 0:
        case 1: {
          assertEquals(sender.ready, quota > 0);
          if (quota <= 0) break;
          const qos = random.pick([1, 2] as const);
          const delivery = sender.send(`message ${step}`, qos);
          assert(model.every((one) => one.packetId !== delivery.packetId));
          model.push({ ...delivery });
          quota--;
          break;
        }
        case 2: {
          if (sent?.qos === 2) {
            assertThrows(() => sender.puback(packetId), ProtocolError);
            break;
          }
          assertEquals(sender.puback(packetId)?.packetId, sent?.packetId);
          if (sent !== undefined) settle(sent);
          break;
        }
        case 3: {
          const failed = random.percent(20);
          if (sent?.qos === 1) {
            assertThrows(() => sender.pubrec(packetId, failed), ProtocolError);
            break;
          }
          const delivery = sender.pubrec(packetId, failed);
          assertEquals(delivery?.packetId, sent?.packetId);
          if (sent === undefined) break;
          if (failed) settle(sent);
          else sent.message = undefined;
          break;
        }
        case 4: {
          if (sent !== undefined && sent.message !== undefined) {
            assertThrows(() => sender.pubcomp(packetId), ProtocolError);
            break;
          }
          assertEquals(sender.pubcomp(packetId), sent !== undefined);
          if (sent !== undefined) settle(sent);
          break;
        }
        case 5: {
          if (random.percent(80)) break;
          maximum = random.integer(1, 6);
          quota = maximum;
          sender.restart(maximum);
          for (const _ of sender.unsettled()) {
            if (quota > 0) {
              sender.resent();
              quota--;
            }
          }
          break;
        }
      }
      assertEquals([...sender.unsettled()], model);
      assertEquals(sender.size, model.length);
      assertEquals(sender.ready, quota > 0);
    }
  });
});

Deno.test("Receiver knows a QoS 2 message until PUBREL [MQTT-4.3.3-10] [MQTT-4.3.3-12] [MQTT311-4.3.3-2]", () => {
  const receiver = new Receiver();
  assertEquals(receiver.has(10), false);
  receiver.receive(10);
  assertEquals(receiver.has(10), true);
  receiver.receive(10);
  assertEquals(receiver.size, 1);
  assertEquals(receiver.release(10), true);
  assertEquals(receiver.has(10), false, "it is a new message now");
  assertEquals(receiver.release(10), false, "PUBCOMP says 0x92");
});

Deno.test("Receiver holds every packet identifier apart", () => {
  const receiver = new Receiver();
  for (const packetId of [65_535, 1, 256]) receiver.receive(packetId);
  assertEquals([...receiver.packetIds], [65_535, 1, 256]);
  assertEquals(receiver.release(1), true);
  assertEquals([...receiver.packetIds], [65_535, 256]);
  assertEquals([1, 256, 65_535].map((packetId) => receiver.has(packetId)), [
    false,
    true,
    true,
  ]);
  receiver.clear();
  assertEquals(receiver.size, 0);
  assertEquals(receiver.has(256), false);
});
