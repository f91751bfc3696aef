import { assertEquals, assertThrows } from "@std/assert";
import { brokerUrl } from "../../cli/_broker_url.ts";
import { clientFlags } from "../../cli/_client_flags.ts";
import { parseFlags, UsageError } from "../../cli/_flags.ts";
import type { ClientOptions } from "../../mod.ts";

function url(args: string[], config: ClientOptions = {}): string {
  return String(brokerUrl(parseFlags(clientFlags, args), config).url);
}

function assertUsage(
  args: string[],
  message: string,
  config: ClientOptions = {},
): void {
  assertThrows(() => url(args, config), UsageError, message);
}

Deno.test("the broker is one of a URL, or of host and port", () => {
  assertEquals(url([]), "mqtt://localhost:1883");
  assertEquals(url(["--url", "mqtt://u:p@box:18"]), "mqtt://u:p@box:18");
  assertEquals(url(["-L", "ws://box/mqtt?a=b"]), "ws://box/mqtt?a=b");
  assertEquals(url(["-h", "box"]), "mqtt://box:1883");
  assertEquals(url(["-p", "18"]), "mqtt://localhost:18");
  assertEquals(url(["-h", "::1", "-p", "18"]), "mqtt://[::1]:18");
  assertEquals(url(["-h", "[::1]"]), "mqtt://[::1]:1883");
  for (const more of [["-h", "x"], ["-p", "1"]]) {
    assertUsage(["--url", "mqtt://box", ...more], "--url says host and port");
  }
  for (const port of ["0", "65536", "x"]) assertUsage(["-p", port], "-p is ");
});

Deno.test("the topic may be in the URL, as mosquitto_pub has it", () => {
  const urls: [string, string, string | undefined][] = [
    ["mqtt://box", "mqtt://box", undefined],
    ["mqtt://box/", "mqtt://box", undefined],
    ["mqtt://u:p@box:18/a/b", "mqtt://u:p@box:18", "a/b"],
    ["mqtts://box/a/#", "mqtts://box", "a/#"],
    ["MQTT://box//a?b", "MQTT://box", "/a?b"],
    ["mqtt://box/a:99999", "mqtt://box", "a:99999"],
    ["mqtt://[::1]:18/a", "mqtt://[::1]:18", "a"],
    ["ws://box/path", "ws://box/path", undefined],
  ];
  for (const [given, url, topic] of urls) {
    const found = brokerUrl(parseFlags(clientFlags, ["-L", given]), {});
    assertEquals(found, { url, topic });
  }
});

Deno.test("a URL without a scheme or with a port that is none is told of", () => {
  assertUsage(
    ["-L", "localhost:1883/a"],
    '--url is "localhost:1883/a", without a scheme such as in mqtt://host:1883',
  );
  assertUsage(["-L", "bob:secret@box"], '--url is "…@box", without a scheme');
  assertUsage(["-L", "b\n:secret@box"], '--url is "…@box", without a scheme');
  for (const port of ["0", "65536", "99999"]) {
    assertUsage(
      ["-L", `mqtt://bob:secret@box:${port}/a`],
      `--url is "mqtt://…@box:${port}/a", with a port that is not from 1 to 65535`,
    );
  }
});

Deno.test("host and port take the place of those of a configuration", () => {
  const config = { url: "wss://bob:s%40@prod:9443/mqtt?a=b" };
  const cases: [string[], string][] = [
    [[], "wss://bob:s%40@prod:9443/mqtt?a=b"],
    [["-p", "18"], "wss://bob:s%40@prod:18/mqtt?a=b"],
    [["-h", "box"], "wss://bob:s%40@box:9443/mqtt?a=b"],
    [["-h", "::1", "-p", "18"], "wss://bob:s%40@[::1]:18/mqtt?a=b"],
    [["-L", "mqtt://box"], "mqtt://box"],
  ];
  for (const [args, expected] of cases) {
    assertEquals(url(args, config), expected);
  }
  assertEquals(url(["-p", "18"], { url: "mqtt://[::1]" }), "mqtt://[::1]:18");
  // The client refuses it: nobody is to reach another one.
  assertEquals(url(["-h", "a b"], { url: "mqtt://prod" }), "mqtt://a b");
});

Deno.test("TLS is that of the configuration, or what the port stands for", () => {
  const box = ["-h", "box"];
  assertEquals(url(box, { url: "mqtts://other" }), "mqtts://box");
  assertEquals(url(["-p", "18"], { url: "mqtts://other" }), "mqtts://other:18");
  assertEquals(
    url(["-p", "8883"], { url: "mqtt://other" }),
    "mqtts://other:8883",
  );
  assertEquals(url(box, { url: "mqtt://other" }), "mqtt://box");
  assertEquals(url(box, { cafile: "x" }), "mqtts://box:8883");
  assertEquals(url([], { cadata: "x" }), "mqtts://localhost:8883");
  // Nobody is to believe that this is safe.
  for (const more of [[], box]) {
    assertUsage(
      ["--cafile", "x", ...more],
      "--cafile is for a URL of mqtts:// or wss://",
      { url: "mqtt://other" },
    );
  }
});

Deno.test("the name and password of another user are left out of the URL", () => {
  const mine = (name: string, text: string, ...more: string[]) =>
    url(["-u", name, "-L", text, ...more]);
  assertEquals(mine("alice", "mqtt://bob:secret@box:18"), "mqtt://box:18");
  assertEquals(mine("bob", "mqtt://bob:secret@box"), "mqtt://bob:secret@box");
  assertEquals(mine("b@b", "ws://b%40b:x@box/a"), "ws://b%40b:x@box/a");
  assertEquals(mine("alice", "ws://box/a@b"), "ws://box/a@b");
  assertEquals(
    url(["-u", "alice"], { url: "mqtt://bob:secret@box" }),
    "mqtt://box",
  );
  assertEquals(
    url(["-P", "x", "-L", "mqtt://bob:secret@box"]),
    "mqtt://bob:secret@box",
  );
});
