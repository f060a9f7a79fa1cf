/** Calls and casts that wait to be told who serves them. @module */

import type { Cast } from "../wire/mod.ts";
import type { Call } from "./calls.ts";
import type { SeekId } from "./messages.ts";

/** What waits: a call, which may have been given up meanwhile; or a cast. */
export type Seeker = Call | Cast;

/** So many wait for one answer before it is looked which of them still do. */
export const SEEKERS_MIN = 64;

interface Seek {
  seekers: Seeker[];
  /** With so many it is looked which of them still wait. */
  retainAt: number;
}

/** All that wait, by what they ask; only the first needs to ask it. Few are held of calls that were given up. */
export class Seeks {
  readonly #seeks = new Map<SeekId, Seek>();
  readonly #castsMax: number;
  readonly #isWaiting: (call: Call) => boolean;
  #casts = 0;

  constructor({ castsWaitingMax }: { readonly castsWaitingMax: number }, isWaiting: (call: Call) => boolean) {
    this.#castsMax = castsWaitingMax;
    this.#isWaiting = isWaiting;
  }

  /** Waits for the answer to `id`: `asked` where somebody does already, `full` where a cast is one too many. */
  add(id: SeekId, seeker: Seeker): "first" | "asked" | "full" {
    if ("kind" in seeker && this.#casts >= this.#castsMax) return "full";
    if ("kind" in seeker) this.#casts++;
    const seek = this.#seeks.get(id);
    if (seek === undefined) {
      this.#seeks.set(id, { seekers: [seeker], retainAt: SEEKERS_MIN });
      return "first";
    }
    if (seek.seekers.length >= seek.retainAt) {
      seek.seekers = seek.seekers.filter((one) => "kind" in one || this.#isWaiting(one));
      seek.retainAt = Math.max(SEEKERS_MIN, 2 * seek.seekers.length);
    }
    seek.seekers.push(seeker);
    return "asked";
  }

  /** All that wait for the answer to `id`, which has come; of calls some may not wait any more. */
  take(id: SeekId): readonly Seeker[] {
    const seekers = this.#seeks.get(id)?.seekers ?? [];
    this.#seeks.delete(id);
    for (const seeker of seekers) if ("kind" in seeker) this.#casts--;
    return seekers;
  }
}
