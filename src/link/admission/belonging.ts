/**
 * The part of the handshake in which both ends show that they belong to the realm. Pure.
 *
 *     open        nothing
 *     token       prove: HMAC of the transcript by the dialler; welcome: another one by the acceptor
 *     credential  hello: the acceptor's, with role hub, and the realm's public key; prove: the dialler's
 *
 * @module
 */

import { concatBytes, utf8 } from "../../base/bytes.ts";
import type { Role } from "../../base/protocol.ts";
import {
  checkCredential,
  type Credential,
  CredentialFault,
  equalSecrets,
  hmacSha256,
  isSoundPublicKey,
  type NodeId,
  readCredential,
  realmKeyId,
  sha256,
} from "../../identity/mod.ts";
import type { Prove, Value, Welcome } from "../../wire/mod.ts";
import { type Guard, ruleOf } from "./guard.ts";
import { HandshakeRefusal } from "./refusal.ts";

const DIALLER_LABEL = utf8("macula/1 token dialler"), ACCEPTOR_LABEL = utf8("macula/1 token acceptor");

/** The payloads of connect and hello as they were sent: no proof fits another handshake. */
export interface Transcript {
  readonly connectPayload: Uint8Array;
  readonly helloPayload: Uint8Array;
}

/** Who showed it, and when. */
export interface Shown {
  readonly realm: string;
  readonly node: NodeId;
  readonly role: Role;
  /** Wall time, ms. */
  readonly now: number;
}

/** By what a hub may be one. */
export interface HubStanding {
  readonly credential: Credential;
  /** The realm's public key. */
  readonly realmKey: Uint8Array;
}

/** What the acceptor says in its hello beside its identity. */
export function helloFields(guard: Guard): [string, Value][] {
  if (guard.mode !== "credential" || guard.realmKey === undefined) return [];
  const credential = guard.credential();
  return credential === undefined ? [] : [["credential", credential], ["realm_key", guard.realmKey]];
}

/**
 * Checks at the dialler that the hub may be one, before anything of ours is shown. The realm's public key comes from
 * the hub and is believed only if its id is that of the key that issued our own credential.
 */
export function checkHub(
  guard: Guard,
  { credential, realmKey }: { readonly credential: string; readonly realmKey: Value | undefined },
  shown: Shown,
): HubStanding | undefined {
  if (guard.mode !== "credential") return undefined;
  const key = guard.realmKey ?? issuerKey(guard, realmKey);
  if (credential === "" || key === undefined) {
    throw new HandshakeRefusal(
      "hub_without_credential",
      `Cannot trust the hub: a hub of this realm shows a credential with the role hub, got none`,
    );
  }
  try {
    const expected = { realmKey: key, ...shown, role: "hub", isRevoked: guard.isRevoked } as const;
    return { credential: checkCredential(credential, expected), realmKey: key };
  } catch (error) {
    if (!(error instanceof CredentialFault)) throw error;
    const text = `Cannot trust the hub: its credential is not accepted: ${ruleOf(error)}`;
    throw new HandshakeRefusal(`credential_${error.code}`, text);
  }
}

/** What the dialler shows in its prove. */
export function proveFields(guard: Guard, transcript: Transcript): Pick<Prove, "credential" | "tokenProof"> {
  switch (guard.mode) {
    case "open":
      return {};
    case "token":
      return { tokenProof: proofOf(guard, DIALLER_LABEL, transcript) };
    case "credential":
      return { credential: ownCredential(guard) };
  }
}

/** Checks at the acceptor that the dialler belongs: what it may do, or undefined where it may do everything. */
export function checkDialler(guard: Guard, prove: Prove, transcript: Transcript, shown: Shown): Credential | undefined {
  switch (guard.mode) {
    case "open":
      return undefined;
    case "token": {
      const { tokenProof } = prove;
      if (tokenProof === undefined) {
        throw new HandshakeRefusal(
          "token_required",
          "Cannot connect: this gateway asks for the realm's token; give it with --token or MACULA_TOKEN",
        );
      }
      if (!equalSecrets(tokenProof, proofOf(guard, DIALLER_LABEL, transcript))) {
        throw new HandshakeRefusal("bad_token", "Cannot connect: the token must be that of the realm, got another one");
      }
      return undefined;
    }
    case "credential":
      return checkShown(guard, prove.credential, shown);
  }
}

/** What the acceptor shows in its welcome: that it knows the token as well. */
export function welcomeFields(guard: Guard, transcript: Transcript): Pick<Welcome, "tokenProof"> {
  return guard.mode === "token" ? { tokenProof: proofOf(guard, ACCEPTOR_LABEL, transcript) } : {};
}

/** Checks at the dialler that the hub knows the token that it asked for. */
export function checkWelcome(guard: Guard, { tokenProof }: Welcome, transcript: Transcript): void {
  if (guard.mode !== "token") return;
  if (tokenProof === undefined) {
    throw new HandshakeRefusal(
      "hub_without_token",
      "Cannot trust the hub: a hub of this realm proves that it knows the token, got no proof",
    );
  }
  if (equalSecrets(tokenProof, proofOf(guard, ACCEPTOR_LABEL, transcript))) return;
  throw new HandshakeRefusal("hub_without_token", "Cannot trust the hub: its proof that it knows the token is wrong");
}

/** Checks a credential that a dialler shows, in the handshake or later. Throws `HandshakeRefusal`. */
export function checkShown(guard: Guard, credential: string | undefined, shown: Shown): Credential {
  if (credential === undefined) {
    throw new HandshakeRefusal(
      "credential_required",
      "Cannot connect: this gateway asks for a credential; give it with --credential or MACULA_CREDENTIAL",
    );
  }
  try {
    return checkCredential(credential, { realmKey: guard.realmKey!, ...shown, isRevoked: guard.isRevoked });
  } catch (error) {
    if (!(error instanceof CredentialFault)) throw error;
    throw new HandshakeRefusal(`credential_${error.code}`, error.message);
  }
}

/** The realm's key as the hub says it, if it is the one that issued our own credential. */
function issuerKey(guard: Guard, realmKey: Value | undefined): Uint8Array | undefined {
  if (!(realmKey instanceof Uint8Array) || !isSoundPublicKey(realmKey)) return undefined;
  const issuer = ownIssuer(guard), shown = realmKeyId(realmKey);
  if (shown === issuer) return realmKey.slice();
  throw new HandshakeRefusal(
    "credential_wrong_issuer",
    `Cannot trust the hub: its realm's key must be the one that issued our credential, ${issuer}, got ${shown}`,
  );
}

function ownIssuer(guard: Guard): string {
  const own = ownCredential(guard);
  try {
    return readCredential(own).issuer;
  } catch (error) {
    if (!(error instanceof CredentialFault)) throw error;
    const text = `Cannot connect: our own credential cannot be read: ${ruleOf(error)}`;
    throw new HandshakeRefusal("credential_malformed", text);
  }
}

function ownCredential(guard: Guard): string {
  const credential = guard.credential();
  if (credential !== undefined) return credential;
  throw new HandshakeRefusal("credential_missing", "Cannot connect: there is no credential to show at present");
}

function proofOf(guard: Guard, label: Uint8Array, { connectPayload, helloPayload }: Transcript): Uint8Array {
  return hmacSha256(guard.secret!, concatBytes(label, sha256(connectPayload), sha256(helloPayload)));
}
