/**
 * What peers of the original have stored: values under keys, until their time is over. The original keeps them for ever
 * and without bounds; here the newest value of a node replaces the one before, everything has a bound, and TTLs count.
 *
 * @module
 */

import { encodeValue, type Value, type ValueMap } from "../../wire/mod.ts";
import type { NodeId } from "../../identity/mod.ts";
import { keyOf, readWireId } from "../wire_id.ts";

/** Values of one client or host, of one key, and of all together. */
export const VALUES_PER_CLIENT_MAX = 1_000, VALUES_PER_KEY_MAX = 100, VALUES_MAX = 100_000;
/** Largest value, bytes of MessagePack. */
export const VALUE_BYTES_MAX = 4_096;
/** Lifetime where the value says none, and the longest one, ms. */
export const TTL_MS = 300_000, TTL_MS_MAX = 3_600_000;

/** One stored value. */
export interface Stored {
  readonly key: string;
  readonly value: Value;
  /** Whom it is about; undefined where it does not say. */
  readonly about: NodeId | undefined;
  /** Who stored it: a client, or `host:` and the host of a node that is none. */
  readonly by: Storer;
  /** When it ends, ms. */
  readonly until: number;
}

/** By whom values are counted. */
export type Storer = NodeId | `host:${string}`;

/** Why a value was not kept. */
export type Unkept = "value_too_large" | "too_many_values";

/** Values by key. */
export class Shelf {
  readonly #keys = new Map<string, Stored[]>();
  readonly #byClient = new Map<Storer, Set<Stored>>();
  readonly #onEnded: (stored: Stored) => void;
  #size = 0;

  /** `onEnded` is told of each value whose time was over when somebody looked. */
  constructor(onEnded: (stored: Stored) => void = () => {}) {
    this.#onEnded = onEnded;
  }

  /** Values that are held; those whose time is over count until they are swept. */
  get size(): number {
    return this.#size;
  }

  /** Keeps a value under `key` for its `ttl` (seconds), in the place of the same node's earlier one. */
  store(key: Uint8Array, value: Value, by: Storer, now: number): Stored | Unkept {
    const bytes = encodeValue(value);
    if (bytes.length > VALUE_BYTES_MAX) return "value_too_large";
    const name = keyOf(key), about = aboutOf(value)?.node, until = now + ttlMs(value);
    const values = this.#live(name, now),
      before = values.findIndex((one) => about !== undefined && one.about === about);
    const stored: Stored = { key: name, value: own(value), about, by, until };
    if (before >= 0) {
      this.#forget(values[before]!);
      values[before] = stored;
    } else {
      const full = values.length >= VALUES_PER_KEY_MAX || this.#size >= VALUES_MAX ||
        (this.#byClient.get(by)?.size ?? 0) >= VALUES_PER_CLIENT_MAX;
      if (full) return "too_many_values";
      values.unshift(stored);
    }
    this.#size++;
    const mine = this.#byClient.get(by);
    if (mine === undefined) this.#byClient.set(by, new Set([stored]));
    else mine.add(stored);
    this.#keys.set(name, values);
    return stored;
  }

  /** The values under a key whose time is not over, the newest first. */
  find(key: string, now: number): readonly Stored[] {
    return this.#keys.has(key) ? this.#live(key, now) : [];
  }

  /** What one node has stored about itself. */
  of(node: NodeId, now: number): Stored[] {
    return [...this.#byClient.get(node) ?? []].filter(({ about, until }) => about === node && until > now);
  }

  /** Takes out the values under a key for which `which` holds. */
  remove(key: string, which: (stored: Stored) => boolean): void {
    const values = this.#keys.get(key) ?? [], left = values.filter((one) => !which(one));
    for (const one of values) if (which(one)) this.#forget(one);
    this.#put(key, left);
  }

  /** Takes out what has come to its end. */
  sweep(now: number): void {
    for (const key of [...this.#keys.keys()]) this.#live(key, now);
  }

  #live(key: string, now: number): Stored[] {
    const values = this.#keys.get(key) ?? [], live = values.filter(({ until }) => until > now);
    this.#put(key, live);
    for (const one of values) {
      if (one.until > now) continue;
      this.#forget(one);
      this.#onEnded(one);
    }
    return live;
  }

  #put(key: string, values: Stored[]): void {
    if (values.length === 0) this.#keys.delete(key);
    else this.#keys.set(key, values);
  }

  #forget(stored: Stored): void {
    const mine = this.#byClient.get(stored.by);
    this.#size--;
    mine?.delete(stored);
    if (mine?.size === 0) this.#byClient.delete(stored.by);
  }
}

/** The node that a value is about. */
export function aboutOf(value: Value): ReturnType<typeof readWireId> {
  const id = value instanceof Map ? (value as ValueMap).get("node_id") : undefined;
  return id instanceof Uint8Array ? readWireId(id) : undefined;
}

/** Whether a node stored that it serves a procedure: a subscription's value has no `metadata`. */
export function isService(value: Value): value is ValueMap {
  return value instanceof Map && (value as ValueMap).has("metadata");
}

function ttlMs(value: Value): number {
  const map = value instanceof Map ? value as ValueMap : undefined;
  const seconds = map?.get("ttl") ?? map?.get("ttl_seconds");
  return typeof seconds === "number" && seconds >= 0 ? Math.min(seconds * 1_000, TTL_MS_MAX) : TTL_MS;
}

/** The value in memory of its own: behind its bytes stands the block that it came in. */
function own(value: Value): Value {
  if (value instanceof Uint8Array) return value.slice();
  if (value instanceof Map) return new Map([...value as ValueMap].map(([key, one]) => [key, own(one)]));
  return Array.isArray(value) ? (value as readonly Value[]).map(own) : value;
}
