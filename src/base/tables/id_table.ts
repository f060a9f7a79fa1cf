/**
 * Things found by an id of bytes that somebody has drawn at random. A text of it as a map's key would be made and hashed
 * anew for each look-up, which takes several times as long as a number made of its bytes.
 *
 * @module
 */

import { equalBytes } from "../bytes.ts";
import { NumberTable } from "./number_table.ts";

/** Ids that are held although their numbers are the same: of random ones there are never so many. */
export const ALIKE_MAX = 8;

/** One that has an id. */
export interface Identified {
  /** 16 bytes, which do not change. */
  readonly requestId: Uint8Array;
}

/** Things by their ids. */
export class IdTable<One extends Identified> {
  readonly #first = new NumberTable<One>();
  /** Those that have the same number as the first one with it: mostly none at all. */
  readonly #others = new Map<number, readonly One[]>();
  readonly #seed: number;
  readonly #hash: (id: Uint8Array, seed: number) => number;
  #size = 0;

  /** Nobody should know `seed`: who chooses ids could choose such that are found slowly. */
  constructor(seed: number, hash: (id: Uint8Array, seed: number) => number = hashOf) {
    this.#seed = seed;
    this.#hash = hash;
  }

  /** How many there are. */
  get size(): number {
    return this.#size;
  }

  /** The one with this id. */
  get(id: Uint8Array): One | undefined {
    const hash = this.#hash(id, this.#seed), first = this.#first.get(hash);
    if (first === undefined || equalBytes(first.requestId, id)) return first;
    return this.#others.size === 0
      ? undefined
      : this.#others.get(hash)?.find((other) => equalBytes(other.requestId, id));
  }

  /** Adds one; false where its id is taken, or hashes like too many others. */
  add(one: One): boolean {
    const hash = this.#hash(one.requestId, this.#seed), first = this.#first.get(hash);
    if (first === undefined) this.#first.set(hash, one);
    else if (!this.#addBeside(first, one, hash)) return false;
    this.#size++;
    return true;
  }

  /** Takes one out; false where it is not in. */
  delete(one: One): boolean {
    const hash = this.#hash(one.requestId, this.#seed),
      others = this.#others.size === 0 ? undefined : this.#others.get(hash);
    if (this.#first.get(hash) === one) {
      if (others === undefined) this.#first.delete(hash);
      else this.#first.set(hash, others[0]!);
      if (others !== undefined) this.#setOthers(hash, others.slice(1));
    } else if (others?.includes(one)) this.#setOthers(hash, others.filter((other) => other !== one));
    else return false;
    this.#size--;
    return true;
  }

  /** All of them, in no order that means anything. */
  values(): One[] {
    return [...this.#first.values(), ...[...this.#others.values()].flat()];
  }

  #addBeside(first: One, one: One, hash: number): boolean {
    const others = this.#others.get(hash) ?? [], { requestId } = one;
    if (equalBytes(first.requestId, requestId) || others.length + 1 >= ALIKE_MAX) return false;
    if (others.some((other) => equalBytes(other.requestId, requestId))) return false;
    this.#others.set(hash, [...others, one]);
    return true;
  }

  #setOthers(hash: number, others: readonly One[]): void {
    if (others.length > 0) this.#others.set(hash, others);
    else this.#others.delete(hash);
  }
}

/** 30 bits, which the runtime keeps without an object of their own; all bytes count, as some draw only a part of them. */
export function hashOf(id: Uint8Array, seed: number): number {
  let hash = seed;
  for (let at = 0; at < 16; at += 4) {
    hash ^= id[at]! | id[at + 1]! << 8 | id[at + 2]! << 16 | id[at + 3]! << 24;
    hash = Math.imul(hash ^ hash >>> 15, 0x2c1b3c6d); // a step of a usual mixer of 32 bits
    hash = Math.imul(hash ^ hash >>> 12, 0x297a2d39);
  }
  return (hash ^ hash >>> 15) >>> 2;
}
