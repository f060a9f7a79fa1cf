/** Reaching nodes behind NATs: 0x50–0x57. @module */

import { boolean, bytes, integer, integers, text } from "../kinds.ts";
import { message, type MessageSchema, openMessage, optional } from "../schema.ts";
import type { Value } from "../value.ts";
import { NODE_ID_BYTES_MAX } from "./session.ts";

/** 0x50: how does my address look from outside? */
export interface NatProbe {
  readonly kind: "natProbe";
  readonly localPort: number;
  readonly nodeId: Uint8Array;
  readonly requestId?: Uint8Array;
}

/** 0x51: as this. */
export interface NatProbeReply {
  readonly kind: "natProbeReply";
  readonly nodeId: Uint8Array;
  /** The original writes IPv6 as eight groups of four upper-case digits. */
  readonly reflexiveIp: string;
  readonly reflexivePort: number;
  /** The probe's; the original writes the text `undefined` where the probe had none. */
  readonly requestId?: Uint8Array;
  /** Sender's clock, ms. */
  readonly serverTime: number;
}

/** 0x52: bring me together with `targetId`. */
export interface PunchRequest {
  readonly kind: "punchRequest";
  readonly requesterId: Uint8Array;
  /** Base64 of 16 random bytes. */
  readonly sessionId: string;
  readonly targetId: Uint8Array;
}

/** 0x53: dial this peer at this time. */
export interface PunchCoordinate {
  readonly kind: "punchCoordinate";
  readonly peerHost: string;
  readonly peerId: Uint8Array;
  readonly peerPorts: readonly number[];
  /** Unix time, ms. */
  readonly punchTime: number;
  /** `initiator` or `target`. */
  readonly role: string;
  readonly sessionId: string;
}

/** 0x54: no shape in the original. */
export interface PunchExecute {
  readonly kind: "punchExecute";
  readonly fields: ReadonlyMap<string, Value>;
}

/** 0x55: whether it worked. */
export interface PunchResult {
  readonly kind: "punchResult";
  readonly connectedPort?: number;
  readonly sessionId: string;
  readonly success: boolean;
}

/** 0x56: it did not work: relay. */
export interface RelayRequest {
  readonly kind: "relayRequest";
  readonly reason?: string;
  readonly sessionId: string;
  readonly targetId: Uint8Array;
}

/** 0x57: what is relayed. */
export interface RelayData {
  readonly kind: "relayData";
  readonly payload: Uint8Array;
  readonly sessionId: string;
}

const nodeId = bytes(0, NODE_ID_BYTES_MAX);
const port = integer(0, 65535);

/** The schemas of NAT traversal; the original's fields first and in its order. */
export const NAT_SCHEMAS: readonly MessageSchema[] = [
  message<NatProbe>({
    id: 0x50,
    kind: "natProbe",
    fields: { localPort: port, nodeId, requestId: optional(bytes()) },
  }),
  message<NatProbeReply>({
    id: 0x51,
    kind: "natProbeReply",
    fields: { nodeId, reflexiveIp: text, reflexivePort: port, requestId: optional(bytes()), serverTime: integer() },
  }),
  message<PunchRequest>({
    id: 0x52,
    kind: "punchRequest",
    fields: { requesterId: nodeId, sessionId: text, targetId: nodeId },
  }),
  message<PunchCoordinate>({
    id: 0x53,
    kind: "punchCoordinate",
    fields: {
      peerHost: text,
      peerId: nodeId,
      peerPorts: integers(65535),
      punchTime: integer(),
      role: text,
      sessionId: text,
    },
  }),
  openMessage<PunchExecute>(0x54, "punchExecute"),
  message<PunchResult>({
    id: 0x55,
    kind: "punchResult",
    fields: { connectedPort: optional(port), sessionId: text, success: boolean },
  }),
  message<RelayRequest>({
    id: 0x56,
    kind: "relayRequest",
    fields: { reason: optional(text), sessionId: text, targetId: nodeId },
  }),
  message<RelayData>({ id: 0x57, kind: "relayData", fields: { payload: bytes(), sessionId: text } }),
];
