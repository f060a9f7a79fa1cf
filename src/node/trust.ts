/**
 * What a node thinks of the others: what each link may do and for how long, who was turned away, and what the audit log
 * says of it. The cores get verdicts only.
 *
 * @module
 */

import type { Failure, Lane, Peer, PeerRights, Refusal } from "../base/protocol.ts";
import type { DhtEvent } from "../dht/messages.ts";
import { AuditLog, type AuditSink } from "../link/admission/audit.ts";
import { OPEN } from "../link/admission/guard.ts";
import { RecordRight } from "../link/admission/record_right.ts";
import { Sessions } from "../link/admission/sessions.ts";
import { Vouchers } from "../link/admission/vouchers.ts";
import { Witness } from "../link/admission/witness.ts";
import type { VerifiedRecord } from "../identity/mod.ts";
import type { Self } from "../link/handshake.ts";
import type { Link } from "../link/link.ts";
import type { Newcomer } from "../link/link_table.ts";
import type { PubsubEvent } from "../pubsub/messages.ts";
import type { RpcEvent } from "../rpc/messages.ts";
import type { Attachment, Burst, Message, Publish } from "../wire/mod.ts";
import type { Timers } from "../base/clock.ts";

/** Codes that are counted: ours are fewer, a hub may invent some. */
const CODES_MAX = 100, CODE_CHARACTERS_MAX = 64;
/** Who has called cannot be proven any more, and hears nothing. */
const GONE: Failure = { code: "unproven_sender", text: "Cannot accept the call: its link is gone" };

type AnyEvent = PubsubEvent | RpcEvent | DhtEvent;

/** What it is made with. */
export interface TrustOptions {
  readonly self: Self;
  readonly timers: Timers;
  readonly audit: AuditSink | undefined;
  /** A link, or the newest one to a hub. */
  readonly linkOf: (peer: Peer) => Link | undefined;
  /** A call whose sender is not proven is answered so. */
  readonly reject: (invocation: number, failure: Failure) => void;
  /** The hub refused something that nobody waits for, or a fresh credential of ours. */
  readonly onRefused: (failure: Failure) => void;
}

/** What a node thinks of the others. */
export class Trust {
  /** The link whose message is dealt with; undefined while it is something of our own. */
  speaker: Link | undefined;
  /** How often somebody was told no, or we were, by code. */
  readonly refused: Map<string, number> = new Map();
  readonly sessions: Sessions;
  readonly #options: TrustOptions;
  /** Where the realm asks for credentials: what is said of who speaks. */
  readonly #vouchers: Vouchers | undefined;
  readonly #witness: Witness;
  readonly #recordRight: RecordRight;
  readonly #audit: AuditLog | undefined;

