/** What a gate counts. @module */

/** Counters of legacy peers since the start. */
export interface LegacyStats {
  /** Clients that are there. */
  readonly clients: number;
  /** Their connections, and those of peers that are no clients. */
  readonly connections: number;
  /** Values that are stored for them. */
  readonly records: number;
  /** Events that they published. */
  readonly published: number;
  /** Events that were handed to them. */
  readonly delivered: number;
  /** Events that they sent again. */
  readonly repeats: number;
  /** Calls that they made. */
  readonly calls: number;
  /** What was not done for them, by code. */
  readonly refused: Readonly<Record<string, number>>;
}

/** Counts. */
export class Counters {
  readonly #refused = new Map<string, number>();
  #published = 0;
  #delivered = 0;
  #repeats = 0;
  #calls = 0;

  published(): void {
    this.#published++;
  }

  delivered(): void {
    this.#delivered++;
  }

  repeated(): void {
    this.#repeats++;
  }

  called(): void {
    this.#calls++;
  }

  /** Counts a refusal; returns how many there were of its code. */
  refused(code: string): number {
    const count = (this.#refused.get(code) ?? 0) + 1;
    this.#refused.set(code, count);
    return count;
  }

  /** All of them. */
  all(): Omit<LegacyStats, "clients" | "connections" | "records"> {
    return {
      published: this.#published,
      delivered: this.#delivered,
      repeats: this.#repeats,
      calls: this.#calls,
      refused: Object.fromEntries(this.#refused),
    };
  }
}
