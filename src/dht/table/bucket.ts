/**
 * One bucket of the routing table: nodes whose ids share as many leading bits with that of the table's node, and spares,
 * who wait for a place.
 *
 * @module
 */

/** What the table needs to know of a node. */
export interface Known {
  /** The id as a text, unique. */
  readonly node: string;
  /** The same as 32 bytes. */
  readonly nodeBytes: Uint8Array;
  /** The first 32 bits of the id. */
  readonly prefix: number;
  /** Of two statements by one node the higher counts. */
  readonly sequence: number;
  /** After that its statement does not count any more, ms. */
  readonly expiresAt: number;
}

/** What a node is told apart by. */
export type Named = Pick<Known, "node" | "nodeBytes" | "prefix">;

/**
 * Parallel lists, as ten thousand tables of some hundred nodes must fit in one process. A node keeps its place, and who
 * was heard of longest ago is looked for when it is to be probed: nodes are heard of a thousand times as often.
 */
export interface Bucket<C> {
  readonly entries: C[];
  /** The first 32 bits of their ids: enough to tell most apart without a look at the ids. */
  readonly prefixes: number[];
  readonly seenAt: number[];
  /** In a row; undefined as long as none has failed. */
  failures: number[] | undefined;
  /** Undefined as long as there was none. */
  spares: Spares<C> | undefined;
  probedAt: number;
  lookedUpAt: number;
}

/** Who waits for a place, the latest last. */
export interface Spares<C> {
  readonly entries: C[];
  readonly prefixes: number[];
}

/** An empty one, made at the time `now`, ms. */
export function newBucket<C>(now: number): Bucket<C> {
  return {
    entries: [],
    prefixes: [],
    seenAt: [],
    failures: undefined,
    spares: undefined,
    probedAt: -Infinity,
    lookedUpAt: now,
  };
}

/** The one at that index was heard of. */
export function heard<C>({ seenAt, failures }: Bucket<C>, at: number, now: number): void {
  seenAt[at] = now;
  if (failures !== undefined) failures[at] = 0;
}

/** The index of the one heard of longest ago. */
export function oldestOf<C>({ seenAt }: Bucket<C>): number {
  let oldest = 0;
  for (let i = 1; i < seenAt.length; i++) if (seenAt[i]! < seenAt[oldest]!) oldest = i;
  return oldest;
}

/** The latest to wait for a place; of over `most` the earliest goes. */
export function addSpare<C extends Known>(bucket: Bucket<C>, contact: C, most: number): void {
  const isOne = dropSpare(bucket, contact), { entries, prefixes } = bucket.spares ??= { entries: [], prefixes: [] };
  if (!isOne && entries.length >= most) {
    entries.shift();
    prefixes.shift();
  }
  entries.push(contact);
  prefixes.push(contact.prefix);
}

/** Waits no more; whether it did. */
export function dropSpare<C extends Known>({ spares }: Bucket<C>, contact: C): boolean {
  if (spares === undefined || spares.entries.length === 0) return false;
  const at = indexOf(spares.entries, spares.prefixes, contact);
  if (at < 0) return false;
  spares.entries.splice(at, 1);
  spares.prefixes.splice(at, 1);
  return true;
}

/** The index of a node, or -1. */
export function indexIn<C extends Known>({ entries, prefixes }: Bucket<C>, node: Named): number {
  return indexOf(entries, prefixes, node);
}

/** Ids of the same prefix are rare: most of the list is passed over without a look at it. */
function indexOf(list: readonly Known[], prefixes: readonly number[], node: Named): number {
  const { prefix } = node;
  for (let i = 0; i < prefixes.length; i++) if (prefixes[i] === prefix && list[i]!.node === node.node) return i;
  return -1;
}
