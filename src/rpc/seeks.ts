/** Calls and casts that wait to be told who serves them, or how a hub is reached. @module */

import type { Cast } from "../wire/mod.ts";
import type { Call } from "./calls.ts";

/** What waits: a call, which is in `Calls` too and gone when it is not there any more; or a cast. */
export type Seeker = Call | Cast;

/** All that wait, by procedure or by the hub's id; only the first of a name needs to ask. */
export class Seeks {
  readonly #seekers = new Map<string, Seeker[]>();
  readonly #castsMax: number;
  #casts = 0;

  constructor({ castsWaitingMax }: { readonly castsWaitingMax: number }) {
    this.#castsMax = castsWaitingMax;
  }

  /** Waits for `name`: `asked` where somebody does already, `full` where a cast is one too many. */
  add(name: string, seeker: Seeker): "first" | "asked" | "full" {
    if ("kind" in seeker && this.#casts >= this.#castsMax) return "full";
    if ("kind" in seeker) this.#casts++;
    const others = this.#seekers.get(name);
    others?.push(seeker);
    if (others === undefined) this.#seekers.set(name, [seeker]);
    return others === undefined ? "first" : "asked";
  }

  /** All that wait for `name`, which is told. */
  take(name: string): readonly Seeker[] {
    const seekers = this.#seekers.get(name) ?? [];
    this.#seekers.delete(name);
    for (const seeker of seekers) if ("kind" in seeker) this.#casts--;
    return seekers;
  }
}
