/**
 * Hashing and Ed25519, synchronous: the one file that touches `node:crypto`, so that a browser build can replace it.
 * WebCrypto is 20 times slower per call and finishes out of order.
 *
 * @module
 */

import {
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  sign,
  timingSafeEqual,
  verify,
  X509Certificate,
} from "node:crypto";
import { concatBytes, equalBytes, fromHex } from "../base/bytes.ts";
import { ValidationError } from "../base/errors.ts";
import type { Random } from "../base/random.ts";

/** Length of a SHA-256 hash. */
export const HASH_BYTES = 32;
/** Length of an Ed25519 seed. */
export const SEED_BYTES = 32;
/** Length of an Ed25519 public key. */
export const PUBLIC_KEY_BYTES = 32;
/** Length of an Ed25519 signature. */
export const SIGNATURE_BYTES = 64;

/** What stands before the seed in a PKCS#8 Ed25519 key (RFC 8410 section 7). */
export const PKCS8_PREFIX: Uint8Array = fromHex("302e020100300506032b657004220420");
/** What stands before the key in an Ed25519 SubjectPublicKeyInfo (RFC 8410 section 4). */
export const SPKI_PREFIX: Uint8Array = fromHex("302a300506032b6570032100");

/** The field prime 2^255 - 19, little-endian as in an encoded point. */
const FIELD_PRIME = fromHex("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f");

/** The y coordinates of the eight points of small order; each has up to two signs (RFC 7748 section 7, libsodium). */
const SMALL_ORDER_Y: readonly Uint8Array[] = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
].map(fromHex);

/** A private key that is ready to sign. */
export type SigningKey = KeyObject;

/** SHA-256 of the parts as one byte string. */
export function sha256(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

/** HMAC-SHA-256 of the parts as one byte string. */
export function hmacSha256(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const hmac = createHmac("sha256", key);
  for (const part of parts) hmac.update(part);
  return new Uint8Array(hmac.digest());
}

/** Whether two secrets are the same, in a time that depends on their lengths only. */
export function equalSecrets(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

/** A fresh Ed25519 seed; `random` must be the system's, never a seeded one. */
export function generateSeed(random: Random): Uint8Array<ArrayBuffer> {
  return random.bytes(SEED_BYTES);
}

/** The private key of a 32-byte seed; throws `ValidationError` for another length. */
export function signingKey(seed: Uint8Array): SigningKey {
  if (seed.length !== SEED_BYTES) {
    throw new ValidationError(`Cannot make a key: a seed has ${SEED_BYTES} bytes, got ${seed.length}`);
  }
  return createPrivateKey({ key: concatBytes(PKCS8_PREFIX, seed) as never, format: "der", type: "pkcs8" });
}

/** The raw public key of a private key, 32 bytes. */
export function publicKeyOf(key: SigningKey): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromBase64(createPublicKey(key as never).export({ format: "jwk" }).x as string, {
    alphabet: "base64url",
  });
}

/** The seed of an Ed25519 private key in PEM (PKCS#8), or `undefined` if the text is anything else. */
export function seedOfPem(pem: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    const key = createPrivateKey({ key: pem, format: "pem" });
    if (key.asymmetricKeyType !== "ed25519") return undefined;
    const seed = Uint8Array.fromBase64(key.export({ format: "jwk" }).d as string, { alphabet: "base64url" });
    return seed.length === SEED_BYTES ? seed : undefined;
  } catch {
    return undefined;
  }
}

/** The Ed25519 signature of a message, 64 bytes. */
export function ed25519Sign(key: SigningKey, message: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(sign(null, message, key));
}

/** Whether `signature` is that of `message` by `publicKey`; `false` for malformed or small-order keys, never throws. */
export function ed25519Verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== SIGNATURE_BYTES || !isSoundPublicKey(publicKey)) return false;
  try {
    const key = createPublicKey({ key: concatBytes(SPKI_PREFIX, publicKey) as never, format: "der", type: "spki" });
    return verify(null, message, key, signature);
  } catch {
    return false;
  }
}

/**
 * Whether 32 bytes may be somebody's public key: the canonical encoding of a y coordinate that is not of small order.
 * For a small-order key one fixed signature fits every message.
 */
export function isSoundPublicKey(publicKey: Uint8Array): boolean {
  if (publicKey.length !== PUBLIC_KEY_BYTES) return false;
  const y = publicKey.slice();
  y[31]! &= 0x7f;
  if (!lessThan(y, FIELD_PRIME)) return false;
  return !SMALL_ORDER_Y.some((small) => equalBytes(small, y));
}

/** The public key as given; throws `ValidationError` unless it is sound. */
export function parsePublicKey(bytes: Uint8Array): Uint8Array {
  if (isSoundPublicKey(bytes)) return bytes;
  const rule = bytes.length === PUBLIC_KEY_BYTES
    ? "it must be a canonical Ed25519 point that is not of small order"
    : `an Ed25519 public key has ${PUBLIC_KEY_BYTES} bytes`;
  throw new ValidationError(
    `Cannot use a public key: ${rule}, got ${bytes.length} bytes ${bytes.toHex().slice(0, 64)}`,
  );
}

/** What a certificate says of itself. */
export interface CertificateFacts {
  /** The certificate as it is sent. */
  readonly der: Uint8Array<ArrayBuffer>;
  /** Wall time in milliseconds. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** Reads the first certificate of a PEM text; throws `ValidationError` if there is none. */
export function parseCertificate(pem: string): CertificateFacts {
  try {
    const certificate = new X509Certificate(pem);
    return {
      der: new Uint8Array(certificate.raw),
      notBefore: Date.parse(certificate.validFrom),
      notAfter: Date.parse(certificate.validTo),
    };
  } catch {
    throw new ValidationError(`Cannot read a certificate: it must be X.509 in PEM, got ${pem.length} characters`);
  }
}

/** Compares little-endian numbers of the same length. */
function lessThan(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = a.length - 1; i >= 0; i--) if (a[i] !== b[i]) return a[i]! < b[i]!;
  return false;
}
