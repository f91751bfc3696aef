import { assertEquals, assertThrows } from "@std/assert";
import {
  clientFlags,
  clientGroups,
  refusedFlags,
} from "../../cli/_client_flags.ts";
import { parseFlags, UsageError } from "../../cli/_flags.ts";
import { pubFlags, pubHelp } from "../../cli/_pub.ts";
import { subFlags, subHelp } from "../../cli/_sub.ts";

/** The flags in the documentation of HBMQTT and aMQTT, and in the man pages. */
const common = [
  ...["--version", "-h", "--help", "-c", "-d", "-i", "-k", "-q", "--qos", "-t"],
  ...["--ca-file", "--ca-path", "--ca-data", "--clean-session", "--url"],
  ...["--will-topic", "--will-message", "--will-qos", "--will-retain"],
  ...["--extra-headers", "--config-file", "--client-id", "--topic"],
  ...["-A", "-D", "--property", "-I", "--id-prefix", "-L", "-p", "-P", "-S"],
  ...["-u", "--username", "--pw", "--unix", "-V", "--protocol-version", "-x"],
  ...["--cafile", "--capath", "--cert", "--key", "--keyform", "--ciphers"],
  ...["--insecure", "--tls-alpn", "--tls-engine", "--tls-engine-kpass-sha1"],
  ...["--tls-use-os-certs", "--tls-version", "--psk", "--psk-identity"],
  ...["--proxy", "--nodelay", "--quiet", "--will-payload", "--debug", "--id"],
  ...["--disable-clean-session", "--host", "--port", "--keepalive"],
];

const documented = {
  pub: [
    ...["-m", "-f", "-l", "-n", "-s", "-r", "--message", "--file", "--lines"],
    ...["--no-message", "--stdin", "--retain", "--null-message"],
    ...["--stdin-file", "--stdin-line", "--repeat", "--repeat-delay", "-M"],
  ],
  sub: [
    ...["-n", "-C", "-E", "-F", "-N", "-R", "-T", "--filter-out", "-U"],
    ...["--unsubscribe", "-v", "--verbose", "-W", "--pretty"],
    ...["--random-filter", "--remove-retained", "--retained-only"],
    ...["--retain-as-published", "--retain-handling"],
  ],
};

for (
  const [command, flags] of [["pub", pubFlags], ["sub", subFlags]] as const
) {
  Deno.test(`${command} knows every flag of its models, or says why it does not`, () => {
    const names: string[] = Object.values(flags).flatMap(({ names }) => names);
    const known = [...names, ...Object.keys(refusedFlags)];
    const missing = [...common, ...documented[command]]
      .filter((name) => !known.includes(name));
    assertEquals(missing, []);
    assertEquals(names.length, new Set(names).size, "a name with two meanings");
    const both = names.filter((name) => Object.hasOwn(refusedFlags, name));
    assertEquals(both, []);
  });
}

Deno.test("flags that cannot be had are refused, not ignored", () => {
  for (const name of Object.keys(refusedFlags)) {
    assertThrows(
      () => parseFlags(clientFlags, [name, "x"], refusedFlags),
      UsageError,
      `${name} is not supported: `,
    );
  }
});

Deno.test("the help has all flags, on lines that a terminal has", () => {
  assertEquals(
    Object.values(clientGroups).flatMap((group) => Object.keys(group)),
    Object.keys(clientFlags),
  );
  for (
    const [help, flags] of [[pubHelp, pubFlags], [subHelp, subFlags]] as const
  ) {
    for (const { names } of Object.values(flags)) {
      assertEquals(help.includes(`  ${names.join(", ")}`), true, names[0]);
    }
    assertEquals(help.split("\n").filter((line) => line.length > 80), []);
  }
});
