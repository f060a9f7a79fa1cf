/** The leaf and the authority, with a library as oracle. @module */

import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import assert from "node:assert/strict";
import { utf8 } from "../../src/base/bytes.ts";
import {
  authorityOf,
  createIdentity,
  ed25519Verify,
  issueLeaf,
  leafIsFresh,
  readLeaf,
  serverNameOf,
  sha256,
} from "../../src/identity/mod.ts";

const DAY_MS = 86_400_000;
const NOW = Date.UTC(2030, 0, 15, 12, 30, 15, 500);
const identity = createIdentity(new Uint8Array(32).fill(7));
const other = createIdentity(new Uint8Array(32).fill(8));
const options = {
  realm: "org.example.home",
  hosts: ["gw.example", "192.0.2.1", "2001:db8::1", "gw.example"],
  now: NOW,
};

Deno.test("a leaf says who, where and when, and the node's key signed it", async () => {
  const leaf = await issueLeaf(identity, options);
  const certificate = new x509.X509Certificate(leaf.cert);
  const names = certificate.getExtension(x509.SubjectAlternativeNameExtension)!.names.items;
  assert.deepEqual(names.map(({ type, value }) => `${type} ${value}`), [
    `dns ${serverNameOf(identity.id)}`,
    `url macula://org.example.home/${identity.id}`,
    "dns gw.example",
    "ip 192.0.2.1",
    "ip 2001:db8::1",
  ]);
  assert.equal(certificate.getExtension(x509.BasicConstraintsExtension)!.ca, false);
  assert.deepEqual(certificate.publicKey.algorithm, { name: "ECDSA", namedCurve: "P-256" });
  assert.deepEqual(leaf.hash, sha256(new Uint8Array(certificate.rawData)));
  assert.equal(certificate.notBefore.getTime(), leaf.notBefore);
  assert.equal(certificate.notAfter.getTime(), leaf.notAfter);
  assert.ok(await certificate.verify({ publicKey: authority(identity).publicKey, signatureOnly: true }));
  assert.ok(!await certificate.verify({ publicKey: authority(other).publicKey, signatureOnly: true }));
  const again = await issueLeaf(identity, options);
  assert.notEqual(again.key, leaf.key);
  assert.ok(
    crypto.subtle.importKey("pkcs8", pemBytes(leaf.key), { name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]),
  );
});

Deno.test("a leaf is valid for 13 days from one day back, and fresh for half of them", async () => {
  const leaf = await issueLeaf(identity, options);
  const start = NOW - 500 - DAY_MS;
  assert.equal(leaf.notBefore, start);
  assert.equal(leaf.notAfter, start + 13 * DAY_MS);
  for (
    const [at, isFresh] of [[start - 1, false], [start, true], [start + 6.5 * DAY_MS - 1, true], [
      start + 6.5 * DAY_MS,
      false,
    ]] as const
  ) assert.equal(leafIsFresh(leaf, at), isFresh);
  const short = await issueLeaf(identity, { ...options, validDays: 2 });
  assert.equal(short.notAfter - short.notBefore, 2 * DAY_MS);
  for (const validDays of [0, -1, 14.1, NaN]) {
    await assert.rejects(issueLeaf(identity, { ...options, validDays }), { code: "invalid" });
  }
});

Deno.test("a stored leaf is the same leaf", async () => {
  const leaf = await issueLeaf(identity, options);
  assert.deepEqual(readLeaf(leaf), leaf);
  for (const cert of ["", "text", leaf.cert.slice(0, 200)]) {
    assert.throws(() => readLeaf({ cert, key: "" }), { code: "invalid" });
  }
});

Deno.test("the authority is a CA certificate of the same name, from the public key alone", async () => {
  const certificate = authority(identity);
  const leaf = new x509.X509Certificate((await issueLeaf(identity, options)).cert);
  assert.equal(authorityOf(identity.publicKey), authorityOf(identity.publicKey.slice()), "deterministic");
  assert.deepEqual(hex(certificate.subjectName.toArrayBuffer()), hex(leaf.issuerName.toArrayBuffer()), "byte for byte");
  assert.deepEqual(hex(certificate.issuerName.toArrayBuffer()), hex(certificate.subjectName.toArrayBuffer()));
  assert.equal(certificate.getExtension(x509.BasicConstraintsExtension)!.ca, true);
  assert.equal(certificate.getExtension(x509.KeyUsagesExtension)!.usages, x509.KeyUsageFlags.keyCertSign);
  assert.equal(certificate.notBefore.toISOString(), "2000-01-01T00:00:00.000Z");
  assert.equal(certificate.notAfter.getUTCFullYear(), 9999);
  const raw = await crypto.subtle.exportKey("raw", await certificate.publicKey.export());
  assert.equal(hex(raw), identity.publicKey.toHex());
});

Deno.test("the library that we do without writes the same authority", async () => {
  const publicKey = await crypto.subtle.importKey("raw", identity.publicKey.slice(), "Ed25519", true, ["verify"]);
  const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign"]) as CryptoKeyPair;
  const oracle = await x509.X509CertificateGenerator.create({
    serialNumber: "01",
    subject: `CN=${identity.id}`,
    issuer: `CN=${identity.id}`,
    notBefore: new Date("2000-01-01T00:00:00Z"),
    notAfter: new Date("9999-12-31T23:59:59Z"),
    publicKey,
    signingKey: pair.privateKey,
    signingAlgorithm: { name: "Ed25519" },
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
    ],
  });
  const SIGNATURE_BYTES = 64;
  const theirs = new Uint8Array(oracle.rawData), ours = new Uint8Array(authority(identity).rawData);
  assert.equal(hex(ours.subarray(0, -SIGNATURE_BYTES)), hex(theirs.subarray(0, -SIGNATURE_BYTES)));
});

Deno.test("names and keys that nobody can hold", () => {
  assert.match(serverNameOf(identity.id), /^[a-z2-7]{52}\.macula\.invalid$/);
  assert.notEqual(serverNameOf(identity.id), serverNameOf(other.id));
  assert.throws(() => authorityOf(new Uint8Array(32)), { code: "invalid" });
  assert.throws(() => authorityOf(new Uint8Array(5)), { code: "invalid" });
  assert.ok(!ed25519Verify(other.publicKey, utf8("m"), identity.sign(utf8("m"))));
});

function authority(of: typeof identity): x509.X509Certificate {
  return new x509.X509Certificate(authorityOf(of.publicKey));
}

function hex(bytes: ArrayBuffer | Uint8Array): string {
  return new Uint8Array(bytes).toHex();
}

function pemBytes(pem: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromBase64(pem.replace(/-----[^-]+-----/g, ""));
}
