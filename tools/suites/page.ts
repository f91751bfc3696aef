/** What came out of the suites, as a page of the documentation. */

import { type Outcome, reasonsOf, tableOf, type Verdict } from "./suite.ts";

/** Tests that are named with a reason; of more, only how many. */
const NAMED = 6;

/** The page. */
export function pageOf(outcomes: readonly Outcome[]): string {
  const ran = outcomes.filter(({ results }) => results !== undefined);
  const parts = ran.map((outcome) => {
    const differs = listOf(outcome, "differs");
    const absent = listOf(outcome, "not applicable");
    const failed = listOf(outcome, "failed");
    return [
      `## ${outcome.suite.name}\n`,
      failed && `Failed:\n\n${failed}`,
      differs && `Differs:\n\n${differs}`,
      absent && `Not applicable:\n\n${absent}`,
      !failed && !differs && !absent && "All passed.\n",
    ].filter((part) => part).join("\n");
  });
  return `${INTRODUCTION}\n${tableOf(ran)}\n\n${parts.join("\n")}`;
}

function listOf({ results = [] }: Outcome, verdict: Verdict): string {
  return Array.from(reasonsOf(results, verdict), ([reason, tests]) => {
    const named = tests.slice(0, NAMED).map((test) => `\`${test}\``).join(", ");
    const more = tests.length - NAMED;
    return `- ${reason}: ${named}${more > 0 ? ` and ${more} more` : ""}\n`;
  }).join("");
}

const INTRODUCTION = `<!-- made by \`deno task suites --write\` -->

# Suites of others

\`deno task suites\` runs the suites of other projects against the broker of this
checkout, each with the configuration that it wants. None of them is part of this
project: a variable names the checkout of each, and what has none is skipped.

\`\`\`sh ignore
git clone https://github.com/eclipse/paho.mqtt.testing /tmp/paho
PAHO_TESTING_DIR=/tmp/paho deno task suites
deno task suites --help
\`\`\`

| Suite         | Variable           | What it needs                                             |
| ------------- | ------------------ | --------------------------------------------------------- |
| \`paho\`        | \`PAHO_TESTING_DIR\` | Python 3                                                  |
| \`paho-python\` | \`PAHO_PYTHON_DIR\`  | Python 3                                                  |
| \`mosquitto\`   | \`MOSQUITTO_DIR\`    | Python 3; \`mosquitto_pub\`, \`_sub\` and \`_rr\` in \`/usr/bin\` |
| \`mqtt.js\`     | \`MQTTJS_DIR\`       | Node.js, \`npm install\`, \`npm run build\`, Chromium         |
| \`paho-c\`      | \`PAHO_C_DIR\`       | CMake, a C compiler, OpenSSL; ports 18883 to 18887        |

A test that fails is a failure, unless \`tools/suites/differences.tsv\` says why it
is none: it asks for what only one broker does, or for one of the things that the
standard leaves open. Those are listed here with the reason, as is what is not
applicable.

The tests of Mosquitto start \`mosquitto\` with a configuration file; they get a
program of that name that translates the file and runs our broker. They compare
bytes: before that, what the standard leaves open is made alike (the order of
properties, Reason Strings, 0x10 in PUBREC, 0x92 in PUBREL and PUBCOMP, a last
CONNACK or DISCONNECT before the connection is closed). The
sequences of packets of \`msg_sequence_test\` are counted one by one.

## What came out
`;
