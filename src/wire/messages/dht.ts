/** The hash table: 0x40–0x44, 0xA6. @module */

import { bytes, integer, name, nested, nestedList, text, value, values } from "../kinds.ts";
import { message, type MessageSchema, optional, record } from "../schema.ts";
import type { Value } from "../value.ts";
import { NODE_ID_BYTES_MAX } from "./session.ts";

/** A signed, expiring statement: the body as it was signed. */
export interface SignedRecord {
  /** MessagePack. */
  readonly body: Uint8Array;
  /** Ed25519, 64 bytes. */
  readonly signature: Uint8Array;
}

/** A node as a reply names it. Ours adds `record`. */
export interface NodeInfo {
  /** `https://host:port` or `host:port`. */
  readonly address: string;
  readonly endpoint?: string;
  /** Sender's clock, ms. */
  readonly lastSeen?: number;
  readonly nodeId: Uint8Array;
  /** The node's own statement. */
  readonly record?: SignedRecord;
}

/** 0x40: asks for the nodes closest to `target`. Ours adds `requestId`, which the reply repeats. */
export interface FindNode {
  readonly kind: "findNode";
  readonly target: Uint8Array;
  /** Written as `find_node` where absent. */
  readonly type?: string;
  readonly requestId?: number;
}

/** 0x41: the nodes, or `type` `error` with a `reason`. */
export interface FindNodeReply {
  readonly kind: "findNodeReply";
  readonly nodes?: readonly NodeInfo[];
  readonly reason?: string;
  /** Written as `find_node_reply` where absent. */
  readonly type?: string;
  readonly requestId?: number;
}

/** 0x42: keep `value` under `key`; ours is a map `{body, signature}`. Ours adds `requestId`: it asks for a storeAck. */
export interface Store {
  readonly kind: "store";
  readonly key: Uint8Array;
  /** Written as `store` where absent. */
  readonly type?: string;
  readonly value: Value;
  readonly requestId?: number;
}

/** 0x43: asks for what is kept under `key`. Ours adds `requestId` and `page`. */
export interface FindValue {
  readonly kind: "findValue";
  readonly key: Uint8Array;
  /** Written as `find_value` where absent. */
  readonly type?: string;
  readonly requestId?: number;
  /** Which part of a long answer, from 0. */
  readonly page?: number;
}

/**
 * 0x44: `result` is `value` or `nodes` and says which of the lists is there; or `type` is `error`, with a `reason`.
 * Ours adds `requestId`, `more`, and may give values and nodes both.
 */
export interface FindValueReply {
  readonly kind: "findValueReply";
  readonly nodes?: readonly NodeInfo[];
  readonly reason?: string;
  readonly result?: string;
  /** Written as `find_value_reply` where absent. */
  readonly type?: string;
  readonly value?: readonly Value[];
  readonly requestId?: number;
  /** The number of the next page, where there is one. */
  readonly more?: number;
}

/** 0xA6: the value under `key` is kept. With `code` it was refused. `requestId` is that of the store. */
export interface StoreAck {
  readonly kind: "storeAck";
  readonly key: Uint8Array;
  readonly code?: string;
  readonly text?: string;
  readonly requestId?: number;
}

const signedRecord = record<SignedRecord>({ body: bytes(), signature: bytes(64) });
const nodeInfo = record<NodeInfo>({
  address: text,
  endpoint: optional(text),
  lastSeen: optional(integer()),
  nodeId: bytes(0, NODE_ID_BYTES_MAX),
  record: optional(nested<SignedRecord>(signedRecord, "{body, signature}")),
});
const nodes = nestedList<NodeInfo>(nodeInfo, "list of nodes");

/** The hash table's schemas; the original's fields first and in its order. */
export const DHT_SCHEMAS: readonly MessageSchema[] = [
  message<FindNode>({
    id: 0x40,
    kind: "findNode",
    fields: { target: bytes(), type: optional(name, "find_node"), requestId: optional(integer()) },
  }),
  message<FindNodeReply>({
    id: 0x41,
    kind: "findNodeReply",
    fields: {
      nodes: optional(nodes),
      reason: optional(text),
      type: optional(name, "find_node_reply"),
      requestId: optional(integer()),
    },
    oneOf: ["nodes", "reason"],
  }),
  message<Store>({
    id: 0x42,
    kind: "store",
    fields: { key: bytes(), type: optional(name, "store"), value, requestId: optional(integer()) },
  }),
  message<FindValue>({
    id: 0x43,
    kind: "findValue",
    fields: {
      key: bytes(),
      type: optional(name, "find_value"),
      requestId: optional(integer()),
      page: optional(integer()),
    },
  }),
  message<FindValueReply>({
    id: 0x44,
    kind: "findValueReply",
    fields: {
      nodes: optional(nodes),
      reason: optional(text),
      result: optional(name),
      type: optional(name, "find_value_reply"),
      value: optional(values),
      requestId: optional(integer()),
      more: optional(integer()),
    },
    oneOf: ["value", "nodes", "reason"],
  }),
  message<StoreAck>({
    id: 0xa6,
    kind: "storeAck",
    fields: { key: bytes(), code: optional(text), text: optional(text), requestId: optional(integer()) },
  }),
];
