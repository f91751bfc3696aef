/** An attempt to connect, of which plugins may learn that it is over. */

import type { ConnectAttempt } from "./plugin.ts";

export class Attempt implements ConnectAttempt {
  /** Made for who asks: most do not. */
  #controller: AbortController | undefined;
  #over = false;

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#over) this.#controller.abort();
    return this.#controller.signal;
  }

  /** The client is accepted, refused, or gone. */
  end(): void {
    this.#over = true;
    this.#controller?.abort();
  }
}
