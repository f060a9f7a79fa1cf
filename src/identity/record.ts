/**
 * Records: signed, expiring statements of a node for the hash table.
 *
 *     record     { body: bin, signature: bin 64 }    Ed25519 over "macula/1 record" + body
 *     body       MessagePack map: version 1, kind, realm, public_key, sequence, expires_at, withdrawn?, credential?, and
 *       node     role, endpoints, capabilities, hubs, labels, certificates
 *       interest pattern
 *       provider procedure, metadata?
 *     key        SHA-256 of "macula/1 key" 0 realm 0 kind 0 name
 *       name     the node's id as hex digits | the pattern's literal prefix | the procedure
 *
 * @module
 */

import { concatBytes, utf8 } from "../base/bytes.ts";
import type { Role } from "../base/protocol.ts";
import { prefixOf } from "../names/distance.ts";
import { isExact, type Pattern, type Procedure, type Realm } from "../names/mod.ts";
import { encodeValue, type SignedRecord, type Value } from "../wire/mod.ts";
import { sha256 } from "./crypto.ts";
import type { Identity } from "./keys.ts";
import { type NodeId, nodeIdBytes } from "./node_id.ts";

/** What a record is about. */
export type RecordKind = "node" | "interest" | "provider";

/** How long a record is kept unless it is renewed, ms; a node's own lasts longer, as tables keep nodes alive by asking. */
export const RECORD_TTL_MS: Readonly<Record<RecordKind, number>> = {
  node: 3_600_000,
  interest: 300_000,
  provider: 300_000,
};

/** Largest body: 4 KiB of metadata or 16 long endpoints, and then some. */
export const RECORD_BODY_BYTES_MAX = 8_192;

/** What stands before the body where it is signed. */
export const RECORD_LABEL: Uint8Array = utf8("macula/1 record");

const BODY_VERSION = 1;
/** What a reply takes for a record beside its body: signature, keys, headers. */
const RECORD_OVERHEAD_BYTES = 96;
const NOTHING: readonly never[] = [];

interface StatementHead {
  readonly realm: Realm;
  /** Wall-clock ms when it was made: of two by one node about one thing the higher counts. */
  readonly sequence: number;
  /** Wall-clock ms; at most twice the TTL ahead. */
  readonly expiresAt: number;
  /** It only says that earlier ones do not hold any more. */
  readonly withdrawn?: boolean;
  /** By what right its node says so, where the realm asks for credentials. */
  readonly credential?: string | undefined;
}

/** How to reach a node, and what it can do. */
export interface NodeStatement extends StatementHead {
  readonly kind: "node";
  readonly role: Role;
  /** `https://host:port`, best first, at most 16. */
  readonly endpoints: readonly string[];
  readonly capabilities?: readonly string[];
  /** The hubs that it is attached to, at most 8. */
  readonly hubs?: readonly NodeId[];
  /** SHA-256 of its TLS leaves, the current one first, at most 4: for browsers. */
  readonly certificates?: readonly Uint8Array[];
  readonly labels?: ReadonlyMap<string, string>;
}

/** The node wants events of these topics. */
export interface InterestStatement extends StatementHead {
  readonly kind: "interest";
  readonly pattern: Pattern;
}

/** The node serves a procedure. */
export interface ProviderStatement extends StatementHead {
  readonly kind: "provider";
  readonly procedure: Procedure;
  /** JSON, at most 4 KiB. */
  readonly metadata?: string;
  /** How long its node wants it to hold, ms, for when it is renewed; not in the body. Absent: as its kind. */
  readonly lifeMs?: number;
}

/** What can be said in a record. */
export type Statement = NodeStatement | InterestStatement | ProviderStatement;

/** What every record has once its signature was checked. */
export interface Proven {
  /** Who says it, as hex digits and as bytes. */
  readonly node: NodeId;
  readonly nodeBytes: Uint8Array;
  /** The first 32 bits of that. */
  readonly prefix: number;
  readonly publicKey: Uint8Array;
  /** Where it belongs, 32 bytes. */
  readonly key: Uint8Array;
  /** Which of the node's statements under the key it is: the pattern, the procedure, or nothing. */
  readonly name: string;
  readonly ttlMs: number;
  /** What it takes in a reply, in bytes. */
  readonly bytes: number;
  /** As it travels. */
  readonly signed: SignedRecord;
}

