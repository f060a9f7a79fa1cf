/** A node's Ed25519 key, and the file form of it. @module */

import { concatBytes, toBase64 } from "../base/bytes.ts";
import { MeshError, ValidationError } from "../base/errors.ts";
import { ed25519Sign, PKCS8_PREFIX, publicKeyOf, seedOfPem, type SigningKey, signingKey } from "./crypto.ts";
import { type NodeId, nodeIdBytes, nodeIdOf } from "./node_id.ts";

/** Who a node is: its key pair and the id that follows from it. */
export class Identity {
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** SHA-256 of the public key, as 64 hexadecimal digits. */
  readonly id: NodeId;
  /** The same as 32 bytes. */
  readonly idBytes: Uint8Array;
  readonly #seed: Uint8Array;
  readonly #key: SigningKey;

  /** Use {@linkcode createIdentity}. */
  constructor(seed: Uint8Array) {
    this.#key = signingKey(seed);
    this.#seed = seed.slice();
    this.publicKey = publicKeyOf(this.#key);
    this.id = nodeIdOf(this.publicKey);
    this.idBytes = nodeIdBytes(this.id);
  }

  /** The secret, 32 bytes in a new array: for storing only. A getter, so that printing an identity does not show it. */
  get seed(): Uint8Array {
    return this.#seed.slice();
  }

  /** The Ed25519 signature of a message, 64 bytes; 12 microseconds. */
  sign(message: Uint8Array): Uint8Array {
    return ed25519Sign(this.#key, message);
  }
}

/**
 * The identity of a 32-byte seed: the same seed is the same node. Throws `ValidationError` for another length.
 *
 * @example A node that is the same one after a restart
 * ```ts
 * import { createIdentity } from "@macula/mesh";
 * import assert from "node:assert/strict";
 *
 * const seed = crypto.getRandomValues(new Uint8Array(32)); // keep it where nobody else reads it
 * assert.equal(createIdentity(seed).id, createIdentity(seed).id);
 * ```
 */
export function createIdentity(seed: Uint8Array): Identity {
  return new Identity(seed);
}

/** Throws `ValidationError` unless an application gave an identity; `doing` begins the sentence. */
export function checkIdentity(doing: string, identity: Identity): void {
  if (identity?.publicKey instanceof Uint8Array && typeof identity.sign === "function") return;
  throw new ValidationError(`Cannot ${doing}: identity is what createIdentity makes, got ${typeof identity}`);
}

/** The text of a key file: PKCS#8 in PEM, as `openssl genpkey -algorithm ed25519` writes it. */
export function encodeKeyFile(identity: Identity): string {
  const body = toBase64(concatBytes(PKCS8_PREFIX, identity.seed));
  return `-----BEGIN PRIVATE KEY-----\n${body}\n-----END PRIVATE KEY-----\n`;
}

/** Reads a key file; `path` is for the error, a `MeshError` with code `key_damaged`. */
export function parseKeyFile(text: string, path = "the key file"): Identity {
  const seed = seedOfPem(text);
  if (seed) return createIdentity(seed);
  throw new MeshError(
    "key_damaged",
    `Cannot read the node key: ${path} must hold an Ed25519 private key (PKCS#8 in PEM), got ${describe(text)}. ` +
      "Restore it from a copy, or delete it to start as a new node with a new id",
  );
}

/** Names what a text is without repeating it: it may hold most of a secret. */
function describe(text: string): string {
  if (text.trim() === "") return "an empty file";
  const label = /-----BEGIN ([A-Z0-9 ]{1,40})-----/.exec(text)?.[1];
  return label ? `a damaged or different ${label}` : `${text.length} characters that are no PEM`;
}
