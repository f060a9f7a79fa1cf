/** Procedures: 0x20–0x25, 0x60, 0x61, 0xA8, 0xAD, 0xAE; the short form of a call, 0xB2 and 0xB3, is in `question.ts`. @module */

import { boolean, bytes, integer, name, names, text, value } from "../kinds.ts";
import { forwardedMessage, message, type MessageSchema, openMessage, optional } from "../schema.ts";
import type { Value } from "../value.ts";
import { NODE_ID_BYTES_MAX } from "./session.ts";

/** 0x20: the original's call to its gateway; served for the original only. `args` is JSON in a bin, or a map. */
export interface Call {
  readonly kind: "call";
  readonly procedure: string;
  readonly args: Value;
  readonly callId: Uint8Array;
  readonly realm?: string;
  readonly timeout?: number;
  readonly callerDid?: string;
  readonly ucanToken?: string;
}

/** 0x21: the answer to a call. `error` is `{code, message}`. */
export interface Reply {
  readonly kind: "reply";
  readonly callId: Uint8Array;
  readonly result?: Value;
  readonly error?: Value;
}

/** 0x22: a call that wants no answer. Ours adds `fromNode`, `targetNode`, `encoding`. */
export interface Cast {
  readonly kind: "cast";
  readonly procedure: string;
  readonly args: Uint8Array;
  readonly fromNode?: Uint8Array;
  readonly targetNode?: Uint8Array;
  readonly encoding?: string;
  frame?: Uint8Array;
}

/** 0x23. */
export interface RpcRoute {
  readonly kind: "rpcRoute";
  readonly destinationNodeId: Uint8Array;
  readonly sourceNodeId: Uint8Array;
  readonly hopCount: number;
  readonly maxHops: number;
  readonly payloadType: string;
  readonly payload: Value;
  readonly callerDid?: string;
}

/** 0x24: a call. Ours adds `deadlineMs` and what follows. */
export interface RpcRequest {
  readonly kind: "rpcRequest";
  /** 16 bytes. */
  readonly requestId: Uint8Array;
  readonly procedure: string;
  readonly args: Uint8Array;
  readonly fromNode: Uint8Array;
  readonly type?: string;
  /** `host:port`. */
  readonly fromEndpoint?: string;
  readonly targetNode?: Uint8Array;
  readonly realm?: string;
  readonly timestamp?: number;
  /** Time that is left, ms. */
  readonly deadlineMs?: number;
  /** `json` or `bytes`. */
  readonly encoding?: string;
  /** How the hub chooses among several providers. */
  readonly strategy?: string;
  /** How often a hub may still pass it on to another hub; 10 where absent. */
  readonly hopsLeft?: number;
  /** The hub that `targetNode` is attached to, or that is to answer. */
  readonly targetHub?: Uint8Array;
  /** `fromNode` is what a peer of the original says; nobody has proven it. */
  readonly claimed?: boolean;
  frame?: Uint8Array;
}

/** 0x25: its answer: `result`, or `error` (a text). Ours adds `code`, `encoding`. */
export interface RpcReply {
  readonly kind: "rpcReply";
  readonly requestId: Uint8Array;
  readonly fromNode: Uint8Array;
  readonly result?: Uint8Array;
  readonly error?: string;
  readonly toNode?: Uint8Array;
  readonly timestamp?: number;
  readonly type?: string;
  readonly code?: string;
  readonly encoding?: string;
  frame?: Uint8Array;
}

/** 0xA8: the caller gave up. */
export interface RpcCancel {
  readonly kind: "rpcCancel";
  readonly requestId: Uint8Array;
  readonly reason?: string;
}

/** 0xAD: the sender serves these procedures from now on; answered by advertiseAck. */
export interface Advertise {
  readonly kind: "advertise";
  readonly requestId: number;
  readonly procedures: readonly string[];
  /** JSON object, for those who discover. */
  readonly metadata?: string;
  /** How long records that the hub serves them hold unless they are renewed, ms. */
  readonly ttlMs?: number;
}

/** 0xAE: and no longer. */
export interface Unadvertise {
  readonly kind: "unadvertise";
  readonly requestId: number;
  readonly procedures: readonly string[];
}

