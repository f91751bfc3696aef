/** M4: TLS by files, folders and texts; certificates of clients. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { ConnectError, MQTTClient } from "../../mod.ts";
import { type Certificates, makeCertificates } from "../_certificates.ts";
import { mosquitto, mosquittoPub, testWith } from "./_foreign.ts";
import { ConfiguredBroker, refusal, run } from "./_stage.ts";

/** Lets in everybody, and says who it was. */
const who = `
export function plugin() {
  let logger;
  return {
    name: "who",
    start: (context) => { logger = context.logger; },
    authenticate: ({ clientId, certificate }) => {
      const { commonName, subjectAltNames, authorized } = certificate ?? {};
      logger.info("WHO " + clientId + " " + JSON.stringify([
        commonName, subjectAltNames, authorized,
      ]));
      return true;
    },
  };
}
`;

/** A secure listener with these settings, and the plugin above. */
function yamlWith(
  { server: { certfile, keyfile } }: Certificates,
  settings: Readonly<Record<string, string>>,
  type = "tcp",
): string {
  const lines = Object.entries({
    type,
    bind: "127.0.0.1:0",
    ssl: "on",
    certfile,
    keyfile,
    ...settings,
  }).map(([key, value]) => `    ${key}: ${JSON.stringify(value)}`);
  return `listeners:\n  default:\n${lines.join("\n")}\nplugins: [./who.ts]\n`;
}

/** What one who has shown its certificate is. */
const known = JSON.stringify(["sensor-7", ["URI:urn:ambermq:sensor-7"], true]);

/** Which identities come in, by the rule about certificates of clients. */
const rules = {
  none: { nobody: true, client: "ignored", stranger: "ignored" },
  optional: { nobody: true, client: true, stranger: false },
  required: { nobody: false, client: true, stranger: false },
} as const;

for (const type of ["tcp", "ws"] as const) {
  const scheme = type === "tcp" ? "mqtts" : "wss";
  for (const [rule, expected] of Object.entries(rules)) {
    for (
      const source of rule === "none"
        ? ["none"] as const
        : ["cafile", "capath", "cadata"] as const
    ) {
      Deno.test(`M4: ${scheme} with client-cert: ${rule}, by ${source}`, async () => {
        await using certificates = await makeCertificates();
        const { ca, dir } = certificates;
        const authorities = `${dir}/authorities`;
        await Deno.mkdir(authorities);
        await Deno.copyFile(ca.file, `${authorities}/ca.pem`);
        const given = {
          none: {},
          cafile: { cafile: ca.file },
          capath: { capath: authorities },
          cadata: { cadata: ca.pem },
        }[source];
        const settings = { ...given, "client-cert": rule };
        const yaml = yamlWith(certificates, settings, type);
        await using broker = await ConfiguredBroker.start(yaml, {
          "who.ts": who,
        });
        for (const [identity, wanted] of Object.entries(expected)) {
          const { certfile, keyfile } = identity === "nobody"
            ? { certfile: undefined, keyfile: undefined }
            : certificates[identity as "client" | "stranger"];
          await using client = new MQTTClient(identity, {
            url: broker.url("default", scheme),
            cafile: ca.file,
            autoReconnect: false,
            ...(certfile === undefined ? {} : { certfile, keyfile }),
          });
          if (wanted === false) {
            await assertRejects(() => client.connect(), ConnectError);
            await broker.find(/WARNING - Refused: .*TLS: /);
            assert(
              !broker.log.some((line) => line.includes(`WHO ${identity}`)),
            );
            continue;
          }
          await client.connect();
          await client.ping();
          const line = await broker.find(new RegExp(`WHO ${identity} `));
          const shown = wanted === true && identity === "client";
          assertStringIncludes(line, shown ? known : "[null,null,null]");
        }
      });
    }
  }
}

Deno.test("M4: with a CA and no client-cert, certificates are optional as in HBMQTT", async () => {
  await using certificates = await makeCertificates();
  const { ca, client: { certfile, keyfile } } = certificates;
  const yaml = yamlWith(certificates, { cafile: ca.file });
  await using broker = await ConfiguredBroker.start(yaml, { "who.ts": who });
  const url = broker.url("default", "mqtts");
  for (
    const [clientId, more] of [
      ["without", {}],
      ["with", { certfile, keyfile }],
    ] as const
  ) {
    const options = { url, cafile: ca.file, autoReconnect: false, ...more };
    await using client = new MQTTClient(clientId, options);
    await client.connect();
  }
  assertStringIncludes(await broker.find(/WHO with /), known);
  assertStringIncludes(await broker.find(/WHO without /), "[null,null,null]");
});

