/** URLs of brokers. */

/** What a URL says about a broker. */
export interface BrokerUrl {
  readonly url: URL;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** `host:port`, for messages: never the password. */
  readonly address: string;
}

const ports: Readonly<Record<string, number>> = {
  "mqtt:": 1883,
  "mqtts:": 8883,
  "ws:": 80,
  "wss:": 443,
};

/**
 * The host of a URL, for the system: an address of IPv6 without its brackets,
 * a name in ASCII. The URL itself leaves names of mqtt:// as they are written.
 */
export function hostOf(url: URL): string {
  const { hostname } = new URL(`http://${url.hostname}`);
  return hostname.replace(/^\[(.*)\]$/, "$1");
}

/** The port of a URL, or the one its scheme stands for. */
export function portOf(url: URL): number {
  return url.port === "" ? ports[url.protocol] ?? 0 : Number(url.port);
}

/**
 * Reads the URL of a broker.
 *
 * @throws {TypeError} If it is none.
 */
export function parseBrokerUrl(input: string | URL): BrokerUrl {
  let url: URL;
  try {
    url = new URL(input);
  } catch {
    throw invalid(input, "it is not a URL such as mqtt://host:1883");
  }
  const { protocol, hostname } = url;
  if (!(protocol in ports)) {
    throw invalid(
      input,
      "its scheme is none of mqtt, mqtts, ws and wss, as in mqtt://host:1883",
    );
  }
  if (hostname === "") throw invalid(input, "it has no host");
  if (!URL.canParse(`http://${hostname}`)) {
    throw invalid(input, "its host is none");
  }
  if (url.port === "0") throw invalid(input, "its port is 0");
  if (url.hash !== "") {
    throw invalid(input, "it goes on after #, which in a password is %23");
  }
  const hasPath = url.pathname.length > 1 || url.search !== "";
  if (hasPath && protocol.startsWith("mqtt")) {
    throw invalid(input, `${protocol}// has no path`);
  }
  return {
    url,
    username: decode(url.username, input),
    password: decode(url.password, input),
    address: `${hostname}:${portOf(url)}`,
  };
}

function decode(text: string, input: string | URL): string | undefined {
  if (text === "") return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid(input, "a % in it is not followed by two hexadecimal digits");
  }
}

function invalid(input: string | URL, reason: string): TypeError {
  const shown = String(input).replace(/\/\/.*@/s, "//…@"); // no passwords
  return new TypeError(`Cannot use ${JSON.stringify(shown)}: ${reason}`);
}
