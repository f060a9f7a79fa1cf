/** What a certificate says of itself. @module */

import { createPrivateKey, createPublicKey } from "node:crypto";
import { ValidationError } from "../../../base/errors.ts";
import { sha256 } from "../../../identity/mod.ts";

/** The certificate that a gateway issued itself, and its private key, in the state folder. */
export const CERTIFICATE_FILE = "certificate.json";

/** One certificate, as far as it matters here. */
export interface CertificateFacts {
  readonly subject: string;
  readonly issuer: string;
  /** Host names and IP addresses of its alternative names. */
  readonly hosts: readonly string[];
  /** Other alternative names, such as a node's URI. */
  readonly uris: readonly string[];
  /** Wall time in milliseconds. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** As `ECDSA P-256`, `Ed25519`, `RSA 2048`. */
  readonly key: string;
  readonly isAuthority: boolean;
  /** SHA-256 of the certificate, hexadecimal: what browsers pin. */
  readonly sha256: string;
  /** Its public key (SubjectPublicKeyInfo, DER). */
  readonly publicKey: Uint8Array;
  /** Certificates in the file. */
  readonly chain: number;
}

/** Reads the first certificate of a PEM text; `source` is for the error, a `ValidationError`. */
export async function certificateFacts(pem: string, source: string): Promise<CertificateFacts> {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  await import("reflect-metadata"); // a dependency of x509 wants it loaded first
  const x509 = await import("@peculiar/x509");
  try {
    const certificate = new x509.X509Certificate(blocks[0] ?? "");
    const names = certificate.getExtension(x509.SubjectAlternativeNameExtension)?.names.items ?? [];
    return {
      subject: certificate.subject,
      issuer: certificate.issuer,
      hosts: names.filter(({ type }) => type === "dns" || type === "ip").map(({ value }) => value.toLowerCase()),
      uris: names.filter(({ type }) => type === "url").map(({ value }) => value),
      notBefore: certificate.notBefore.getTime(),
      notAfter: certificate.notAfter.getTime(),
      key: keyText(certificate.publicKey.algorithm),
      isAuthority: certificate.getExtension(x509.BasicConstraintsExtension)?.ca ?? false,
      sha256: sha256(new Uint8Array(certificate.rawData)).toHex(),
      publicKey: new Uint8Array(certificate.publicKey.rawData),
      chain: blocks.length,
    };
  } catch {
    throw new ValidationError(
      `Cannot read the certificate: ${source} must hold X.509 in PEM, got ${pem.length} characters`,
    );
  }
}

/** The public key of a private one (SubjectPublicKeyInfo, DER); undefined where the text is no private key in PEM. */
export function publicKeyOfPem(pem: string): Uint8Array | undefined {
  try {
    return new Uint8Array(createPublicKey(createPrivateKey(pem) as never).export({ type: "spki", format: "der" }));
  } catch {
    return undefined;
  }
}

function keyText(algorithm: object): string {
  const { name = "?", namedCurve, modulusLength } = algorithm as Partial<EcKeyAlgorithm & RsaKeyAlgorithm>;
  return [name.replace(/^RSA.*/, "RSA"), namedCurve, modulusLength].filter((part) => part !== undefined).join(" ");
}
