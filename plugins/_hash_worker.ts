/**
 * The thread that derives what takes a thread: bcrypt and SHA-crypt. It is asked
 * for one thing at a time.
 */

import { bcrypt } from "./_bcrypt.ts";
import type { HashAnswer, HashQuestion } from "./_hash_workers.ts";
import { shaCrypt } from "./_sha_crypt.ts";

/** What of a worker's scope is used: its types are not those of a window. */
interface Scope {
  onmessage: (event: MessageEvent<HashQuestion>) => void;
  postMessage(answer: HashAnswer): void;
}

const scope = globalThis as unknown as Scope;

scope.onmessage = ({ data: { text, password } }) => {
  const { parse } = text.startsWith("$2") ? bcrypt : shaCrypt;
  const hash = parse(text);
  if (typeof hash === "string" || hash.long === undefined) {
    throw new TypeError("Cannot derive: the hash is not of a kind for workers");
  }
  const work = hash.long.steps(password);
  let step = work.next();
  while (!step.done) step = work.next();
  scope.postMessage(step.value);
};
