/**
 * The two certificates by which TLS proves a node id.
 *
 * The **leaf** is an ECDSA P-256 certificate that the node's Ed25519 key has signed; a listener shows it. The
 * **authority** is a CA certificate that a dialler makes for itself from the public key it expects, so that its TLS
 * library accepts exactly the leaves which that key signed. The authority's own signature is never checked.
 *
 * @module
 */

import { concatBytes, toBase32, utf8 } from "../base/bytes.ts";
import { ValidationError } from "../base/errors.ts";
import { parseCertificate, parsePublicKey, PKCS8_PREFIX, sha256, SPKI_PREFIX } from "./crypto.ts";
import { bitString, certificatePem, commonName, der, extension, objectId, sequence } from "./der.ts";
import type { Identity } from "./keys.ts";
import { type NodeId, nodeIdBytes, nodeIdOf } from "./node_id.ts";

const DAY_MS = 86_400_000;
/** Browsers accept a pinned certificate of at most 14 days; one day of it lies in the past. */
const VALID_DAYS = 13;
const VALID_DAYS_MAX = 14;
const ED25519_OID = "2b6570";
const BASIC_CONSTRAINTS_OID = "551d13";
const KEY_USAGE_OID = "551d0f";

/** A certificate chain with its private key, and what must be known of it. */
export interface Leaf {
  /** PEM. */
  readonly cert: string;
  /** PEM, PKCS#8. */
  readonly key: string;
  /** SHA-256 of the certificate: what browsers pin. */
  readonly hash: Uint8Array;
  /** Wall time in milliseconds. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** What a leaf certifies, and when. */
export interface LeafOptions {
  readonly realm: string;
  /** Advertised host names and IP literals, IPv6 without brackets. */
  readonly hosts: readonly string[];
  /** Wall time in milliseconds. */
  readonly now: number;
  /** From one day before `now`; at most 14, 13 if absent. */
  readonly validDays?: number;
}

/** Issues a leaf for a node, with a fresh P-256 key. The first call in a process loads `@peculiar/x509` (0.16 s). */
export async function issueLeaf(identity: Identity, options: LeafOptions): Promise<Leaf> {
  const { notBefore, notAfter } = leafLife(options);
  await import("reflect-metadata"); // a dependency of x509 wants it loaded first
  const x509 = await import("@peculiar/x509");
  const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
  const pkcs8 = concatBytes(PKCS8_PREFIX, identity.seed);
  const signingKey = await crypto.subtle.importKey("pkcs8", pkcs8, "Ed25519", false, ["sign"]);
  const certificate = await x509.X509CertificateGenerator.create({
    subject: "CN=macula node",
    issuer: `CN=${identity.id}`,
    notBefore: new Date(notBefore),
    notAfter: new Date(notAfter),
    publicKey: pair.publicKey,
    signingKey,
    signingAlgorithm: { name: "Ed25519" },
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([
        { type: "dns", value: serverNameOf(identity.id) },
        { type: "url", value: `macula://${options.realm}/${identity.id}` },
        ...[...new Set(options.hosts)].map((value) => ({ type: isIpLiteral(value) ? "ip" : "dns", value } as const)),
      ]),
    ],
  });
  const key = x509.PemConverter.encode(await crypto.subtle.exportKey("pkcs8", pair.privateKey), "PRIVATE KEY");
  return {
    cert: certificatePem(new Uint8Array(certificate.rawData)),
    key: `${key}\n`,
    hash: sha256(new Uint8Array(certificate.rawData)),
    notBefore,
    notAfter,
  };
}

/** When a leaf of these options is valid, in milliseconds; throws `ValidationError`. */
export function leafLife({ now, validDays = VALID_DAYS }: LeafOptions): Pick<Leaf, "notBefore" | "notAfter"> {
  if (!(validDays > 0 && validDays <= VALID_DAYS_MAX)) {
    throw new ValidationError(
      `Cannot issue a certificate: it is valid for 0 to ${VALID_DAYS_MAX} days, got ${validDays}`,
    );
  }
  const notBefore = Math.floor((now - DAY_MS) / 1000) * 1000; // X.509 counts whole seconds
  return { notBefore, notAfter: notBefore + Math.floor(validDays * DAY_MS / 1000) * 1000 };
}

/** The leaf that a stored certificate and key are, from issueLeaf or a real CA; throws `ValidationError`. */
export function readLeaf(tls: { readonly cert: string; readonly key: string }): Leaf {
  const { der, notBefore, notAfter } = parseCertificate(tls.cert);
  return { cert: tls.cert, key: tls.key, hash: sha256(der), notBefore, notAfter };
}

/** Whether a leaf is valid and in the first half of its life; one that is not is to be replaced. */
export function leafIsFresh(leaf: Pick<Leaf, "notBefore" | "notAfter">, now: number): boolean {
  return now >= leaf.notBefore && now < (leaf.notBefore + leaf.notAfter) / 2;
}

/** The server name by which TLS asks for the node with this id: `<base32 of the id>.macula.invalid`. */
export function serverNameOf(id: NodeId): string {
  return `${toBase32(nodeIdBytes(id))}.macula.invalid`;
}

/**
 * The PEM of a CA certificate for a public key: with it as the only extra root, TLS accepts that key's leaves.
 * Costs microseconds; keep it if you dial the same node often. Throws `ValidationError` for a key nobody can hold.
 */
export function authorityOf(publicKey: Uint8Array): string {
  const name = commonName(nodeIdOf(parsePublicKey(publicKey)));
  const algorithm = sequence(objectId(ED25519_OID));
  const always = sequence(der(0x17, utf8("000101000000Z")), der(0x18, utf8("99991231235959Z")));
  const isAuthority = extension(BASIC_CONSTRAINTS_OID, true, sequence(der(0x01, Uint8Array.of(0xff))));
  const signsCertificates = extension(KEY_USAGE_OID, true, der(0x03, Uint8Array.of(2, 0x04)));
  const body = sequence(
    der(0xa0, der(0x02, Uint8Array.of(2))), // version 3
    der(0x02, Uint8Array.of(1)), // serial number
    algorithm,
    name,
    always,
    name,
    concatBytes(SPKI_PREFIX, publicKey),
    der(0xa3, sequence(isAuthority, signsCertificates)),
  );
  return certificatePem(sequence(body, algorithm, bitString(new Uint8Array(64))));
}

/** Whether a host is an IP literal, IPv6 without brackets. */
export function isIpLiteral(host: string): boolean {
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(host) || host.includes(":");
}
