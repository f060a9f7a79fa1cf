/**
 * Credentials: what a realm lets a node be and do, as a JSON Web Token (RFC 7519) that the realm's key has signed.
 *
 *     header   {"typ":"JWT","alg":"EdDSA","kid":"<realm key id>"}
 *     claims   iss   realm key id: SHA-256 of the realm's public key, 64 hexadecimal digits
 *              aud   the realm            sub   the node's id          role  "edge" or "hub"
 *              jti   the credential's id  nbf, exp   seconds since 1970
 *              publish, subscribe, call, advertise   lists of patterns; what is absent is not allowed
 *
 * The check is synchronous and knows one algorithm. Keys named in a header (`jwk`, `jku`, `x5c`) are never used.
 *
 * @module
 */

import { fromUtf8, utf8 } from "../base/bytes.ts";
import { MeshError } from "../base/errors.ts";
import type { Action, Role } from "../base/protocol.ts";
import { contains, isPattern, isRealm, isTopic, matches, parsePattern, type Pattern } from "../names/mod.ts";
import { ed25519Verify } from "./crypto.ts";
import { type NodeId, nodeIdOf } from "./node_id.ts";

export type { Action };

/** How far two clocks may differ before a credential is too early or too late, ms. */
export const CREDENTIAL_LEEWAY_MS = 60_000;
/** Longest token, in characters: a handshake frame holds it with room to spare. */
export const CREDENTIAL_CHARACTERS_MAX = 16_384;
/** Most patterns for one action: each message may be held against all of them. */
export const CREDENTIAL_PATTERNS_MAX = 64;

/** All of them. */
export const ACTIONS: readonly Action[] = ["publish", "subscribe", "call", "advertise"];
/** The patterns of topics or procedures for which each action is allowed. */
export type Rights = Readonly<Record<Action, readonly Pattern[]>>;

/** What a token says. */
export interface Credential {
  /** The claim `jti`: what a revocation list names. */
  readonly id: string;
  readonly node: NodeId;
  readonly realm: string;
  readonly role: Role;
  /** Wall time in milliseconds, without the leeway. */
  readonly notBefore: number;
  /** Wall time in milliseconds, without the leeway. */
  readonly expires: number;
  readonly rights: Rights;
  /** As it travels. */
  readonly token: string;
}

/** What a credential is held against. */
export interface CredentialExpectation {
  /** The realm's public key, Ed25519, 32 bytes. */
  readonly realmKey: Uint8Array;
  readonly realm: string;
  /** The node that showed it, proven otherwise. */
  readonly node: NodeId;
  /** Any role if absent. */
  readonly role?: Role | undefined;
  /** Wall time in milliseconds. */
  readonly now: number;
  /** Whether the credential with this id has been revoked. */
  isRevoked(id: string): boolean;
}

/** Why a credential is not accepted. */
export type CredentialFaultCode =
  | "malformed"
  | "wrong_algorithm"
  | "bad_signature"
  | "wrong_realm"
  | "wrong_issuer"
  | "wrong_node"
  | "wrong_role"
  | "expired"
  | "not_yet_valid"
  | "revoked";

/** A credential that is not accepted; the message never repeats the token. */
export class CredentialFault extends MeshError {
  /** Which rule it breaks. */
  declare readonly code: CredentialFaultCode;

  /** `rule` completes "Cannot accept the credential: ". */
  constructor(code: CredentialFaultCode, rule: string) {
    super(code, `Cannot accept the credential: ${rule}`);
  }
}

/** The id of a realm's key: SHA-256 of the public key, 64 hexadecimal digits. Throws `ValidationError`. */
export function realmKeyId(realmKey: Uint8Array): string {
  return nodeIdOf(realmKey);
}

