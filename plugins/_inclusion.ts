/**
 * Whether everything that one topic filter matches is matched by another one
 * too: set inclusion, which decides what an access list allows.
 */

/**
 * @param filter A valid topic filter without a share name.
 * @param pattern Another one.
 * @returns Whether each topic name that `filter` matches is one that `pattern`
 * matches.
 */
export function includes(pattern: string, filter: string): boolean {
  // [MQTT-4.7.2-1] what begins with $ is named, or not meant
  if (filter.startsWith("$") && /^[+#]/.test(pattern)) return false;
  const wide = pattern.split("/");
  // What "#" has in it here that "+/#" has not would be an empty topic name.
  const narrow = filter.replace(/^(\/?)#$/, "$1+/#").split("/");
  for (let i = 0; i < wide.length; i++) {
    // The level before, and all below it: "a/#" has "a" in it.
    if (wide[i] === "#") return true;
    const level = narrow[i];
    if (level === undefined || level === "#") return false;
    if (wide[i] !== "+" && wide[i] !== level) return false;
  }
  return wide.length === narrow.length;
}
