import { assertEquals } from "@std/assert";
import { isNetwork, Networks, siteOf } from "../../broker/_address.ts";

/** Addresses, and the sites that they belong to. */
const sites: readonly [address: string, site: string][] = [
  ["192.0.2.7", "192.0.2.7"],
  ["::ffff:192.0.2.7", "192.0.2.7"],
  ["::ffff:c000:207", "192.0.2.7"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:db8:1:2::1", "2001:db8:1:2::/64"],
  ["2001:DB8:0001:2:ffff::", "2001:db8:1:2::/64"],
  ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ["::1", "0:0:0:0::/64"],
  ["example.org", "example.org"],
  ["no:address", "no:address"],
];

for (const [address, site] of sites) {
  Deno.test(`${address} belongs to ${site}`, () => {
    assertEquals(siteOf(address), site);
  });
}

Deno.test("what is an address or network is known, and what is not", () => {
  for (
    const good of [
      "192.0.2.1",
      "0.0.0.0/0",
      "192.0.2.0/24",
      "192.0.2.1/32",
      "::/0",
      "::1",
      "1::",
      "2001:db8::/32",
      "2001:db8::1/128",
      "1:2:3:4:5:6:7:8",
      "1:2:3:4:5:6:192.0.2.1",
      "::ffff:192.0.2.0/120",
    ]
  ) assertEquals(isNetwork(good), true, good);
  for (
    const bad of [
      "",
      "/24",
      "192.0.2",
      "192.0.2.256",
      "192.0.2.1/33",
      "192.0.2.1/",
      "192.0.2.1/-1",
      "192.0.2.1/8/8",
      "2001:db8::/129",
      ":",
      ":::",
      "1::2::3",
      "1:2:3:4:5:6:7",
      "1:2:3:4:5:6:7:8:9",
      "1:2:3:4:5:6:7:8::",
      "12345::",
      "g::",
      "1.2.3.4::",
      "localhost",
    ]
  ) assertEquals(isNetwork(bad), false, bad);
});

Deno.test("networks have the addresses that begin with their bits", () => {
  const networks = new Networks(["10.0.0.0/9", "2001:db8::/33", "192.0.2.1"]);
  const within = ["10.127.0.1", "::ffff:10.0.0.1", "2001:db8:7fff::1"];
  for (const one of [...within, "192.0.2.1"]) {
    assertEquals(networks.has(one), true, one);
  }
  const beyond = ["10.128.0.1", "11.0.0.1", "2001:db8:8000::1", "192.0.2.2"];
  for (const one of [...beyond, "::a00:1", "example.org", ""]) {
    assertEquals(networks.has(one), false, one);
  }
  assertEquals(new Networks(["0.0.0.0/0"]).has("203.0.113.9"), true);
  assertEquals(new Networks(["0.0.0.0/0"]).has("2001:db8::1"), false);
  assertEquals(new Networks([]).has("10.0.0.1"), false);
});
