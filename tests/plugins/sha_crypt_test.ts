import { assertEquals } from "@std/assert";
import { shaCrypt } from "../../plugins/_sha_crypt.ts";
import { createsWhatItVerifies, refuses, verified } from "./_verify.ts";

/** Made by crypt(3) of libxcrypt. */
const vectors: readonly [password: string, hash: string][] = [
  [
    "Hello world!",
    "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5",
  ],
  [
    "Hello world!",
    "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
  ],
  ["", "$5$saltstring$FdNfA4gXqvCeO6iZs7G/.wwwoywYZqo0l1pwmfWaBA7"],
  ["a", "$5$saltstring$7cz4bTeQ7MnNssphNhFVrITtuJYY/1tdvLL2uzLvOk8"],
  ["pässwörd", "$5$saltstring$bWOoCRTKNT.aiY/gJjvk1HjBYuRpcYQmcc5hqf6H4T4"],
  [
    "0123456789abcdef",
    "$5$saltstring$3wqVCLY9iB2MgY28k6isi.eobd89IckZ3j9EQpljMt8",
  ],
  [
    "x".repeat(31),
    "$5$saltstring$7eexM9i/RwH3zSTlXIzQVgVOeOcfAEH1bze54mX5hU9",
  ],
  [
    "y".repeat(64),
    "$5$saltstring$w0HRpy/m38WKtUTKWTOQfisUmTOrN4wtNIsR08RlafB",
  ],
  [
    "z".repeat(129),
    "$5$saltstring$gSh/xnthgl4gWBo1KgG2e3bGodf2ysAUXtjtmsrbG3A",
  ],
  [
    "a",
    "$5$rounds=1000$sixteencharsalt.$8e/XIb2947Tg.m99dcr5K9Rvp64H7BcxihwOI0WU350",
  ],
  [
    "pässwörd",
    "$5$rounds=1000$sixteencharsalt.$E5Oegclz55Ja/K7aoM0DDZ5rSDvAP1JFty5vBba3cq8",
  ],
  [
    "",
    "$6$ab$xnh5Qsr2NdbFw1PgdZie7nLON3gv.S.23iQDBqAzkdoXPtDnVSpludXkM5UWybQO3OI7hBj9wHg9Ow6sUWD60/",
  ],
  [
    "pässwörd",
    "$6$rounds=1234$saltsaltsaltsalt$zk1Mwr/XY7bTD.mAotoxxV8dCXgkC8tDvCQ9uZAxDh0tntlFZnzRSLhS8T10m8ybXWwU6SunB1YzCsV2ICM3D/",
  ],
  // the user of the documentation of HBMQTT
  [
    "test",
    "$6$l4zQEHEcowc1Pnv4$HHrh8xnsZoLItQ8BmpFHM4r6q5UqK3DnXp2GaTm5zp5buQ7NheY3Xt9f6godVKbEtA.hOC7IEDwnok3pbAOip.",
  ],
  [
    "0123456789abcdef",
    "$6$l4zQEHEcowc1Pnv4$TiJJ5MCOaQLko5dRcNYHHxa3B6tSsem1PkFwv8SQyHclDLTEHhJLd6RHpeAx5y6.aJhb.dZxYiPwXiQjvvU1x.",
  ],
  [
    "x".repeat(31),
    "$6$l4zQEHEcowc1Pnv4$UN/NqWQZNRl.uFX73wsuRebPAW24oqb1mvMpp.cwUheoy3lQ3a0d37ncv4vqHFW6d8Fiub1u0FdTPxoM/Uf890",
  ],
  [
    "y".repeat(64),
    "$6$l4zQEHEcowc1Pnv4$2XypFi3K/EKzHhF5bQYQbuGy2lYKbfmy0lXbm4I7zHXfbYHtNVgCy33Bewas1pNpBhi9HGs0OdMMP36Lh/Yi71",
  ],
  [
    "z".repeat(129),
    "$6$l4zQEHEcowc1Pnv4$ZBtSSpD/slLvs4ADEsPcbrKxlkhhkLxvtWa/FmS94.1EPvh1Y24F7dRgDHWBzKJ9C1W.Nk37eRAyLhaNzSPeB/",
  ],
];

for (const [password, hash] of vectors) {
  const start = hash.slice(0, hash.lastIndexOf("$"));
  Deno.test(`SHA-crypt verifies ${password.length} characters by ${start}`, async () => {
    assertEquals(await verified(shaCrypt, password, hash), true);
    assertEquals(await verified(shaCrypt, `${password}.`, hash), false);
  });
}

Deno.test("SHA-crypt verifies what it creates", () =>
  createsWhatItVerifies(shaCrypt));

Deno.test("SHA-crypt says what is wrong with a hash", () => {
  const [, hash = ""] = vectors[0]!;
  const rounds = "its rounds are not from 1000 to 5000000";
  refuses(shaCrypt, [
    ["$6$", "it is not $6$salt$hash"],
    ["$6$salt", "it is not $6$salt$hash"],
    ["$6$saltsaltsaltsalt1$x", "it is not $6$salt$hash"],
    [hash.slice(0, -1), "its last part is not complete"],
    [hash.replace("$5$", "$6$"), "its last part is not complete"],
    [`${hash.slice(0, -1)}-`, "its last part is not complete"],
    [hash.replace("$5$", "$5$rounds=999$"), rounds],
    [hash.replace("$5$", "$5$rounds=5000001$"), rounds],
    [hash.replace("$5$", "$5$rounds=many$"), "it is not $6$salt$hash"],
  ]);
});
