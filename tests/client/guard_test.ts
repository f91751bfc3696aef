import { assert, assertEquals } from "@std/assert";
import { guardEvents } from "../../client/_guard.ts";
import { Stage, turn } from "./_scripted_broker.ts";

Deno.test("packetSent and packetReceived see all packets, and no password", async () => {
  const seen: string[] = [];
  await using stage = new Stage({
    username: "u",
    password: "secret",
    on: {
      packetSent: (packet) => {
        assert(!("password" in packet));
        seen.push(
          `> ${packet.type}${"dup" in packet && packet.dup ? " dup" : ""}`,
        );
      },
      packetReceived: ({ type }) => seen.push(`< ${type}`),
    },
    cleanStart: false,
  });
  const { client } = stage;
  const connect = "10 [<MQTT> 04 c0 0000 <me> <u> <secret>]";
  let broker = await stage.connect({ connect });
  client.publish("t", "0");
  client.publish("t", "1", { qos: 1 });
  client.ping();
  broker.send("32 [<x> 0001 '']  d0 []");
  await turn();
  await stage.lose();
  broker = await stage.connect({ connect, connack: "20 [01 00]" });
  await broker.expect("3a [<t> 0001 '1']");
  const left = client.disconnect();
  broker.end();
  await left;
  assertEquals(seen, [
    "> connect",
    "< connack",
    "> publish",
    "> publish",
    "> pingreq",
    "< publish",
    "> puback",
    "< pingresp",
    "> connect",
    "< connack",
    "> publish dup",
    "> disconnect",
  ]);
});

Deno.test("guardEvents() has what a handler throws disturb nobody, and not get lost", async () => {
  const caught = new Promise<unknown>((resolve) => {
    const listener = (event: ErrorEvent) => {
      event.preventDefault();
      globalThis.removeEventListener("error", listener);
      resolve(event.error);
    };
    globalThis.addEventListener("error", listener);
  });
  const error = new Error("a bug of the application");
  const events = guardEvents({
    disconnected() {
      throw error;
    },
  });
  events.disconnected!(undefined);
  assertEquals(await caught, error);
  assertEquals(Object.keys(events), ["disconnected"]);
});
