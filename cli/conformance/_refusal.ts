/** Refusals by CONNACK, in the form of any version. */

import { hex } from "./_bytes.ts";
import { describe, type Peer } from "./_peer.ts";
import { Failure } from "./_verdict.ts";

/** The end, after a CONNACK with one of these codes if any. */
export async function endsWithCode(
  peer: Peer,
  codes: readonly number[],
  because: string,
  needed = false,
): Promise<number | undefined> {
  try {
    const packets = await peer.ended(because);
    const [connack] = packets;
    if (connack === undefined && !needed) return undefined;
    // the codes of older versions are mapped by the parser
    if (connack?.type !== "connack" || packets.length > 1) {
      throw new Failure(`CONNACK and the end: ${because}`, describe(connack));
    }
  } catch (error) {
    // A CONNACK in the form of another version is no packet of this one.
    if (peer.bytes.length === 0 || !(error instanceof Failure)) throw error;
  }
  const [type, , flags, code] = peer.bytes;
  if (type === undefined && !needed) return undefined;
  const fine = type === 0x20 && flags === 0 && codes.includes(code!);
  if (!fine) {
    throw new Failure(
      `a CONNACK that refuses: ${because}`,
      hex(peer.bytes) || "the end of the connection",
    );
  }
  return code;
}