testWith(
  "mosquitto-clients",
  mosquitto,
  "M4: mosquitto and the command line trust by file, folder and text",
  async () => {
    await using certificates = await makeCertificates();
    const { ca, otherCa, client, dir } = certificates;
    const authorities = `${dir}/authorities`;
    await Deno.mkdir(authorities);
    await Deno.copyFile(ca.file, `${authorities}/ca.pem`);
    const settings = { cafile: ca.file, "client-cert": "required" };
    const yaml = yamlWith(certificates, settings);
    await using broker = await ConfiguredBroker.start(yaml, { "who.ts": who });
    const identity = ["--cert", client.certfile, "--key", client.keyfile];
    const { code, stderr } = await mosquittoPub(broker.port(), [
      ...["-i", "mosquitto", "-t", "a", "-m", "x", "--cafile", ca.file],
      ...identity,
    ]);
    assertEquals(code, 0, stderr);
    assertStringIncludes(await broker.find(/WHO mosquitto /), known);
    const url = broker.url("default", "mqtts");
    const pub = (...args: string[]) =>
      run(["pub", "--url", url, "-t", "a", "-m", "x", ...args]);
    for (
      const trust of [
        ["--ca-file", ca.file],
        ["--ca-path", authorities],
        ["--ca-data", ca.pem],
        ["--cafile", ca.file],
        ["--capath", authorities],
      ]
    ) {
      const { code, stderr } = await pub(...trust, ...identity);
      assertEquals([code, stderr], [0, ""], trust[0]);
    }
    // Whom it does not trust it does not talk to.
    const { code: distrusted, stderr: why } = await pub(
      ...["--ca-file", otherCa.file],
      ...identity,
    );
    assertEquals(distrusted, 1);
    assertStringIncludes(why, "ambermq pub: Cannot connect to localhost:");
    // The broker's refusal is an error too, and names the certificate.
    const { code: nameless, stderr: reason } = await pub(
      "--ca-file",
      ca.file,
    );
    assertEquals(nameless, 1);
    assertMatch(
      reason,
      /does it want a certificate of the client\?|refused by TLS/,
    );
  },
);

for (
  const [what, settings, problem] of [
    ["no such certificate", { certfile: "$DIR/none.pem" }, "DIR/none.pem"],
    ["no such key", { keyfile: "$DIR/none.key" }, "DIR/none.key"],
    ["a key that is none", { keyfile: "$DIR/broker.yaml" }, "broker.yaml"],
    ["the key of another", { keyfile: "CLIENT_KEY" }, "keyfile"],
    ["no such CA", { cafile: "$DIR/none.pem" }, "DIR/none.pem"],
    ["no such folder", { capath: "$DIR/none" }, "DIR/none"],
    ["CA data that is none", { cadata: "hello" }, "cadata"],
    [
      "certificates wanted and nothing to check them with",
      { "client-cert": "required" },
      "no cafile, capath or cadata to check them with",
    ],
    ["no word for client-cert", { "client-cert": "yes" }, "client-cert"],
  ] as const
) {
  Deno.test(`M4: a listener with ${what} does not start`, async () => {
    await using certificates = await makeCertificates();
    const yaml = yamlWith(certificates, settings as Record<string, string>)
      .replace("CLIENT_KEY", certificates.client.keyfile);
    const { code, stderr } = await refusal(yaml, { "who.ts": who });
    assertEquals(code, 1, stderr);
    assertStringIncludes(stderr, problem);
    assertStringIncludes(stderr, "ambermq broker: Cannot ");
    assert(!stderr.includes(" bind to "), stderr);
  });
}

for (const missing of ["certfile", "keyfile"]) {
  Deno.test(`M4: ssl without ${missing} does not start`, async () => {
    await using certificates = await makeCertificates();
    const yaml = yamlWith(certificates, {})
      .replace(new RegExp(` *${missing}: .*\\n`), "");
    const { code, stderr } = await refusal(yaml, { "who.ts": who });
    assertEquals(code, 1);
    assertStringIncludes(
      stderr,
      `DIR/broker.yaml:5:5: listeners.default has ssl, but no ${missing}`,
    );
  });
}
