import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { ConnectionLostError } from "../../client/mod.ts";
import { ProtocolError, type Transport } from "../../codec/mod.ts";
import { connack5, connect5, Stage, turn, wire } from "./_scripted_broker.ts";

const connected5 = { connect: connect5, connack: connack5() };

/** What a broker may not send, and the reason that 5.0 gives for it. */
const violations: [name: string, bytes: string, reason: string][] = [
  ["a second CONNACK [MQTT-3.2.0-2]", "20 [00 00 []]", "82"],
  ["CONNECT", "10 [<MQTT> 05 02 0000 [] <x>]", "82"],
  ["SUBSCRIBE", "82 [0001 [] <a> 00]", "82"],
  ["PINGREQ", "c0 []", "82"],
  ["PUBLISH of QoS 3 [MQTT-3.3.1-4] [MQTT311-3.3.1-4]", "36 [<t> 0001]", "81"],
  ["a wildcard in PUBLISH [MQTT-3.3.2-2] [MQTT311-3.3.2-2]", "30 [<#>]", "81"],
  ["DUP at QoS 0 [MQTT-3.3.1-2] [MQTT311-3.3.1-2]", "38 [<t>]", "81"],
  ["packet identifier 0", "32 [<t> 0000]", "82"],
  ["wrong flags of PUBREL [MQTT-3.6.1-1] [MQTT311-3.6.1-1]", "60 [01]", "81"],
  ["ill-formed UTF-8 [MQTT-1.5.4-1] [MQTT311-1.5.3-1]", "30 [0001 ff]", "81"],
  ["U+0000 in a topic [MQTT-1.5.4-2] [MQTT311-1.5.3-2]", "30 [000100]", "81"],
  ["PINGRESP with flags [MQTT-2.1.3-1] [MQTT311-2.2.2-2]", "d1 []", "81"],
  ["DISCONNECT with flags [MQTT-3.14.1-1]", "e1 [00]", "81"],
  ["AUTH with flags [MQTT-3.15.1-1]", "f1 [18]", "81"],
  ["a packet of type 0", "00 []", "81"],
];
for (const [name, bytes, reason] of violations) {
  Deno.test(`5.0: ${name} is answered with DISCONNECT, and the end [MQTT-3.14.4-1] [MQTT-3.14.4-2]`, async () => {
    await using stage = new Stage({ protocolVersion: 5 });
    const broker = await stage.connect(connected5);
    const pinged = assertRejects(
      () => stage.client.ping(),
      ConnectionLostError,
    );
    await broker.expect("c0 []");
    broker.send(bytes, "30 [<a> []]");
    await broker.expect(`e0 [${reason}]`);
    await broker.expectNothing();
    broker.end();
    const error = await stage.client.closed;
    assertInstanceOf(error, ConnectionLostError);
    assertInstanceOf(error.cause, ProtocolError);
    assertEquals(error.message, `Connection lost: ${error.cause.message}`);
    assertEquals(await pinged, error);
    await assertRejects(() => stage.client.deliverMessage()); // not "a"
  });

  Deno.test(`3.1.1: ${name} closes the connection [MQTT311-4.8.0-1]`, async () => {
    await using stage = new Stage();
    const broker = await stage.connect();
    broker.send(bytes);
    await broker.expectEnd();
    assertInstanceOf(await stage.client.closed, ConnectionLostError);
  });
}

Deno.test("DISCONNECT and AUTH are not there before 5.0", async () => {
  for (const bytes of ["e0 []", "f0 []"]) {
    await using stage = new Stage();
    const broker = await stage.connect();
    broker.send(bytes);
    await broker.expectEnd();
  }
});

Deno.test("a packet larger than what the client takes ends the connection", async () => {
  await using stage = new Stage({
    protocolVersion: 5,
    properties: { maximumPacketSize: 10 },
  });
  const broker = await stage.connect({
    connect: "10 [<MQTT> 05 02 0000 [27 0000000a] <me>]",
    connack: connack5(),
  });
  broker.send("30 [<t> [] '1234']");
  assertEquals((await stage.client.deliverMessage()).text(), "1234");
  broker.send("30 [<t> [] '12345']");
  await broker.expect("e0 [95]");
});

Deno.test("packets come in any chunking [MQTT-6.0.0-2]", async () => {
  await using stage = new Stage();
  const broker = await stage.connect();
  for (const byte of ["30", "06", "00", "01", "61", "78", "79", "7a"]) {
    broker.send(byte);
    await turn();
  }
  assertEquals((await stage.client.deliverMessage()).text(), "xyz");
});

