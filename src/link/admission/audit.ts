/** The audit log: who was let in or turned away, and what was refused to whom; a flood of it cannot fill a disk. @module */

import type { Action } from "../../base/protocol.ts";
import type { NodeId } from "../../identity/mod.ts";
import { RateLimit } from "../rate_limit.ts";

/** One line of the audit log. */
export interface AuditEntry {
  /** Wall time, ms. */
  readonly time: number;
  /** The node, as far as it has proven who it is. */
  readonly node?: NodeId | undefined;
  /** The address of a node that has not. */
  readonly remote?: string | undefined;
  /** What was tried: to join, to stay, to present a fresh credential, to use a right, to speak for somebody. */
  readonly action: "attach" | "stay" | "renew" | "vouch" | Action;
  /** The topic, pattern or procedure; of a credential its id; else empty. */
  readonly name: string;
  /** Whether it was let happen. */
  readonly verdict: "allowed" | "refused";
  /** The code that the other end was told; empty where it was allowed. */
  readonly reason: string;
  /** Entries left out before this one, as there were too many. */
  readonly suppressed?: number;
}

/** Takes the entries, in order; it must not throw: a gateway tells its logger and goes on. */
export type AuditSink = (entry: AuditEntry) => void;

/** Entries in a second: of one node or address, and in all, with what may come at once. */
export const AUDIT_RATES = { perSource: 10, perSourceBurst: 100, inAll: 100, inAllBurst: 1_000 } as const;
const SOURCES_MAX = 1_000;
const NAME_LENGTH_MAX = 255;

/** Writes entries, no more than {@linkcode AUDIT_RATES}, and says how many it left out. */
export class AuditLog {
  readonly #sink: AuditSink;
  readonly #now: () => number;
  readonly #perSource = new RateLimit({
    perSecond: AUDIT_RATES.perSource,
    burst: AUDIT_RATES.perSourceBurst,
    keysMax: SOURCES_MAX,
  });
  readonly #inAll = new RateLimit({ perSecond: AUDIT_RATES.inAll, burst: AUDIT_RATES.inAllBurst, keysMax: 1 });
  #suppressed = 0;

  constructor(sink: AuditSink, now: () => number) {
    this.#sink = sink;
    this.#now = now;
  }

  /** Notes one thing that happened now. */
  note({ name, ...entry }: Omit<AuditEntry, "time" | "suppressed">): void {
    const now = this.#now(), source = entry.node ?? entry.remote ?? "";
    if (!this.#perSource.take(source, now) || !this.#inAll.take("", now)) {
      this.#suppressed++;
      return;
    }
    const suppressed = this.#suppressed;
    this.#suppressed = 0;
    const head = { time: Math.floor(now), ...entry, name: name.slice(0, NAME_LENGTH_MAX) };
    this.#sink(suppressed === 0 ? head : { ...head, suppressed });
  }
}
