/** Password files in a folder that goes away with the test. */

/** Hashes of the password `test`, most of them quick to verify. */
export const hashes = {
  argon2id:
    "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$kC1O4h0sY9EkfKYTFiQnn2CORaIz1aUWrFs8ZlW2dCQ",
  bcrypt: "$2b$04$abcdefghijklmnopqrstuuoD8yw7MmybLKVooaTGGZAt3HXugv2.a",
  scrypt:
    "$scrypt$ln=4,r=1,p=1$c29tZXNhbHQ$Qopwl7sWEDvRUwzYjcLrmJaLg8BIldD7HGP5rf7HpYE",
  sha256: "$5$rounds=1000$saltsalt$xWj7NRmRWGIB0gHHXlbLRiYBNDQRLp1YE33ZV25CLy/",
  // of the documentation of HBMQTT
  sha512:
    "$6$l4zQEHEcowc1Pnv4$HHrh8xnsZoLItQ8BmpFHM4r6q5UqK3DnXp2GaTm5zp5buQ7NheY3Xt9f6godVKbEtA.hOC7IEDwnok3pbAOip.",
};

/** A folder of a test. */
export class Folder implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async make(): Promise<Folder> {
    return new Folder(await Deno.makeTempDir());
  }

  /** Writes a file; its path. */
  async write(name: string, text: string | Uint8Array): Promise<string> {
    const path = `${this.path}/${name}`;
    if (typeof text === "string") await Deno.writeTextFile(path, text);
    else await Deno.writeFile(path, text);
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}