Deno.test("disconnect() sends DISCONNECT and waits until the broker has closed [MQTT-3.14.4-2] [MQTT311-3.14.4-1]", async () => {
  await using stage = new Stage();
  const broker = await stage.connect();
  let left = false;
  const leaving = stage.client.disconnect().then(() => left = true);
  await broker.expect("e0 []");
  await broker.expectNothing();
  assertEquals(left, false);
  broker.send("30 [<late> '']"); // is read, or the socket would be reset
  await turn();
  assertEquals(broker.unread, 0);
  broker.end();
  await leaving;
  assertEquals(await stage.client.closed, undefined);
});

Deno.test("disconnect() closes where the broker does not", async () => {
  await using stage = new Stage();
  const broker = await stage.connect();
  const leaving = stage.client.disconnect();
  await broker.expect("e0 []");
  await turn();
  stage.clock.pass(999);
  await broker.expectNothing();
  stage.clock.pass(1);
  await broker.expectEnd();
  await leaving;
  assertEquals(await stage.client.closed, undefined);
});

Deno.test("disconnect() closes where the transport takes nothing", async () => {
  await using stage = new Stage();
  const broker = await stage.connect();
  broker.stall();
  const leaving = stage.client.disconnect();
  await broker.expectNothing();
  stage.clock.pass(5000);
  await leaving;
  assertEquals(await stage.client.closed, undefined);
});

Deno.test("disconnect() closes at once when its signal fires", async () => {
  await using stage = new Stage();
  const broker = await stage.connect();
  const controller = new AbortController();
  const leaving = stage.client.disconnect({ signal: controller.signal });
  await broker.expect("e0 []");
  controller.abort(new Error("enough"));
  await assertRejects(() => leaving, Error, "enough");
  await broker.expectEnd();
  assertEquals(await stage.client.closed, undefined);
});

Deno.test("disconnect() sends what was published before it, and nothing after it [MQTT-3.14.4-1] [MQTT311-3.14.4-2]", async () => {
  await using stage = new Stage();
  const broker = await stage.connect();
  const lost = stage.client.publish("a", "", { qos: 1 });
  const sent = stage.client.publish("b", "");
  const leaving = stage.client.disconnect();
  await assertRejects(
    () => stage.client.publish("c", ""),
    ConnectionLostError,
    "Cannot publish: the client is not connected",
  );
  await broker.expect("32 [<a> 0001] 30 [<b>] e0 []");
  await sent;
  broker.send("32 [<d> 0001 '']"); // unanswered
  await broker.expectNothing();
  broker.end();
  await leaving;
  await assertRejects(
    () => lost,
    ConnectionLostError,
    "Connection lost: the client left",
  );
});

Deno.test("disconnect() has a reason and properties in 5.0, of those for clients [MQTT-3.14.2-1]", async () => {
  await using stage = new Stage({
    protocolVersion: 5,
    properties: { sessionExpiryInterval: 1 },
  });
  const broker = await stage.connect({
    ...connected5,
    connect: "10 [<MQTT> 05 02 0000 [11 00000001] <me>]",
  });
  // Of no DISCONNECT, and of a broker's.
  for (const reasonCode of [0x01, 0x8b] as const) {
    await assertRejects(
      () => stage.client.disconnect({ reasonCode }),
      RangeError,
    );
  }
  const properties = { serverReference: "elsewhere" } as object;
  await assertRejects(() => stage.client.disconnect({ properties }), TypeError);
  assert(stage.client.connected);
  const leaving = stage.client.disconnect({
    reasonCode: 0x04,
    properties: { sessionExpiryInterval: 7 },
  });
  await broker.expect("e0 [04 [11 00000007]]");
  broker.end();
  await leaving;
});

Deno.test("disconnect() does not keep a session that was to end with its connection", async () => {
  for (const connect of ["", "11 00000000"]) {
    await using stage = new Stage({
      protocolVersion: 5,
      properties: connect === "" ? {} : { sessionExpiryInterval: 0 },
    });
    const broker = await stage.connect({
      ...connected5,
      connect: `10 [<MQTT> 05 02 0000 [${connect}] <me>]`,
    });
    const expiry = (sessionExpiryInterval: number) =>
      stage.client.disconnect({ properties: { sessionExpiryInterval } });
    await assertRejects(() => expiry(1), TypeError, "sessionExpiryInterval");
    assert(stage.client.connected);
    const leaving = expiry(0);
    await broker.expect("e0 [00 [11 00000000]]");
    broker.end();
    await leaving;
  }
});

