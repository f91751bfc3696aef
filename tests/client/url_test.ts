import { assertEquals, assertThrows } from "@std/assert";
import { hostOf, parseBrokerUrl, portOf } from "../../client/_url.ts";

Deno.test("parseBrokerUrl() reads host, port, user name and password", () => {
  const cases: [string, string, string | undefined, string | undefined][] = [
    ["mqtt://host", "host:1883", undefined, undefined],
    ["mqtt://host:1884", "host:1884", undefined, undefined],
    ["mqtt://host/", "host:1883", undefined, undefined],
    ["mqtts://host", "host:8883", undefined, undefined],
    ["ws://host/mqtt?a=b", "host:80", undefined, undefined],
    ["wss://host", "host:443", undefined, undefined],
    ["mqtt://[::1]", "[::1]:1883", undefined, undefined],
    ["mqtt://[2001:db8::1]:18", "[2001:db8::1]:18", undefined, undefined],
    ["mqtt://127.0.0.1:18", "127.0.0.1:18", undefined, undefined],
    ["mqtt://user@host", "host:1883", "user", undefined],
    ["mqtt://u:p@host", "host:1883", "u", "p"],
    ["mqtt://a%40b:%3A%2F%C3%A9@host:1", "host:1", "a@b", ":/é"],
    ["mqtt://my_host", "my_host:1883", undefined, undefined],
  ];
  for (const [input, address, username, password] of cases) {
    const broker = parseBrokerUrl(input);
    assertEquals(broker.address, address, input);
    assertEquals(broker.username, username, input);
    assertEquals(broker.password, password, input);
    assertEquals(parseBrokerUrl(new URL(input)).address, address);
    assertEquals(portOf(broker.url), Number(address.split(":").at(-1)));
  }
});

Deno.test("parseBrokerUrl() refuses what is no URL of a broker, and shows no password", () => {
  const cases: [string, string][] = [
    ["host", 'Cannot use "host": it is not a URL such as mqtt://host:1883'],
    ["localhost:1883", "its scheme is none of mqtt, mqtts, ws and wss"],
    ["http://host", "its scheme is none of"],
    ["mqtt:host", "it has no host"],
    ["mqtt://", "it has no host"],
    ["mqtt://host:99999", "it is not a URL"],
    ["mqtt://host:0", "its port is 0"],
    ["mqtt://%@host", "a % in it is not followed by two hexadecimal digits"],
    ["mqtt://a%00b", "its host is none"],
    ["mqtt://host#topic", "it goes on after #, which in a password is %23"],
    ["ws://host/mqtt#part", "it goes on after #"],
    ["mqtt://host/topic", "mqtt:// has no path"],
    ["mqtts://host?x=1", "mqtts:// has no path"],
  ];
  for (const [input, message] of cases) {
    assertThrows(() => parseBrokerUrl(input), TypeError, message);
  }
  assertThrows(
    () => parseBrokerUrl("http://me:secret@host"),
    TypeError,
    'Cannot use "http://…@host": ',
  );
  assertThrows(
    () => parseBrokerUrl("mqtt://me:se/cret@host"),
    TypeError,
    'Cannot use "mqtt://…@host": ',
  );
  assertThrows(
    () => parseBrokerUrl("http://me\n:secret@host"),
    TypeError,
    'Cannot use "http://…@host": ',
  );
});

Deno.test("hostOf() gives a host as the system takes it", () => {
  const cases = [
    ["mqtt://[2001:db8::1]:18", "2001:db8::1"],
    ["wss://[::1]/mqtt", "::1"],
    ["mqtt://127.0.0.1", "127.0.0.1"],
    ["mqtts://Broker.Example", "broker.example"],
    ["mqtt://my_host", "my_host"],
    ["mqtt://münchen.example", "xn--mnchen-3ya.example"],
    ["ws://münchen.example", "xn--mnchen-3ya.example"],
  ] as const;
  for (const [input, host] of cases) {
    assertEquals(hostOf(parseBrokerUrl(input).url), host);
  }
});
