/** Sessions: 0x01–0x04, 0xA0–0xA3, 0xA9, 0xAF. @module */

import { bytes, integer, names, text } from "../kinds.ts";
import { message, type MessageSchema, optional } from "../schema.ts";

/** 0x01: the dialler introduces itself. `realmId` is the realm's name. Ours adds what stands after `endpoint`. */
export interface Connect {
  readonly kind: "connect";
  readonly version: string;
  readonly nodeId: Uint8Array;
  readonly realmId: string;
  readonly capabilities: readonly string[];
  readonly endpoint?: string;
  readonly defaultUcan?: string;
  /** Ed25519, 32 bytes. */
  readonly publicKey?: Uint8Array;
  /** 32 random bytes. */
  readonly nonce?: Uint8Array;
  /** What was dialled: a node id as 64 hex digits, or a host name. */
  readonly dialled?: string;
  /** Protocol versions that the dialler speaks, best first. */
  readonly versions?: readonly string[];
  /** What the dialler says of itself to those who look for a node: a JSON object of texts. */
  readonly labels?: string;
}

/** 0x02: the sender will close. `lanes` (ours) is how many one-way streams it opened: read them all to their end. */
export interface Disconnect {
  readonly kind: "disconnect";
  readonly reason: string;
  readonly message: string;
  readonly lanes?: number;
}

/** 0x03. */
export interface Ping {
  readonly kind: "ping";
  readonly timestamp: number;
}

/** 0x04: `timestamp` is the ping's. */
export interface Pong {
  readonly kind: "pong";
  readonly timestamp: number;
  readonly serverTime: number;
  readonly nodeId?: Uint8Array;
  readonly endpoint?: string;
}

/** 0xA0: the acceptor's identity and proof. */
export interface Hello {
  readonly kind: "hello";
  readonly version: string;
  /** Everything below as MessagePack, as it was signed. */
  readonly body: Uint8Array;
  /** Ed25519 over "macula/1 hello", SHA-256 of the connect payload, and `body`. */
  readonly signature: Uint8Array;
}

/** 0xA1: the dialler's proof. */
export interface Prove {
  readonly kind: "prove";
  /** Ed25519 over "macula/1 prove", SHA-256 of the connect payload, SHA-256 of the hello payload. */
  readonly signature: Uint8Array;
  /** What the dialler may do, where the realm asks for credentials. */
  readonly credential?: string;
  /** HMAC-SHA-256 by the realm's token over "macula/1 token dialler" and the same two hashes. */
  readonly tokenProof?: Uint8Array;
}

/** 0xA2: the link is open. */
export interface Welcome {
  readonly kind: "welcome";
  /** 16 random bytes. */
  readonly session: Uint8Array;
  readonly frameBytesMax: number;
  readonly subscriptionsMax: number;
  /** Acceptor's clock, ms. */
  readonly serverTime: number;
  /** HMAC-SHA-256 by the realm's token over "macula/1 token acceptor" and the hashes that `Prove.signature` covers. */
  readonly tokenProof?: Uint8Array;
}

/** 0xA3: the link will not be. */
export interface Refused {
  readonly kind: "refused";
  readonly code: string;
  readonly text: string;
}

/** 0xA9: the sender drains; attach elsewhere. */
export interface GoingAway {
  readonly kind: "goingAway";
  readonly reason: string;
  /** How long the sender will still serve, ms. */
  readonly withinMs: number;
}

/**
 * 0xAB: stands in a lane for a frame over 64 KiB, with `order`: later messages of that order key wait for it. Without
 * `order` it is the first frame of the stream on which that frame follows.
 */
export interface Elsewhere {
  readonly kind: "elsewhere";
  /** Counts up on each link, from 1. */
  readonly reference: number;
  /** Publisher and topic, or a request id; empty where there is nothing to keep in order. */
  readonly order?: Uint8Array;
}