/** A node's statement about itself. */
export type NodeRecord = NodeStatement & Proven;
/** An interest and whose it is. */
export type InterestRecord = InterestStatement & Proven;
/** A procedure and who serves it. */
export type ProviderRecord = ProviderStatement & Proven;
/** A record that may be believed: its signature is that of its node. */
export type VerifiedRecord = NodeRecord | InterestRecord | ProviderRecord;

/** The key under which records of a kind are kept in a realm; `name` as the table at the top says. */
export function recordKey(realm: Realm, kind: RecordKind, name: string): Uint8Array<ArrayBuffer> {
  return sha256(utf8(`macula/1 key\0${realm}\0${kind}\0${name}`));
}

/** The part of a pattern before its first wildcard, an exact one whole: the name under which interest in it is kept. */
export function literalPrefix(pattern: Pattern): string {
  if (isExact(pattern)) return pattern;
  const segments = pattern.split(".");
  return segments.slice(0, segments.findIndex((segment) => segment.startsWith("*"))).join(".");
}

/** The key of what a statement by `node` says. */
export function keyOf(statement: Statement, node: NodeId): Uint8Array<ArrayBuffer> {
  switch (statement.kind) {
    case "node":
      return recordKey(statement.realm, "node", node);
    case "interest":
      return recordKey(statement.realm, "interest", literalPrefix(statement.pattern));
    case "provider":
      return recordKey(statement.realm, "provider", statement.procedure);
  }
}

/** Signs a statement; 12 microseconds. Bounds are the reader's to check: see `verifyRecord`. */
export function signRecord(identity: Identity, statement: Statement): VerifiedRecord {
  const body = encodeValue(bodyOf(statement, identity.publicKey));
  const signature = identity.sign(concatBytes(RECORD_LABEL, body));
  return proven(statement, { node: identity.id, publicKey: identity.publicKey, signed: { body, signature } });
}

/** The same statement anew, from `now` (wall-clock ms) on for its time to live. */
export function renewed(
  identity: Identity,
  record: VerifiedRecord,
  { now, credential }: { readonly now: number; readonly credential?: string | undefined },
): VerifiedRecord {
  const sequence = Math.max(Math.floor(now), record.sequence + 1);
  const lifeMs = record.kind === "provider" ? record.lifeMs : undefined;
  const expiresAt = Math.floor(now) + (lifeMs ?? RECORD_TTL_MS[record.kind]);
  return signRecord(identity, { ...record, sequence, expiresAt, credential });
}

/** A statement with what follows from its signed form. */
export function proven<S extends Statement>(
  statement: S,
  { node, publicKey, signed }: Pick<Proven, "node" | "publicKey" | "signed">,
): S & Proven {
  const nodeBytes = nodeIdBytes(node);
  return {
    ...statement,
    node,
    nodeBytes,
    prefix: prefixOf(nodeBytes),
    publicKey,
    key: keyOf(statement, node),
    name: statement.kind === "node" ? "" : statement.kind === "interest" ? statement.pattern : statement.procedure,
    ttlMs: RECORD_TTL_MS[statement.kind],
    bytes: signed.body.length + RECORD_OVERHEAD_BYTES,
    signed,
  };
}

function bodyOf(statement: Statement, publicKey: Uint8Array): ReadonlyMap<string, Value> {
  const body = new Map<string, Value>([
    ["version", BODY_VERSION],
    ["kind", statement.kind],
    ["realm", statement.realm],
    ["public_key", publicKey],
    ["sequence", statement.sequence],
    ["expires_at", statement.expiresAt],
  ]);
  if (statement.withdrawn === true) body.set("withdrawn", true);
  if (statement.credential !== undefined) body.set("credential", statement.credential);
  switch (statement.kind) {
    case "node":
      return body.set("role", statement.role).set("endpoints", statement.endpoints)
        .set("capabilities", statement.capabilities ?? NOTHING)
        .set("hubs", (statement.hubs ?? NOTHING).map(nodeIdBytes))
        .set("certificates", statement.certificates ?? NOTHING)
        .set("labels", new Map(statement.labels));
    case "interest":
      return body.set("pattern", statement.pattern);
    case "provider":
      if (statement.metadata !== undefined) body.set("metadata", statement.metadata);
      return body.set("procedure", statement.procedure);
  }
}
