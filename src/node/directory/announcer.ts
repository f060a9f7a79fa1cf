/**
 * What a hub states in the hash table, name by name: published while it holds, withdrawn when it does not. Few are on
 * their way at once, the others wait in order, and a name that is taken back while it waits costs nothing.
 *
 *     add ─▶ waits ─▶ published ─▶ confirmed          remove ─▶ waits ─▶ withdrawn ─▶ forgotten
 *              └─ 3 s ─▶ unconfirmed so far
 *
 * @module
 */

import type { Timers } from "../../base/clock.ts";
import { Deadlines } from "../../base/deadlines.ts";
import { type Confirmation, UNCONFIRMED } from "../../base/listing.ts";

/** Bounds of an announcer. */
export interface AnnouncerLimits {
  /** Names that are stated; more are known to this hub alone. */
  readonly namesMax: number;
  /** Stores on their way. */
  readonly inFlightMax: number;
  /** How long a name may be unconfirmed until that is told, ms. */
  readonly patienceMs: number;
}

/** The defaults: a holder keeps at most 10,000 records of one node, and a store with silent holders takes 2.5 s. */
export const ANNOUNCER_LIMITS: AnnouncerLimits = { namesMax: 5_000, inFlightMax: 16, patienceMs: 3_000 };

/** What an announcer is made with. */
export interface AnnouncerOptions {
  readonly timers: Timers;
  /** Stores that `name` holds, or does not hold any more; may take long, and may reject. */
  readonly store: (name: string, holds: boolean) => Promise<Confirmation>;
  /** How far a name has got; told again when it gets further. */
  readonly confirmed: (name: string, confirmation: Confirmation) => void;
  readonly limits?: Partial<AnnouncerLimits>;
}

interface Entry {
  /** Whether it holds. */
  holds: boolean;
  /** Whether the hash table may say so. */
  isStated: boolean;
  isBusy: boolean;
  /** Whether what was stored last is not what it would say now. */
  isOutdated: boolean;
  /** Whether it was told how far it has got since it holds. */
  isTold: boolean;
}

/** Keeps statements in the hash table true. */
export class Announcer {
  readonly #options: AnnouncerOptions;
  readonly #limits: AnnouncerLimits;
  readonly #entries = new Map<string, Entry>();
  readonly #waiting = new Set<string>();
  readonly #patience = new Deadlines<string>();
  #inFlight = 0;
  #holding = 0;
  #leftOut = 0;
  #cancel: (() => void) | undefined;
  #isClosed = false;

  constructor(options: AnnouncerOptions) {
    this.#options = options;
    this.#limits = { ...ANNOUNCER_LIMITS, ...options.limits };
  }

  /** Names that hold or are being withdrawn, those of them that wait, and those that were one too many. */
  get state(): { readonly names: number; readonly waiting: number; readonly leftOut: number } {
    return { names: this.#entries.size, waiting: this.#waiting.size, leftOut: this.#leftOut };
  }

  /** `name` holds from now on; `isChanged`: what is said of it is another thing than before, and is stored again. */
  add(name: string, isChanged = false): void {
    const { namesMax, patienceMs } = this.#limits, { confirmed, timers } = this.#options;
    let entry = this.#entries.get(name);
    if (entry?.holds === true) {
      if (!isChanged) return;
      entry.isOutdated = true;
      return this.#queue(name, entry);
    }
    if (this.#holding >= namesMax) {
      this.#leftOut++;
      return confirmed(name, UNCONFIRMED);
    }
    if (entry === undefined) {
      this.#entries.set(
        name,
        entry = { holds: true, isStated: false, isBusy: false, isOutdated: false, isTold: false },
      );
    }
    this.#holding++;
    entry.holds = true;
    entry.isTold = false;
    this.#patience.add(timers.now() + patienceMs, name);
    this.#watch();
    this.#queue(name, entry);
  }

  /** And no longer. */
  remove(name: string): void {
    const entry = this.#entries.get(name);
    if (entry?.holds !== true) return;
    this.#holding--;
    entry.holds = false;
    this.#queue(name, entry);
  }

  /** Stores no more. */
  close(): void {
    this.#isClosed = true;
    this.#cancel?.();
    this.#waiting.clear();
    this.#entries.clear();
  }

  #queue(name: string, entry: Entry): void {
    if (entry.isBusy || this.#isClosed) return;
    this.#waiting.add(name);
    this.#next();
  }

  #next(): void {
    for (const name of this.#waiting) {
      if (this.#inFlight >= this.#limits.inFlightMax) return;
      this.#waiting.delete(name);
      const entry = this.#entries.get(name);
      if (entry === undefined) continue;
      if (entry.holds || entry.isStated) void this.#store(name, entry);
      else this.#entries.delete(name);
    }
  }

  /** Never rejects. */
  async #store(name: string, entry: Entry): Promise<void> {
    const { holds } = entry;
    this.#inFlight++;
    entry.isBusy = true;
    entry.isOutdated = false;
    const confirmation = await this.#options.store(name, holds).catch(() => UNCONFIRMED);
    this.#inFlight--;
    entry.isBusy = false;
    entry.isStated = holds; // also where nobody has kept it: the hash table tries again
    if (entry.holds !== holds || entry.holds && entry.isOutdated) this.#queue(name, entry);
    else if (!holds) this.#entries.delete(name);
    else if (!this.#isClosed) {
      entry.isTold = true;
      this.#options.confirmed(name, confirmation);
    }
    this.#next();
  }

  #watch(): void {
    if (this.#cancel !== undefined || this.#isClosed || this.#patience.size === 0) return;
    const { timers, confirmed } = this.#options;
    this.#cancel = timers.after(Math.max(0, this.#patience.nextAt - timers.now()), () => {
      this.#cancel = undefined;
      const now = timers.now();
      for (let name = this.#patience.takeDue(now); name !== undefined; name = this.#patience.takeDue(now)) {
        const entry = this.#entries.get(name);
        if (entry === undefined || entry.isTold || !entry.holds) continue;
        entry.isTold = true;
        confirmed(name, UNCONFIRMED);
      }
      this.#watch();
    });
  }
}
