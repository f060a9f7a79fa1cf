/**
 * Links outlive credentials that are renewed, and end with those that are not:
 *
 *     joined ──fresh one in time──▶ goes on          (renew, answered by renewAck)
 *        ├──── expired, leeway over ──▶ credential_expired
 *        ├──── revoked, at a recheck ─▶ credential_revoked
 *        └──── a fresh one allows less ▶ rights_changed: attach again, so that all is checked anew
 *
 * @module
 */

import type { Timers } from "../../base/clock.ts";
import type { Failure, PeerRights } from "../../base/protocol.ts";
import {
  checkCredential,
  type Credential,
  CREDENTIAL_LEEWAY_MS,
  CredentialFault,
  readCredential,
} from "../../identity/mod.ts";
import type { Renew, RenewAck } from "../../wire/mod.ts";
import type { Self } from "../handshake.ts";
import type { Link } from "../link.ts";
import type { AuditEntry } from "./audit.ts";
import { type Guard, OPEN } from "./guard.ts";
import { covers, CredentialRights } from "./rights.ts";

/** Bounds of how often our own credential is looked at: half of what is left of it, within these, ms. */
const LOOK_MIN_MS = 1_000, LOOK_MAX_MS = 5_000;
/** A peer may present a fresh one so often, ms: each costs a verification. */
export const RENEW_PAUSE_MS = 1_000;
/** What we count of an answer. */
const RENEWAL_CODE = /^(credential_[a-z_]{1,40}|too_soon)$/;
/** Runtime timers do not reach further, ms. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** What sessions are made with. */
export interface SessionsOptions {
  readonly self: Self;
  readonly timers: Timers;
  readonly note: (entry: Pick<AuditEntry, "node" | "action" | "name" | "verdict" | "reason">) => void;
  /** A fresh credential of ours was not accepted by the other end. */
  readonly onRefused: (failure: Failure) => void;
}

interface Session {
  credential: Credential | undefined;
  readonly rights: CredentialRights | undefined;
  /** What we showed last. */
  shown: string | undefined;
  /** Fresh ones of ours that the peer has not answered. */
  unanswered: number;
  renewedAt: number;
  cancelExpiry: () => void;
}

/** The credentials of the links of a node. */
export class Sessions {
  readonly #options: SessionsOptions;
  readonly #guard: Guard;
  readonly #sessions = new Map<Link, Session>();
  #cancelLook: (() => void) | undefined;

  constructor(options: SessionsOptions) {
    this.#options = options;
    this.#guard = options.self.guard ?? OPEN;
  }

