/** Records of others as they were found lately, by key. @module */

import { bytesKey } from "../../base/bytes.ts";
import { type Timers, within } from "../../base/clock.ts";
import { LruMap } from "../../base/lru.ts";
import type { VerifiedRecord } from "../../identity/mod.ts";

/** Bounds of a cache, and how long what is in it is good. */
export interface RecordCacheLimits {
  /** Keys that are remembered; of more the one that was not used for the longest goes. */
  readonly keysMax: number;
  /** How long records are remembered, and how long that there are none, ms. */
  readonly keptMs: number;
  readonly noneKeptMs: number;
  /** The same where too few holders have answered: that there are none, and until others are looked for, ms. */
  readonly unsureKeptMs: number;
  /** From this age on they are looked up again when they are used, while they still serve, ms. */
  readonly refreshAfterMs: number;
  /** Lookups on their way; over it nothing is looked up. */
  readonly lookupsMax: number;
}

/** The defaults: DESIGN section 9; what is not said there is a guess. */
export const RECORD_CACHE_LIMITS: RecordCacheLimits = {
  keysMax: 10_000,
  keptMs: 60_000,
  noneKeptMs: 1_000,
  unsureKeptMs: 1_000,
  refreshAfterMs: 30_000,
  lookupsMax: 1_000,
};

/** What a cache is made with. */
export interface RecordCacheOptions {
  readonly timers: Timers;
  /** Looks records up, `thorough`: with all who may have some; may take long, and may reject. */
  readonly find: (key: Uint8Array, thorough: boolean) => Promise<Found>;
  readonly limits?: Partial<RecordCacheLimits>;
}

/** What a lookup has brought. */
export interface Found {
  readonly records: readonly VerifiedRecord[];
  /** Whether enough of those who may hold records have answered. */
  readonly complete: boolean;
}

interface Entry extends Found {
  records: readonly VerifiedRecord[];
  /** When they were looked up, ms. */
  readonly at: number;
}

/** Begins the name of a lookup that asks all. */
const THOROUGH = "thorough ";
const NOTHING: Found = { records: [], complete: false };

/** Records by key. */
export class RecordCache {
  readonly #options: RecordCacheOptions;
  readonly #limits: RecordCacheLimits;
  readonly #entries: LruMap<string, Entry>;
  readonly #lookups = new Map<string, Promise<Found>>();
  #hits = 0;
  #misses = 0;

  constructor(options: RecordCacheOptions) {
    this.#options = options;
    this.#limits = { ...RECORD_CACHE_LIMITS, ...options.limits };
    this.#entries = new LruMap(this.#limits.keysMax);
  }

  /** How many keys are remembered, and how often that was of use. */
  get state(): { readonly size: number; readonly hits: number; readonly misses: number } {
    return { size: this.#entries.size, hits: this.#hits, misses: this.#misses };
  }

  /** What is remembered and good; `contented`: that there is nothing counts as long as anything else. */
  known(key: Uint8Array, { contented = false } = {}): Found | undefined {
    const { keptMs, noneKeptMs, unsureKeptMs, refreshAfterMs } = this.#limits, entry = this.#entries.get(bytesKey(key));
    const age = entry === undefined ? Infinity : this.#options.timers.now() - entry.at;
    const isNone = entry === undefined || entry.records.length === 0;
    const isUnsure = entry?.complete === false, noneMs = isUnsure ? Math.min(noneKeptMs, unsureKeptMs) : noneKeptMs;
    if (age >= (isNone && !contented ? noneMs : keptMs)) {
      this.#misses++;
      return undefined;
    }
    this.#hits++;
    if (age >= (isNone || isUnsure ? noneMs : refreshAfterMs)) void this.#find(key, false);
    return entry;
  }

  /** Looks up; what is found within `ms` milliseconds, else what is remembered. Never rejects. */
  async lookUp(key: Uint8Array, ms: number, { thorough = false } = {}): Promise<Found> {
    const late = () => new Error("the lookup takes too long");
    return await within(this.#options.timers, ms, this.#find(key, thorough), late)
      .catch(() => this.#remembered(bytesKey(key)));
  }

  /** A record is new or withdrawn: we hold it for others. */
  changed(record: VerifiedRecord): void {
    const entry = this.#entries.get(bytesKey(record.key));
    if (entry === undefined) return;
    const others = entry.records.filter(({ node, name }) => node !== record.node || name !== record.name);
    entry.records = record.withdrawn === true ? others : [...others, record];
  }

  /** What is under `key` has changed elsewhere: it is looked up anew when it is used next. */
  outdated(key: Uint8Array): void {
    const name = bytesKey(key);
    this.#entries.delete(name);
    this.#lookups.delete(name);
    this.#lookups.delete(THOROUGH + name);
  }

  /** What `node` says under `key` has turned out not to hold. */
  drop(key: Uint8Array, node: string): void {
    const entry = this.#entries.get(bytesKey(key));
    if (entry === undefined) return;
    entry.records = entry.records.filter((one) => one.node !== node);
    if (entry.records.length === 0) this.#entries.delete(bytesKey(key));
  }

  /** What is remembered, where nothing was found out. */
  #remembered(name: string): Found {
    const records = this.#entries.get(name)?.records ?? [];
    return records.length > 0 ? { records, complete: false } : NOTHING;
  }

  /** One lookup of a kind at a time for a key. Never rejects. */
  #find(key: Uint8Array, thorough: boolean): Promise<Found> {
    const name = bytesKey(key), kind = (thorough ? THOROUGH : "") + name, running = this.#lookups.get(kind);
    if (running !== undefined) return running;
    const remembered = () => this.#remembered(name);
    if (this.#lookups.size >= this.#limits.lookupsMax) return Promise.resolve(remembered());
    const lookup: Promise<Found> = this.#options.find(key, thorough).then((found) => {
      if (!found.complete && found.records.length === 0 && remembered().records.length > 0) return remembered();
      if (this.#lookups.get(kind) === lookup) this.#entries.set(name, { ...found, at: this.#options.timers.now() });
      return found;
    }, remembered).finally(() => this.#lookups.get(kind) === lookup && this.#lookups.delete(kind));
    this.#lookups.set(kind, lookup);
    return lookup;
  }
}
