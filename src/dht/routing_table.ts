/**
 * The nodes that a node knows, in 256 buckets by how many leading bits of their id are its own.
 *
 * A bucket holds k nodes. Where it is full, a newcomer waits among the bucket's spares, and the one heard of longest ago
 * is to be probed; who fails to answer three times in a row gives way to the latest spare.
 *
 * @module
 */

import { bucketIndexOf, type Prefixed, prefixOf, SIGN_BIT } from "../names/distance.ts";
import { bucketIndex, compareDistance } from "../names/mod.ts";
import {
  addSpare,
  type Bucket,
  dropSpare,
  heard,
  indexIn,
  type Known,
  type Named,
  newBucket,
  oldestOf,
} from "./table/bucket.ts";

export type { Known, Named };

/** Who counts among the closest. */
export interface Wanted<C> {
  /** Whose statement holds at that time, ms; undefined: everyone's. */
  readonly validAt?: number;
  /** Everyone but this node. */
  readonly except?: Named | undefined;
  /** Counts as held, though it is in no bucket: ourselves. */
  readonly with?: C | undefined;
  /** Whom this lets through. */
  readonly accepts?: (contact: C) => boolean;
}

/** Settings of a table. */
export interface RoutingTableOptions {
  /** k, for entries and for spares. */
  readonly bucketSize: number;
  /** A full bucket whose oldest was probed so lately is not probed again for a newcomer, ms. */
  readonly probeEveryMs: number;
}

/** What became of a node that was to be added. */
export type Added<C> =
  | { readonly outcome: "added" | "known" | "self" | "spare" }
  /** The bucket is full: `probe`, its oldest, should show that it is alive. The newcomer is a spare until then. */
  | { readonly outcome: "full"; readonly probe: C };

/** Failures in a row after which a node is evicted. */
const FAILURES_MAX = 3;

const ADDED = { outcome: "added" } as const;
const KNOWN = { outcome: "known" } as const;
const SPARE = { outcome: "spare" } as const;
const SELF = { outcome: "self" } as const;
const ALL = {} as const;

/** Kademlia's routing table. Time is handed in, in ms. */
export class RoutingTable<C extends Known> {
  readonly #own: Uint8Array;
  readonly #self: Prefixed;
  readonly #options: RoutingTableOptions;
  readonly #buckets: (Bucket<C> | undefined)[] = [];
  #size = 0;
  /** No statement that is held ends before; found anew with a round of probes when one may have ended. */
  #validUntil = Infinity;

  constructor(own: Uint8Array, options: RoutingTableOptions) {
    this.#own = own;
    this.#self = { nodeBytes: own, prefix: prefixOf(own) };
    this.#options = options;
  }

  /** How many nodes it holds, spares not counted. */
  get size(): number {
    return this.#size;
  }

  /** One more than the index of the deepest bucket that was ever used. */
  get depth(): number {
    return this.#buckets.length;
  }

