/**
 * What a node thinks of the others: what each link may do and for how long, who was turned away, and what the audit log
 * says of it. The cores get verdicts only.
 *
 * @module
 */

import type { Failure, PeerRights, Refusal } from "../base/protocol.ts";
import { AuditLog, type AuditSink } from "../link/admission/audit.ts";
import { Sessions } from "../link/admission/sessions.ts";
import type { Self } from "../link/handshake.ts";
import type { Link } from "../link/link.ts";
import type { Newcomer } from "../link/link_table.ts";
import type { Message } from "../wire/mod.ts";
import type { Timers } from "../base/clock.ts";

/** What it is made with. */
export interface TrustOptions {
  readonly self: Self;
  readonly timers: Timers;
  readonly audit: AuditSink | undefined;
  /** The hub refused something that nobody waits for, or a fresh credential of ours. */
  readonly onRefused: (failure: Failure) => void;
}

/** What a node thinks of the others. */
export class Trust {
  /** How often somebody was told no, or we were, by code. */
  readonly refused: Map<string, number> = new Map();
  readonly sessions: Sessions;
  readonly #options: TrustOptions;
  readonly #audit: AuditLog | undefined;

  constructor(options: TrustOptions) {
    const { self, timers, audit } = options;
    this.#options = options;
    this.#audit = audit === undefined ? undefined : new AuditLog(audit, () => timers.now());
    this.sessions = new Sessions({
      self,
      timers,
      note: (entry) => {
        if (entry.verdict === "refused") this.#count(entry.reason);
        this.#audit?.note(entry);
      },
      onRefused: (failure) => this.#refusedUs(failure),
    });
  }

  /** A link is up; returns what its peer may do. */
  up(link: Link): PeerRights | undefined {
    const { node, credential } = link.peer;
    if (!link.dialled) {
      this.#audit?.note({ node, action: "attach", name: credential?.id ?? "", verdict: "allowed", reason: "" });
    }
    return this.sessions.joined(link);
  }

  /** A link is gone. */
  down(link: Link): void {
    this.sessions.left(link);
  }

  /** Somebody was turned away before it had a link. */
  turnedAway(code: string, { node, remote }: Newcomer): void {
    this.#count(code);
    this.#audit?.note({ node, remote, action: "attach", name: "", verdict: "refused", reason: code });
  }

  /** A core refused something to a link. */
  refusal(link: Link | undefined, { action, name, code }: Refusal): void {
    this.#count(code);
    this.#audit?.note({ node: link?.peer.node, action, name, verdict: "refused", reason: code });
  }

  /** A message that is about trust. */
  received(link: Link | undefined, message: Message): void {
    if (link === undefined) return; // it ended in this turn
    switch (message.kind) {
      case "renew":
        return this.sessions.onRenew(link, message);
      case "renewAck":
        return this.sessions.onRenewAck(message);
      case "error":
        // A hub does not take such from those it serves: they could only fill its counters.
        if (link.peer.role === "hub") this.#refusedUs({ code: message.code, text: message.text });
    }
  }

  #refusedUs(failure: Failure): void {
    this.#count(failure.code);
    this.#options.onRefused(failure);
  }

  #count(code: string): void {
    const known = this.refused.get(code);
    if (known !== undefined || this.refused.size < CODES_MAX) this.refused.set(code, (known ?? 0) + 1);
  }
}

/** Codes that are counted: ours are fewer, a hub may invent some. */
const CODES_MAX = 100;
