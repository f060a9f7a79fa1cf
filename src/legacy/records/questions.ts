/** Questions of the original's hash table and address discovery, answered in its shapes. Pure. @module */

import { utf8 } from "../../base/bytes.ts";
import { compareDistance, formatIpInFull, parseIp } from "../../names/mod.ts";
import type { Address } from "../../transport/transport.ts";
import type {
  Call,
  FindNode,
  FindNodeReply,
  FindValueReply,
  Message,
  NatProbe,
  NodeInfo,
  RpcRequest,
  Value,
} from "../../wire/mod.ts";
import type { WireId } from "../wire_id.ts";
import { readWireId } from "../wire_id.ts";

/** Nodes in an answer: the original's k. */
export const NODES_MAX = 20;
/** How long a record in an answer holds, seconds. */
const SERVICE_TTL_S = 300;

/** A client as its hash table would name it. */
export interface NodeEntry {
  readonly id: WireId;
  readonly endpoint: string;
  readonly lastSeen: number;
}

/** The gateway as it names itself. */
export interface GatewayEntry {
  readonly id: WireId;
  readonly address: Address;
  readonly endpoint: string;
  readonly realm: string;
  /** When it started, ms. */
  readonly since: number;
}

/** The clients closest to `target`; a question without `type` is answered by an error, as there. */
export function findNodeReply({ target, type }: FindNode, nodes: readonly NodeEntry[]): FindNodeReply {
  if (type === undefined) return { kind: "findNodeReply", type: "error", reason: "unknown_message" };
  const wanted = readWireId(target)?.bytes ?? new Uint8Array(32);
  const closest = [...nodes].sort((a, b) => compareDistance(wanted, a.id.bytes, b.id.bytes)).slice(0, NODES_MAX);
  return { kind: "findNodeReply", nodes: closest.map(nodeInfo) };
}

/** What is kept under a key; where nothing is, the original's gateway gives no nodes: it has looked itself. */
export function findValueReply(values: readonly Value[]): FindValueReply {
  if (values.length === 0) return { kind: "findValueReply", result: "nodes", nodes: [] };
  return { kind: "findValueReply", result: "value", value: values };
}

/** How the asker's address looks from here. */
export function natProbeReply({ requestId }: NatProbe, seen: Address, gateway: GatewayEntry, now: number): Message {
  return {
    kind: "natProbeReply",
    nodeId: gateway.id.wire,
    requestId: requestId ?? utf8("undefined"),
    reflexiveIp: ipText(seen.hostname),
    reflexivePort: seen.port,
    serverTime: Math.floor(now),
  };
}

/** The answer to `_dht.list_gateways`: this gateway, or nobody. */
export function gatewaysReply({ callId }: Call, gateways: readonly GatewayEntry[]): Message {
  const peers = gateways.map(({ id, address, realm, since }): Value =>
    new Map<string, Value>([
      ["node_id", id.wire],
      ["host", utf8(address.hostname)],
      ["port", address.port],
      ["realm", utf8(realm)],
      ["registered_at", Math.floor(since)],
    ])
  );
  return { kind: "reply", callId, result: new Map([["peers", peers]]) };
}

/** The answer to `_dht.store`. */
export function storedReply({ callId }: Call): Message {
  return { kind: "reply", callId, result: new Map([["status", utf8("ok")]]) };
}

/** An answer that says no. */
export function errorReply({ callId }: Call, code: string, message: string): Message {
  return { kind: "reply", callId, error: new Map([["code", utf8(code)], ["message", utf8(message)]]) };
}

/** Who answers, and when. */
export interface Answering {
  readonly gateway: WireId;
  /** ms. */
  readonly now: number;
}

/** The answer to a request that is not served. */
export function refusedReply(request: RpcRequest, error: string, { gateway, now }: Answering): Message {
  const { requestId, fromNode: toNode } = request, head = { kind: "rpcReply", type: "rpc_reply", requestId } as const;
  return { ...head, error, fromNode: gateway.wire, toNode, timestamp: Math.floor(now) };
}

/** A provider of the mesh as the original writes one; it is reached through this gateway. */
export function serviceRecord(node: Uint8Array, endpoint: string): Value {
  const fields: [string, Value][] = [
    ["node_id", node],
    ["endpoint", utf8(endpoint)],
    ["metadata", new Map()],
    ["ttl", SERVICE_TTL_S],
  ];
  return new Map(fields);
}

/** What a gateway of the original stores where somebody at it wants a topic. */
export function subscriptionRecord(gateway: Uint8Array, endpoint: string): Value {
  return new Map<string, Value>([["node_id", gateway], ["endpoint", utf8(endpoint)], ["ttl", SERVICE_TTL_S]]);
}

function nodeInfo({ id, endpoint, lastSeen }: NodeEntry): NodeInfo {
  return { address: endpoint, nodeId: id.wire, lastSeen: Math.floor(lastSeen) };
}

/** As the original writes it: IPv6 in eight groups of four upper-case digits. */
function ipText(hostname: string): string {
  const ip = parseIp(hostname);
  return ip === undefined ? hostname : formatIpInFull(ip);
}