  /** All nodes, spares not counted; the farthest first. */
  *entries(): Generator<C> {
    for (const bucket of this.#buckets) if (bucket !== undefined) yield* bucket.entries;
  }

  /** Whether the bucket that a node belongs to is full. */
  isFullFor(node: Named): boolean {
    const bucket = this.#buckets[bucketIndexOf(this.#self, node)];
    return bucket !== undefined && bucket.entries.length >= this.#options.bucketSize;
  }

  /** The nodes of one bucket, the one heard of longest ago first. */
  bucket(index: number): readonly C[] {
    const { entries = [], seenAt = [] } = this.#buckets[index] ?? {};
    return [...entries.keys()].sort((a, b) => seenAt[a]! - seenAt[b]! || a - b).map((at) => entries[at]!);
  }

  /** How many nodes one bucket holds. */
  countIn(index: number): number {
    return this.#buckets[index]?.entries.length ?? 0;
  }

  /** The node of this id, if the table holds it. */
  get(node: Named): C | undefined {
    const bucket = this.#buckets[bucketIndexOf(this.#self, node)];
    return bucket?.entries[indexIn(bucket, node)];
  }

  /** A node that was just heard of. */
  add(contact: C, now: number): Added<C> {
    const index = bucketIndexOf(this.#self, contact);
    if (index >= 8 * this.#own.length) return SELF;
    if (contact.expiresAt < this.#validUntil) this.#validUntil = contact.expiresAt; // if it is a spare, it may count later
    const bucket = this.#buckets[index] ?? this.#open(index, now), at = indexIn(bucket, contact);
    if (at >= 0) {
      heard(bucket, at, now);
      const before = bucket.entries[at]!;
      if (before !== contact && contact.sequence > before.sequence) bucket.entries[at] = contact;
      return KNOWN;
    }
    const { bucketSize, probeEveryMs } = this.#options;
    if (bucket.entries.length < bucketSize) {
      this.#append(bucket, contact, now);
      dropSpare(bucket, contact);
      return ADDED;
    }
    addSpare(bucket, contact, bucketSize);
    if (now < bucket.probedAt + probeEveryMs) return SPARE;
    bucket.probedAt = now;
    return { outcome: "full", probe: bucket.entries[oldestOf(bucket)]! };
  }

  /** A node has shown that it is alive; nothing happens where it is not held. */
  seen(node: Named, now: number): void {
    const bucket = this.#buckets[bucketIndexOf(this.#self, node)];
    const at = bucket === undefined ? -1 : indexIn(bucket, node);
    if (at >= 0) heard(bucket!, at, now);
  }

  /**
   * A node did not answer. After three times in a row it is gone and the latest spare has its place, as the oldest:
   * `gone` and `next` say so. `doubted`: it has failed before that, and a spare waits for its place.
   */
  failed(contact: C): { readonly gone: boolean; readonly next: C | undefined; readonly doubted: boolean } {
    const bucket = this.#buckets[bucketIndexOf(this.#self, contact)];
    const at = bucket === undefined ? -1 : indexIn(bucket, contact);
    if (at < 0) {
      if (bucket !== undefined) dropSpare(bucket, contact);
      return { gone: false, next: undefined, doubted: false };
    }
    const { entries, prefixes, seenAt, spares } = bucket!;
    const failures = bucket!.failures ??= new Array(entries.length).fill(0);
    if (++failures[at]! < FAILURES_MAX) {
      return { gone: false, next: undefined, doubted: spares !== undefined && spares.entries.length > 0 };
    }
    const next = spares?.entries.pop();
    spares?.prefixes.pop();
    if (next === undefined) {
      for (const list of [entries, prefixes, seenAt, failures]) list.splice(at, 1);
      this.#size--;
    } else {
      entries[at] = next;
      prefixes[at] = next.prefix;
      seenAt[at] = -Infinity; // nobody has heard of it lately: it is the next to be probed
      failures[at] = 0;
    }
    return { gone: true, next, doubted: false };
  }

  /** The oldest of each bucket, if neither was it heard of nor its bucket probed for `probeEveryMs`. */
  probes(now: number): C[] {
    const out: C[] = [], { probeEveryMs } = this.#options;
    if (now >= this.#validUntil) this.#validUntil = this.#firstEnd();
    for (const bucket of this.#buckets) {
      if (bucket === undefined || bucket.entries.length === 0 || now < bucket.probedAt + probeEveryMs) continue;
      const oldest = oldestOf(bucket);
      if (now < bucket.seenAt[oldest]! + probeEveryMs) continue;
      bucket.probedAt = now;
      out.push(bucket.entries[oldest]!);
    }
    return out;
  }

  /** When the first of the statements that are held ends. */
  #firstEnd(): number {
    let first = Infinity;
    for (const bucket of this.#buckets) {
      for (const { expiresAt } of bucket?.entries ?? []) first = Math.min(first, expiresAt);
      for (const { expiresAt } of bucket?.spares?.entries ?? []) first = Math.min(first, expiresAt);
    }
    return first;
  }

  /** The `count` closest to `target` of all nodes that it holds and that are `wanted`, the closest first. */
  closest(target: Uint8Array, count: number, wanted: Wanted<C> = ALL): C[] {
    const nearest = new Nearest<C>(target, count, this.#narrowed(wanted));
    const buckets = this.#buckets, own = this.#own, shared = bucketIndex(own, target);
    // Each bucket is a group. First who shares more bits with the target than we do; then who shares as many: of these
    // buckets the ones whose bit is the target's and not ours, ourselves, and the others, the deepest first; then ever fewer.
    nearest.take(buckets[shared]);
    for (let i = shared + 1; i < buckets.length && !nearest.isFull; i++) {
      if (bitDiffers(own, target, i)) nearest.take(buckets[i]);
    }
    if (!nearest.isFull) nearest.takeOne(wanted.with);
    for (let i = buckets.length - 1; i >= 0 && !nearest.isFull; i--) {
      if (i < shared || i > shared && !bitDiffers(own, target, i)) nearest.take(buckets[i]);
    }
    return nearest.nodes;
  }

  /** Somebody looks for `target`: its bucket need not be refreshed soon. */
  lookedUp(target: Uint8Array, now: number): void {
    const bucket = this.#buckets[bucketIndex(this.#own, target)];
    if (bucket !== undefined) bucket.lookedUpAt = now;
  }

  /** The index of the bucket in whose range nothing was looked for the longest, if that is since `before`. */
  stale(before: number): number | undefined {
    let oldest = before, found: number | undefined;
    for (let i = 0; i < this.#buckets.length; i++) {
      const bucket = this.#buckets[i];
      if (bucket === undefined || bucket.lookedUpAt >= oldest) continue;
      oldest = bucket.lookedUpAt;
      found = i;
    }
    return found;
  }

  /** As long as no statement can have ended, nobody's need be looked at. */
  #narrowed(wanted: Wanted<C>): Wanted<C> {
    const { validAt = -Infinity, accepts } = wanted;
    if (validAt < this.#validUntil) return wanted;
    return { ...wanted, accepts: (one) => one.expiresAt > validAt && (accepts === undefined || accepts(one)) };
  }

  #open(index: number, now: number): Bucket<C> {
    while (this.#buckets.length <= index) this.#buckets.push(undefined);
    return this.#buckets[index] = newBucket(now);
  }

  #append({ entries, prefixes, seenAt, failures }: Bucket<C>, contact: C, now: number): void {
    entries.push(contact);
    prefixes.push(contact.prefix);
    seenAt.push(now);
    failures?.push(0);
    this.#size++;
  }
}

/** The closest of what is given it, group by group: nobody of a later one is closer than somebody of an earlier one. */
class Nearest<C extends Known> {
  readonly #nodes: C[];
  readonly #distances: number[];
  readonly #target: Uint8Array;
  readonly #prefix: number;
  readonly #count: number;
  readonly #accepts: ((contact: C) => boolean) | undefined;
  readonly #except: Named | undefined;
  #found = 0;
  #groupStart = 0;

  constructor(target: Uint8Array, count: number, { accepts, except }: Wanted<C>) {
    this.#target = target;
    this.#prefix = prefixOf(target) ^ SIGN_BIT;
    this.#count = count;
    this.#accepts = accepts;
    this.#except = except;
    // As long as they may become: lists that grow are copied, and this is done for every question.
    this.#nodes = new Array(count);
    this.#distances = new Array(count);
  }

  /** Those that were found, the closest first. */
  get nodes(): C[] {
    if (this.#found < this.#count) this.#nodes.length = this.#found;
    return this.#nodes;
  }

  /** Whether these are all that is wanted. */
  get isFull(): boolean {
    return this.#found >= this.#count;
  }

  /** Sorts the nodes of a bucket in, behind those of earlier ones. */
  take(bucket: Bucket<C> | undefined): void {
    if (bucket === undefined) return;
    this.#groupStart = this.#found;
    const accepts = this.#accepts, except = this.#except;
    const distances = this.#distances, prefix = this.#prefix, count = this.#count, { entries, prefixes } = bucket;
    for (let n = 0; n < prefixes.length; n++) {
      const its = prefixes[n]!, distance = its ^ prefix;
      if (this.#found >= count && distance > distances[count - 1]!) continue;
      const contact = entries[n]!;
      if (except !== undefined && its === except.prefix && contact.node === except.node) continue;
      if (accepts !== undefined && !accepts(contact)) continue;
      this.#sortIn(contact, distance);
    }
  }

  /** Puts one node behind those of earlier groups. */
  takeOne(contact: C | undefined): void {
    this.#groupStart = this.#found;
    if (contact !== undefined) this.#sortIn(contact, contact.prefix ^ this.#prefix);
  }

  #sortIn(contact: C, distance: number): void {
    const nodes = this.#nodes, distances = this.#distances, target = this.#target, start = this.#groupStart;
    let i = this.#found;
    for (; i > start && distances[i - 1]! >= distance; i--) {
      const other = nodes[i - 1]!;
      if (distances[i - 1] === distance && compareDistance(target, other.nodeBytes, contact.nodeBytes) < 0) break;
      if (i === this.#count) continue; // the farthest has no place any more
      nodes[i] = other;
      distances[i] = distances[i - 1]!;
    }
    if (i === this.#count) return;
    nodes[i] = contact;
    distances[i] = distance;
    if (this.#found < this.#count) this.#found++;
  }
}

/** Whether two ids differ in their bit `index`. */
function bitDiffers(a: Uint8Array, b: Uint8Array, index: number): boolean {
  const byte = index >>> 3;
  return ((a[byte]! ^ b[byte]!) & 0x80 >>> (index & 7)) !== 0;
}

/** An id that shares exactly `index` leading bits with `own`, the others from `random`, which is changed for it. */
export function idInBucket(own: Uint8Array, index: number, random: Uint8Array): Uint8Array {
  const byte = index >>> 3, bit = 0x80 >>> (index & 7), kept = ~(2 * bit - 1) & 0xff;
  random.set(own.subarray(0, byte));
  random[byte] = own[byte]! & kept | ~own[byte]! & bit | random[byte]! & (bit - 1);
  return random;
}
