/**
 * The receiver's side of "who said it": an event or a call counts only from the hub that its sender is attached to, or
 * signed by that hub where it came on from there, and only within the sender's rights. Where a realm asks for no
 * credentials the hub's word counts.
 *
 * @module
 */

import { equalBytes, toHex } from "../../base/bytes.ts";
import type { Timers } from "../../base/clock.ts";
import type { Failure } from "../../base/protocol.ts";
import { CREDENTIAL_LEEWAY_MS, type NodeId, sha256 } from "../../identity/mod.ts";
import { isForEverybody } from "../../names/mod.ts";
import type { Attachment, Burst, Publish } from "../../wire/mod.ts";
import type { Self } from "../handshake.ts";
import type { Link } from "../link.ts";
import { type Proof, signerOf } from "./event_proof.ts";
import type { Guard } from "./guard.ts";
import { CredentialRights } from "./rights.ts";
import { type Kept, Statements } from "./senders/statements.ts";
import { readStatement } from "./statement.ts";

/** Senders that a receiver keeps in mind; the one that was not heard for longest goes first. */
export const SENDERS_MAX = 10_000;

/** What a sender has stated of one hub, checked. */
interface Sender extends Kept {
  readonly hub: NodeId;
  readonly until: number;
  /** When the credential in it ends. */
  readonly expires: number;
  readonly isHub: boolean;
  readonly rights: CredentialRights;
  readonly signature: Uint8Array;
}

/** Checks who said it. */
export class Witness {
  readonly #self: Self;
  readonly #guard: Guard;
  readonly #timers: Timers;
  /** Who has moved is still believed at both hubs, so that the one that it left cannot silence it. */
  readonly #senders: Statements<Sender>;

  constructor(self: Self, guard: Guard, timers: Timers, { sendersMax = SENDERS_MAX } = {}) {
    this.#senders = new Statements(sendersMax);
    this.#self = self;
    this.#guard = guard;
    this.#timers = timers;
  }

  /** Senders that are kept. */
  get size(): number {
    return this.#senders.size;
  }

