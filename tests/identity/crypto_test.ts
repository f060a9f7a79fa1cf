/** Hashes and signatures against published vectors; keys that nobody may use. @module */

import assert from "node:assert/strict";
import { fromHex, utf8 } from "../../src/base/bytes.ts";
import { seededRandom } from "../../src/base/random.ts";
import {
  createIdentity,
  ed25519Sign,
  ed25519Verify,
  equalSecrets,
  generateSeed,
  hmacSha256,
  isSoundPublicKey,
  nodeIdOf,
  parsePublicKey,
  publicKeyOf,
  sha256,
  signingKey,
} from "../../src/identity/mod.ts";

/** The field prime 2^255 - 19. */
const PRIME = 2n ** 255n - 19n;
/** -121665/121666, RFC 8032 section 5.1. */
const CURVE_D = 0x52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3n;
const isPlain = (bytes: Uint8Array) => Object.getPrototypeOf(bytes) === Uint8Array.prototype;

Deno.test("RFC 8032 section 7.1, tests 1 to 3", () => {
  for (
    const [seed, publicKey, message, signature] of [
      [
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
      ],
      [
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
      ],
      [
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
      ],
    ] as const
  ) {
    const key = signingKey(fromHex(seed));
    assert.equal(publicKeyOf(key).toHex(), publicKey);
    assert.equal(ed25519Sign(key, fromHex(message)).toHex(), signature);
    assert.ok(ed25519Verify(fromHex(publicKey), fromHex(message), fromHex(signature)));
    assert.ok(!ed25519Verify(fromHex(publicKey), utf8("other"), fromHex(signature)));
  }
});

Deno.test("hashes, and plain arrays only", () => {
  const parts = [utf8("a"), utf8(""), utf8("bc")];
  assert.equal(sha256(...parts).toHex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  assert.equal( // RFC 4231, test case 2
    hmacSha256(utf8("Jefe"), utf8("what do ya want "), utf8("for nothing?")).toHex(),
    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
  );
  const identity = createIdentity(generateSeed(seededRandom("plain")));
  for (const bytes of [sha256(), hmacSha256(utf8("k")), identity.publicKey, identity.sign(utf8("m")), identity.seed]) {
    assert.ok(isPlain(bytes));
  }
  assert.ok(equalSecrets(utf8("same"), utf8("same")));
  assert.ok(!equalSecrets(utf8("same"), utf8("sane")) && !equalSecrets(utf8("same"), utf8("sam")));
});

Deno.test("every encoding of the eight small-order points is refused, and every other form of a number", () => {
  const smallOrder = [
    0n,
    1n,
    PRIME - 1n,
    0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n,
    0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n,
  ];
  for (const y of smallOrder.slice(3)) { // order 8: doubling gives y = 0, so d·y⁴ + 2·y² = 1
    assert.equal((CURVE_D * y ** 4n + 2n * y ** 2n) % PRIME, 1n);
  }
  let refused = 0;
  for (const y of [...smallOrder, ...Array.from({ length: 19 }, (_, i) => PRIME + BigInt(i))]) {
    for (const sign of [0n, 1n]) {
      const bytes = littleEndian(y | sign << 255n);
      assert.ok(!isSoundPublicKey(bytes), bytes.toHex());
      assert.throws(() => nodeIdOf(bytes), { code: "invalid" });
      refused++;
    }
  }
  assert.equal(refused, 48);
  assert.ok(!isSoundPublicKey(new Uint8Array(31)));
  assert.throws(() => parsePublicKey(new Uint8Array(33)), /32 bytes, got 33 bytes/);
});

Deno.test("the signature that a small-order key would verify for every message is refused", () => {
  const identityPoint = littleEndian(1n);
  const forged = new Uint8Array(64);
  forged[0] = 1;
  for (const message of ["pay", "do not pay"]) {
    assert.ok(!ed25519Verify(identityPoint, utf8(message), forged));
  }
});

Deno.test("verify never throws", () => {
  const { publicKey } = createIdentity(new Uint8Array(32).fill(3));
  for (const length of [0, 63, 65]) assert.ok(!ed25519Verify(publicKey, utf8(""), new Uint8Array(length)));
  const notOnCurve = littleEndian(2n);
  assert.ok(!ed25519Verify(notOnCurve, utf8(""), new Uint8Array(64)));
  assert.throws(() => createIdentity(new Uint8Array(31)), /Cannot make a key: a seed has 32 bytes, got 31$/);
});

function littleEndian(number: bigint): Uint8Array {
  return fromHex(number.toString(16).padStart(64, "0")).reverse();
}
