/**
 * What the hash table's core is told and what it tells. Records in messages are verified: `wire_form.ts` translates from
 * and to the wire, outside of the core.
 *
 * @module
 */

import type { CommandId, Effect, Failure, Input } from "../base/protocol.ts";
import type { NodeRecord, VerifiedRecord } from "../identity/record.ts";

/** A node that can be asked: its own verified statement. One object per node may be shared by whole networks. */
export type Contact = NodeRecord;

/** Asks for the nodes closest to `target`. */
export interface FindNodeMessage {
  readonly kind: "findNode";
  readonly target: Uint8Array;
  readonly requestId: number | undefined;
  /** With the first message to a node: who asks. On the wire an introduction before it. */
  readonly sender: Contact | undefined;
}

/** The closest nodes that the sender knows, the closest first; or why there are none. */
export interface FindNodeReplyMessage {
  readonly kind: "findNodeReply";
  readonly requestId: number | undefined;
  readonly nodes: readonly Contact[];
  readonly refusal: Failure | undefined;
}

/** Asks for the records under `key`, and the nodes closest to it. */
export interface FindValueMessage {
  readonly kind: "findValue";
  readonly key: Uint8Array;
  readonly requestId: number | undefined;
  /** Which part of a long answer, from 0. */
  readonly page: number;
  /** As in `findNode`. */
  readonly sender: Contact | undefined;
}

/** Records and nodes; the nodes come with the first page only. */
export interface FindValueReplyMessage {
  readonly kind: "findValueReply";
  readonly requestId: number | undefined;
  readonly records: readonly VerifiedRecord[];
  readonly nodes: readonly Contact[];
  /** The number of the next page, where there is one. */
  readonly more: number | undefined;
  readonly refusal: Failure | undefined;
}

/**
 * Keep `record` under `key`; with `requestId` it is acknowledged. A node's own statement, sent by itself, introduces it;
 * without `requestId` it is not kept, and with `INTRODUCE_BACK` the other one introduces itself instead.
 */
export interface StoreMessage {
  readonly kind: "store";
  readonly key: Uint8Array;
  readonly requestId: number | undefined;
  /** Undefined where the verification has failed: `refusal` says how. */
  readonly record: VerifiedRecord | undefined;
  readonly refusal: Failure | undefined;
}

/** The `requestId` of an introduction that asks for another one, instead of an acknowledgement. */
export const INTRODUCE_BACK = 0;

/** A record under `key` is kept, or was refused. Without `requestId` it answers the earliest such store. */
export interface StoreAckMessage {
  readonly kind: "storeAck";
  readonly key: Uint8Array;
  readonly requestId: number | undefined;
  readonly refusal: Failure | undefined;
}

/** What nodes say to each other. */
export type DhtMessage =
  | FindNodeMessage
  | FindNodeReplyMessage
  | FindValueMessage
  | FindValueReplyMessage
  | StoreMessage
  | StoreAckMessage;

/** What the node asks for. */
export type DhtCommand =
  /** Our own statement, at first and when it changes; it is handed to the hubs we are linked with. No answer. */
  | { readonly type: "self"; readonly record: NodeRecord }
  /** A node that we may ask, from a ticket or a handshake. No answer. */
  | { readonly type: "contact"; readonly record: NodeRecord }
  /**
   * Makes us known: to the hubs that we are linked with and do not know, then by a lookup for ourselves. Answered with
   * `NodesFound`. It is done without being asked when the first contact comes; ask for it after a link to another mesh.
   */
  | { readonly type: "join" }
  /** Answered with `NodesFound`. */
  | { readonly type: "findNode"; readonly target: Uint8Array }
  /** Answered with `RecordsFound`; `quorum` holders with records are enough, else the k closest are all asked. */
  | { readonly type: "findValue"; readonly key: Uint8Array; readonly quorum?: number }
  /** Stores once. Answered with `Stored`; fails when nobody keeps it. */
  | { readonly type: "store"; readonly record: VerifiedRecord }
  /** Stores, and asks for a fresh record by the event `renew` at half the TTL, again and again. Answered as `store`. */
  | { readonly type: "publish"; readonly record: VerifiedRecord }
  /** Renews no more, and stores `record`, which is a withdrawn one. Answered as `store`. */
  | { readonly type: "withdraw"; readonly record: VerifiedRecord }
  /** Nobody waits for the answer to `command` any more. */
  | { readonly type: "abandon"; readonly command: CommandId };

/** The answer to `findNode` and `join`. */
export interface NodesFound {
  /** The k closest that answered, the closest first; at most k. */
  readonly nodes: readonly Contact[];
  /** How many links the way to the closest has; 1: it was known. 0: there is none. */
  readonly hops: number;
  /** How many nodes were asked. */
  readonly queries: number;
}

/** The answer to `findValue`. */
export interface RecordsFound {
  /** Of each node and name the newest; none that was withdrawn. */
  readonly records: readonly VerifiedRecord[];
  /** Those of the closest nodes that answered and have none of them. */
  readonly lacking: readonly Contact[];
  /** Whether most of the closest nodes have answered, or as many as were enough. */
  readonly complete: boolean;
  readonly hops: number;
  readonly queries: number;
}

/** The answer to `store`, `publish` and `withdraw`. */
export interface Stored {
  /** How many holders keep it. */
  readonly confirmed: number;
  /** How many were asked, this node among them where it is one of the closest. */
  readonly asked: number;
}

/** Another `at` than that of the latest such timer: it is out of date. */
export type DhtTimer =
  /** Look for what is overdue. */
  | { readonly type: "deadlines"; readonly at: number }
  /** Probe, sweep, refresh. */
  | { readonly type: "upkeep" };

/** What the node gets to know. */
export type DhtEvent =
  | RecordEvent
  /** A record was not taken, as there is no room for it; the code says of which kind. */
  | { readonly type: "full"; readonly code: string };

/** What has become of a record. */
export type RecordEvent =
  /** `record` will expire: give `publish` a fresh one in its place. */
  | { readonly type: "renew"; readonly record: VerifiedRecord }
  /** A record that we hold for others is new, or was withdrawn: whoever asked for its key lately may want to know. */
  | { readonly type: "changed"; readonly record: VerifiedRecord };

/** What goes into the core. */
export type DhtInput = Input<DhtMessage, DhtCommand, DhtTimer>;
/** What comes out of it. */
export type DhtEffect = Effect<DhtMessage, DhtTimer, DhtEvent>;
