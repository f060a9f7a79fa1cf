/**
 * An iterative lookup: who is to be asked next for the nodes closest to a target. After rust-libp2p's
 * `query/peers/closest.rs`, with S/Kademlia's disjoint paths (Baumgart and Mies, 2007).
 *
 *     candidate:  new ──asked──▶ asked (slow, after a while) ──answers──▶ answered
 *                                                              └──fails──▶ failed
 *
 * The nodes it begins with are dealt out to paths. A path asks only nodes that it has heard of itself, so nodes that
 * name only each other can lead astray the paths that met one of them, but not the others. A path ends when the few
 * closest it knows have answered, whoever asked them. When the paths have ended, the closest known to any of them are
 * asked, until the k closest have all answered. No reply extends the lookup by nodes farther than these.
 *
 * @module
 */

import { prefixOf, SIGN_BIT } from "../names/distance.ts";
import { compareDistance } from "../names/mod.ts";
import type { LookupOptions } from "./options.ts";

/** What a lookup needs to know of a node. */
export interface Askable {
  readonly node: string;
  readonly nodeBytes: Uint8Array;
  /** The first 32 bits of the id. */
  readonly prefix: number;
}

/** 0: heard of; 1: asked; 2: has answered; 3: has failed. */
type State = 0 | 1 | 2 | 3;
const NEW = 0, ASKED = 1, ANSWERED = 2, FAILED = 3;

interface Candidate<C> {
  readonly contact: C;
  /** A bit for each path that has heard of it. */
  paths: number;
  /** The path that asks it; 0 for none of them. */
  askedBy: number;
  state: State;
  /** Asked, and not worth waiting for before others are asked. */
  isSlow: boolean;
  /** How many links away. */
  readonly round: number;
}

/** One lookup. Ask whom `next` names until it names nobody, and tell what became of each. */
export class Lookup<C extends Askable> {
  readonly target: Uint8Array;
  readonly #prefix: number;
  readonly #own: string;
  readonly #ownPrefix: number;
  readonly #options: LookupOptions;
  /** The closest first. */
  readonly #candidates: Candidate<C>[] = [];
  /** The first 32 bits of each one's distance: enough to tell most apart without a look at the ids. */
  readonly #distances: number[] = [];
  #busyPaths = 0;
  /** A bit for each path whose closest have all answered: it is over, unless it hears of others. */
  #endedPaths = 0;
  #inFlight = 0;
  #queries = 0;

