/** Reads records of others and checks whether they may be believed. @module */

import { concatBytes, equalBytes, fromUtf8, toHex } from "../base/bytes.ts";
import { LruMap } from "../base/lru.ts";
import type { Failure } from "../base/protocol.ts";
import {
  isPattern,
  isProcedure,
  isRealm,
  parseEndpoint,
  type Pattern,
  type Procedure,
  type Realm,
} from "../names/mod.ts";
import { decodeValue, type SignedRecord, type Value, type ValueMap } from "../wire/mod.ts";
import { ed25519Verify, HASH_BYTES, isSoundPublicKey } from "./crypto.ts";
import { type NodeId, nodeId, nodeIdOf } from "./node_id.ts";
import { proven, RECORD_BODY_BYTES_MAX, RECORD_LABEL, type Statement, type VerifiedRecord } from "./record.ts";

/** What the one who hands a record over says of it. */
export interface RecordClaims {
  /** Wall time, ms. */
  readonly now: number;
  readonly realm: Realm;
  /** Under which key it was found or is to be kept. */
  readonly key?: Uint8Array;
  /** Whose it is said to be. */
  readonly node?: Uint8Array;
}

/** Why a record is not believed. */
export type RecordFault =
  | "too_large"
  | "malformed"
  | "foreign_key"
  | "bad_signature"
  | "wrong_realm"
  | "key_mismatch"
  | "expired"
  | "expires_too_late";

const ENDPOINTS_MAX = 16;
const CAPABILITIES_MAX = 32;
const HUBS_MAX = 8;
const CERTIFICATES_MAX = 4;
const LABELS_MAX = 32;
/** An endpoint, a capability, a label or its value, in UTF-16 code units. */
const TEXT_LENGTH_MAX = 300;
const METADATA_LENGTH_MAX = 4_096;

/** The record, or a failure whose code is a `RecordFault`; 40 microseconds. */
export function verifyRecord(signed: SignedRecord, claims: RecordClaims): VerifiedRecord | Failure {
  const record = readRecord(signed);
  return "code" in record ? record : checkClaims(record, claims);
}

/**
 * The same with a memory: a record that comes again, as most do, costs a comparison of its bytes. Not for the same
 * record under another key, node, realm or time: those are checked each time.
 */
export class RecordVerifier {
  /** By signature. */
  readonly #verified: LruMap<string, VerifiedRecord>;
  #checks = 0;

  constructor({ recordsMax = 10_000 }: { readonly recordsMax?: number } = {}) {
    this.#verified = new LruMap(recordsMax);
  }

  /** How many signatures were checked so far: to bound the work of a turn. */
  get checks(): number {
    return this.#checks;
  }

  /** As the function `verifyRecord`. */
  verify(signed: SignedRecord, claims: RecordClaims): VerifiedRecord | Failure {
    if (signed.body.length > RECORD_BODY_BYTES_MAX) return tooLarge(signed);
    const name = toHex(signed.signature);
    let record = this.#verified.get(name);
    if (record === undefined || !equalBytes(record.signed.body, signed.body)) {
      this.#checks++;
      const read = readRecord(signed);
      if ("code" in read) return read;
      this.#verified.set(name, record = read);
    }
    return checkClaims(record, claims);
  }
}

function readRecord(signed: SignedRecord): VerifiedRecord | Failure {
  if (signed.body.length > RECORD_BODY_BYTES_MAX) return tooLarge(signed);
  const own = { body: signed.body.slice(), signature: signed.signature.slice() }; // a frame's buffer is used again
  const read = readBody(own.body);
  if (read === undefined) return fault("malformed", "its body must be a statement within the bounds");
  const { statement, publicKey } = read;
  if (!isSoundPublicKey(publicKey)) return fault("foreign_key", "its key must be one that somebody can hold");
  if (!ed25519Verify(publicKey, concatBytes(RECORD_LABEL, own.body), own.signature)) {
    return fault("bad_signature", "it must be signed by its node");
  }
  return proven(statement, { node: nodeIdOf(publicKey), publicKey, signed: own });
}

function checkClaims(record: VerifiedRecord, { now, realm, key, node }: RecordClaims): VerifiedRecord | Failure {
  if (node !== undefined && !equalBytes(node, record.nodeBytes)) {
    return fault("foreign_key", `it must be that of the node it is said to be of, got one of ${record.node}`);
  }
  if (record.realm !== realm) return fault("wrong_realm", `its realm must be ${realm}, got ${record.realm}`);
  if (key !== undefined && !equalBytes(key, record.key)) {
    return fault("key_mismatch", "it must be under the key that follows from what it says");
  }
  if (record.expiresAt <= now) return fault("expired", `it must not be expired, got ${now - record.expiresAt} ms ago`);
  if (record.expiresAt > now + 2 * record.ttlMs) {
    return fault("expires_too_late", `it must expire within ${2 * record.ttlMs} ms, got ${record.expiresAt - now}`);
  }
  return record;
}

