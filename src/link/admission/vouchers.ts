/**
 * Statements on their way: an edge makes its own before the first event or call that it sends to a hub, a hub passes on
 * those of its edges before their first event to each receiver, on the same lane. All of it happens with what is sent
 * anyway: there are no timers, and nothing is sent for who is silent.
 *
 * @module
 */

import { bytesKey, equalBytes, toHex } from "../../base/bytes.ts";
import type { Timers } from "../../base/clock.ts";
import type { Failure, Lane } from "../../base/protocol.ts";
import { LruMap } from "../../base/lru.ts";
import { type Credential, PUBLIC_KEY_BYTES, readCredential, sha256 } from "../../identity/mod.ts";
import type { Attachment, Burst, Cast, Message, Publish, RpcRequest } from "../../wire/mod.ts";
import type { Self } from "../handshake.ts";
import type { Link } from "../link.ts";
import { signEvent } from "./event_proof.ts";
import type { Guard } from "./guard.ts";
import { type Kept, Statements } from "./senders/statements.ts";
import { makeStatement, readStatement, STATEMENT_MS_MAX } from "./statement.ts";

/** Statements of others that a hub keeps: more than clients, as those of gone ones are still good. */
export const VOUCHERS_MAX = 20_000;
/** Receivers that are remembered as told, over all statements and lanes; beyond it all are told again. */
export const TOLD_MAX = 1_000_000;
/** A link may bring a new statement so often, ms: each costs two verifications. */
const LEARN_PAUSE_MS = 1_000;

const NOTHING: readonly Attachment[] = [];

interface Told {
  /** Another one than that of the vouchers: all is forgotten. */
  readonly generation: number;
  readonly links: WeakSet<Link>;
}

interface Voucher extends Kept {
  readonly message: Attachment;
  readonly until: number;
  readonly learnedAt: number;
  readonly told: Partial<Record<Lane, Told>>;
}

/** The statements that a node sends along. */
export class Vouchers {
  readonly #self: Self;
  readonly #guard: Guard;
  readonly #timers: Timers;
  /** Of nodes that are not us. */
  readonly #others = new Statements<Voucher>(VOUCHERS_MAX);
  /** Our own, by the hub that it is made for. */
  readonly #own = new LruMap<string, Voucher>(VOUCHERS_MAX);
  /** When a link last brought a statement that was looked at. */
  readonly #triedAt = new WeakMap<Link, number>();
  readonly #toldMax: number;
  #told = 0;
  #generation = 0;

  constructor(self: Self, guard: Guard, timers: Timers, { toldMax = TOLD_MAX } = {}) {
    this.#toldMax = toldMax;
    this.#self = self;
    this.#guard = guard;
    this.#timers = timers;
  }

  /**
   * What must reach the link before the message does, on the same lane: nothing where it has. `from` is the link that
   * brought the message.
   */
  before(link: Link, message: Message, lane: Lane, from?: Link): readonly Attachment[] {
    const speaker = speakerOf(message);
    if (speaker === undefined) return NOTHING;
    const hub = message.kind === "publish" && message.originProof !== undefined
      ? signerOf(message.originProof)
      : undefined;
    const voucher = this.#isUs(speaker) ? this.#ours(link) : this.#theirs(speaker, hub ?? hubOf(from) ?? this.#id);
    const origin = hub === undefined ? undefined : this.#ofHub(link, hub);
    if (origin === undefined && voucher === undefined) return NOTHING;
    return [origin, voucher].filter((one) => this.#untold(link, lane, one)).map((one) => one!.message);
  }

  /** What goes on to another hub is signed by the hub of its publisher. */
  signed(link: Link, message: Message): Message {
    const { role, identity, realm } = this.#self;
    if (message.kind !== "publish" || role !== "hub" || link.peer.role !== "hub") return message;
    if (message.originProof !== undefined) return message;
    const { frame: _, ...event } = message;
    return { ...event, originProof: signEvent(identity, "origin", realm, event) };
  }

  /** What the hub that signed an event says of itself. */
  #ofHub(link: Link, hub: string): Voucher | undefined {
    return hub === this.#id ? this.#ours(link) : this.#others.get(hub, hub);
  }

