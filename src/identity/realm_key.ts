/**
 * The files of a realm's key: PEM with the realm's name on a line before it, so that neither is ever without the other.
 *
 *     realm: org.example.home
 *     -----BEGIN PRIVATE KEY-----            (or PUBLIC KEY, for gateways that only check)
 *
 * @module
 */

import { concatBytes, equalBytes, toBase64 } from "../base/bytes.ts";
import { MeshError, ValidationError } from "../base/errors.ts";
import { isRealm, parseRealm, type Realm } from "../names/mod.ts";
import { isSoundPublicKey, PUBLIC_KEY_BYTES, seedOfPem, SPKI_PREFIX } from "./crypto.ts";
import { createIdentity, encodeKeyFile, type Identity } from "./keys.ts";

/** A realm and the key that issues its credentials. */
export interface RealmKey {
  readonly realm: Realm;
  /** A key pair like a node's; its id is the realm key id. */
  readonly identity: Identity;
}

/** A realm's public key, and the realm where the text names it. */
export interface RealmPublicKey {
  readonly realm: Realm | undefined;
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array;
}

const HEAD = /^realm: (\S+)\r?\n/;

/** The text of a realm key's file. It is a secret: whoever has it may let anybody into the realm. */
export function encodeRealmKey({ realm, identity }: RealmKey): string {
  return `realm: ${parseRealm(realm)}\n${encodeKeyFile(identity)}`;
}

/** Reads a realm key's file; `path` is for the error, a `MeshError` with code `key_damaged`. */
export function parseRealmKey(text: string, path: string): RealmKey {
  const [head = "", realm = ""] = HEAD.exec(text) ?? [], seed = seedOfPem(text.slice(head.length));
  if (isRealm(realm) && seed !== undefined) return { realm, identity: createIdentity(seed) };
  const fault = isRealm(realm) ? `${text.length} characters without one` : "a file without the line realm: <name>";
  throw new MeshError(
    "key_damaged",
    `Cannot read the realm's key: ${path} must hold the realm's name and an Ed25519 private key, got ${fault}. ` +
      "Put back a copy of it; with another key every credential of the realm is to be issued anew",
  );
}

/** The text by which others come to know a realm's public key. */
export function encodeRealmPublicKey(realm: Realm, publicKey: Uint8Array): string {
  const base64 = toBase64(concatBytes(SPKI_PREFIX, publicKey));
  return `realm: ${realm}\n-----BEGIN PUBLIC KEY-----\n${base64}\n-----END PUBLIC KEY-----\n`;
}

/** Reads a realm's public key: that text, any PEM public key, or 64 hexadecimal digits. `source` is for the error. */
export function parseRealmPublicKey(text: string, source: string): RealmPublicKey {
  const [head = "", realm] = HEAD.exec(text) ?? [], body = text.slice(head.length).trim();
  const publicKey = /^[0-9a-f]{64}$/i.test(body) ? Uint8Array.fromHex(body) : spkiKey(body);
  if (publicKey !== undefined && isSoundPublicKey(publicKey) && (realm === undefined || isRealm(realm))) {
    return { realm, publicKey };
  }
  const label = /-----BEGIN ([A-Z0-9 ]{1,40})-----/.exec(text)?.[1];
  throw new ValidationError(
    `Cannot use ${source} as the realm's public key: it is 64 hexadecimal digits, or what macula realm export-public ` +
      `prints, got ${label ?? `${text.length} characters that are neither`}`,
  );
}

function spkiKey(pem: string): Uint8Array | undefined {
  const base64 = /^-----BEGIN PUBLIC KEY-----\s+([A-Za-z0-9+/=]+)\s+-----END PUBLIC KEY-----$/.exec(pem)?.[1];
  if (base64 === undefined) return undefined;
  try {
    const der = Uint8Array.fromBase64(base64), { length } = SPKI_PREFIX;
    const fits = der.length === length + PUBLIC_KEY_BYTES && equalBytes(der.subarray(0, length), SPKI_PREFIX);
    return fits ? der.slice(length) : undefined;
  } catch {
    return undefined;
  }
}
