import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../cli/_flags.ts";
import { propertyFlag, readProperties } from "../../cli/_property_flags.ts";

function read(...given: string[]) {
  return readProperties(
    given.map((one) => one.split(" ")),
    ["connect", "will", "publish", "subscribe", "disconnect"],
  );
}

Deno.test("readProperties() reads texts, bytes, numbers and switches", () => {
  assertEquals(
    read(
      "publish content-type text/plain",
      "publish payload-format-indicator 1",
      "publish message-expiry-interval 4294967295",
      "publish response-topic a/b",
      "PUBLISH correlation-data é",
    ),
    {
      publish: {
        contentType: "text/plain",
        payloadFormatIndicator: true,
        messageExpiryInterval: 0xffff_ffff,
        responseTopic: "a/b",
        correlationData: new Uint8Array([0xc3, 0xa9]),
      },
    },
  );
  assertEquals(
    read(
      "connect receive-maximum 1",
      "connect maximum-packet-size 100",
      "connect topic-alias-maximum 0",
      "connect request-response-information 0",
      "connect request-problem-information 1",
      "connect authentication-method m",
      "connect authentication-data d",
      "disconnect session-expiry-interval 5",
      "disconnect reason-string bye",
      "subscribe subscription-identifier 268435455",
      "will will-delay-interval 3",
    ),
    {
      connect: {
        receiveMaximum: 1,
        maximumPacketSize: 100,
        topicAliasMaximum: 0,
        requestResponseInformation: false,
        requestProblemInformation: true,
        authenticationMethod: "m",
        authenticationData: new Uint8Array([100]),
      },
      disconnect: { sessionExpiryInterval: 5, reasonString: "bye" },
      subscribe: { subscriptionIdentifiers: [268_435_455] },
      will: { willDelayInterval: 3 },
    },
  );
});

Deno.test("readProperties() keeps user properties in their order", () => {
  assertEquals(
    read("connect user-property a 1", "connect user-property a 2"),
    { connect: { userProperties: [["a", "1"], ["a", "2"]] } },
  );
});

Deno.test("readProperties() refuses what a packet does not have", () => {
  const cases: [string, string][] = [
    ["pubackk content-type x", '-D has "pubackk" where one of connect, will,'],
    ["unsubscribe user-property a b", '-D has "unsubscribe" where'],
    ["connect content-type x", 'connect has no property "content-type", but'],
    ["publish toString x", '-D publish has no property "toString"'],
    ["publish topic-alias 1", "the client assigns topic aliases by itself"],
    ["connect receive-maximum 0", 'is "0", not a number from 1 to 65535'],
    ["connect receive-maximum ten", 'is "ten", not a number from 1 to 65535'],
    ["publish payload-format-indicator 2", 'is "2", not a number from 0 to 1'],
  ];
  for (const [given, message] of cases) {
    assertThrows(() => read(given), UsageError, message);
  }
  assertThrows(
    () => read("publish content-type a", "publish content-type b"),
    UsageError,
    "-D publish content-type is given twice",
  );
});

Deno.test("-D takes three words, and four for a user property", () => {
  assertEquals(propertyFlag.words(["connect", "content-type", "x"]), 3);
  assertEquals(propertyFlag.words(["connect", "user-property", "x"]), 4);
});
