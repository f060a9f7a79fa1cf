/**
 * Attachments: a node's signed statement which hub it is attached to, so that no other hub can speak for it. A hub says
 * of itself that it is attached to itself: with its credential that proves that it is a hub.
 *
 *     body       MessagePack map: version 1, node, hub, realm, until
 *     signature  Ed25519 over "macula/1 attachment" + body
 *
 * @module
 */

import { concatBytes, equalBytes, toHex, utf8 } from "../../base/bytes.ts";
import type { Failure } from "../../base/protocol.ts";
import {
  checkCredential,
  type Credential,
  CREDENTIAL_LEEWAY_MS,
  CredentialFault,
  ed25519Verify,
  type Identity,
  isSoundPublicKey,
  type NodeId,
  nodeIdOf,
} from "../../identity/mod.ts";
import { type Attachment, decodeValue, encodeValue, type Value } from "../../wire/mod.ts";

/** Longest time that a statement holds, ms: so long a hub can speak for an edge that has left it. */
export const STATEMENT_MS_MAX = 15 * 60_000;
/** Largest body, bytes. */
const BODY_BYTES_MAX = 1_024;
const LABEL = utf8("macula/1 attachment");

/** What a statement says, and by what right. */
export interface Statement {
  readonly node: NodeId;
  /** The hub's id. */
  readonly hub: NodeId;
  /** Wall time, ms. */
  readonly until: number;
  /** Whether it is over. */
  readonly isPast: boolean;
  readonly credential: Credential;
}

/** What is said. */
export interface StatementFacts {
  /** The hub's id, 32 bytes. */
  readonly hub: Uint8Array;
  readonly realm: string;
  /** Wall time, ms. */
  readonly until: number;
  readonly credential: string;
}

/** What a statement is held against. */
export interface StatementContext {
  readonly realm: string;
  readonly realmKey: Uint8Array;
  readonly now: number;
  isRevoked(id: string): boolean;
  /** Also one that is over: it says where its node was, for events that are kept from then. Default false. */
  readonly isPastGood?: boolean;
}

/** Signs a statement about oneself. */
export function makeStatement(identity: Identity, { hub, realm, until, credential }: StatementFacts): Attachment {
  const fields: [string, Value][] = [
    ["version", 1],
    ["node", identity.idBytes],
    ["hub", hub],
    ["realm", utf8(realm)],
    ["until", until],
  ];
  const body = encodeValue(new Map(fields)), signature = identity.sign(concatBytes(LABEL, body));
  return { kind: "attachment", body, signature, publicKey: identity.publicKey, credential };
}

/** What a statement says, or why it is not believed; two signatures are checked, 60 microseconds. */
export function readStatement(message: Attachment, context: StatementContext): Statement | Failure {
  const { body, signature, publicKey, credential } = message,
    { realm, realmKey, now, isRevoked, isPastGood = false } = context;
  const said = body.length > BODY_BYTES_MAX ? undefined : read(body);
  if (said === undefined) return fault("bad_attachment", "it must be a statement within the bounds");
  if (!isSoundPublicKey(publicKey) || !ed25519Verify(publicKey, concatBytes(LABEL, body), signature)) {
    return fault("bad_attachment", "it must be signed by its node");
  }
  const node = nodeIdOf(publicKey);
  if (toHex(said.node) !== node) return fault("bad_attachment", "it must be about the node that signed it");
  if (said.realm !== realm) return fault("bad_attachment", `its realm must be ${realm}`);
  const isPast = said.until + CREDENTIAL_LEEWAY_MS <= now;
  if (isPast && !isPastGood) {
    return fault("attachment_expired", "it must not be over");
  }
  if (said.until > now + STATEMENT_MS_MAX + CREDENTIAL_LEEWAY_MS) {
    return fault("bad_attachment", `it must end within ${STATEMENT_MS_MAX} ms`);
  }
  const role = equalBytes(said.node, said.hub) ? "hub" : "edge";
  try {
    const checked = checkCredential(credential ?? "", { realmKey, realm, node, role, now, isRevoked });
    return { node, hub: toHex(said.hub) as NodeId, until: said.until, isPast, credential: checked };
  } catch (error) {
    if (!(error instanceof CredentialFault)) throw error;
    return { code: `credential_${error.code}`, text: error.message };
  }
}

function read(bytes: Uint8Array): { node: Uint8Array; hub: Uint8Array; realm: string; until: number } | undefined {
  let body: Value;
  try {
    body = decodeValue(bytes);
  } catch {
    return undefined;
  }
  if (!(body instanceof Map) || body.get("version") !== 1) return undefined;
  const node = body.get("node"), hub = body.get("hub"), realm = body.get("realm"), until = body.get("until");
  if (!(node instanceof Uint8Array) || !(hub instanceof Uint8Array) || !(realm instanceof Uint8Array)) return undefined;
  if (node.length !== 32 || hub.length !== 32 || typeof until !== "number" || !Number.isSafeInteger(until)) {
    return undefined;
  }
  return { node, hub, realm: new TextDecoder().decode(realm), until };
}

function fault(code: string, rule: string): Failure {
  return { code, text: `Cannot accept the attachment: ${rule}` };
}
