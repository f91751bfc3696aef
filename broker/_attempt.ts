/** An attempt to authenticate, of which plugins may learn that it is over. */

import type { ConnectAttempt } from "./plugin.ts";

export class Attempt implements ConnectAttempt {
  readonly method: string | undefined;
  /** Made for who asks: most do not. */
  #controller: AbortController | undefined;
  #over = false;

  constructor(method?: string) {
    this.method = method;
  }

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