for (
  const [name, packet, fine] of [
    ["PUBACK", "40 [0001 87 [1f <no>]]", false],
    ["PUBACK with a user property", "40 [0001 87 [26 <a> <b>]]", false],
    ["PUBACK without", "40 [0001 87 []]", true],
    ["PUBLISH", "30 [<t> [26 <a> <b>]]", true],
  ] as const
) {
  Deno.test(`problem information that was not asked for is a protocol error: ${name}`, async () => {
    await using stage = new Stage({
      protocolVersion: 5,
      properties: { requestProblemInformation: false },
    });
    const broker = await stage.connect({
      connect: "10 [<MQTT> 05 02 0000 [17 00] <me>]",
      connack: connack5("1f <hello>"),
    });
    stage.client.publish("t", "", { qos: 1 });
    await broker.expect("32 [<t> 0001 []]");
    broker.send(packet);
    if (fine) return await broker.expectNothing();
    await broker.expect("e0 [82]");
    broker.end();
    const error = await stage.client.closed;
    assertStringIncludes(error!.message, "problem information");
  });
}

Deno.test("where a broker sends the client elsewhere is told", async () => {
  await using stage = new Stage({ protocolVersion: 5 });
  const broker = await stage.connect(connected5);
  broker.send("e0 [9c [1c <other:1883>]]");
  const error = await stage.client.closed as ConnectionLostError;
  assertEquals(error.reasonCode, 0x9c);
  assertEquals(error.properties?.serverReference, "other:1883");
  assertStringIncludes(error.message, "; use other:1883");
});

Deno.test("disconnect() without a connection does nothing", async () => {
  const stage = new Stage();
  await stage.client.disconnect();
  await stage.connect();
  await stage.lose();
  await stage.client.disconnect();
  await stage[Symbol.asyncDispose]();
});

Deno.test("disconnect() twice is one DISCONNECT", async () => {
  await using stage = new Stage();
  const broker = await stage.connect();
  const both = [stage.client.disconnect(), stage.client.disconnect()];
  await broker.expect("e0 []");
  await broker.expectNothing();
  broker.end();
  await Promise.all(both);
});

Deno.test("disconnect() ends while the application is behind", async () => {
  await using stage = new Stage({ receiveQueueLimit: 1 });
  const broker = await stage.connect();
  broker.send("30 [<1> '']  30 [<2> '']");
  await turn();
  broker.send("30 [<3> '']");
  await turn();
  const leaving = stage.client.disconnect();
  await broker.expect("e0 []");
  await turn();
  assertEquals(broker.unread, 0);
  broker.end();
  await leaving;
  assertEquals((await stage.client.deliverMessage()).topic, "1");
  await assertRejects(() => stage.client.deliverMessage());
});

Deno.test("packets are written together", async () => {
  await using stage = new Stage();
  const broker = await stage.connect();
  const all = [
    stage.client.publish("a", ""),
    stage.client.publish("b", ""),
    stage.client.publish("c", ""),
  ];
  await broker.expectOneWrite("30 [<a>] 30 [<b>] 30 [<c>]");
  await Promise.all(all);
});

Deno.test("PINGREQ goes out when nothing was sent for the keep alive [MQTT-3.1.2-20] [MQTT311-3.1.2-23]", async () => {
  // 01-keepalive-pingreq
  await using stage = new Stage({ keepAlive: 5 });
  const broker = await stage.connect({
    connect: "10 [<MQTT> 04 02 0005 <me>]",
  });
  for (let round = 0; round < 3; round++) {
    stage.clock.pass(3999);
    await broker.expectNothing();
    stage.clock.pass(1);
    await broker.expect("c0 []");
    broker.send("d0 []");
    await turn();
  }
});

Deno.test("PINGREQ is put off by what is sent and received", async () => {
  await using stage = new Stage({ keepAlive: 5 });
  const broker = await stage.connect({
    connect: "10 [<MQTT> 04 02 0005 <me>]",
  });
  stage.clock.pass(3000);
  await stage.client.publish("t", "");
  await broker.expect("30 [<t>]");
  broker.send("30 [<t>]");
  await turn();
  stage.clock.pass(3999);
  await broker.expectNothing();
  stage.clock.pass(1);
  await broker.expect("c0 []");
});

Deno.test("PINGREQ follows Server Keep Alive [MQTT-3.1.2-21] [MQTT-3.2.2-21]", async () => {
  // 01-server-keepalive-pingreq
  await using stage = new Stage({ protocolVersion: 5, keepAlive: 60 });
  const broker = await stage.connect({
    connect: "10 [<MQTT> 05 02 003c [] <me>]",
    connack: connack5("13 0004"),
  });
  stage.clock.pass(3000);
  await broker.expect("c0 []");
});

Deno.test("keep alive 0 has no PINGREQ", async () => {
  await using stage = new Stage({ keepAlive: 0 });
  const broker = await stage.connect();
  assertEquals(stage.clock.timers, 0);
  stage.clock.pass(1e9);
  await broker.expectNothing();
});

