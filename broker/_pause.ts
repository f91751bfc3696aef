/**
 * Lets others have their turn. Everything that a single packet can make long
 * pauses now and then; of the ways to do it in Deno only a timer lets sockets
 * be looked at each time (`setImmediate` lets many of its own kind go first).
 */

/** Waits until the event loop has gone round. */
export function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
