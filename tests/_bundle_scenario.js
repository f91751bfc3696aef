/**
 * What the bundled client has to do, in a browser as in Node.js: this is loaded
 * there, beside the bundle.
 */

/** Bytes that differ from place to place: more than one read or frame. */
const large = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 31) & 255);

/** What is published: topic, payload, QoS. */
const publications = [
  ["echo/zero", "at most once", 0],
  ["echo/one", "at least once: ü, 🐝", 1],
  ["echo/two", "exactly once", 2],
  ["echo/large", large, 1],
];

/**
 * Connects, subscribes, publishes, receives, survives a lost connection, and
 * disconnects.
 *
 * @param library The bundle.
 * @param options The options of the client.
 * @param drop Has the broker cut the connection.
 * @returns What has happened, for the test to look at.
 */
export async function run({ MQTTClient }, options, drop) {
  const told = [];
  let again;
  const client = new MQTTClient({
    clientId: "bundled",
    reconnectRetries: -1,
    reconnectMaxInterval: 0.02,
    ...options,
    on: { connected: () => again?.() },
  });
  const receive = async () => {
    const { topic, payload, qos } = await client.deliverMessage({
      timeout: 20,
    });
    const same = payload.length === large.length &&
      payload.every((byte, i) => byte === large[i]);
    const text = same ? "large" : new TextDecoder().decode(payload);
    told.push(`${topic} ${qos} ${text}`);
  };
  const connack = await client.connect();
  told.push(`connected ${connack.reasonCode}`);
  const [granted] = await client.subscribe("echo/#", { qos: 2 });
  told.push(`granted ${granted}`);
  for (const [topic, payload, qos] of publications) {
    await client.publish(topic, payload, { qos });
    await receive();
  }
  const reconnected = new Promise((resolve) => again = resolve);
  await drop();
  await reconnected;
  await client.publish("echo/again", "after the loss", { qos: 1 });
  await receive();
  await client.disconnect();
  told.push(`closed ${await client.closed}`);
  return told;
}

/** What `run` should tell. */
export const expected = [
  "connected 0",
  "granted 2",
  "echo/zero 0 at most once",
  "echo/one 1 at least once: ü, 🐝",
  "echo/two 2 exactly once",
  "echo/large 1 large",
  "echo/again 1 after the loss",
  "closed undefined",
];
