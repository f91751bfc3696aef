import { assertEquals, assertThrows } from "@std/assert";
import {
  announced,
  type Capabilities,
  checkPublish,
  defaultCapabilities,
  offered,
  refusalOfSubscription,
  refusalOfWill,
} from "../../broker/capabilities.ts";
import { Broker } from "../../broker/mod.ts";
import type { PublishPacket } from "../../codec/mod.ts";

function of(some: Partial<Capabilities>): Capabilities {
  return { ...defaultCapabilities, ...some };
}

function publishOf(some: Partial<PublishPacket>): PublishPacket {
  return {
    type: "publish",
    topic: "a",
    payload: new Uint8Array(),
    qos: 0,
    retain: false,
    dup: false,
    ...some,
  };
}

Deno.test("all is offered, and nothing said, where nothing else is configured", () => {
  assertEquals(announced(defaultCapabilities), {});
  const packet = publishOf({ qos: 2, retain: true, packetId: 1 });
  checkPublish(defaultCapabilities, packet);
  assertEquals(offered(defaultCapabilities, packet), packet);
});

Deno.test("what is not offered is announced [MQTT-3.2.2-9]", () => {
  assertEquals(announced(of({ maximumQos: 0, retain: false })), {
    maximumQos: 0,
    retainAvailable: false,
  });
  const some = of({
    wildcardSubscriptions: false,
    sharedSubscriptions: false,
    subscriptionIdentifiers: false,
  });
  assertEquals(announced(some), {
    wildcardSubscriptionAvailable: false,
    sharedSubscriptionAvailable: false,
    subscriptionIdentifiersAvailable: false,
  });
});

Deno.test("PUBLISH above the maximum QoS is lowered to it, its flags with it", () => {
  const packet = publishOf({ qos: 2, retain: true, packetId: 1 });
  const lowered = offered(of({ maximumQos: 1, retain: false }), packet);
  assertEquals(lowered, { ...packet, qos: 1, retain: false });
  assertEquals(packet.qos, 2);
});

Deno.test("refusals have the reason codes of what is not offered", () => {
  const nothing = of({
    maximumQos: 0,
    retain: false,
    wildcardSubscriptions: false,
    sharedSubscriptions: false,
    subscriptionIdentifiers: false,
  });
  const will = { topic: "a", payload: new Uint8Array(), retain: false };
  assertEquals(refusalOfWill(nothing, { ...will, qos: 0 }), undefined);
  assertEquals(refusalOfWill(nothing, { ...will, qos: 1 }), 0x9b);
  const kept = { ...will, qos: 0, retain: true } as const;
  assertEquals(refusalOfWill(nothing, kept), 0x9a);
  const request = {
    qos: 0,
    noLocal: false,
    retainAsPublished: false,
    retainHandling: 0,
  } as const;
  for (
    const [filter, identifier, code] of [
      ["a", undefined, undefined],
      ["a/+", undefined, 0xa2],
      ["$share/g/a", undefined, 0x9e],
      ["a", 1, 0xa1],
    ] as const
  ) {
    const refusal = refusalOfSubscription(
      nothing,
      { ...request, filter },
      identifier,
    );
    assertEquals(refusal, code);
  }
});

Deno.test("broker is not made when max-qos is said twice", () => {
  new Broker({ maxQos: 1 });
  assertThrows(
    () => new Broker({ maxQos: 1, capabilities: { maximumQos: 2 } }),
    TypeError,
    "max-qos and capabilities.maximum-qos are the same; keep one of them",
  );
});
