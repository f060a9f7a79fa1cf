/**
 * The wire: frames of Macula 0.20 and the messages in them, for those who write another implementation or look at
 * traffic. `docs/PROTOCOL.md` describes it.
 *
 * ```ts
 * import { decodeFrame, encodeFrame, FrameReader } from "@macula/mesh/wire";
 * import assert from "node:assert/strict";
 *
 * const frame = encodeFrame({ kind: "ping", timestamp: 1735689600123 });
 * const message = decodeFrame(frame);
 * assert(message.kind === "ping" && message.timestamp === 1735689600123);
 *
 * const reader = new FrameReader({ frameBytesMax: 65536 });
 * reader.push(frame.subarray(0, 10)); // chunks as a stream delivers them
 * assert.equal(reader.next(), undefined);
 * reader.push(frame.subarray(10));
 * assert.deepEqual(reader.next(), frame);
 * ```
 *
 * @module
 */

export { decodeFrame, Decoder, encodeFrame, encodeMessage, messageTypeName } from "./codec.ts";
export { FRAME_BYTES_DEFAULT, FRAME_BYTES_MAX, FRAME_HEADER_BYTES, FRAME_VERSION, FrameReader } from "./frame.ts";
export { MalformedFrame } from "./malformed_frame.ts";
export type { KnownMessage, Message, Unknown } from "./message.ts";
export { briefEvents, type Burst, burstEvents, EventWriter, nextId, sharesFrame } from "./messages/burst.ts";
export type {
  FindNode,
  FindNodeReply,
  FindValue,
  FindValueReply,
  NodeInfo,
  SignedRecord,
  Store,
  StoreAck,
} from "./messages/dht.ts";
export type { Swim } from "./messages/membership.ts";
export type {
  NatProbe,
  NatProbeReply,
  PunchCoordinate,
  PunchExecute,
  PunchRequest,
  PunchResult,
  RelayData,
  RelayRequest,
} from "./messages/nat.ts";
export type {
  InterestChanged,
  Missed,
  Puback,
  Publish,
  PubsubRoute,
  Recall,
  Recalled,
  Suback,
  Subscribe,
  Unsubscribe,
} from "./messages/pubsub.ts";
export type {
  Advertise,
  AdvertiseAck,
  Bridge,
  Call,
  Cast,
  Reply,
  RpcCancel,
  RpcReply,
  RpcRequest,
  RpcRoute,
  Unadvertise,
} from "./messages/rpc.ts";
export type {
  Attachment,
  Connect,
  Disconnect,
  Elsewhere,
  ErrorMessage,
  GoingAway,
  Hello,
  Ping,
  Pong,
  Prove,
  Refused,
  Renew,
  RenewAck,
  Welcome,
} from "./messages/session.ts";
export { ELSEWHERE_ID } from "./messages/session.ts";
export { decodeValue, encodeValue, type ListStyle } from "./msgpack.ts";
export type { Value, ValueMap } from "./value.ts";
export { Writer } from "./writer.ts";
