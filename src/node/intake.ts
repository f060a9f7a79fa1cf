/**
 * The hash table's door: what links bring for it is proven first. A turn of the event loop checks so many signatures at
 * most; what is beyond waits for the next turn, each link's messages in their order and the links in turns, so that one
 * that floods holds up itself.
 *
 * @module
 */

import type { Timers } from "../base/clock.ts";
import type { Failure, Peer } from "../base/protocol.ts";
import type { DhtMessage } from "../dht/messages.ts";
import { type DhtWireMessage, fromWire, type Verification } from "../dht/wire_form.ts";
import { RecordVerifier, sha256, type VerifiedRecord } from "../identity/mod.ts";
import type { Realm } from "../names/mod.ts";
import { decodeFrame, encodeFrame } from "../wire/mod.ts";

/** Signatures that one turn checks: 8 ms. */
export const SIGNATURES_PER_TURN = 200;
/** What waits for a later turn, bytes: of one link, and of all. */
export const WAITING_BYTES_PER_LINK_MAX = 512 << 10, WAITING_BYTES_MAX = 8 << 20;

/** What an intake is made with. */
export interface IntakeOptions {
  readonly realm: Realm;
  readonly timers: Timers;
  /** Whether a link leads to a hub. */
  readonly isHub: (peer: Peer) => boolean;
  /** Why a record that is its node's own is not to be believed all the same. */
  readonly right?: (record: VerifiedRecord) => Failure | undefined;
  /** Takes what is proven. */
  readonly give: (from: Peer, message: DhtMessage) => void;
}

/** A message that waits, in memory of its own. */
interface Waiting {
  readonly message: DhtWireMessage;
  readonly bytes: number;
  /** What is known of its records so far, in their order. */
  readonly proven: (VerifiedRecord | Failure)[];
}

const ANSWERS: ReadonlySet<string> = new Set(["findNodeReply", "findValueReply", "storeAck"]);
/** Thrown through `fromWire` when the turn's signatures are spent. */
const SPENT = Symbol("spent");

/** Proves what comes for the hash table. */
export class Intake {
  readonly #options: IntakeOptions;
  readonly #verifier = new RecordVerifier();
  readonly #waiting = new Map<Peer, Waiting[]>();
  #waitingBytes = 0;
  /** The verifier's count when the turn began. */
  #checksBefore = 0;
  #isArmed = false;
  #cancel: () => void = () => {};
  #dropped = 0;

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  /** Messages that were dropped as too many waited. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Bytes of messages that wait. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Signatures that were checked. */
  get checks(): number {
    return this.#verifier.checks;
  }

  /** Takes a message from a link. Nobody asks an edge: its answers are not even read. */
  received(from: Peer, message: DhtWireMessage): void {
    if (ANSWERS.has(message.kind) && !this.#options.isHub(from)) return;
    const queue = this.#waiting.get(from), proven: Waiting["proven"] = [];
    const known = queue === undefined ? this.#prove(message, proven) : undefined;
    if (known !== undefined) return this.#options.give(from, known);
    const frame = encodeFrame(message), bytes = frame.length;
    const before = queue?.reduce((sum, one) => sum + one.bytes, 0) ?? 0;
    if (before + bytes > WAITING_BYTES_PER_LINK_MAX || this.#waitingBytes + bytes > WAITING_BYTES_MAX) {
      this.#dropped++;
      return;
    }
    const waiting = { message: decodeFrame(frame) as DhtWireMessage, bytes, proven };
    this.#waitingBytes += bytes;
    if (queue === undefined) this.#waiting.set(from, [waiting]);
    else queue.push(waiting);
  }

  /** A link is gone, and what it brought is of no use. */
  forget(from: Peer): void {
    for (const { bytes } of this.#waiting.get(from) ?? []) this.#waitingBytes -= bytes;
    this.#waiting.delete(from);
  }

  /** Ends. */
  close(): void {
    this.#cancel();
    this.#isArmed = true; // for good
    this.#waiting.clear();
    this.#waitingBytes = 0;
  }

  /** What the message says, or undefined where the turn has no more signatures. */
  #prove(message: DhtWireMessage, proven: Waiting["proven"]): DhtMessage | undefined {
    const { realm, timers, right } = this.#options, verifier = this.#verifier, now = timers.now();
    let next = 0;
    const verify: Verification["verify"] = (signed, claims) => {
      if (next === proven.length) {
        if (verifier.checks - this.#checksBefore >= SIGNATURES_PER_TURN) throw SPENT;
        const record = verifier.verify(signed, { ...claims, now, realm });
        proven.push("code" in record ? record : right?.(record) ?? record);
      }
      return proven[next++]!;
    };
    try {
      return fromWire(message, { sha256, verify });
    } catch (error) {
      if (error !== SPENT) throw error;
      return undefined;
    } finally {
      if (verifier.checks > this.#checksBefore) this.#arm();
    }
  }

  #arm(): void {
    if (this.#isArmed) return;
    this.#isArmed = true;
    this.#cancel = this.#options.timers.after(0, () => {
      this.#isArmed = false;
      this.#turn();
    });
  }

  /** One message of each link after the other, until the turn's signatures are spent. */
  #turn(): void {
    this.#checksBefore = this.#verifier.checks;
    for (const [from, queue] of this.#waiting) {
      const { message, proven, bytes } = queue[0]!, known = this.#prove(message, proven);
      if (known === undefined) return;
      queue.shift();
      this.#waitingBytes -= bytes;
      this.#waiting.delete(from); // and behind the others where more of it waits
      if (queue.length > 0) this.#waiting.set(from, queue);
      this.#options.give(from, known);
    }
  }
}
