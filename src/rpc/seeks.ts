/** Calls and casts that wait to be told who serves them. @module */

import type { Cast } from "../wire/mod.ts";
import type { Call } from "./calls.ts";
import type { SeekId } from "./messages.ts";

/** What waits: a call, which is in `Calls` too and gone when it is not there any more; or a cast. */
export type Seeker = Call | Cast;

/** All that wait, by what they ask; only the first needs to ask it. */
export class Seeks {
  readonly #seekers = new Map<SeekId, Seeker[]>();
  readonly #castsMax: number;
  #casts = 0;

  constructor({ castsWaitingMax }: { readonly castsWaitingMax: number }) {
    this.#castsMax = castsWaitingMax;
  }

  /** Waits for the answer to `seek`: `asked` where somebody does already, `full` where a cast is one too many. */
  add(seek: SeekId, seeker: Seeker): "first" | "asked" | "full" {
    if ("kind" in seeker && this.#casts >= this.#castsMax) return "full";
    if ("kind" in seeker) this.#casts++;
    const others = this.#seekers.get(seek);
    others?.push(seeker);
    if (others === undefined) this.#seekers.set(seek, [seeker]);
    return others === undefined ? "first" : "asked";
  }

  /** All that wait for the answer to `seek`, which has come. */
  take(seek: SeekId): readonly Seeker[] {
    const seekers = this.#seekers.get(seek) ?? [];
    this.#seekers.delete(seek);
    for (const seeker of seekers) if ("kind" in seeker) this.#casts--;
    return seekers;
  }
}
