/** Stores in files that are gone after the tests. */

import { copyFileSync, existsSync } from "node:fs";
import { SqliteStore } from "../broker/mod.ts";

const folder = Deno.makeTempDirSync({ prefix: "ambermq_store_" });
let count = 0;

addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

/** The path of a file that is not there. */
export function newFile(): string {
  return `${folder}/${++count}.db`;
}

/** A store in a new file, which waits for the disk less often. */
export function newStore(): SqliteStore {
  return new SqliteStore({ file: newFile(), synchronous: "normal" });
}

/** Copies a database with its log, as it is on the disk. */
export function copyDatabase(from: string, to: string): void {
  for (const suffix of ["-wal", "-shm", ""]) {
    if (existsSync(to + suffix)) Deno.removeSync(to + suffix);
  }
  for (const suffix of ["", "-wal"]) {
    if (existsSync(from + suffix)) copyFileSync(from + suffix, to + suffix);
  }
}

/** A store whose process is killed where others are closed. */
export class KilledStore extends SqliteStore {
  constructor() {
    super({ file: newFile() });
  }

  override close(): void {
    const copy = newFile();
    copyDatabase(this.file, copy);
    super.close();
    copyDatabase(copy, this.file);
  }
}

/** A store that is killed, and gives messages back from its tables always. */
export class PagingStore extends KilledStore {
  protected override readonly part = 200;
  protected override readonly window = 2;
}