  /** A link is up; returns what its peer may do, undefined where that is everything. */
  joined(link: Link): PeerRights | undefined {
    if (this.#guard.mode !== "credential") return undefined;
    const { credential, role } = link.peer;
    // Whoever came in some other way without one, such as a peer of the original, may do nothing.
    const { isRevoked } = this.#guard;
    const rights = role === "edge" ? new CredentialRights(credential, (id) => isRevoked(id)) : undefined;
    const session: Session = {
      credential,
      rights,
      shown: this.#guard.credential(),
      unanswered: 0,
      renewedAt: -Infinity,
      cancelExpiry: () => {},
    };
    this.#sessions.set(link, session);
    this.#watch(link, session);
    this.#look();
    return rights;
  }

  /** A link is gone. */
  left(link: Link): void {
    this.#sessions.get(link)?.cancelExpiry();
    this.#sessions.delete(link);
    if (this.#sessions.size > 0) return;
    this.#cancelLook?.();
    this.#cancelLook = undefined;
  }

  /** Presents our credential on every link that has not seen it. */
  present(): void {
    const token = this.#guard.mode === "credential" ? this.#guard.credential() : undefined;
    if (token === undefined) return;
    for (const [link, session] of this.#sessions) {
      if (session.shown === token) continue;
      session.shown = token;
      session.unanswered++;
      link.send({ kind: "renew", credential: token }, "control");
    }
  }

  /** Ends the links of those whose credential has been revoked; returns how many. */
  recheck(): number {
    let ended = 0;
    for (const [link, { credential }] of [...this.#sessions]) {
      if (credential === undefined || !this.#guard.isRevoked(credential.id)) continue;
      this.#end(link, credential, "credential_revoked", `the credential ${credential.id} was revoked`);
      ended++;
    }
    return ended;
  }

  /** The peer presents a fresh one. */
  onRenew(link: Link, { credential: token }: Renew): void {
    const session = this.#sessions.get(link), { timers, note } = this.#options, now = timers.now();
    const realmKey = this.#guard.realmKey ?? link.peer.realmKey;
    if (session?.credential === undefined || realmKey === undefined) return;
    const { node } = link.peer,
      answer = (failure?: Failure) => {
        const { code: reason = "" } = failure ?? {}, verdict = failure === undefined ? "allowed" : "refused";
        note({ node, action: "renew", name: session.credential!.id, verdict, reason });
        link.send({ kind: "renewAck", ...failure }, "control");
      };
    if (now - session.renewedAt < RENEW_PAUSE_MS) {
      return answer({ code: "too_soon", text: `Cannot renew: one credential in ${RENEW_PAUSE_MS} ms` });
    }
    session.renewedAt = now;
    const fresh = this.#checked(link, token, realmKey, now);
    if ("code" in fresh) return answer(fresh);
    const old = session.credential;
    session.credential = fresh;
    session.rights?.replace(fresh);
    this.#watch(link, session);
    answer();
    if (session.rights === undefined || covers(fresh.rights, old.rights)) return;
    link.breakOff("rights_changed", "the fresh credential allows less than the last: attach again");
  }

  /** The peer has answered a fresh one of ours; who was shown none could only fill our counters. */
  onRenewAck(link: Link, { code, text = "" }: RenewAck): void {
    const session = this.#sessions.get(link);
    if (session === undefined || session.unanswered === 0) return;
    session.unanswered--;
    if (code !== undefined) this.#options.onRefused({ code: RENEWAL_CODE.test(code) ? code : "renewal_refused", text });
  }

  #checked(link: Link, token: string, realmKey: Uint8Array, now: number): Credential | Failure {
    const { node, role } = link.peer, { realm } = this.#options.self, { isRevoked } = this.#guard;
    try {
      return checkCredential(token, { realmKey, realm, node, role, now, isRevoked });
    } catch (error) {
      if (!(error instanceof CredentialFault)) throw error;
      return { code: `credential_${error.code}`, text: error.message };
    }
  }

  /** Ends the link when its peer's credential has expired. */
  #watch(link: Link, session: Session): void {
    session.cancelExpiry();
    const { credential } = session, { timers } = this.#options;
    if (credential === undefined) return;
    const leftMs = credential.expires + CREDENTIAL_LEEWAY_MS - timers.now();
    session.cancelExpiry = timers.after(Math.max(0, Math.min(leftMs, TIMER_MS_MAX)), () => {
      if (leftMs > TIMER_MS_MAX) return this.#watch(link, session);
      const text = `the credential expired at ${new Date(credential.expires).toISOString()}, and no fresh one came`;
      this.#end(link, credential, "credential_expired", text);
    });
  }

  #end(link: Link, { id }: Credential, code: string, text: string): void {
    this.#options.note({ node: link.peer.node, action: "stay", name: id, verdict: "refused", reason: code });
    link.breakOff(code, text);
  }

  /** Asks for our own credential from time to time, the more often the less is left of it. */
  #look(): void {
    if (this.#cancelLook !== undefined || !this.#guard.renewable) return;
    const { timers } = this.#options, leftMs = expiresOf(this.#guard.credential()) - timers.now();
    const afterMs = Math.max(LOOK_MIN_MS, Math.min(leftMs / 2, LOOK_MAX_MS));
    this.#cancelLook = timers.after(afterMs, () => {
      this.#cancelLook = undefined;
      this.present();
      this.#look();
    });
  }
}

/** When a credential of ours ends; one that cannot be read has ended. */
function expiresOf(token: string | undefined): number {
  try {
    return token === undefined ? 0 : readCredential(token).expires;
  } catch {
    return 0;
  }
}