  /** A hub passes on the statement of a node. */
  learn(link: Link, message: Attachment): Failure | undefined {
    const { isRevoked, realmKey = link.peer.realmKey } = this.#guard, now = this.#timers.now();
    if (realmKey === undefined || this.#knows(message)) return undefined;
    const said = readStatement(message, { realm: this.#self.realm, realmKey, now, isRevoked, isPastGood: true });
    if ("code" in said) return said;
    if (said.isPast && (this.#senders.get(said.node, said.hub)?.until ?? 0) > said.until) return undefined;
    const { node, hub, until, credential } = said, rights = new CredentialRights(credential);
    const isHub = credential.role === "hub", signature = message.signature.slice();
    const { id, expires } = credential;
    this.#senders.set(node, hub, { hub, until, expires, isHub, rights, signature, id });
    return undefined;
  }

  /** Forgets what rests on credentials that have been revoked. */
  recheck(): void {
    this.#senders.forgetRevoked((id) => this.#guard.isRevoked(id));
  }

  /** On each lane the same statement comes once. */
  #knows({ publicKey, signature }: Attachment): boolean {
    return this.#senders.of(toHex(sha256(publicKey))).some((known) => equalBytes(known.signature, signature));
  }

  /** By what it is known who published an event that came over `link` (from here if undefined), or why it does not count. */
  event(publish: Publish | Burst, link: Link | undefined): Proof | Failure {
    const by = this.#guard.mode === "credential" ? this.#credible(publish, link) : "link";
    if (typeof by !== "string") return by;
    if (publish.proof === undefined) return publish.claimed ? "claimed" : by;
    const signer = signerOf(publish.proof, "event", this.#self.realm, publish);
    if (signer !== undefined && publish.publisher !== undefined && toHex(publish.publisher) === signer) {
      return "signature";
    }
    return {
      code: "bad_proof",
      text: `Cannot accept the event on ${publish.topic}: its publisher's signature is wrong`,
    };
  }

  /** By what it is known who calls, or why the call does not count. */
  call({ caller, procedure, claimed }: Calling, link: Link | undefined): Exclude<Proof, "signature"> | Failure {
    if (claimed) return this.#guard.mode === "credential" ? unproven(`call of ${procedure}`) : "claimed";
    if (this.#guard.mode !== "credential" || isProven(caller, link)) return "link";
    const sender = this.#sender(caller, link!.peer.node) ?? this.#anywhere(caller);
    if (sender === undefined) return unproven(`call of ${procedure}`);
    const refusal = isForEverybody(procedure) || sender.isHub ? undefined : sender.rights.refusal("call", procedure);
    return refusal ?? (sender.hub === link!.peer.node ? "link" : "hub");
  }

  #credible(publish: Publish | Burst, link: Link | undefined): Proof | Failure {
    const { publisher, topic } = publish;
    if (publisher === undefined) return unproven(`event on ${topic}`);
    if (isProven(publisher, link)) return "link";
    const sender = this.#sender(publisher, link!.peer.node, publish);
    if (sender !== undefined) return refusalOf(sender, topic) ?? "link";
    const elsewhere = this.#anywhere(publisher, publish);
    return elsewhere === undefined ? unproven(`event on ${topic}`) : this.#byOrigin(publish, publisher, elsewhere);
  }

  /** Signed by a hub to which its publisher is attached, which has shown that it is one. */
  #byOrigin(publish: Publish | Burst, publisher: Uint8Array, { hub }: Sender): Proof | Failure {
    const proof = publish.originProof;
    const signer = proof === undefined ? undefined : signerOf(proof, "origin", this.#self.realm, publish);
    const sender = signer === undefined ? undefined : this.#sender(publisher, signer, publish);
    if (sender !== undefined && this.#isHub(signer!)) return refusalOf(sender, publish.topic) ?? "hub";
    const text = `Cannot accept the event on ${publish.topic}: the hub ${hub} of its publisher must have signed it`;
    return { code: "unproven_origin", text };
  }

  /** What a node has stated of one hub, if it still holds. */
  #sender(node: Uint8Array, hub: NodeId, publish?: Publish | Burst): Sender | undefined {
    const sender = this.#senders.find(node, hub);
    return sender !== undefined && this.#isCurrent(sender, publish) ? sender : undefined;
  }

  /** What it has stated of any. */
  #anywhere(node: Uint8Array, publish?: Publish | Burst): Sender | undefined {
    return this.#senders.of(toHex(node)).find((sender) => this.#isCurrent(sender, publish));
  }

  #isHub(node: NodeId): boolean {
    const said = this.#senders.get(node, node); // a hub says of itself that it is attached to itself
    return said?.isHub === true && this.#isCurrent(said);
  }

  /** Of a kept event: whether it held when that was published, and its node's credential still does. */
  #isCurrent({ until, expires }: Sender, publish?: Publish | Burst): boolean {
    const now = this.#timers.now();
    if (publish?.kept !== true) return now < until + CREDENTIAL_LEEWAY_MS;
    return (publish.at ?? Infinity) < until + CREDENTIAL_LEEWAY_MS && now < expires + CREDENTIAL_LEEWAY_MS;
  }
}

/** A call as far as it matters here. */
interface Calling {
  readonly caller: Uint8Array;
  readonly procedure: string;
  readonly claimed?: boolean;
}

function refusalOf({ isHub, rights }: Sender, topic: string): Failure | undefined {
  return isHub ? undefined : rights.refusal("publish", topic);
}

/** From here, or by the link itself: an edge of ours whose id the handshake has proven, or a hub that speaks for itself. */
function isProven(node: Uint8Array, link: Link | undefined): boolean {
  return link === undefined || link.peer.role === "edge" || equalBytes(node, link.peer.nodeBytes);
}

function unproven(what: string): Failure {
  return {
    code: "unproven_sender",
    text: `Cannot accept the ${what}: its sender must be attached to the hub that passes it on`,
  };
}