/** 0xB0: answers advertise and unadvertise. With `code` it was refused. */
export interface AdvertiseAck {
  readonly kind: "advertiseAck";
  readonly requestId: number;
  /** How many nodes keep the hub's record of it, of those asked. */
  readonly confirmed?: number;
  readonly asked?: number;
  readonly code?: string;
  readonly text?: string;
}

/** 0x60, 0x61: the original's bridges. */
export interface Bridge {
  readonly kind: "bridgeRpc" | "bridgeData";
  readonly fields: ReadonlyMap<string, Value>;
}

const nodeId = bytes(0, NODE_ID_BYTES_MAX);

/** The procedures' schemas; the original's fields first and in its order. */
export const RPC_SCHEMAS: readonly MessageSchema[] = [
  message<Call>({
    id: 0x20,
    kind: "call",
    fields: {
      args: value,
      callId: bytes(16),
      callerDid: optional(text),
      procedure: name,
      realm: optional(name),
      timeout: optional(integer()),
      ucanToken: optional(text),
    },
  }),
  message<Reply>({
    id: 0x21,
    kind: "reply",
    fields: { callId: bytes(16), error: optional(value), result: optional(value) },
    oneOf: ["result", "error"],
  }),
  forwardedMessage<Cast>({
    id: 0x22,
    kind: "cast",
    fields: {
      args: bytes(),
      procedure: name,
      fromNode: optional(nodeId),
      targetNode: optional(nodeId),
      encoding: optional(name),
    },
  }),
  message<RpcRoute>({
    id: 0x23,
    kind: "rpcRoute",
    fields: {
      callerDid: optional(text),
      destinationNodeId: nodeId,
      hopCount: integer(),
      maxHops: integer(),
      payload: value,
      payloadType: name,
      sourceNodeId: nodeId,
    },
  }),
  forwardedMessage<RpcRequest>({
    id: 0x24,
    kind: "rpcRequest",
    empty: () => ({
      kind: "rpcRequest",
      args: undefined,
      fromEndpoint: undefined,
      fromNode: undefined,
      procedure: undefined,
      realm: undefined,
      requestId: undefined,
      targetNode: undefined,
      timestamp: undefined,
      type: undefined,
      deadlineMs: undefined,
      encoding: undefined,
      strategy: undefined,
      hopsLeft: undefined,
      targetHub: undefined,
      claimed: undefined,
      frame: undefined,
    }),
    fields: {
      args: bytes(),
      fromEndpoint: optional(name),
      fromNode: nodeId,
      procedure: name,
      realm: optional(name),
      requestId: bytes(16),
      targetNode: optional(nodeId),
      timestamp: optional(integer()),
      type: optional(name),
      deadlineMs: optional(integer()),
      encoding: optional(name),
      strategy: optional(name),
      hopsLeft: optional(integer()),
      targetHub: optional(nodeId),
      claimed: optional(boolean),
    },
  }),
  forwardedMessage<RpcReply>({
    id: 0x25,
    kind: "rpcReply",
    empty: () => ({
      kind: "rpcReply",
      error: undefined,
      fromNode: undefined,
      requestId: undefined,
      result: undefined,
      timestamp: undefined,
      toNode: undefined,
      type: undefined,
      code: undefined,
      encoding: undefined,
      frame: undefined,
    }),
    fields: {
      error: optional(text),
      fromNode: nodeId,
      requestId: bytes(16),
      result: optional(bytes()),
      timestamp: optional(integer()),
      toNode: optional(nodeId),
      type: optional(name),
      code: optional(name),
      encoding: optional(name),
    },
    oneOf: ["result", "error"],
  }),
  openMessage<Bridge>(0x60, "bridgeRpc"),
  openMessage<Bridge>(0x61, "bridgeData"),
  message<RpcCancel>({ id: 0xa8, kind: "rpcCancel", fields: { requestId: bytes(16), reason: optional(text) } }),
  message<Advertise>({
    id: 0xad,
    kind: "advertise",
    fields: { requestId: integer(), procedures: names, metadata: optional(text), ttlMs: optional(integer()) },
  }),
  message<Unadvertise>({ id: 0xae, kind: "unadvertise", fields: { requestId: integer(), procedures: names } }),
  message<AdvertiseAck>({
    id: 0xb0,
    kind: "advertiseAck",
    fields: {
      requestId: integer(),
      code: optional(name),
      text: optional(text),
      confirmed: optional(integer()),
      asked: optional(integer()),
    },
  }),
];
