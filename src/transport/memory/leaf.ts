/** What stands for a certificate where nothing is encrypted: the same facts, without the mathematics. @module */

import { equalBytes, fromHex, fromUtf8, toBase64, utf8 } from "../../base/bytes.ts";
import { ValidationError } from "../../base/errors.ts";
import { authorityOf, type Leaf, leafLife, type LeafOptions } from "../../identity/certificate.ts";
import { sha256 } from "../../identity/crypto.ts";
import type { Identity } from "../../identity/keys.ts";
import type { DialFailure, Expectation } from "../transport.ts";

const BEGIN = "-----BEGIN MACULA MEMORY LEAF-----";
const END = "-----END MACULA MEMORY LEAF-----";

/** What a memory listener shows. */
export interface MemoryLeaf {
  readonly publicKey: Uint8Array;
  readonly hosts: readonly string[];
  readonly hash: Uint8Array;
  /** Wall time in milliseconds. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** Stands in for `issueLeaf` on a memory network: the same signature, some microseconds. */
export function issueMemoryLeaf(
  identity: Pick<Identity, "publicKey">,
  options: LeafOptions,
): Promise<Leaf> {
  const life = leafLife(options);
  const facts = { publicKey: identity.publicKey.toHex(), realm: options.realm, hosts: options.hosts, ...life };
  const cert = `${BEGIN}\n${toBase64(utf8(JSON.stringify(facts)))}\n${END}\n`;
  return Promise.resolve({ cert, key: "", hash: sha256(utf8(cert)), ...life });
}

/** Reads what `issueMemoryLeaf` made; throws `ValidationError` for anything else. */
export function parseMemoryLeaf(cert: string): MemoryLeaf {
  try {
    if (!cert.startsWith(BEGIN)) throw new SyntaxError("no leaf");
    const facts = JSON.parse(fromUtf8(Uint8Array.fromBase64(cert.slice(BEGIN.length, cert.indexOf(END)))));
    return { ...facts, publicKey: fromHex(facts.publicKey), hash: sha256(utf8(cert)) };
  } catch {
    throw new ValidationError(
      `Cannot listen: certificates of a memory network come from issueMemoryLeaf, got ${cert.length} other characters`,
    );
  }
}

/** Why a leaf does not prove what a dialler of `hostname` expects, or `undefined` when it does. */
export function disproof(
  leaf: MemoryLeaf,
  expect: Expectation,
  hostname: string,
  now: number,
): DialFailure | undefined {
  if (!isExpected(leaf, expect, hostname)) return "untrusted";
  return now < leaf.notBefore || now > leaf.notAfter ? "certificate_not_valid_now" : undefined;
}

function isExpected(leaf: MemoryLeaf, expect: Expectation, hostname: string): boolean {
  switch (expect.kind) {
    case "key":
      return equalBytes(leaf.publicKey, expect.publicKey);
    case "hash":
      return expect.hashes.some((hash) => equalBytes(hash, leaf.hash));
    case "name":
      return leaf.hosts.includes(hostname) && (expect.caCerts ?? []).includes(authorityOf(leaf.publicKey));
  }
}