  constructor(options: TrustOptions) {
    const { self, timers, audit } = options, guard = self.guard ?? OPEN;
    this.#options = options;
    this.#audit = audit === undefined ? undefined : new AuditLog(audit, () => timers.now());
    this.#vouchers = guard.mode === "credential" ? new Vouchers(self, guard, timers) : undefined;
    this.#recordRight = new RecordRight(guard, self.realm, timers);
    this.#witness = new Witness(self, guard, timers);
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

  /** Somebody was turned away before it had a link, or slowed down on it. */
  turnedAway(code: string, { node, remote, isLinked = false }: Newcomer): void {
    this.#count(code);
    this.#audit?.note({
      node,
      remote,
      action: isLinked ? "stay" : "attach",
      name: "",
      verdict: "refused",
      reason: code,
    });
  }

  /** Sends a message, after what its receiver must know of who speaks by it; false if it was dropped. */
  send(link: Link, message: Message, lane: Lane): boolean {
    if (this.#vouchers === undefined) return link.send(message, lane);
    const signed = this.#vouchers.signed(link, message);
    // What this hub keeps was published here, whoever it is that asks or answers meanwhile.
    const from = message.kind === "publish" && message.kept ? undefined : this.speaker;
    for (const statement of this.#vouchers.before(link, signed, lane, from)) link.send(statement, lane);
    return link.send(signed, lane);
  }

  /** Why a record is not to be believed that its node has signed; counted. */
  recordFault(record: VerifiedRecord): Failure | undefined {
    const failure = this.#recordRight.fault(record);
    if (failure !== undefined) this.#count(failure.code);
    return failure;
  }

  /**
   * Whether another hub may have sent an event that is remembered as seen: a forged one would keep out the true one,
   * which comes from its publisher's hub with the same id. One that is retained must be proven: it takes the place of
   * what is kept.
   */
  believes(publish: Publish): boolean {
    if (this.#options.self.role !== "hub" || this.speaker?.peer.role !== "hub") return true;
    const proof = this.#witness.event(publish, this.speaker);
    if (typeof proof === "string") return true;
    if (proof.code !== "unproven_origin" && !publish.retain) return true; // who is not known is not judged
    this.#unproven("publish", publish.topic, proof);
    return false;
  }

  /** Whether an event of a core is for nobody else; else it now says by what it is known who speaks. */
  takes(event: AnyEvent): boolean {
    switch (event.type) {
      case "refused":
        this.#onRefusal(event);
        return true;
      case "full":
        this.#count(event.code);
        return true;
      case "burst":
      case "delivered": {
        const said = event.type === "burst" ? event.burst : event.publish;
        const proof = this.#witness.event(said, this.#bringerOf(said));
        if (typeof proof !== "string") {
          this.#unproven("publish", said.topic, proof, said.kind === "burst" ? said.count : 1);
        } else event.proof = proof;
        return typeof proof !== "string";
      }
      case "invoke": {
        // Not the speaker: a call that one provider does not take is given to another in a turn of somebody else's.
        const { procedure, from } = event, link = from === undefined ? undefined : this.#options.linkOf(from);
        const proof = from !== undefined && link === undefined ? GONE : this.#witness.call(event, link);
        if (typeof proof === "string") {
          event.proof = proof;
          return false;
        }
        this.#unproven("call", procedure, proof);
        this.#options.reject(event.invocation, proof);
        return true;
      }
      default:
        return false;
    }
  }

  /** The link that an event came on; what this hub keeps was proven when it was published here. */
  #bringerOf({ kept, originProof }: Publish | Burst): Link | undefined {
    const isOurs = kept === true && originProof === undefined && this.#options.self.role === "hub";
    return isOurs ? undefined : this.speaker;
  }

  /** A core refused something to the link whose message is dealt with. */
  #onRefusal({ action, name, code }: Refusal): void {
    this.#count(code);
    this.#audit?.note({ node: this.speaker?.peer.node, action, name, verdict: "refused", reason: code });
  }

  #unproven(action: "publish" | "call" | "vouch", name: string, { code }: Failure, times = 1): void {
    this.#count(code, times);
    this.#audit?.note({ node: this.speaker?.peer.node, action, name, verdict: "refused", reason: code });
  }

  /** A node's statement, by itself or passed on by a hub. */
  #onAttachment(link: Link, message: Attachment): void {
    const vouchers = this.#options.self.role === "hub" ? this.#vouchers : undefined;
    if (vouchers?.knows(link, message)) return;
    const failure = vouchers?.learn(link, message) ??
      (link.peer.role === "hub" ? this.#witness.learn(link, message) : undefined);
    if (failure !== undefined) this.#unproven("vouch", "", failure);
  }

  /** Ends what rests on credentials that have been revoked since; returns how many links that were. */
  recheck(): number {
    this.#vouchers?.recheck();
    this.#witness.recheck();
    return this.sessions.recheck();
  }

  /** A message that is about trust. */
  received(link: Link | undefined, message: Message): void {
    if (link === undefined) return; // it ended in this turn
    switch (message.kind) {
      case "renew":
        return this.sessions.onRenew(link, message);
      case "attachment":
        return this.#onAttachment(link, message);
      case "renewAck":
        return this.sessions.onRenewAck(link, message);
      case "error":
        // A hub does not take such from those it serves: they could only fill its counters.
        if (link.peer.role === "hub") this.#refusedUs({ code: message.code, text: message.text });
    }
  }

  #refusedUs(failure: Failure): void {
    this.#count(failure.code);
    this.#options.onRefused(failure);
  }

  #count(code: string, times = 1): void {
    const short = code.slice(0, CODE_CHARACTERS_MAX), known = this.refused.get(short);
    if (known !== undefined || this.refused.size < CODES_MAX) this.refused.set(short, (known ?? 0) + times);
  }
}
