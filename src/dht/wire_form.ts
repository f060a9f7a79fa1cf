/**
 * The hash table's messages on the wire and as the core sees them. Between the two stands the verification, which is
 * handed in: what is not proven does not reach the core.
 *
 * @module
 */

import type { Failure } from "../base/protocol.ts";
import type { VerifiedRecord } from "../identity/record.ts";
import { type Hash, ID_BYTES, normalizeId } from "../names/mod.ts";
import type {
  FindNode,
  FindNodeReply,
  FindValue,
  FindValueReply,
  NodeInfo,
  SignedRecord,
  Store,
  StoreAck,
  Value,
} from "../wire/mod.ts";
import type { Contact, DhtMessage } from "./messages.ts";

/** The hash table's messages on the wire. */
export type DhtWireMessage = FindNode | FindNodeReply | Store | FindValue | FindValueReply | StoreAck;

/** What the node knows how to do and a core must not. */
export interface Verification {
  readonly sha256: Hash;
  /** The record, or why it is not believed; `claims` is what the message says of it. */
  verify(
    signed: SignedRecord,
    claims: { readonly key?: Uint8Array; readonly node?: Uint8Array },
  ): VerifiedRecord | Failure;
}

/** Of the nodes in a reply so many are looked at: k, and the sender itself. */
const NODES_MAX = 21;
/** Of the values in a reply so many are looked at; a page of the smallest records has fewer. */
const VALUES_MAX = 1_000;

/** The message for the core. A reply without what was asked for is one that refuses. */
export function fromWire(message: DhtWireMessage, { sha256, verify }: Verification): DhtMessage {
  switch (message.kind) {
    case "findNode":
      return {
        kind: "findNode",
        target: normalizeId(message.target, sha256),
        requestId: message.requestId,
        sender: undefined,
      };
    case "findValue": {
      const { requestId, page = 0 } = message;
      return { kind: "findValue", key: normalizeId(message.key, sha256), requestId, page, sender: undefined };
    }
    case "findNodeReply": {
      const { requestId } = message;
      return { kind: "findNodeReply", requestId, nodes: contacts(message.nodes, verify), refusal: refusalOf(message) };
    }
    case "findValueReply": {
      const { requestId, more } = message, records: VerifiedRecord[] = [];
      for (const value of (message.value ?? []).slice(0, VALUES_MAX)) {
        const signed = signedOf(value), record = signed === undefined ? undefined : verify(signed, {});
        if (record !== undefined && !("code" in record)) records.push(record);
      }
      const nodes = contacts(message.nodes, verify), refusal = refusalOf(message);
      return { kind: "findValueReply", requestId, records, nodes, more, refusal };
    }
    case "store": {
      const { key, requestId } = message, head = { kind: "store", key, requestId } as const;
      const signed = signedOf(message.value);
      const record = signed === undefined ? UNSIGNED : key.length === ID_BYTES ? verify(signed, { key }) : NO_KEY;
      if ("code" in record) return { ...head, record: undefined, refusal: record };
      return { ...head, record, refusal: undefined };
    }
    case "storeAck": {
      const { key, requestId, code, text = "" } = message;
      return { kind: "storeAck", key, requestId, refusal: code === undefined ? undefined : { code, text } };
    }
  }
}

/** The messages for the wire, one or two, to be sent in this order: who asks is told in a message of its own. */
export function toWire(message: DhtMessage): DhtWireMessage[] {
  const isAsking = message.kind === "findNode" || message.kind === "findValue";
  if (!isAsking || message.sender === undefined) return [oneToWire(message)];
  const { key, signed } = message.sender;
  return [{ kind: "store", key, value: valueOf(signed) }, oneToWire(message)];
}

function oneToWire(message: DhtMessage): DhtWireMessage {
  switch (message.kind) {
    case "findNode": {
      const { target, requestId } = message;
      return { kind: "findNode", target, ...requestId === undefined ? {} : { requestId } };
    }
    case "findValue": {
      const { key, requestId, page } = message;
      const head = { kind: "findValue", key, ...requestId === undefined ? {} : { requestId } } as const;
      return page === 0 ? head : { ...head, page };
    }
    case "findNodeReply": {
      const { requestId, refusal } = message;
      const head = { kind: "findNodeReply", ...requestId === undefined ? {} : { requestId } } as const;
      if (refusal !== undefined) return { ...head, type: "error", reason: refusal.code };
      return { ...head, nodes: message.nodes.map(nodeInfo) };
    }
    case "findValueReply": {
      const { requestId, refusal, more, records } = message;
      const head = { kind: "findValueReply", ...requestId === undefined ? {} : { requestId } } as const;
      if (refusal !== undefined) return { ...head, type: "error", reason: refusal.code };
      const nodes = message.nodes.map(nodeInfo);
      if (records.length === 0) return { ...head, result: "nodes", nodes };
      const value = records.map(({ signed }) => valueOf(signed));
      return { ...head, result: "value", value, nodes, ...more === undefined ? {} : { more } };
    }
    case "store": {
      const { key, requestId, record } = message;
      const value = record === undefined ? null : valueOf(record.signed);
      return { kind: "store", key, value, ...requestId === undefined ? {} : { requestId } };
    }
    case "storeAck": {
      const { key, requestId, refusal } = message;
      return { kind: "storeAck", key, ...requestId === undefined ? {} : { requestId }, ...refusal };
    }
  }
}

const UNSIGNED: Failure = { code: "unsigned", text: "Cannot keep the record: it must be {body, signature}" };
const NO_KEY: Failure = { code: "malformed", text: `Cannot keep the record: its key has ${ID_BYTES} bytes` };

function contacts(nodes: readonly NodeInfo[] | undefined, verify: Verification["verify"]): Contact[] {
  const out: Contact[] = [];
  for (const { nodeId, record: signed } of (nodes ?? []).slice(0, NODES_MAX)) {
    if (signed === undefined) continue;
    const record = verify(signed, { node: nodeId });
    if (!("code" in record) && record.kind === "node" && record.withdrawn !== true) out.push(record);
  }
  return out;
}

function refusalOf({ type, reason }: { readonly type?: string; readonly reason?: string }): Failure | undefined {
  return type === "error" ? { code: reason ?? "refused", text: "The node asked has refused" } : undefined;
}

function nodeInfo({ nodeBytes, endpoints, signed }: Contact): NodeInfo {
  return { address: endpoints[0] ?? "", nodeId: nodeBytes, record: signed };
}

function valueOf({ body, signature }: SignedRecord): Value {
  return new Map([["body", body], ["signature", signature]]);
}

function signedOf(value: Value): SignedRecord | undefined {
  if (!(value instanceof Map)) return undefined;
  const fields = value as ReadonlyMap<string, Value>, body = fields.get("body"), signature = fields.get("signature");
  if (!(body instanceof Uint8Array) || !(signature instanceof Uint8Array)) return undefined;
  return signature.length === 64 ? { body, signature } : undefined;
}
