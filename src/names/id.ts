/** Ids: their 32-byte form, the DHT keys of the original, and UUID texts. The hash is handed in. @module */

import { concatBytes, fromHex, toHex, utf8 } from "../base/bytes.ts";
import { ValidationError } from "../base/errors.ts";
import { quote } from "./topic.ts";

/** SHA-256, from `identity`. */
export type Hash = (bytes: Uint8Array) => Uint8Array;

/** Length of an id or key in the DHT, in bytes. */
export const ID_BYTES = 32;

const UUID = /^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$/;

/** An id as the DHT compares it: 32 bytes as they are, anything else by its hash (so a 64-digit text is hashed). */
export function normalizeId(id: Uint8Array, sha256: Hash): Uint8Array {
  return id.length === ID_BYTES ? id : sha256(id);
}

/** The key under which the original stores a topic, pattern or procedure; not bound to a realm. */
export function originalKey(name: string, sha256: Hash): Uint8Array {
  return sha256(utf8(name));
}

/** The key under which the original stores a node's NAT profile. */
export function natProfileKey(nodeId: Uint8Array, sha256: Hash): Uint8Array {
  return sha256(concatBytes(utf8("nat.profile."), nodeId));
}

/** The first 16 bytes as a UUID's text; throws `ValidationError` when there are fewer. */
export function formatUuid(bytes: Uint8Array): string {
  if (bytes.length < 16) {
    throw new ValidationError(`Cannot write a UUID: it has 16 bytes, got ${bytes.length}`);
  }
  const hex = toHex(bytes.subarray(0, 16));
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** The 16 bytes of a UUID's text; throws `ValidationError`. */
export function parseUuid(text: string): Uint8Array<ArrayBuffer> {
  if (!UUID.test(text)) {
    throw new ValidationError(`Cannot read a UUID: it is 32 hexadecimal digits as 8-4-4-4-12, got ${quote(text)}`);
  }
  return fromHex(text.replaceAll("-", ""));
}
