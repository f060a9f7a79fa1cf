/**
 * Makes nodes and their records, and checks records that arrive. A record is checked outside of the cores, as in
 * production: with real keys and signatures, or, where ten thousand nodes would take too long for that, with a list of
 * the records that were really made. Either way a forged one does not get through.
 *
 * @module
 */

import { equalBytes } from "../../base/bytes.ts";
import type { Failure } from "../../base/protocol.ts";
import type { Random } from "../../base/random.ts";
import {
  createIdentity,
  type NodeId,
  nodeId,
  type NodeRecord,
  type Proven,
  proven,
  type RecordClaims,
  RecordVerifier,
  signRecord,
  type Statement,
  type VerifiedRecord,
} from "../../identity/mod.ts";
import type { Realm } from "../../names/mod.ts";
import type { SignedRecord } from "../../wire/mod.ts";

/** The realm of every simulated node. */
export const REALM = "org.example.simulation" as Realm;
/** What a record of one endpoint takes, about, bytes. */
const BODY_BYTES = 200;

/** Somebody who can make statements. */
export interface Signer {
  readonly node: NodeId;
  readonly nodeBytes: Uint8Array;
  sign<S extends Statement>(statement: S): S & Proven;
}

/** When the first record expires: of statements of nodes about themselves, and of all others; wall ms. */
export interface EarliestExpiry {
  node: number;
  other: number;
}

/** Where nodes and records come from. */
export interface Mint {
  /** Whether its records have real signatures. */
  readonly isReal: boolean;
  /** Before that time no record of the kind has expired, wall ms; `node` is apart, as it is what most replies hold. */
  readonly earliestExpiryMs: Readonly<EarliestExpiry>;
  /** A new node's key. */
  signer(random: Random): Signer;
  /** Whether it made this record, whoever hands it over. */
  made(record: VerifiedRecord): boolean;
  /** Checks records on behalf of one node. */
  checker(): RecordChecker;
}

/** Checks records on behalf of one node: as they travel, or as the objects that they were made as. */
export interface RecordChecker extends Pick<RecordVerifier, "verify"> {
  verifyRecord(record: VerifiedRecord, claims: RecordClaims): Verdict;
}

/** The record, or why it is not believed. */
export type Verdict = VerifiedRecord | Failure;

/** Real Ed25519 keys and signatures. */
export class SignedMint implements Mint {
  readonly isReal = true;
  readonly earliestExpiryMs: EarliestExpiry = { node: Infinity, other: Infinity };
  readonly #made = new Set<string>();

  signer(random: Random): Signer {
    const identity = createIdentity(random.bytes(32));
    return {
      node: identity.id,
      nodeBytes: identity.idBytes,
      sign: <S extends Statement>(statement: S) => {
        const record = signRecord(identity, statement) as unknown as S & Proven;
        this.#made.add(record.signed.signature.toHex());
        noteExpiry(this.earliestExpiryMs, record);
        return record;
      },
    };
  }

  made({ signed }: VerifiedRecord): boolean {
    return this.#made.has(signed.signature.toHex());
  }

  checker(): RecordChecker {
    const verifier = new RecordVerifier({ recordsMax: 2_000 });
    return {
      verify: (signed: SignedRecord, claims: RecordClaims) => verifier.verify(signed, claims),
      verifyRecord: ({ signed }: VerifiedRecord, claims: RecordClaims) => verifier.verify(signed, claims),
    };
  }
}

/** Ids at random and no signatures: a record is genuine when it is one that was made here. */
export class ListedMint implements Mint {
  readonly isReal = false;
  readonly earliestExpiryMs: EarliestExpiry = { node: Infinity, other: Infinity };
  readonly #made = new WeakSet<Statement & Proven>();
  readonly #signed: SignedRecord = { body: new Uint8Array(BODY_BYTES), signature: new Uint8Array(64) };

  signer(random: Random): Signer {
    const publicKey = random.bytes(32), node = nodeId(publicKey);
    return {
      node,
      nodeBytes: publicKey,
      sign: <S extends Statement>(statement: S) => {
        const record = proven(statement, { node, publicKey, signed: this.#signed });
        this.#made.add(record);
        noteExpiry(this.earliestExpiryMs, record);
        return record;
      },
    };
  }

  made(record: VerifiedRecord): boolean {
    return this.#made.has(record);
  }

  checker(): RecordChecker {
    return {
      verify: (): Verdict => refusal("malformed", "a listed record has no bytes that could be read"),
      verifyRecord: (record: VerifiedRecord, claims: RecordClaims): Verdict => this.#check(record, claims),
    };
  }

  /** The rules of `identity/record_verifier.ts`, in its order. */
  #check(record: VerifiedRecord, { now, realm, key, node }: RecordClaims): Verdict {
    if (!this.#made.has(record)) return refusal("bad_signature", "it must be signed by its node");
    if (node !== undefined && !equalBytes(node, record.nodeBytes)) return refusal("foreign_key", "of another node");
    if (record.realm !== realm) return refusal("wrong_realm", `its realm must be ${realm}, got ${record.realm}`);
    if (key !== undefined && !equalBytes(key, record.key)) return refusal("key_mismatch", "it belongs elsewhere");
    if (record.expiresAt <= now) return refusal("expired", "it must not be expired");
    if (record.expiresAt > now + 2 * record.ttlMs) return refusal("expires_too_late", "it lives too long");
    return record;
  }
}

/** A hub's statement about itself. */
export function nodeStatement(
  signer: Signer,
  { role, address, now, ttlMs }: {
    readonly role: NodeRecord["role"];
    readonly address: string;
    readonly now: number;
    readonly ttlMs: number;
  },
): NodeRecord {
  const sequence = Math.floor(now), expiresAt = sequence + ttlMs;
  return signer.sign({ kind: "node", realm: REALM, role, endpoints: [address], sequence, expiresAt });
}

function noteExpiry(earliest: EarliestExpiry, { kind, expiresAt }: Statement): void {
  const which = kind === "node" ? "node" : "other";
  if (expiresAt < earliest[which]) earliest[which] = expiresAt;
}

function refusal(code: string, rule: string): Failure {
  return { code, text: `Cannot use the record: ${rule}` };
}
