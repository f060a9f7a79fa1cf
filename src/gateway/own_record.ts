/** A gateway's statement about itself: signed anew before it expires, and when what it says changes. @module */

import type { Timers } from "../base/clock.ts";
import { type Identity, type NodeRecord, type NodeStatement, RECORD_TTL_MS, signRecord } from "../identity/mod.ts";
import type { Realm } from "../names/mod.ts";

/** What an own record is made with. */
export interface OwnRecordOptions {
  readonly identity: Identity;
  readonly realm: Realm;
  readonly timers: Timers;
  /** What it says now. */
  readonly says: () => Pick<NodeStatement, "endpoints" | "capabilities" | "certificates" | "labels" | "credential">;
  /** Takes each new one. */
  readonly onRecord: (record: NodeRecord) => void;
}

/** Keeps a hub's own record fresh. */
export class OwnRecord {
  readonly #options: OwnRecordOptions;
  #sequence = 0;
  #cancel: () => void = () => {};

  constructor(options: OwnRecordOptions) {
    this.#options = options;
  }

  /** Signs one now, and again at half its time. */
  renew(): void {
    const { identity, realm, timers, says, onRecord } = this.#options, now = Math.floor(timers.now());
    const ttlMs = RECORD_TTL_MS.node, sequence = this.#sequence = Math.max(now, this.#sequence + 1);
    const head = { kind: "node", realm, role: "hub", sequence, expiresAt: now + ttlMs } as const;
    this.#cancel();
    this.#cancel = timers.after(ttlMs / 2, () => this.renew());
    onRecord(signRecord(identity, { ...head, ...says() }) as NodeRecord);
  }

  /** Signs no more. */
  close(): void {
    this.#cancel();
  }
}
