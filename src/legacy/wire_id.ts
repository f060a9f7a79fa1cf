/** Node ids as the original's peers write them: 32 raw bytes, or the same as 64 hexadecimal digits. @module */

import { fromHex, toHex } from "../base/bytes.ts";
import { type NodeId, nodeId, sha256 } from "../identity/mod.ts";

/** One node's id in both spellings. */
export interface WireId {
  /** As its owner writes it. */
  readonly wire: Uint8Array;
  /** The 32 bytes by which the mesh knows the node. */
  readonly bytes: Uint8Array;
  readonly node: NodeId;
}

const RAW_BYTES = 32, HEX_DIGITS = 64;

/**
 * Reads an id: 32 bytes as they are, 64 hexadecimal digits as what they stand for, any other by its SHA-256, as the
 * original's hash table does. Undefined for the empty one.
 */
export function readWireId(wire: Uint8Array): WireId | undefined {
  if (wire.length === 0) return undefined;
  const own = wire.slice(), bytes = idBytes(own);
  return { wire: own, bytes, node: nodeId(bytes) };
}

function idBytes(wire: Uint8Array): Uint8Array {
  if (wire.length === RAW_BYTES) return wire;
  if (wire.length !== HEX_DIGITS) return sha256(wire);
  try {
    return fromHex(String.fromCharCode(...wire));
  } catch {
    return sha256(wire); // 64 bytes that are no digits
  }
}

/** A map key for any byte string. */
export function keyOf(bytes: Uint8Array): string {
  return toHex(bytes);
}
