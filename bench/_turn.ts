/**
 * A turn: all that the generator does between two waits for the network.
 *
 * Whatever came in one round of the event loop is read first; then publishers
 * send what their windows allow, and then each connection writes all it has
 * with one call. This is how a client with much to do behaves, and it keeps the
 * generator cheap.
 */

/** Sends messages at the end of a turn. */
export interface Sender {
  publish(): void;
}

/** Writes at the end of a turn. */
export interface Writer {
  flush(): void;
}

/** Collects who has something to do; each has to see that it is in there once. */
export class Turn {
  #senders: Sender[] = [];
  #writers: Writer[] = [];
  #scheduled = false;

  /** Has messages sent at the end of the turn. */
  wakeSender(sender: Sender): void {
    this.#senders.push(sender);
    this.#schedule();
  }

  /** Has a connection write at the end of the turn, after all senders. */
  wakeWriter(writer: Writer): void {
    this.#writers.push(writer);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(this.#end);
  }

  readonly #end = (): void => {
    const senders = this.#senders;
    this.#senders = [];
    for (const sender of senders) sender.publish();
    const writers = this.#writers;
    this.#writers = [];
    this.#scheduled = false;
    for (const writer of writers) writer.flush();
  };
}
