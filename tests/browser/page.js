/** What the page of chromium_test.ts does. */

/** The error that something ends with. */
async function errorOf(promise) {
  try {
    await promise;
    return "none";
  } catch (error) {
    return String(error);
  }
}

async function look(library, run) {
  const url = new URLSearchParams(location.search).get("broker") ??
    `${location.origin.replace("http", "ws")}/mqtt`;
  const drop = () => fetch("/drop", { method: "POST" });
  const told = {};
  for (const protocolVersion of [3, 4, 5]) {
    told[protocolVersion] = await run(library, { url, protocolVersion }, drop);
  }
  const { dial } = library;
  const none = url.replace("/mqtt", "/none");
  const secure = url.replace(/^wss?/, "wss");
  told.tcp = await errorOf(dial("mqtt://localhost"));
  told.headers = await errorOf(dial(url, { headers: { a: "b" } }));
  told.cafile = await errorOf(dial(secure, { cafile: "ca.pem" }));
  told.none = await errorOf(dial(none));
  return told;
}

/**
 * Does it, and tells the test.
 *
 * @param library The bundle.
 * @param run What runs in Node.js too.
 */
export async function report(library, run) {
  let told;
  try {
    told = await look(library, run);
  } catch (error) {
    told = { error: `${error}\n${error?.stack}` };
  }
  await fetch("/told", { method: "POST", body: JSON.stringify(told) });
}
