/**
 * The records that a node holds for others: many nodes' under one key, of each node and name the newest, until it
 * expires. What is over a bound is refused, and who is there stays: a flood cannot push out what came before it.
 *
 * @module
 */

import { bytesKey } from "../base/bytes.ts";
import type { Failure } from "../base/protocol.ts";
import type { HolderLimits } from "./options.ts";

/** What a holder needs to know of a record. */
export interface Storable {
  readonly key: Uint8Array;
  /** Whose it is. */
  readonly node: string;
  /** Which of the node's under the key. */
  readonly name: string;
  readonly sequence: number;
  /** Wall time, ms. */
  readonly expiresAt: number;
  readonly ttlMs: number;
  readonly bytes: number;
  readonly withdrawn?: boolean;
}

/** Why a record is not kept. */
export type HolderFault =
  | "expired"
  | "expires_too_late"
  | "stale"
  | "key_full"
  | "publisher_full"
  | "holder_full";

/** A part of what is held under a key. */
export interface Page<R> {
  readonly records: readonly R[];
  /** The number of the next page, where there is one. */
  readonly more: number | undefined;
}

const NOTHING_HELD = { records: [], more: undefined } as const;

/** What one node holds for others. */
export class Records<R extends Storable> {
  readonly #limits: HolderLimits;
  /** By key, then by node and name; in the order in which they came. */
  readonly #keys = new Map<string, Map<string, R>>();
  readonly #perNode = new Map<string, number>();
  #size = 0;
  #bytes = 0;

  constructor(limits: HolderLimits) {
    this.#limits = limits;
  }

  /** How many records are held, those that say "withdrawn" with them. */
  get size(): number {
    return this.#size;
  }

  /** How many bytes they take on the wire. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether any is held under the key. */
  has(key: Uint8Array): boolean {
    return this.#keys.has(bytesKey(key));
  }

  /** Keeps a record, or says why not. `changed`: it says what was not said before, or withdraws what was. */
  put(record: R, now: number): Failure | { readonly changed: boolean } {
    const time = timeFault(record, now);
    if (time !== undefined) return time;
    const key = bytesKey(record.key), slot = slotOf(record), held = this.#keys.get(key), before = held?.get(slot);
    if (before !== undefined) {
      if (before.sequence > record.sequence) {
        return refusal("stale", `a newer one is held, its sequence is ${before.sequence}, got ${record.sequence}`);
      }
      if (before.sequence === record.sequence) return { changed: false };
      if (this.#bytes - before.bytes + record.bytes > this.#limits.recordBytesMax) return this.#tooMany();
      this.#bytes += record.bytes - before.bytes;
      held!.set(slot, record);
      return { changed: (before.withdrawn === true) !== (record.withdrawn === true) };
    }
    const full = this.#fullFor(record, held);
    if (full !== undefined) return full;
    if (held === undefined) this.#keys.set(key, new Map([[slot, record]]));
    else held.set(slot, record);
    this.#perNode.set(record.node, (this.#perNode.get(record.node) ?? 0) + 1);
    this.#size++;
    this.#bytes += record.bytes;
    return { changed: record.withdrawn !== true };
  }

  /**
   * The records under a key, as many as fit into a reply beside its nodes; `page` counts from 0. While they change, a
   * record may be missed or come twice.
   */
  page(key: Uint8Array, page: number, now: number): Page<R> {
    const held = this.#keys.get(bytesKey(key));
    if (held === undefined) return NOTHING_HELD;
    const records: R[] = [];
    const pages = paged(held.values(), this.#limits.replyBytesMax);
    for (const [record, number] of pages) {
      if (number > page) return { records, more: page + 1 };
      if (number === page && record.expiresAt > now) records.push(record);
    }
    return { records, more: undefined };
  }

  /** All records, of all keys. */
  *all(): Generator<R> {
    for (const held of this.#keys.values()) yield* held.values();
  }

  /** Forgets what has expired; returns how many. */
  sweep(now: number): number {
    const before = this.#size;
    for (const [key, held] of this.#keys) {
      for (const [slot, record] of held) {
        if (record.expiresAt <= now) this.#forget(held, slot);
      }
      if (held.size === 0) this.#keys.delete(key);
    }
    return before - this.#size;
  }

  #fullFor(record: R, held: Map<string, R> | undefined): Failure | undefined {
    const { recordsPerKeyMax, recordsPerNodeMax, recordsMax, recordBytesMax } = this.#limits;
    if ((this.#perNode.get(record.node) ?? 0) >= recordsPerNodeMax) {
      return refusal("publisher_full", `a node has at most ${recordsPerNodeMax} records with one holder`);
    }
    if (this.#size >= recordsMax || this.#bytes + record.bytes > recordBytesMax) return this.#tooMany();
    if (held !== undefined && held.size >= recordsPerKeyMax && !this.#makeRoom(record, held)) {
      return refusal("key_full", `a key has at most ${recordsPerKeyMax} records`);
    }
    return undefined;
  }

  /** Of a full key the latest of whoever has most goes, where the newcomer has fewer: nobody can take a key for itself. */
  #makeRoom({ node }: R, held: Map<string, R>): boolean {
    const counts = new Map<string, number>();
    for (const one of held.values()) counts.set(one.node, (counts.get(one.node) ?? 0) + 1);
    let most = (counts.get(node) ?? 0) + 1, latest: string | undefined;
    for (const count of counts.values()) most = Math.max(most, count);
    if (most === (counts.get(node) ?? 0) + 1) return false;
    for (const [slot, one] of held) if (counts.get(one.node) === most) latest = slot;
    this.#forget(held, latest!);
    return true;
  }

  #forget(held: Map<string, R>, slot: string): void {
    const { node, bytes } = held.get(slot)!, left = this.#perNode.get(node)! - 1;
    held.delete(slot);
    this.#size--;
    this.#bytes -= bytes;
    if (left > 0) this.#perNode.set(node, left);
    else this.#perNode.delete(node);
  }

  #tooMany(): Failure {
    const { recordsMax, recordBytesMax } = this.#limits;
    return refusal("holder_full", `a holder keeps at most ${recordsMax} records of ${recordBytesMax} bytes in all`);
  }
}

/** Which of the records under a key it takes the place of. */
export function slotOf({ node, name }: Pick<Storable, "node" | "name">): string {
  return `${node}/${name}`;
}

/** Each record with the number of the page it is on, where a page takes at most `bytesMax`, but one record at least. */
export function* paged<R extends Storable>(records: Iterable<R>, bytesMax: number): Generator<[R, number]> {
  let page = 0, bytes = 0;
  for (const record of records) {
    if (bytes > 0 && bytes + record.bytes > bytesMax) {
      page++;
      bytes = 0;
    }
    bytes += record.bytes;
    yield [record, page];
  }
}

function timeFault({ expiresAt, ttlMs }: Storable, now: number): Failure | undefined {
  if (expiresAt <= now) return refusal("expired", `it must not be expired, got ${now - expiresAt} ms ago`);
  if (expiresAt <= now + 2 * ttlMs) return undefined;
  return refusal("expires_too_late", `it must expire within ${2 * ttlMs} ms, got ${expiresAt - now}`);
}

function refusal(code: HolderFault, rule: string): Failure {
  return { code, text: `Cannot keep the record: ${rule}` };
}
