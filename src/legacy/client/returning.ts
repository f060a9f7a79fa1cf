/** What clients wanted that have gone: the original's do not say it again when they come back. @module */

import { LruMap } from "../../base/lru.ts";
import type { NodeId } from "../../identity/mod.ts";

/** How long it is kept, ms: as long as a record of it would hold. And of how many clients; the oldest go. */
export const RETURN_MS = 300_000, RETURNING_MAX = 10_000;

/** Patterns of clients that may come back. */
export class Returning {
  readonly #gone = new LruMap<NodeId, { readonly patterns: readonly string[]; readonly until: number }>(RETURNING_MAX);

  /** A client has gone. */
  keep(node: NodeId, patterns: readonly string[], now: number): void {
    if (patterns.length > 0) this.#gone.set(node, { patterns, until: now + RETURN_MS });
  }

  /** What it wanted, if it comes back in time. */
  take(node: NodeId, now: number): readonly string[] {
    const kept = this.#gone.get(node);
    this.#gone.delete(node);
    return kept !== undefined && kept.until > now ? kept.patterns : [];
  }
}
