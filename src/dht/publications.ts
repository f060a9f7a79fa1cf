/** A node's own records, which it keeps alive. @module */

import { bytesKey } from "../base/bytes.ts";
import type { Failure } from "../base/protocol.ts";
import type { Random } from "../base/random.ts";
import type { VerifiedRecord } from "../identity/record.ts";
import { slotOf } from "./records.ts";

/** A record of ours and what is next to be done about it. */
export interface Publication {
  readonly record: VerifiedRecord;
  /** `renew`: ask for a fresh one; `retry`: nobody has kept it, store it again. */
  readonly next: "renew" | "retry";
}

/** Earliness of a renewal, as a part of its time: so that what began together does not go on so. */
const JITTER = 0.1;

/** What a node has published and not withdrawn. */
export class Publications {
  readonly #current = new Map<string, VerifiedRecord>();
  /** Those that fewer than k nodes were asked to keep, because no more were known. */
  readonly #thin = new Map<string, VerifiedRecord>();
  readonly #random: Random;
  readonly #most: number;

  constructor({ random, publicationsMax }: { readonly random: Random; readonly publicationsMax: number }) {
    this.#random = random;
    this.#most = publicationsMax;
  }

  get size(): number {
    return this.#current.size;
  }

  /** Takes the place of an earlier one about the same; or says that there are too many. */
  add(record: VerifiedRecord): Failure | undefined {
    const slot = placeOf(record);
    if (!this.#current.has(slot) && this.#current.size >= this.#most) {
      return { code: "too_many_records", text: `Cannot publish: a node has at most ${this.#most} records` };
    }
    this.#current.set(slot, record);
    this.#thin.delete(slot);
    return undefined;
  }

  /** Forgets what is about the same as `record`. */
  remove(record: VerifiedRecord): void {
    this.#current.delete(placeOf(record));
    this.#thin.delete(placeOf(record));
  }

  /** A record was stored; `isThin`: with fewer than k nodes. */
  stored(record: VerifiedRecord, isThin: boolean): void {
    if (!this.isCurrent(record)) return;
    if (isThin) this.#thin.set(placeOf(record), record);
    else this.#thin.delete(placeOf(record));
  }

  /** Those that more nodes should keep, now that more are known. */
  takeThin(): VerifiedRecord[] {
    const thin = [...this.#thin.values()];
    this.#thin.clear();
    return thin;
  }

  /** Whether this is what we say now. */
  isCurrent(record: VerifiedRecord): boolean {
    return this.#current.get(placeOf(record)) === record;
  }

  /** When to renew a record: at half of the life that it has left, or a little earlier. */
  renewAt(record: VerifiedRecord, now: number): number {
    return now + Math.max(0, record.expiresAt - now) / 2 * (1 - JITTER * this.#random.number());
  }
}

function placeOf(record: VerifiedRecord): string {
  return bytesKey(record.key) + slotOf(record);
}