  get #id(): string {
    return this.#self.identity.id;
  }

  /** Whether a receiver has yet to be told; counts it as told. */
  #untold(link: Link, lane: Lane, voucher: Voucher | undefined): boolean {
    if (voucher === undefined) return false;
    let told = voucher.told[lane];
    if (told?.generation !== this.#generation) {
      told = voucher.told[lane] = { generation: this.#generation, links: new WeakSet() };
    }
    if (told.links.has(link)) return false;
    told.links.add(link);
    if (++this.#told > this.#toldMax) {
      this.#told = 0;
      this.#generation++;
    }
    return true;
  }

  #isUs(node: Uint8Array): boolean {
    return equalBytes(node, this.#self.identity.idBytes);
  }

  /** A node says at this hub that it is attached here, or another hub passes on what its edges said. */
  learn(link: Link, message: Attachment): Failure | undefined {
    const { realm, identity } = this.#self, { isRevoked, realmKey = link.peer.realmKey } = this.#guard;
    const now = this.#timers.now(), by = link.peer;
    if (realmKey === undefined) return undefined;
    const here = by.role === "edge";
    const said = readStatement(message, { realm, realmKey, now, isRevoked, isPastGood: !here });
    if ("code" in said) return said;
    const hub = here ? identity.id : by.node;
    if (said.hub !== hub || here && said.node !== by.node) {
      const rule = here ? "it must be the sender's own, about this hub" : "it must be about the hub that passes it on";
      return { code: "bad_attachment", text: `Cannot accept the attachment: ${rule}` };
    }
    if (said.isPast && (this.#others.get(said.node, said.hub)?.until ?? 0) > said.until) return undefined;
    this.#others.set(said.node, said.hub, {
      message: own(message),
      until: said.until,
      learnedAt: now,
      told: {},
      id: said.credential.id,
    });
    return undefined;
  }

  /** Forgets what rests on credentials that have been revoked. */
  recheck(): void {
    this.#others.forgetRevoked((id) => this.#guard.isRevoked(id));
  }

  /** Whether an edge brings what is known already, or comes too soon with something else. */
  knows(link: Link, message: Attachment): boolean {
    if (link.peer.role === "hub") return false;
    const known = this.#others.get(link.peer.node, this.#id), now = this.#timers.now();
    if (known !== undefined && equalBytes(known.message.signature, message.signature)) return true;
    const triedAt = this.#triedAt.get(link) ?? -Infinity;
    if (now - triedAt < LEARN_PAUSE_MS) return true;
    this.#triedAt.set(link, now);
    return false;
  }

  /** Made afresh when half of its time is over; a hub speaks for itself to other hubs only. */
  #ours(link: Link): Voucher | undefined {
    const isHub = this.#self.role === "hub";
    if (isHub && link.peer.role !== "hub") return undefined;
    const hub = isHub ? this.#self.identity.idBytes : link.peer.nodeBytes,
      key = bytesKey(hub),
      now = this.#timers.now();
    const known = this.#own.get(key);
    if (known !== undefined && now < known.learnedAt + (known.until - known.learnedAt) / 2) return known;
    const credential = credentialOf(this.#guard);
    if (credential === undefined) return undefined;
    const until = Math.floor(Math.min(now + STATEMENT_MS_MAX, Math.max(credential.expires, now)));
    const facts = { hub, realm: this.#self.realm, until, credential: credential.token };
    const message = makeStatement(this.#self.identity, facts);
    const voucher: Voucher = { message, until, learnedAt: now, told: {}, id: credential.id };
    this.#own.set(key, voucher);
    return voucher;
  }

  /** A call that another provider did not take goes on in a turn of that provider's hub: then the newest one counts. */
  #theirs(speaker: Uint8Array, hub: string): Voucher | undefined {
    return this.#others.find(speaker, hub) ?? this.#others.of(toHex(speaker)).at(-1);
  }
}

/** The hub that signed an event. */
function signerOf(originProof: Uint8Array): string {
  return toHex(sha256(originProof.subarray(0, PUBLIC_KEY_BYTES)));
}

/** The hub that brought a message; undefined where its sender is attached here. */
function hubOf(from: Link | undefined): string | undefined {
  return from?.peer.role === "hub" ? from.peer.node : undefined;
}

/** Who speaks by a message, where that must be vouched for. */
function speakerOf(message: Message): Uint8Array | undefined {
  switch (message.kind) {
    case "publish":
    case "burst":
      return (message as Publish | Burst).publisher;
    case "rpcRequest":
    case "cast":
      return (message as RpcRequest | Cast).fromNode;
    default:
      return undefined;
  }
}

function credentialOf(guard: Guard): Credential | undefined {
  const token = guard.credential();
  try {
    return token === undefined ? undefined : readCredential(token);
  } catch {
    return undefined; // without a credential there is nothing to say
  }
}

/** A copy that does not hold the network's buffers. */
function own({ kind, body, signature, publicKey, credential }: Attachment): Attachment {
  const copy = { kind, body: body.slice(), signature: signature.slice(), publicKey: publicKey.slice() };
  return credential === undefined ? copy : { ...copy, credential };
}
