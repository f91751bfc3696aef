/**
 * Names and passwords in the form in which they are compared (RFC 4013): the
 * same letters are the same, however they were typed.
 *
 * Two of its rules are left out, which only refuse: code points that are not
 * assigned, and text of both directions.
 */

/** Spaces of all kinds but the plain one (RFC 3454, table C.1.2). */
const spaces = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/g;

/** What is seen by nobody (table B.1). */
const invisible =
  /\u00ad|\u034f|\u1806|[\u180b-\u180d]|\u200c|\u200d|\u2060|[\ufe00-\ufe0f]|\ufeff/g;

/** Controls, private and no characters, marks and tags (tables C.2 to C.9). */
const prohibited =
  /[\p{Cc}\p{Co}\p{Cs}\p{Noncharacter_Code_Point}\u0340\u0341\u06dd\u070f\u180e\u200e\u200f\u2028-\u202e\u2061-\u2063\u206a-\u206f\u2ff0-\u2ffb\ufff9-\ufffd\u{1d173}-\u{1d17a}\u{e0001}\u{e0020}-\u{e007f}]/u;

/** The text in that form; `undefined` if something in it is not allowed. */
export function saslprep(text: string): string | undefined {
  const prepared = text.replaceAll(spaces, " ").replaceAll(invisible, "")
    .normalize("NFKC");
  return prohibited.test(prepared) ? undefined : prepared;
}

/**
 * A name or a password in that form.
 *
 * @throws {TypeError} If it is empty, or something in it is not allowed.
 */
export function prepared(
  what: "user name" | "password",
  text: string,
): string {
  const prepared = saslprep(text);
  if (prepared) return prepared;
  const problem = prepared === "" ? "is empty" : "has control characters";
  throw new TypeError(`Cannot use SCRAM: the ${what} ${problem}`);
}
