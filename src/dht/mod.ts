/**
 * The hash table: Kademlia with signed records. Hubs keep records for each other; edges ask through their hub.
 *
 * A node is found, and a record kept, where ids are close to a key by exclusive or. Keys follow from realm, kind and
 * name. Every record is one node's signed statement with an end; its node renews it at half of its life.
 *
 *     publisher ── publish ──▶ lookup of the key ──▶ store at the k closest ──▶ { confirmed, asked }
 *         ▲                                              │
 *         └── event renew, at half of its life           ├── a closer newcomer: handed over
 *                                                        └── expired: forgotten
 *
 * @module
 */

export { DhtClient } from "./client.ts";
export { DhtCore } from "./core.ts";
export type {
  Contact,
  DhtCommand,
  DhtEffect,
  DhtEvent,
  DhtInput,
  DhtMessage,
  DhtTimer,
  FindNodeMessage,
  FindNodeReplyMessage,
  FindValueMessage,
  FindValueReplyMessage,
  NodesFound,
  RecordsFound,
  StoreAckMessage,
  Stored,
  StoreMessage,
} from "./messages.ts";
export { INTRODUCE_BACK } from "./messages.ts";
export { type Askable, Lookup } from "./lookup.ts";
export { DHT_DEFAULTS, type DhtOptions, type HolderLimits, type LookupOptions } from "./options.ts";
export { type HolderFault, Records, type Storable } from "./records.ts";
export { type Added, idInBucket, type Known, RoutingTable, type RoutingTableOptions } from "./routing_table.ts";
export { type DhtWireMessage, fromWire, toWire, type Verification } from "./wire_form.ts";
