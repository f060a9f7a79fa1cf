/** What several holders have said about one key. @module */

import { equalBytes } from "../../base/bytes.ts";
import type { VerifiedRecord } from "../../identity/record.ts";
import { slotOf } from "../records.ts";

/** Merges answers: of each node and name the newest counts, whoever gave it. */
export class Findings {
  readonly #records = new Map<string, VerifiedRecord>();
  readonly #holders = new Set<string>();
  readonly #key: Uint8Array;
  readonly #recordsMax: number;

  constructor(key: Uint8Array, { recordsFoundMax: recordsMax }: { readonly recordsFoundMax: number }) {
    this.#key = key;
    this.#recordsMax = recordsMax;
  }

  /** How many have given at least one. */
  get holders(): number {
    return this.#holders.size;
  }

  /** Whether this node has given any. */
  has(holder: string): boolean {
    return this.#holders.has(holder);
  }

  /** Adds what a holder has given under the key; over the bound, what was there first stays. */
  add(holder: string, records: readonly VerifiedRecord[]): void {
    for (const record of records) {
      if (!equalBytes(record.key, this.#key)) continue;
      this.#holders.add(holder);
      const slot = slotOf(record), before = this.#records.get(slot);
      if (before === undefined ? this.#records.size >= this.#recordsMax : before.sequence >= record.sequence) continue;
      this.#records.set(slot, record);
    }
  }

  /** Those that hold at `now`, in the order of their nodes and names: the same for the same findings. */
  records(now: number): VerifiedRecord[] {
    const live = [...this.#records].filter(([, { expiresAt, withdrawn }]) => expiresAt > now && withdrawn !== true);
    return live.sort(([a], [b]) => a < b ? -1 : 1).map(([, record]) => record);
  }
}