Deno.test("the connection is lost when PINGRESP does not come in time", async () => {
  await using stage = new Stage({ keepAlive: 60, pingTimeout: 2 });
  const broker = await stage.connect({
    connect: "10 [<MQTT> 04 02 003c <me>]",
  });
  stage.clock.pass(59_000);
  await broker.expect("c0 []");
  stage.clock.pass(1999);
  await broker.expectNothing();
  stage.clock.pass(1);
  await broker.expectEnd();
  const error = await stage.client.closed;
  assertInstanceOf(error, ConnectionLostError);
  assertEquals(
    error.message,
    "Connection lost: the broker did not answer PINGREQ in time",
  );
});

Deno.test("no PINGRESP is missed while the application is behind", async () => {
  await using stage = new Stage({
    keepAlive: 60,
    pingTimeout: 2,
    receiveQueueLimit: 1,
  });
  const broker = await stage.connect({
    connect: "10 [<MQTT> 04 02 003c <me>]",
  });
  broker.send("30 [<1>]");
  await turn();
  stage.clock.pass(59_000);
  await broker.expect("c0 []");
  broker.send("d0 []");
  stage.clock.pass(50_000);
  await broker.expectNothing();
  assertEquals((await stage.client.deliverMessage()).topic, "1");
  await turn();
  stage.clock.pass(9000);
  await broker.expect("c0 []");
  stage.clock.pass(2000);
  await broker.expectEnd();
});

Deno.test("ping() is answered, together with the keep alive's [MQTT-3.1.2-20]", async () => {
  await using stage = new Stage({ keepAlive: 60 });
  const broker = await stage.connect({
    connect: "10 [<MQTT> 04 02 003c <me>]",
  });
  stage.clock.pass(59_000);
  await broker.expect("c0 []");
  let done = 0;
  const both = [stage.client.ping(), stage.client.ping()];
  for (const ping of both) ping.then(() => done++);
  await broker.expect("c0 [] c0 []");
  broker.send("d0 []"); // that of the keep alive
  await turn();
  assertEquals(done, 0);
  broker.send("d0 []");
  await turn();
  assertEquals(done, 1);
  broker.send("d0 []");
  await Promise.all(both);
});

Deno.test("a transport that fails loses the connection, for all who wait", async () => {
  await using stage = new Stage();
  const broker = await stage.connect();
  const { client } = stage;
  const all = [
    client.publish("t", "", { qos: 1 }),
    client.publish("t", "", { qos: 2 }),
    client.subscribe("t"),
    client.unsubscribe("t"),
    client.ping(),
    client.deliverMessage(),
    client.messages().next(),
  ].map((promise) => assertRejects(() => promise, ConnectionLostError));
  await turn();
  broker.reset();
  for (const error of await Promise.all(all)) {
    assertEquals(error.message, "Connection lost: The connection was reset");
    assertEquals(error, await client.closed);
  }
});

Deno.test("a lost connection is no unhandled rejection of what nobody looks at", async () => {
  await using stage = new Stage();
  const broker = await stage.connect();
  stage.client.publish("t", "", { qos: 1 });
  stage.client.ping();
  stage.client.subscribe("t");
  stage.client.unsubscribe("t");
  await turn();
  broker.reset();
  await stage.client.closed;
  stage.client.publish("t", "");
  await turn();
});

Deno.test("disconnect() waits as long as the transport takes something", async () => {
  const incoming = [wire("20 [00 00]")];
  const end = Promise.withResolvers<null>();
  let write: (() => void) | undefined;
  let taken = 0;
  let slow = false;
  let closed = false;
  const stage = new Stage({
    dial: () =>
      Promise.resolve<Transport>({
        read: (buffer) => {
          const bytes = incoming.shift();
          if (bytes === undefined) return end.promise;
          buffer.set(bytes);
          return Promise.resolve(bytes.length);
        },
        write: async ({ length }) => {
          if (slow) await new Promise<void>((resolve) => write = resolve);
          if (closed) throw new Error("closed");
          const count = slow ? Math.min(length, 10_000) : length;
          taken += count;
          return count;
        },
        close: () => {
          closed = true;
          end.resolve(null);
        },
      }),
  });
  await stage.client.connect();
  slow = true;
  taken = 0;
  await stage.client.publish("t", new Uint8Array(50_000));
  const left = stage.client.disconnect();
  for (let n = 0; n < 7; n++) {
    await turn();
    stage.clock.pass(4000);
    write!();
  }
  await turn();
  stage.clock.pass(1000); // the broker does not close
  await left;
  assertEquals([taken, stage.clock.timers], [50_009, 0]);
});

Deno.test("disconnect() rejects where the transport takes nothing of what was published", async () => {
  const stage = new Stage();
  const broker = await stage.connect();
  broker.stall();
  await stage.client.publish("t", "");
  const left = stage.client.disconnect();
  await turn();
  stage.clock.pass(5000);
  await assertRejects(
    () => left,
    ConnectionLostError,
    "Cannot disconnect in good order: the network takes nothing",
  );
  assertEquals(await stage.client.closed, undefined);
  assertEquals(stage.clock.timers, 0);
});
