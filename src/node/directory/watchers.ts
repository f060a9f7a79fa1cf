/** Which hubs have asked lately for what is under a key: they want to know when it changes. @module */

import { bytesKey } from "../../base/bytes.ts";
import type { Clock } from "../../base/clock.ts";
import { LruMap } from "../../base/lru.ts";
import type { Peer } from "../../base/protocol.ts";

/** Bounds of what is watched. */
export interface WatcherLimits {
  /** Keys; of more the one that was not asked for the longest goes. */
  readonly keysMax: number;
  /** Links that watch one key; more are not told. */
  readonly perKeyMax: number;
  /** How long after it has asked a link is told, ms: a little longer than answers are remembered. */
  readonly watchMs: number;
}

/** The defaults: guesses. */
export const WATCHER_LIMITS: WatcherLimits = { keysMax: 50_000, perKeyMax: 1_000, watchMs: 90_000 };

/** Links that have asked. */
export class Watchers {
  readonly #clock: Clock;
  readonly #limits: WatcherLimits;
  readonly #keys: LruMap<string, Map<Peer, number>>;

  constructor(clock: Clock, limits: Partial<WatcherLimits> = {}) {
    this.#clock = clock;
    this.#limits = { ...WATCHER_LIMITS, ...limits };
    this.#keys = new LruMap(this.#limits.keysMax);
  }

  /** How many keys are watched. */
  get size(): number {
    return this.#keys.size;
  }

  /** A link asks for what is under `key`. */
  asked(peer: Peer, key: Uint8Array): void {
    const name = bytesKey(key), now = this.#clock.now(), { perKeyMax, watchMs } = this.#limits;
    let peers = this.#keys.get(name);
    if (peers === undefined) this.#keys.set(name, peers = new Map());
    if (peers.size >= perKeyMax && !peers.has(peer)) {
      for (const [one, until] of peers) if (until <= now) peers.delete(one);
      if (peers.size >= perKeyMax) return;
    }
    peers.set(peer, now + watchMs);
  }

  /** Those who want to know that something changes under `key`. */
  of(key: Uint8Array): Peer[] {
    const now = this.#clock.now(), peers = this.#keys.get(bytesKey(key)) ?? [];
    return [...peers].filter(([, until]) => until > now).map(([peer]) => peer);
  }
}