/** 0xAF: something the sender got could not be dealt with. `about` is the message id or request id, if any. */
export interface ErrorMessage {
  readonly kind: "error";
  readonly code: string;
  readonly text: string;
  readonly about?: Uint8Array;
}

/** 0xAA: a node's signed statement which hub it is attached to; a hub's about itself says that it is one. */
export interface Attachment {
  readonly kind: "attachment";
  /** Node, hub, realm and end as MessagePack, as they were signed. */
  readonly body: Uint8Array;
  /** Ed25519 over "macula/1 attachment" and `body`. */
  readonly signature: Uint8Array;
  /** The node's, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** What the node may do, where the realm asks for credentials. */
  readonly credential?: string;
}

/** 0xB8: a fresh credential of the sender, before the one that it showed last expires. */
export interface Renew {
  readonly kind: "renew";
  readonly credential: string;
}

/** 0xB9: answers renew. With `code` the fresh one is not accepted, and the old one still counts. */
export interface RenewAck {
  readonly kind: "renewAck";
  readonly code?: string;
  readonly text?: string;
}

/** Node ids of the original have 32 bytes or are 64 hexadecimal digits; anything longer is not one. */
export const NODE_ID_BYTES_MAX = 255;

/** The type id of `Elsewhere`. */
export const ELSEWHERE_ID = 0xab;

/** The sessions' schemas; the original's fields first and in its order. */
export const SESSION_SCHEMAS: readonly MessageSchema[] = [
  message<Connect>({
    id: 0x01,
    kind: "connect",
    fields: {
      capabilities: names,
      defaultUcan: optional(text),
      endpoint: optional(text),
      nodeId: bytes(0, NODE_ID_BYTES_MAX),
      realmId: text,
      version: text,
      publicKey: optional(bytes(32)),
      nonce: optional(bytes(32)),
      dialled: optional(text),
      versions: optional(names),
      labels: optional(text),
    },
  }),
  message<Disconnect>({
    id: 0x02,
    kind: "disconnect",
    fields: { message: text, reason: text, lanes: optional(integer()) },
  }),
  message<Ping>({ id: 0x03, kind: "ping", fields: { timestamp: integer() } }),
  message<Pong>({
    id: 0x04,
    kind: "pong",
    fields: {
      endpoint: optional(text),
      nodeId: optional(bytes(0, NODE_ID_BYTES_MAX)),
      serverTime: integer(),
      timestamp: integer(),
    },
  }),
  message<Hello>({ id: 0xa0, kind: "hello", fields: { version: text, body: bytes(), signature: bytes(64) } }),
  message<Prove>({
    id: 0xa1,
    kind: "prove",
    fields: { signature: bytes(64), credential: optional(text), tokenProof: optional(bytes(32)) },
  }),
  message<Welcome>({
    id: 0xa2,
    kind: "welcome",
    fields: {
      session: bytes(16),
      frameBytesMax: integer(),
      subscriptionsMax: integer(),
      serverTime: integer(),
      tokenProof: optional(bytes(32)),
    },
  }),
  message<Refused>({ id: 0xa3, kind: "refused", fields: { code: text, text } }),
  message<GoingAway>({ id: 0xa9, kind: "goingAway", fields: { reason: text, withinMs: integer() } }),
  message<Attachment>({
    id: 0xaa,
    kind: "attachment",
    fields: { body: bytes(), signature: bytes(64), publicKey: bytes(32), credential: optional(text) },
  }),
  message<Renew>({ id: 0xb8, kind: "renew", fields: { credential: text } }),
  message<RenewAck>({ id: 0xb9, kind: "renewAck", fields: { code: optional(text), text: optional(text) } }),
  message<Elsewhere>({
    id: ELSEWHERE_ID,
    kind: "elsewhere",
    fields: { reference: integer(), order: optional(bytes()) },
  }),
  message<ErrorMessage>({ id: 0xaf, kind: "error", fields: { code: text, text, about: optional(bytes()) } }),
];
