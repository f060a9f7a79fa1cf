/** Events: 0x10–0x13, 0xA4, 0xA5, 0xA7, 0xAC, 0xB6, 0xB7; the short form of an event, 0xB1, is in `event.ts`. @module */

import { boolean, bytes, integer, name, names, nested, text } from "../kinds.ts";
import { forwardedMessage, message, type MessageSchema, optional } from "../schema.ts";
import { NODE_ID_BYTES_MAX } from "./session.ts";

/** 0x10: an event. Ours adds `publisher` and what follows. */
export interface Publish {
  readonly kind: "publish";
  readonly topic: string;
  readonly payload: Uint8Array;
  /** 0 to 2. */
  readonly qos: number;
  readonly retain: boolean;
  /** 16 bytes. */
  readonly messageId: Uint8Array;
  readonly publisherDid?: string;
  readonly ucanToken?: string;
  /** 32 bytes; written by the publisher, compared by the hub with the link's proven id. */
  readonly publisher?: Uint8Array;
  /** `json` or `bytes`; without it: try JSON, else bytes. */
  readonly encoding?: string;
  /** Publisher's clock, ms. */
  readonly at?: number;
  /** The publisher waits for a puback. */
  readonly acknowledge?: boolean;
  /** JSON object of texts. */
  readonly headers?: string;
  /** The publisher's own signature: its public key, then Ed25519, 96 bytes. */
  readonly proof?: Uint8Array;
  /** The same by the hub that the publisher is attached to, where the event goes on to another hub. */
  readonly originProof?: Uint8Array;
  /** `publisher` is what a peer of the original says; nobody has proven it. */
  readonly claimed?: boolean;
  /** A retained event from before the receiver asked for what is kept; of a live one `retain` is true and this absent. */
  readonly kept?: boolean;
  /** The whole frame as it was received or made: forwarded as it is. */
  frame?: Uint8Array;
}

/** 0x11. Ours adds `requestId`: it asks for a suback. */
export interface Subscribe {
  readonly kind: "subscribe";
  readonly topics: readonly string[];
  readonly qos: number;
  readonly subscriberDid?: string;
  readonly ucanToken?: string;
  readonly requestId?: number;
}

/** 0x12. */
export interface Unsubscribe {
  readonly kind: "unsubscribe";
  readonly topics: readonly string[];
  readonly requestId?: number;
}

/** 0x13: an event on its way to another node. */
export interface PubsubRoute {
  readonly kind: "pubsubRoute";
  readonly destinationNodeId: Uint8Array;
  readonly sourceNodeId: Uint8Array;
  readonly hopCount: number;
  readonly maxHops: number;
  readonly topic: string;
  readonly payload: Publish;
}

/** 0xA4: the hub took the event and handed it to `recipients` links, where it knows. With `code` it did not take it. */
export interface Puback {
  readonly kind: "puback";
  readonly messageId: Uint8Array;
  readonly recipients?: number;
  readonly code?: string;
  readonly text?: string;
}

/** 0xA5: answers subscribe and unsubscribe. With `code` it was refused. */
export interface Suback {
  readonly kind: "suback";
  readonly requestId: number;
  /** How many nodes keep the hub's record of the interest that fewest keep, of those asked. */
  readonly confirmed?: number;
  readonly asked?: number;
  readonly code?: string;
  readonly text?: string;
}

/** 0xA7: the interest in `key` changed at its record holder. */
export interface InterestChanged {
  readonly kind: "interestChanged";
  readonly key: Uint8Array;
}

/** 0xAC: so many QoS 0 events were not handed to this link since the last such message: it reads too slowly. */
export interface Missed {
  readonly kind: "missed";
  readonly count: number;
}

/** 0xB6: asks a hub for the retained events of patterns, of topics behind `after` in the order of their UTF-16 units. */
export interface Recall {
  readonly kind: "recall";
  readonly requestId: number;
  readonly topics: readonly string[];
  readonly after?: string;
}

/** 0xB7: the retained events that were asked for have gone before this, on the same lane. */
export interface Recalled {
  readonly kind: "recalled";
  readonly requestId: number;
  /** There are more, behind this topic: to be asked for next. */
  readonly more?: string;
  readonly code?: string;
  readonly text?: string;
}

const publish = forwardedMessage<Publish>({
  id: 0x10,
  kind: "publish",
  empty: () => ({
    kind: "publish",
    messageId: undefined,
    payload: undefined,
    publisherDid: undefined,
    qos: undefined,
    retain: undefined,
    topic: undefined,
    ucanToken: undefined,
    publisher: undefined,
    encoding: undefined,
    at: undefined,
    acknowledge: undefined,
    headers: undefined,
    proof: undefined,
    originProof: undefined,
    claimed: undefined,
    kept: undefined,
    frame: undefined,
  }),
  fields: {
    messageId: bytes(16),
    payload: bytes(),
    publisherDid: optional(text),
    qos: integer(0, 2),
    retain: boolean,
    topic: name,
    ucanToken: optional(text),
    publisher: optional(bytes(32)),
    encoding: optional(name),
    at: optional(integer()),
    acknowledge: optional(boolean),
    headers: optional(text),
    proof: optional(bytes(96)),
    originProof: optional(bytes(96)),
    claimed: optional(boolean),
    kept: optional(boolean),
  },
});

/** The events' schemas; the original's fields first and in its order. */
export const PUBSUB_SCHEMAS: readonly MessageSchema[] = [
  publish,
  message<Subscribe>({
    id: 0x11,
    kind: "subscribe",
    fields: {
      qos: integer(0, 2),
      subscriberDid: optional(text),
      topics: names,
      ucanToken: optional(text),
      requestId: optional(integer()),
    },
  }),
  message<Unsubscribe>({
    id: 0x12,
    kind: "unsubscribe",
    fields: { topics: names, requestId: optional(integer()) },
  }),
  message<PubsubRoute>({
    id: 0x13,
    kind: "pubsubRoute",
    fields: {
      destinationNodeId: bytes(0, NODE_ID_BYTES_MAX),
      hopCount: integer(),
      maxHops: integer(),
      payload: nested<Publish>(publish, "publish"),
      sourceNodeId: bytes(0, NODE_ID_BYTES_MAX),
      topic: name,
    },
  }),
  message<Puback>({
    id: 0xa4,
    kind: "puback",
    fields: { messageId: bytes(16), recipients: optional(integer()), code: optional(text), text: optional(text) },
  }),
  message<Suback>({
    id: 0xa5,
    kind: "suback",
    fields: {
      requestId: integer(),
      code: optional(text),
      text: optional(text),
      confirmed: optional(integer()),
      asked: optional(integer()),
    },
  }),
  message<InterestChanged>({ id: 0xa7, kind: "interestChanged", fields: { key: bytes(32) } }),
  message<Missed>({ id: 0xac, kind: "missed", fields: { count: integer() } }),
  message<Recall>({
    id: 0xb6,
    kind: "recall",
    fields: { requestId: integer(), topics: names, after: optional(name) },
  }),
  message<Recalled>({
    id: 0xb7,
    kind: "recalled",
    fields: { requestId: integer(), more: optional(name), code: optional(text), text: optional(text) },
  }),
];
