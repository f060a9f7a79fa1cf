/** The cores of a node together: what they want done, and what they tell their future selves. @module */

import type { Effect } from "../base/protocol.ts";
import type { DhtEvent, DhtMessage, DhtTimer } from "../dht/messages.ts";
import type { PubsubEvent, PubsubMessage, PubsubTimer } from "../pubsub/messages.ts";
import type { RpcEvent, RpcMessage, RpcTimer } from "../rpc/messages.ts";

/** One core. */
export type CoreName = "pubsub" | "rpc" | "dht";

/** All of them, in the order in which they hear of links. */
export const CORES: readonly CoreName[] = ["pubsub", "rpc", "dht"];

/** A timer of any core. */
export interface AnyTimer {
  readonly core: CoreName;
  readonly timer: PubsubTimer | RpcTimer | DhtTimer;
}

/** What any core wants done. */
export type AnyEffect =
  | Effect<PubsubMessage, PubsubTimer, PubsubEvent>
  | Effect<RpcMessage, RpcTimer, RpcEvent>
  | Effect<DhtMessage, DhtTimer, DhtEvent>;

/** What the hash table of a hub holds: records, nodes in its routing table; and what came in vain, as too much was waiting. */
export interface HashTableSize {
  readonly records: number;
  readonly routingTable: number;
  readonly unverified: number;
}
