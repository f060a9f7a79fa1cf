/** Records whose signatures nobody checks, and ids that are cheap. @module */

import { toHex } from "../../src/base/bytes.ts";
import { type Random, seededRandom } from "../../src/base/random.ts";
import { DHT_DEFAULTS, type DhtOptions } from "../../src/dht/options.ts";
import type { NodeRecord, VerifiedRecord } from "../../src/identity/record.ts";
import type { NodeId } from "../../src/identity/node_id.ts";
import { prefixOf } from "../../src/names/distance.ts";
import type { Pattern, Realm } from "../../src/names/mod.ts";

const REALM = "org.example.home" as Realm;
const signed = { body: new Uint8Array(100), signature: new Uint8Array(64) };
/** Far enough for every test. */
export const NODE_TTL_MS = 1e12;

/** 32 bytes that follow from a text; spread evenly. */
export function idOf(text: string): Uint8Array<ArrayBuffer> {
  return seededRandom(text).bytes(32);
}

/** An id with these first bytes, the others zero. */
export function idWith(...first: number[]): Uint8Array<ArrayBuffer> {
  const id = new Uint8Array(32);
  id.set(first);
  return id;
}

/** A node's statement about itself. */
export function fakeNode(nodeBytes: Uint8Array, { sequence = 1, role = "hub" as NodeRecord["role"] } = {}): NodeRecord {
  const node = toHex(nodeBytes) as NodeId;
  const proof = {
    node,
    nodeBytes,
    prefix: prefixOf(nodeBytes),
    publicKey: nodeBytes,
    key: nodeBytes,
    name: "",
    ttlMs: NODE_TTL_MS,
    bytes: 300,
    signed,
  };
  return { kind: "node", realm: REALM, role, endpoints: ["https://h:1"], sequence, expiresAt: NODE_TTL_MS, ...proof };
}

/** Somebody's interest, under any key. */
export function fakeInterest(
  nodeBytes: Uint8Array,
  key: Uint8Array,
  { name = "a.b", sequence = 1, expiresAt = 300_000, ttlMs = 300_000, bytes = 300, withdrawn = false } = {},
): VerifiedRecord {
  const who = { node: toHex(nodeBytes) as NodeId, nodeBytes, prefix: prefixOf(nodeBytes), publicKey: nodeBytes };
  const proof = { ...who, key, name, ttlMs, bytes, signed };
  return { kind: "interest", realm: REALM, pattern: name as Pattern, sequence, expiresAt, withdrawn, ...proof };
}

/** Options for a node. */
export function optionsFor(node: Uint8Array, more: Partial<DhtOptions> = {}): DhtOptions {
  return { ...DHT_DEFAULTS, node, random: seededRandom(toHex(node)), ...more };
}

/** Numbers in a list in random order. */
export function shuffled<T>(list: readonly T[], random: Random): T[] {
  const out = [...list];
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(random.number() * (i + 1));
    [out[i], out[j]] = [out[j]!, out[i]!];
  }
  return out;
}