/** The credential that a token is; throws {@linkcode CredentialFault} on the first rule that it breaks. */
export function checkCredential(token: string, expected: CredentialExpectation): Credential {
  const { algorithm, keyId, signed, signature, claims } = dismantle(token), issuer = realmKeyId(expected.realmKey);
  if (algorithm !== "EdDSA") {
    throw new CredentialFault(
      "wrong_algorithm",
      `it must be signed with EdDSA and nothing else, got ${shown(algorithm)}`,
    );
  }
  if (keyId !== issuer) {
    throw new CredentialFault("wrong_issuer", `it must be issued by the realm's key ${issuer}, got ${shown(keyId)}`);
  }
  if (!ed25519Verify(expected.realmKey, utf8(signed), signature)) {
    throw new CredentialFault(
      "bad_signature",
      `its signature must be that of the realm's key ${issuer}, got another one`,
    );
  }
  const credential = readClaims(claims(), token);
  if (credential.issuer !== issuer) {
    throw new CredentialFault(
      "wrong_issuer",
      `it must be issued by the realm's key ${issuer}, got ${credential.issuer}`,
    );
  }
  checkFacts(credential, expected);
  const { issuer: _, ...accepted } = credential;
  return accepted;
}

/**
 * What a token says of itself, with nothing checked but its form: for its own holder and for showing it to a person,
 * never for deciding. Throws {@linkcode CredentialFault} with code `malformed`.
 */
export function readCredential(token: string): Credential & { readonly issuer: string } {
  return readClaims(dismantle(token).claims(), token);
}

/**
 * Whether `rights` allow an action on a name: a topic, a procedure, or for `subscribe` a pattern, which must be contained
 * in one that is allowed. What is no name is not allowed.
 */
export function allows(rights: Rights, action: Action, name: string): boolean {
  const allowed = rights[action];
  if (action === "subscribe") return isPattern(name) && allowed.some((pattern) => contains(pattern, name));
  return isTopic(name) && allowed.some((pattern) => matches(pattern, name));
}

/** A token taken apart; its claims are read only once its signature was found right. */
interface Parts {
  readonly algorithm: unknown;
  readonly keyId: unknown;
  readonly signed: string;
  readonly signature: Uint8Array;
  claims(): Readonly<Record<string, unknown>>;
}

function dismantle(token: string): Parts {
  if (token.length > CREDENTIAL_CHARACTERS_MAX) {
    throw malformed(`it has at most ${CREDENTIAL_CHARACTERS_MAX} characters, got ${token.length}`);
  }
  const [first, second, third, ...more] = token.split(".");
  if (first === undefined || second === undefined || third === undefined || more.length > 0) {
    throw malformed(`it has three parts with dots between them, got ${token.split(".").length}`);
  }
  const header = object(first, "header");
  if (header.typ !== "JWT") throw malformed(`its header says typ "JWT", got ${shown(header.typ)}`);
  // What a "crit" header names must be understood (RFC 7515 section 4.1.11), and we understand nothing of the kind.
  if ("crit" in header) throw malformed(`its header demands no extension, got crit ${shown(header.crit)}`);
  return {
    algorithm: header.alg,
    keyId: header.kid,
    signed: `${first}.${second}`,
    signature: bytesOf(third, "signature"),
    claims: () => object(second, "claims"),
  };
}

function readClaims(claims: Readonly<Record<string, unknown>>, token: string): Credential & { issuer: string } {
  const { iss, aud, sub, role, jti } = claims;
  if (typeof iss !== "string" || !/^[0-9a-f]{64}$/.test(iss)) throw claimFault("iss", "64 hexadecimal digits", iss);
  if (typeof aud !== "string" || !isRealm(aud)) throw claimFault("aud", "a realm", aud);
  if (typeof sub !== "string" || !/^[0-9a-f]{64}$/.test(sub)) throw claimFault("sub", "64 hexadecimal digits", sub);
  if (role !== "edge" && role !== "hub") throw claimFault("role", "edge or hub", role);
  if (typeof jti !== "string" || !isCredentialId(jti)) {
    throw claimFault("jti", "1 to 128 letters, digits, - and _", jti);
  }
  return {
    id: jti,
    node: sub as NodeId,
    realm: aud,
    role,
    notBefore: time(claims, "nbf"),
    expires: time(claims, "exp"),
    rights: {
      publish: patterns(claims, "publish"),
      subscribe: patterns(claims, "subscribe"),
      call: patterns(claims, "call"),
      advertise: patterns(claims, "advertise"),
    },
    token,
    issuer: iss,
  };
}

