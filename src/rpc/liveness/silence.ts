/**
 * Who has been given a call and has not said a word since. A process that was killed is noticed only at the idle
 * timeout of its link; until then its place among the providers would cost callers their whole time.
 *
 * @module
 */

import type { Peer } from "../../base/protocol.ts";
import type { HubProvider, ProviderEntry } from "../providers.ts";

/** Silence of so long after a call puts a provider behind the others, ms: guess, above what most handlers take. */
export const SILENT_AFTER_MS = 1_000;
/** A link that has ended is noticed by then, so a longer silence is a slow handler's, ms: idle timeout, 15 s, and 5 s. */
export const SILENT_UNTIL_MS = 20_000;

/**
 * When each peer that owes a word was given the first call that it has not answered; not a number where it owes none, as
 * taking it out and in again for each call would make a new map now and then. At most one entry a link.
 */
export class Silence {
  readonly #since = new Map<Peer, number>();

  /** `peer` was given a call. */
  asked(peer: Peer, now: number): void {
    const lasts = now - (this.#since.get(peer) ?? NaN);
    if (!(lasts < SILENT_UNTIL_MS)) this.#since.set(peer, now);
  }

  /** It has said something. */
  heard(peer: Peer): void {
    if (this.#since.get(peer)! >= 0) this.#since.set(peer, NaN);
  }

  /** It is gone. */
  forget(peer: Peer): void {
    this.#since.delete(peer);
  }

  /** Those of `candidates` that are not silent; all of them where every one is. */
  awake<One extends ProviderEntry | HubProvider>(candidates: readonly One[], now: number): readonly One[] {
    if (candidates.length < 2 || this.#since.size === 0) return candidates;
    const awake = candidates.filter((one) => one.local || !this.#isSilent("hub" in one ? one.hub : one.peer, now));
    return awake.length > 0 ? awake : candidates;
  }

  #isSilent(peer: Peer, now: number): boolean {
    const lasts = now - (this.#since.get(peer) ?? NaN);
    return lasts >= SILENT_AFTER_MS && lasts < SILENT_UNTIL_MS;
  }
}