function readBody(bytes: Uint8Array): { statement: Statement; publicKey: Uint8Array } | undefined {
  const body = decoded(bytes);
  if (!(body instanceof Map)) return undefined;
  const fields = body as ValueMap, realm = textOf(fields.get("realm")), publicKey = fields.get("public_key");
  const sequence = fields.get("sequence"), expiresAt = fields.get("expires_at");
  if (fields.get("version") !== 1 || realm === undefined || !isRealm(realm)) return undefined;
  if (!(publicKey instanceof Uint8Array) || !isTime(sequence) || !isTime(expiresAt)) return undefined;
  const credential = textOf(fields.get("credential"));
  const shown = credential === undefined ? {} : { credential };
  const head = { realm, sequence, expiresAt, ...fields.get("withdrawn") === true ? { withdrawn: true } : {}, ...shown };
  const statement = readStatement(head, fields);
  return statement === undefined ? undefined : { statement, publicKey };
}

type Head = Pick<Statement, "realm" | "sequence" | "expiresAt" | "withdrawn" | "credential">;

function readStatement(head: Head, fields: ValueMap): Statement | undefined {
  switch (textOf(fields.get("kind"))) {
    case "node":
      return readNode(head, fields);
    case "interest": {
      const pattern = textOf(fields.get("pattern"));
      if (pattern === undefined || !isPattern(pattern)) return undefined;
      return { kind: "interest", ...head, pattern: pattern as Pattern };
    }
    case "provider": {
      const procedure = textOf(fields.get("procedure")), given = fields.get("metadata");
      if (procedure === undefined || !isProcedure(procedure)) return undefined;
      if (given === undefined) return { kind: "provider", ...head, procedure: procedure as Procedure };
      const metadata = textOf(given);
      if (metadata === undefined || metadata.length > METADATA_LENGTH_MAX) return undefined;
      return { kind: "provider", ...head, procedure: procedure as Procedure, metadata };
    }
    default:
      return undefined;
  }
}

function readNode(head: Head, fields: ValueMap): Statement | undefined {
  const role = textOf(fields.get("role")), endpoints = textsOf(fields.get("endpoints"), ENDPOINTS_MAX);
  if (role !== "hub" && role !== "edge" || endpoints === undefined || !endpoints.every(isEndpoint)) return undefined;
  const capabilities = textsOf(fields.get("capabilities") ?? [], CAPABILITIES_MAX);
  const hubs = hashesOf(fields.get("hubs") ?? [], HUBS_MAX);
  const certificates = hashesOf(fields.get("certificates") ?? [], CERTIFICATES_MAX);
  const labels = labelsOf(fields.get("labels") ?? new Map());
  if (capabilities === undefined || hubs === undefined || certificates === undefined || labels === undefined) {
    return undefined;
  }
  const hubIds: NodeId[] = hubs.map(nodeId);
  return { kind: "node", ...head, role, endpoints, capabilities, hubs: hubIds, certificates, labels };
}

function decoded(bytes: Uint8Array): Value | undefined {
  try {
    return decodeValue(bytes);
  } catch {
    return undefined;
  }
}

function isTime(value: Value | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isEndpoint(text: string): boolean {
  try {
    parseEndpoint(text);
    return true;
  } catch {
    return false;
  }
}

function textOf(value: Value | undefined): string | undefined {
  if (typeof value === "string") return value;
  if (!(value instanceof Uint8Array)) return undefined;
  try {
    return fromUtf8(value);
  } catch {
    return undefined;
  }
}

function textsOf(value: Value | undefined, most: number): string[] | undefined {
  if (!Array.isArray(value) || value.length > most) return undefined;
  const texts = (value as readonly Value[]).map(textOf);
  return texts.every((text) => text !== undefined && text.length <= TEXT_LENGTH_MAX) ? texts as string[] : undefined;
}

function hashesOf(value: Value, most: number): Uint8Array[] | undefined {
  if (!Array.isArray(value) || value.length > most) return undefined;
  const isHash = (one: Value) => one instanceof Uint8Array && one.length === HASH_BYTES;
  return (value as readonly Value[]).every(isHash) ? value as Uint8Array[] : undefined;
}

function labelsOf(value: Value): Map<string, string> | undefined {
  if (!(value instanceof Map) || value.size > LABELS_MAX) return undefined;
  const labels = new Map<string, string>();
  for (const [name, given] of value as Map<string, Value>) {
    const text = textOf(given);
    if (text === undefined || name.length > TEXT_LENGTH_MAX || text.length > TEXT_LENGTH_MAX) return undefined;
    labels.set(name, text);
  }
  return labels;
}

function tooLarge({ body }: SignedRecord): Failure {
  return fault("too_large", `its body has at most ${RECORD_BODY_BYTES_MAX} bytes, got ${body.length}`);
}

function fault(code: RecordFault, rule: string): Failure {
  return { code, text: `Cannot use the record: ${rule}` };
}
