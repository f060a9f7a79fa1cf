/**
 * Things found by an id of bytes that somebody has drawn at random. A text of it as a map's key would be made and hashed
 * anew for each look-up, which takes ten times as long as a number made of its bytes.
 *
 * @module
 */

import { equalBytes } from "./bytes.ts";

/** Ids that are held although they hash alike: of random ones there are never so many, a forger's cost each other time. */
export const ALIKE_MAX = 8;

/** One that has an id. */
export interface Identified {
  /** 16 bytes, which do not change. */
  readonly requestId: Uint8Array;
}

/** Things by their ids. */
export class IdTable<One extends Identified> {
  readonly #first = new Map<number, One>();
  /** Those that hash like the first one with their hash: mostly none at all. */
  readonly #others = new Map<number, readonly One[]>();
  readonly #hash: (id: Uint8Array) => number;
  #size = 0;

  /** `hash` gives the number that an id is found by. */
  constructor(hash: (id: Uint8Array) => number = hashOf) {
    this.#hash = hash;
  }

  /** How many there are. */
  get size(): number {
    return this.#size;
  }

  /** The one with this id. */
  get(id: Uint8Array): One | undefined {
    const hash = this.#hash(id), first = this.#first.get(hash);
    if (first === undefined || equalBytes(first.requestId, id)) return first;
    return this.#others.size === 0
      ? undefined
      : this.#others.get(hash)?.find((other) => equalBytes(other.requestId, id));
  }

  /** Adds one; false where its id is taken, or hashes like too many others. */
  add(one: One): boolean {
    const hash = this.#hash(one.requestId), first = this.#first.get(hash);
    if (first === undefined) this.#first.set(hash, one);
    else if (!this.#addBeside(first, one, hash)) return false;
    this.#size++;
    return true;
  }

  /** Takes one out; false where it is not in. */
  delete(one: One): boolean {
    const hash = this.#hash(one.requestId), others = this.#others.size === 0 ? undefined : this.#others.get(hash);
    if (this.#first.get(hash) === one) {
      if (others === undefined) this.#first.delete(hash);
      else this.#first.set(hash, others[0]!);
      if (others !== undefined) this.#setOthers(hash, others.slice(1));
    } else if (others?.includes(one)) this.#setOthers(hash, others.filter((other) => other !== one));
    else return false;
    this.#size--;
    return true;
  }

  /** All of them. */
  *values(): Iterable<One> {
    yield* this.#first.values();
    for (const others of this.#others.values()) yield* others;
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
export function hashOf(id: Uint8Array): number {
  let hash = 0;
  for (let at = 0; at < 16; at += 4) {
    hash ^= id[at]! | id[at + 1]! << 8 | id[at + 2]! << 16 | id[at + 3]! << 24;
    hash = Math.imul(hash ^ hash >>> 15, 0x2c1b3c6d); // a step of a usual mixer of 32 bits
    hash = Math.imul(hash ^ hash >>> 12, 0x297a2d39);
  }
  return (hash ^ hash >>> 15) >>> 2;
}