function checkFacts(credential: Credential, { realm, node, role, now, isRevoked }: CredentialExpectation): void {
  if (credential.realm !== realm) {
    throw new CredentialFault("wrong_realm", `it must be for the realm ${realm}, got ${credential.realm}`);
  }
  if (credential.node !== node) {
    throw new CredentialFault("wrong_node", `it must be for the node ${node} that shows it, got ${credential.node}`);
  }
  if (role !== undefined && credential.role !== role) {
    throw new CredentialFault("wrong_role", `its role must be ${role}, got ${credential.role}`);
  }
  if (now < credential.notBefore - CREDENTIAL_LEEWAY_MS) {
    const times = `${instant(credential.notBefore)}, and it is ${instant(now)}`;
    throw new CredentialFault(
      "not_yet_valid",
      `it must have begun to hold, got one that holds from ${times}; check the clocks`,
    );
  }
  if (now >= credential.expires + CREDENTIAL_LEEWAY_MS) {
    const times = `${instant(credential.expires)}, and it is ${instant(now)}`;
    throw new CredentialFault("expired", `it must not have expired, got one that held until ${times}`);
  }
  if (isRevoked(credential.id)) {
    throw new CredentialFault("revoked", `it must not have been revoked, got ${credential.id}`);
  }
}

/** Whether a text may be a credential's id; it never looks like a token, which has dots. */
export function isCredentialId(text: string): boolean {
  return /^[A-Za-z0-9_-]{1,128}$/.test(text);
}

function patterns(claims: Readonly<Record<string, unknown>>, action: Action): readonly Pattern[] {
  const value = claims[action];
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.length > CREDENTIAL_PATTERNS_MAX) {
    throw claimFault(action, `a list of at most ${CREDENTIAL_PATTERNS_MAX} patterns`, value);
  }
  return value.map((text: unknown) => {
    if (typeof text !== "string") throw claimFault(action, "a list of patterns", text);
    try {
      return parsePattern(text);
    } catch {
      throw claimFault(action, "a list of patterns", text);
    }
  });
}

function time(claims: Readonly<Record<string, unknown>>, name: "nbf" | "exp"): number {
  const seconds = claims[name];
  if (typeof seconds !== "number" || !Number.isSafeInteger(seconds * 1_000) || seconds < 0) {
    throw claimFault(name, "seconds since 1970", seconds);
  }
  return seconds * 1_000;
}

function object(part: string, what: string): Readonly<Record<string, unknown>> {
  const bytes = bytesOf(part, what);
  let value: unknown;
  try {
    value = JSON.parse(fromUtf8(bytes));
  } catch {
    throw malformed(`its ${what} are JSON, got something else`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw malformed(`its ${what} are a JSON object, got ${shown(value)}`);
  }
  return value as Record<string, unknown>;
}

/** Bytes of base64url without padding, in the one spelling that they have: otherwise one token would have several texts. */
function bytesOf(part: string, what: string): Uint8Array {
  const wrong = () => malformed(`its ${what} are base64url without padding, got something else`);
  if (!/^[A-Za-z0-9_-]+$/.test(part) || part.length % 4 === 1) throw wrong();
  const bytes = Uint8Array.fromBase64(part, { alphabet: "base64url" });
  if (bytes.toBase64({ alphabet: "base64url", omitPadding: true }) !== part) throw wrong();
  return bytes;
}

function claimFault(claim: string, rule: string, value: unknown): CredentialFault {
  return malformed(`its claim ${claim} is ${rule}, got ${shown(value)}`);
}

function malformed(rule: string): CredentialFault {
  return new CredentialFault("malformed", rule);
}

function instant(ms: number): string {
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : `${ms} ms`;
}

/** A value from outside as an error shows it. */
function shown(value: unknown): string {
  if (value === undefined) return "none";
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
