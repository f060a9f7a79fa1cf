/** Node ids: SHA-256 of a raw Ed25519 public key. @module */

import { fromHex, toHex } from "../base/bytes.ts";
import { ValidationError } from "../base/errors.ts";
import { HASH_BYTES, parsePublicKey, sha256 } from "./crypto.ts";

/** A node's id as 64 lower-case hexadecimal digits. */
export type NodeId = string & { readonly brand: "NodeId" };

/** The id that 32 bytes stand for; throws `ValidationError` for another length. */
export function nodeId(bytes: Uint8Array): NodeId {
  if (bytes.length !== HASH_BYTES) {
    throw new ValidationError(`Cannot read a node id: it has ${HASH_BYTES} bytes, got ${bytes.length}`);
  }
  return toHex(bytes) as NodeId;
}

/** Reads an id written as 64 hexadecimal digits of either case; throws `ValidationError`. */
export function parseNodeId(text: string): NodeId {
  if (!/^[0-9a-f]{64}$/i.test(text)) {
    throw new ValidationError(
      `Cannot read a node id: it has 64 hexadecimal digits, got ${JSON.stringify(text.slice(0, 80))}`,
    );
  }
  return text.toLowerCase() as NodeId;
}

/** The id of the node that holds a public key; throws `ValidationError` for keys that nobody can hold. */
export function nodeIdOf(publicKey: Uint8Array): NodeId {
  return nodeId(sha256(parsePublicKey(publicKey)));
}

/** The 32 bytes of an id, in a new array. */
export function nodeIdBytes(id: NodeId): Uint8Array<ArrayBuffer> {
  return fromHex(id);
}
