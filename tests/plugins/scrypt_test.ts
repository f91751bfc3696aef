import { assertEquals } from "@std/assert";
import { scrypt } from "../../plugins/_scrypt.ts";
import { createsWhatItVerifies, refuses, verified } from "./_verify.ts";

const vectors: readonly [password: string, hash: string][] = [
  // from the documentation of passlib
  [
    "password",
    "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E",
  ],
  // from RFC 7914, section 12
  [
    "password",
    "$scrypt$ln=10,r=8,p=16$TmFDbA$/bq+HJ00cgB4VucZDQHp/nxq18vII3gw53N2Y0s3MWIurzDZLiKjiG/xCSedmDDaxyevuUqD7m2DYMvfoswGQA",
  ],
  [
    "pleaseletmein",
    "$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofLVQylVYT8Pz2LUlwUkKpr55h6F3A1lHkDfzwF7RVdYhw",
  ],
  // made by Python's hashlib
  ["päss", "$scrypt$ln=5,r=1,p=2$MDEyMzQ1Njc4OQ$ISEJSVjDgfiwMnQXcaalqw"],
];

for (const [password, hash] of vectors) {
  Deno.test(`scrypt verifies ${hash.split("$")[2]}`, async () => {
    assertEquals(await verified(scrypt, password, hash), true);
    assertEquals(await verified(scrypt, `${password} `, hash), false);
  });
}

Deno.test("scrypt verifies what it creates", () =>
  createsWhatItVerifies(scrypt));

Deno.test("scrypt says what is wrong with a hash", () => {
  const [, hash] = vectors[3]!;
  const form = "it is not $scrypt$ln=…,r=…,p=…$salt$hash";
  const costs = "its costs are out of range, or take more than 1 GiB";
  refuses(scrypt, [
    ["$scrypt$", form],
    [hash.replace("ln=5", "n=5"), form],
    [hash.replace("MDEyMzQ1Njc4OQ", "!"), "its salt is not right"],
    [hash.slice(0, -3), "its last part is not complete"],
    [hash.replace("ln=5", "ln=0"), costs],
    [hash.replace("ln=5,r=1", "ln=20,r=9"), costs],
    [hash.replace("ln=5", "ln=31"), costs],
    [hash.replace("p=2", "p=65"), costs],
  ]);
});
