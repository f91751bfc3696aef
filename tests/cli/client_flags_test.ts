import { assertEquals, assertThrows } from "@std/assert";
import { clientFlags, clientOptions } from "../../cli/_client_flags.ts";
import { parseFlags, UsageError } from "../../cli/_flags.ts";
import type { ClientOptions } from "../../mod.ts";

function options(...args: string[]): ClientOptions {
  return clientOptions(parseFlags(clientFlags, args));
}

const usual = {
  url: "mqtt://localhost:1883",
  protocolVersion: 4,
  autoReconnect: false,
  keepAlive: 60,
  cleanStart: true,
} as const;

Deno.test("clientOptions() has the local broker and MQTT 3.1.1 by default", () => {
  assertEquals(options(), usual);
});

Deno.test("clientOptions() takes the broker from a URL, or from host and port", () => {
  assertEquals(options("--url", "mqtt://u:p@box:18").url, "mqtt://u:p@box:18");
  assertEquals(options("-h", "box").url, "mqtt://box:1883");
  assertEquals(options("-p", "18").url, "mqtt://localhost:18");
  assertEquals(options("-h", "::1", "-p", "18").url, "mqtt://[::1]:18");
  assertEquals(options("-h", "[::1]").url, "mqtt://[::1]:1883");
  for (const more of [["-h", "x"], ["-p", "1"]]) {
    assertThrows(
      () => options("--url", "mqtt://box", ...more),
      UsageError,
      "--url says host and port already",
    );
  }
  for (const port of ["0", "65536", "x"]) {
    assertThrows(() => options("-p", port), UsageError, "-p is ");
  }
});

Deno.test("clientOptions() has user, password, keep alive and identifier", () => {
  assertEquals(options("-u", "me", "-P", "-secret", "-k", "5"), {
    ...usual,
    username: "me",
    password: "-secret",
    keepAlive: 5,
  });
  // A client with a name keeps its session, unless it is told otherwise.
  assertEquals(options("-i", "me"), {
    ...usual,
    clientId: "me",
    cleanStart: false,
  });
  assertEquals(options("-i", "me", "--clean-session").cleanStart, true);
  assertEquals(options("-i", "me", "-V", "5").properties, {
    sessionExpiryInterval: 0xffff_ffff,
  });
  assertEquals(
    options("-i", "me", "-V", "5", "--clean-session").properties,
    undefined,
  );
});

Deno.test("clientOptions() knows the protocol versions by all their names", () => {
  const names = {
    3: ["3", "31", "3.1", "mqttv31", "MQTTv31"],
    4: ["4", "311", "3.1.1", "mqttv311"],
    5: ["5", "5.0", "mqttv5"],
  };
  for (const [version, all] of Object.entries(names)) {
    for (const name of all) {
      assertEquals(options("-V", name).protocolVersion, Number(version) as 5);
    }
  }
  assertThrows(() => options("-V", "6"), UsageError, '-V is "6", not 3, 4, 5');
});

Deno.test("clientOptions() has a will as soon as there is its topic", () => {
  assertEquals(options("--will-topic", "t").will, {
    topic: "t",
    payload: "",
    qos: 0,
    retain: false,
  });
  for (const name of ["--will-message", "--will-payload"]) {
    const more = [name, "m", "--will-qos", "2", "--will-retain"];
    assertEquals(options("--will-topic", "t", ...more).will, {
      topic: "t",
      payload: "m",
      qos: 2,
      retain: true,
    });
  }
  for (
    const args of [["--will-message", "m"], ["--will-qos", "0"], [
      "--will-retain",
    ]]
  ) {
    assertThrows(
      () => options(...args),
      UsageError,
      "a will needs --will-topic",
    );
  }
  assertThrows(
    () => options("--will-topic", "t", "--will-qos", "3"),
    UsageError,
    "--will-qos is",
  );
});
