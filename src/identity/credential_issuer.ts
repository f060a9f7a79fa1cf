/** Issuing credentials with a realm's private key. `npm:jose` is loaded with the first one, never on a link. @module */

import { concatBytes } from "../base/bytes.ts";
import { ValidationError } from "../base/errors.ts";
import type { Action, Role } from "../base/protocol.ts";
import { parseRealm } from "../names/mod.ts";
import { ACTIONS, checkCredential, CredentialFault } from "./credential.ts";
import { PKCS8_PREFIX } from "./crypto.ts";
import type { Identity } from "./keys.ts";
import { type NodeId, parseNodeId } from "./node_id.ts";

/** What a credential is to say. */
export interface CredentialRequest {
  /** The realm in which it holds. */
  readonly realm: string;
  /** The node that may show it, 64 hexadecimal digits. */
  readonly node: NodeId | string;
  /** Whether the node may be a hub, or attach to one as an edge. */
  readonly role: Role;
  /** Patterns for each action; an action without any is not allowed. */
  readonly rights: Readonly<Partial<Record<Action, readonly string[]>>>;
  /** Wall time in milliseconds from which it holds, on most machines the present; counted in whole seconds. */
  readonly now: number;
  /** How long it holds, ms; at least a second. */
  readonly lifeMs: number;
  /** Its id; default a random one. */
  readonly id?: string | undefined;
}

/**
 * The credential that a realm's key issues, as a token. What is issued passes the check of the other end: throws
 * `ValidationError` where it could not.
 *
 * @example A sensor that may publish and nothing else
 * ```ts
 * import { createIdentity, issueCredential } from "@macula/mesh";
 * import assert from "node:assert/strict";
 *
 * const newKey = () => createIdentity(crypto.getRandomValues(new Uint8Array(32)));
 * const realmKey = newKey(), sensor = newKey();
 * const credential = await issueCredential(realmKey, {
 *   realm: "org.example.home",
 *   node: sensor.id,
 *   role: "edge",
 *   rights: { publish: ["sensor.**"] },
 *   now: Date.now(),
 *   lifeMs: 30 * 86_400_000,
 * });
 * assert.equal(credential.split(".").length, 3); // a JSON Web Token, for connect(ticket, { identity, auth: { credential } })
 * ```
 */
export async function issueCredential(realmKey: Identity, request: CredentialRequest): Promise<string> {
  const { role, rights, now, lifeMs, id = crypto.randomUUID() } = request;
  const realm = parseRealm(request.realm), node = parseNodeId(request.node), begins = Math.floor(now / 1_000);
  if (!(lifeMs >= 1_000 && Number.isSafeInteger(Math.ceil(now + lifeMs)))) {
    throw new ValidationError(`Cannot issue a credential: it holds for at least 1000 ms, got ${lifeMs}`);
  }
  const jose = await import("jose");
  const key = await crypto.subtle.importKey(
    "pkcs8",
    concatBytes(PKCS8_PREFIX, realmKey.seed),
    "Ed25519",
    false,
    ["sign"],
  );
  const lists = ACTIONS.filter((action) => (rights[action]?.length ?? 0) > 0).map((action) => [action, rights[action]]);
  const token = await new jose.SignJWT({ role, ...Object.fromEntries(lists) })
    .setProtectedHeader({ typ: "JWT", alg: "EdDSA", kid: realmKey.id })
    .setIssuer(realmKey.id)
    .setAudience(realm)
    .setSubject(node)
    .setJti(id)
    .setIssuedAt(begins)
    .setNotBefore(begins)
    .setExpirationTime(begins + Math.floor(lifeMs / 1_000))
    .sign(key);
  try {
    checkCredential(token, { realmKey: realmKey.publicKey, realm, node, role, now, isRevoked: () => false });
  } catch (error) {
    if (!(error instanceof CredentialFault)) throw error;
    const rule = error.message.slice(error.message.indexOf(": ") + 2);
    throw new ValidationError(`Cannot issue a credential: ${rule}`);
  }
  return token;
}