  /** `own` is never asked. `seeds` are the closest that are known, the closest first. */
  constructor(target: Uint8Array, options: LookupOptions & { readonly own: string; readonly seeds: readonly C[] }) {
    this.target = target;
    this.#prefix = prefixOf(target) ^ SIGN_BIT;
    this.#own = options.own;
    this.#ownPrefix = Number.parseInt(options.own.slice(0, 8), 16) | 0;
    this.#options = options;
    let at = 0;
    options.seeds.forEach((contact, i) => at = this.#add(contact, 1, 1 << (i % options.paths), at));
  }

  /** How many nodes were asked. */
  get queries(): number {
    return this.#queries;
  }

  /** The next node to ask, to be taken as asked; undefined: nobody, for now or, where `done`, at all. */
  next(): C | undefined {
    const { parallel, paths, queriesMax } = this.#options;
    if (this.#inFlight >= parallel || this.#queries >= queriesMax) return undefined;
    for (let path = 1; path < 1 << paths; path <<= 1) {
      if (((this.#busyPaths | this.#endedPaths) & path) !== 0) continue;
      const candidate = this.#nextOf(path);
      if (candidate !== undefined) return this.#ask(candidate, path);
    }
    const candidate = this.#nextOfAll();
    return candidate === undefined ? undefined : this.#ask(candidate, 0);
  }

  /** A node that was asked has answered in full. */
  answered(contact: C, named: readonly C[]): void {
    const candidate = this.#find(contact);
    if (candidate?.state !== ASKED) return;
    this.#heard(candidate, named);
    this.#settle(candidate, ANSWERED);
  }

  /** A node that was asked has named others; at most k of them count. It is still to answer. */
  heard(contact: C, named: readonly C[]): void {
    const candidate = this.#find(contact);
    if (candidate?.state === ASKED) this.#heard(candidate, named);
  }

  /** A node that was asked takes its time: others may be asked meanwhile. */
  slow(contact: C): void {
    const candidate = this.#find(contact);
    if (candidate?.state !== ASKED || candidate.isSlow) return;
    candidate.isSlow = true;
    this.#free(candidate);
  }

  /** A node that was asked has not answered, or nothing of use. */
  failed(contact: C): void {
    const candidate = this.#find(contact);
    if (candidate !== undefined && candidate.state === ASKED) this.#settle(candidate, FAILED);
  }

  /** Whether there is nothing left to ask or to wait for. */
  get done(): boolean {
    const { paths, queriesMax } = this.#options;
    if (this.#queries >= queriesMax) return this.#inFlight === 0;
    for (let path = 1; path < 1 << paths; path <<= 1) {
      if ((this.#endedPaths & path) === 0 && this.#isOpen(path)) return false;
    }
    return !this.#isOpen(0);
  }

  /** The k closest that have answered, the closest first. */
  get closest(): C[] {
    const out: C[] = [];
    for (const { state, contact } of this.#candidates) {
      if (state === ANSWERED && out.push(contact) === this.#options.closestCount) break;
    }
    return out;
  }

  /** Those of the k closest that take their time. */
  get slowest(): C[] {
    return this.#candidates.slice(0, this.#options.closestCount)
      .filter(({ state, isSlow }) => state === ASKED && isSlow).map(({ contact }) => contact);
  }

  /** Whether all that is left is to wait for nodes that take their time. */
  get isHeldUp(): boolean {
    return this.#inFlight === 0 && !this.done;
  }

  /** Whether it has heard of a node. */
  has(node: Askable): boolean {
    return this.#find(node) !== undefined;
  }

  /** Whether of the k closest more have answered than have not, those counted that it has not heard of. */
  hasMost(othersAnswered: number, othersSilent: number): boolean {
    let answered = othersAnswered, silent = othersSilent;
    for (const { state } of this.#candidates) {
      if (answered + silent >= this.#options.closestCount) break;
      if (state === ANSWERED) answered++;
      else silent++;
    }
    return answered > silent;
  }

  /** How many links the way to the closest that answered has; 0 where none did. */
  get hops(): number {
    return this.#candidates.find(({ state }) => state === ANSWERED)?.round ?? 0;
  }

  #ask(candidate: Candidate<C>, path: number): C {
    candidate.state = ASKED;
    candidate.askedBy = path;
    this.#busyPaths |= path;
    this.#inFlight++;
    this.#queries++;
    return candidate.contact;
  }

  /** Those named are the closest first, as a rule: then each one's place is behind that of the one before. */
  #heard({ round, askedBy }: Candidate<C>, named: readonly C[]): void {
    const { closestCount, roundsMax } = this.#options, count = Math.min(named.length, closestCount);
    if (round >= roundsMax) return;
    let at = 0;
    for (let i = 0; i < count; i++) at = this.#add(named[i]!, round + 1, askedBy, at);
  }

  #settle(candidate: Candidate<C>, state: State): void {
    candidate.state = state;
    if (!candidate.isSlow) this.#free(candidate);
    candidate.isSlow = false;
  }

  #free(candidate: Candidate<C>): void {
    this.#busyPaths &= ~candidate.askedBy;
    this.#inFlight--;
  }

  #nextOf(path: number): Candidate<C> | undefined {
    let rest = this.#options.pathClosestCount, haveAnswered = true;
    for (const candidate of this.#candidates) {
      if ((candidate.paths & path) === 0 || candidate.state === FAILED) continue;
      if (candidate.state === NEW) return candidate;
      if (candidate.state === ASKED) haveAnswered = false;
      if (!candidate.isSlow && --rest === 0) break;
    }
    if (haveAnswered) this.#endedPaths |= path;
    return undefined;
  }

  #nextOfAll(): Candidate<C> | undefined {
    let rest = this.#options.closestCount;
    for (const candidate of this.#candidates) {
      if (candidate.state === FAILED || candidate.isSlow) continue;
      if (candidate.state === NEW) return candidate;
      if (--rest === 0) return undefined;
    }
    return undefined;
  }

  /** Whether one of the closest that a path knows, or for 0 any path, has yet to be asked or to answer. */
  #isOpen(path: number): boolean {
    let rest = path === 0 ? this.#options.closestCount : this.#options.pathClosestCount;
    for (const candidate of this.#candidates) {
      if (path !== 0 && (candidate.paths & path) === 0 || candidate.state === FAILED) continue;
      if (candidate.state !== ANSWERED) return true;
      if (--rest === 0) return false;
    }
    return false;
  }

  /** At most `queriesMax` × k: each answer adds k. Returns its place, which is sought from `from` on first. */
  #add(contact: C, round: number, path: number, from: number): number {
    if (contact.prefix === this.#ownPrefix && contact.node === this.#own) return from;
    const distance = this.#distance(contact), at = this.#placeFrom(from, distance, contact);
    const there = this.#candidates[at];
    if (there !== undefined && this.#distances[at] === distance && isSame(there.contact, contact)) {
      if ((there.paths & path) === path) return at;
      there.paths |= path;
    } else {
      this.#insert(at, distance, { contact, paths: path, askedBy: 0, state: NEW, isSlow: false, round });
    }
    this.#endedPaths &= ~path;
    return at;
  }

  /** As `splice`, which is several times slower for lists as short as these. */
  #insert(at: number, distance: number, candidate: Candidate<C>): void {
    const distances = this.#distances, candidates = this.#candidates;
    let i = candidates.length;
    distances.push(distance);
    candidates.push(candidate);
    for (; i > at; i--) {
      distances[i] = distances[i - 1]!;
      candidates[i] = candidates[i - 1]!;
    }
    distances[at] = distance;
    candidates[at] = candidate;
  }

  #find(contact: Askable): Candidate<C> | undefined {
    const candidate = this.#candidates[this.#place(this.#distance(contact), contact)];
    return candidate !== undefined && isSame(candidate.contact, contact) ? candidate : undefined;
  }

  #distance({ prefix }: Askable): number {
    return prefix ^ this.#prefix;
  }

  /** The same as `#place`, for what is likely to be at `from` or a few places behind. */
  #placeFrom(from: number, distance: number, contact: Askable): number {
    const distances = this.#distances;
    if (from > 0 && distances[from - 1]! >= distance) return this.#place(distance, contact);
    let at = from;
    while (at < distances.length && distances[at]! < distance) at++;
    while (at < distances.length && distances[at] === distance && this.#isCloser(at, contact)) at++;
    return at;
  }

  /** The index of the first candidate that is not closer. */
  #place(distance: number, contact: Askable): number {
    const distances = this.#distances;
    let low = 0, high = distances.length;
    while (low < high) {
      const middle = (low + high) >>> 1, other = distances[middle]!;
      if (other < distance || other === distance && this.#isCloser(middle, contact)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Whether a candidate is closer than one whose distance begins with the same bits. */
  #isCloser(at: number, contact: Askable): boolean {
    const other: Askable = this.#candidates[at]!.contact;
    return other !== contact && compareDistance(this.target, other.nodeBytes, contact.nodeBytes) < 0;
  }
}

function isSame(a: Askable, b: Askable): boolean {
  return a === b || a.node === b.node;
}
