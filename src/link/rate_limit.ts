/** A token bucket per key. @module */

import { LruMap } from "../base/lru.ts";

/** Allows `perSecond` on average and `burst` at once, for each key; remembers the latest `keysMax` keys. */
export class RateLimit {
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #buckets: LruMap<string, { tokens: number; at: number }>;

  constructor({ perSecond, burst, keysMax }: { perSecond: number; burst: number; keysMax: number }) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#buckets = new LruMap(keysMax);
  }

  /** Takes one token; false if there is none. */
  take(key: string, now: number): boolean {
    const bucket = this.#buckets.get(key) ?? { tokens: this.#burst, at: now };
    bucket.tokens = Math.min(this.#burst, bucket.tokens + (now - bucket.at) / 1_000 * this.#perSecond);
    bucket.at = now;
    this.#buckets.set(key, bucket);
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }
}
