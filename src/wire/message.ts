/** Every message there is. @module */

import type { Burst } from "./messages/burst.ts";
import type { FindNode, FindNodeReply, FindValue, FindValueReply, Store, StoreAck } from "./messages/dht.ts";
import type { Swim } from "./messages/membership.ts";
import type {
  NatProbe,
  NatProbeReply,
  PunchCoordinate,
  PunchExecute,
  PunchRequest,
  PunchResult,
  RelayData,
  RelayRequest,
} from "./messages/nat.ts";
import type {
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
import type {
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
import type {
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

/** A whole frame of a type that this version does not know, or that the original reserves: to be ignored. */
export interface Unknown {
  readonly kind: "unknown";
  /** The message type id. */
  readonly id: number;
}

/** A message that can be written. */
export type KnownMessage =
  | Connect
  | Disconnect
  | Elsewhere
  | Ping
  | Pong
  | Hello
  | Prove
  | Welcome
  | Refused
  | GoingAway
  | Attachment
  | Renew
  | RenewAck
  | ErrorMessage
  | Publish
  | Burst
  | Subscribe
  | Unsubscribe
  | PubsubRoute
  | Recall
  | Recalled
  | Puback
  | Suback
  | InterestChanged
  | Missed
  | Call
  | Reply
  | Cast
  | RpcRoute
  | RpcRequest
  | RpcReply
  | RpcCancel
  | Advertise
  | AdvertiseAck
  | Unadvertise
  | Bridge
  | Swim
  | FindNode
  | FindNodeReply
  | Store
  | FindValue
  | FindValueReply
  | StoreAck
  | NatProbe
  | NatProbeReply
  | PunchRequest
  | PunchCoordinate
  | PunchExecute
  | PunchResult
  | RelayRequest
  | RelayData;

/** Any message, told apart by `kind`. */
export type Message = KnownMessage | Unknown;

/** Ids that the original names and neither sends to nor expects from a peer: gossip, registry, content. */
export const RESERVED_TYPES: ReadonlyMap<number, string> = new Map([
  [0x70, "gossip_push"],
  [0x71, "gossip_pull"],
  [0x72, "gossip_pull_reply"],
  [0x73, "gossip_sync"],
  [0x74, "gossip_sync_reply"],
  [0x80, "registry_publish"],
  [0x81, "registry_publish_ack"],
  [0x82, "registry_fetch"],
  [0x83, "registry_fetch_reply"],
  [0x84, "registry_query"],
  [0x85, "registry_query_reply"],
  [0x86, "registry_verify"],
  [0x87, "registry_verify_reply"],
  [0x88, "registry_sync"],
  [0x89, "registry_sync_reply"],
  [0x90, "content_want"],
  [0x91, "content_have"],
  [0x92, "content_block"],
  [0x93, "content_manifest_req"],
  [0x94, "content_manifest_res"],
  [0x95, "content_cancel"],
]);
