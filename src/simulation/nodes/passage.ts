/**
 * What becomes of a message between two nodes. `byWire`: it is encoded, decoded, and its records are verified, as in
 * production. `byReference`: the receiver gets the same object, and its records are checked only where it could matter:
 * after somebody has tampered with it, or once a record may have expired.
 *
 * @module
 */

import { type DhtMessage, fromWire, toWire } from "../../dht/mod.ts";
import { sha256, type VerifiedRecord } from "../../identity/mod.ts";
import { decodeFrame, encodeFrame, type Message, type SignedRecord } from "../../wire/mod.ts";
import { type EarliestExpiry, type Mint, REALM, type RecordChecker } from "./mint.ts";
import type { PubsubMessage } from "../../pubsub/messages.ts";
import type { RpcMessage } from "../../rpc/messages.ts";

/** What the cores of a simulation say to each other. */
export type AnyMessage = DhtMessage | PubsubMessage | RpcMessage;
/** Which core a message is for. */
export type CoreName = "dht" | "pubsub" | "rpc";

/** Brings messages into the form in which the receiver's core sees them. */
export interface Passage {
  /** What arrives: one message, or a list: none, one, or two of which the first introduces the sender. */
  pass(message: AnyMessage, receiver: Receiver, isTampered: boolean): AnyMessage | readonly AnyMessage[];
}

/** What a passage needs to know of a receiver. */
export interface Receiver {
  readonly checker: RecordChecker;
  /** Its clock, ms. */
  readonly wallMs: number;
}

/** The dispatch of a node: which core is told. Undefined: none knows it. */
export function coreOf(message: { readonly kind: string }): CoreName | undefined {
  switch (message.kind) {
    case "findNode":
    case "findValue":
    case "findNodeReply":
    case "findValueReply":
    case "store":
    case "storeAck":
      return "dht";
    case "publish":
    case "subscribe":
    case "unsubscribe":
    case "puback":
    case "suback":
    case "recall":
    case "recalled":
    case "missed":
      return "pubsub";
    case "rpcRequest":
    case "rpcReply":
    case "rpcCancel":
    case "cast":
    case "advertise":
    case "unadvertise":
    case "advertiseAck":
      return "rpc";
    default:
      return undefined;
  }
}

/** Everything is encoded, decoded and verified. */
export function byWire(): Passage {
  return {
    pass(message, receiver) {
      if (coreOf(message) !== "dht") return decodeFrame(encodeFrame(message as Message)) as AnyMessage;
      return toWire(message as DhtMessage).map((one) => {
        const arrived = decodeFrame(encodeFrame(one)) as typeof one;
        return fromWire(arrived, {
          sha256,
          verify: (signed: SignedRecord, claims) =>
            receiver.checker.verify(signed, { ...claims, now: receiver.wallMs, realm: REALM }),
        });
      });
    },
  };
}

/** Objects are handed over; `mint` knows when a check may make a difference. */
export function byReference(mint: Mint): Passage {
  return {
    pass(message, receiver, isTampered) {
      if (!isTampered && holds(message, receiver.wallMs, mint.earliestExpiryMs)) return message;
      return coreOf(message) === "dht" ? checked(message as DhtMessage, receiver) : message;
    },
  };
}

/**
 * Whether none of its records has expired: those that were really made need no other check. The twenty nodes of a reply
 * are not looked at as long as no node's statement can have expired.
 */
function holds(message: AnyMessage, wallMs: number, { node, other }: EarliestExpiry): boolean {
  const nodesHold = wallMs < node;
  switch (message.kind) {
    case "findNode":
    case "findValue":
      return nodesHold || message.sender === undefined || message.sender.expiresAt > wallMs;
    case "findNodeReply":
      return nodesHold || allHold(message.nodes, wallMs);
    case "findValueReply":
      return (nodesHold || allHold(message.nodes, wallMs)) &&
        (nodesHold && wallMs < other || allHold(message.records, wallMs));
    case "store":
      return message.record === undefined || message.record.expiresAt > wallMs;
    default:
      return true;
  }
}

function allHold(records: readonly VerifiedRecord[], wallMs: number): boolean {
  for (const { expiresAt } of records) if (expiresAt <= wallMs) return false;
  return true;
}

function checked(message: DhtMessage, { checker, wallMs }: Receiver): DhtMessage {
  const claims = { now: wallMs, realm: REALM };
  const isFit = (record: VerifiedRecord) => !("code" in checker.verifyRecord(record, claims));
  switch (message.kind) {
    case "findNode":
    case "findValue":
      return message.sender === undefined || isFit(message.sender) ? message : { ...message, sender: undefined };
    case "findNodeReply":
      return { ...message, nodes: message.nodes.filter(isFit) };
    case "findValueReply":
      return { ...message, nodes: message.nodes.filter(isFit), records: message.records.filter(isFit) };
    case "store": {
      if (message.record === undefined) return message;
      const verdict = checker.verifyRecord(message.record, { ...claims, key: message.key });
      return "code" in verdict ? { ...message, record: undefined, refusal: verdict } : message;
    }
    case "storeAck":
      return message;
  }
}
