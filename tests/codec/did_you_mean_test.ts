import { assertEquals } from "@std/assert";
import { didYouMean } from "../../codec/mod.ts";

const names = ["listeners", "auth", "topicCheck", "timeoutDisconnectDelay"];

for (
  const [name, meant] of [
    ["listener", "listeners"],
    ["listners", "listeners"],
    ["topic-check", "topicCheck"],
    ["timeoutDisconectDelai", "timeoutDisconnectDelay"],
    ["atuh", "auth"],
    ["plugins", undefined],
    ["", undefined],
    ["x", undefined],
  ] as const
) {
  Deno.test(`didYouMean() suggests ${meant ?? "nothing"} for ${JSON.stringify(name)}`, () => {
    const expected = meant === undefined ? "" : `; did you mean ${meant}?`;
    assertEquals(didYouMean(name, names), expected);
  });
}

Deno.test("didYouMean() suggests nothing where there is nothing", () => {
  assertEquals(didYouMean("auth", []), "");
});
