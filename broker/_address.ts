/**
 * Addresses of IP: who is one, and who belongs to which network.
 *
 * IPv4 is a part of IPv6 here (`::ffff:0:0/96`), as a socket that listens for
 * both shows it.
 */

/** Bits of an address. */
const BITS = 128;

/** Bits before an address of IPv4. */
const BEFORE_IPV4 = 96;

/** Groups of an IPv6 address that say where somebody is: /64 is one site. */
const SITE_GROUPS = 4;

/** An address as eight groups of 16 bits. */
type Groups = readonly number[];

/** The addresses that begin with the same bits. */
interface Network {
  readonly groups: Groups;
  readonly bits: number;
}

/** Networks, and whether an address is in one of them. */
export class Networks {
  readonly #networks: readonly Network[];

  /**
   * @param list Addresses (`192.0.2.1`) and networks (`192.0.2.0/24`,
   * `2001:db8::/32`); what is neither has no effect.
   */
  constructor(list: readonly string[]) {
    this.#networks = list.map(parseNetwork).filter((one) => one !== undefined);
  }

  has(address: string): boolean {
    if (this.#networks.length === 0) return false;
    const groups = parseAddress(address);
    return groups !== undefined &&
      this.#networks.some((network) => contains(network, groups));
  }
}

/** Whether a text is an address or a network. */
export function isNetwork(text: string): boolean {
  return parseNetwork(text) !== undefined;
}

/**
 * Who somebody is, as far as an address tells: an address of IPv4; of IPv6 the
 * first 64 bits, as one site has all of the others to itself.
 *
 * @returns It in writing; what is no address is returned as it is.
 */
export function siteOf(address: string): string {
  if (!address.includes(":")) return address;
  const groups = parseAddress(address);
  if (groups === undefined) return address;
  if (isIpv4(groups)) {
    return groups.slice(6).flatMap((one) => [one >> 8, one & 0xff]).join(".");
  }
  const site = groups.slice(0, SITE_GROUPS).map((one) => one.toString(16));
  return `${site.join(":")}::/64`;
}

function isIpv4(groups: Groups): boolean {
  return groups[5] === 0xffff && groups.slice(0, 5).every((one) => one === 0);
}

function contains({ groups, bits }: Network, address: Groups): boolean {
  for (let i = 0; i * 16 < bits; i++) {
    const ignored = Math.max(0, (i + 1) * 16 - bits);
    if (groups[i]! >> ignored !== address[i]! >> ignored) return false;
  }
  return true;
}

function parseNetwork(text: string): Network | undefined {
  const [address = "", length, ...more] = text.split("/");
  const groups = parseAddress(address);
  if (groups === undefined || more.length > 0) return undefined;
  if (length === undefined) return { groups, bits: BITS };
  const before = address.includes(":") ? 0 : BEFORE_IPV4;
  const bits = before + Number(length);
  return /^\d{1,3}$/.test(length) && bits <= BITS
    ? { groups, bits }
    : undefined;
}

function parseAddress(text: string): Groups | undefined {
  if (!text.includes(":")) {
    const ipv4 = parseIpv4(text);
    return ipv4 && [0, 0, 0, 0, 0, 0xffff, ...ipv4];
  }
  // What follows "%" is the interface of a link-local address.
  const halves = text.replace(/%.*$/, "").split("::");
  if (halves.length > 2) return undefined;
  const [before, behind] = halves.map((half, index) =>
    parseGroups(half, index === halves.length - 1)
  );
  if (before === undefined) return undefined;
  if (halves.length === 1) return before.length === 8 ? before : undefined;
  const missing = 8 - before.length - (behind?.length ?? 8);
  if (behind === undefined || missing < 1) return undefined;
  return [...before, ...new Array<number>(missing).fill(0), ...behind];
}

/** Groups with colons between; the last of all may be an address of IPv4. */
function parseGroups(text: string, last: boolean): Groups | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    const ends = last && i === parts.length - 1;
    const ipv4 = ends ? parseIpv4(part) : undefined;
    if (ipv4 !== undefined) groups.push(...ipv4);
    else if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(parseInt(part, 16));
    else return undefined;
  }
  return groups;
}

function parseIpv4(text: string): [number, number] | undefined {
  const parts = text.split(".");
  if (
    parts.length !== 4 ||
    !parts.every((one) => /^\d{1,3}$/.test(one) && Number(one) < 256)
  ) return undefined;
  const [a, b, c, d] = parts.map(Number) as [number, number, number, number];
  return [a << 8 | b, c << 8 | d];
}
