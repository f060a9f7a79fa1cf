/** What `macula cert` says: facts of real certificates, and every finding. @module */

import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import assert from "node:assert/strict";
import { type CertificateFacts, certificateFacts, publicKeyOfPem } from "../../src/cli/commands/cert/facts.ts";
import { findings } from "../../src/cli/commands/cert/findings.ts";
import { createIdentity, issueLeaf, serverNameOf } from "../../src/identity/mod.ts";
import { certificateAuthority } from "../gateway/certificate_authority.ts";

const DAY_MS = 86_400_000, NOW = Date.UTC(2030, 0, 15);
const identity = createIdentity(new Uint8Array(32).fill(9));
const options = { realm: "org.example.home", hosts: ["gw.example.org", "192.0.2.1", "2001:db8::1"], now: NOW };

Deno.test("our own leaf is one that browsers accept: P-256, at most 14 days, no authority", async () => {
  const leaf = await issueLeaf(identity, options), facts = await certificateFacts(leaf.cert, "it");
  assert.deepEqual(facts.hosts, [serverNameOf(identity.id), ...options.hosts]);
  assert.deepEqual(facts.uris, [`macula://org.example.home/${identity.id}`]);
  assert.deepEqual([facts.key, facts.isAuthority, facts.chain], ["ECDSA P-256", false, 1]);
  assert.deepEqual([facts.notBefore, facts.notAfter], [leaf.notBefore, leaf.notAfter]);
  assert.equal(facts.sha256, leaf.hash.toHex());
  assert.ok(facts.notAfter - facts.notBefore <= 14 * DAY_MS);
  const publicKey = publicKeyOfPem(leaf.key);
  for (const host of ["gw.example.org", "GW.example.org", "192.0.2.1", "2001:DB8:0::1", serverNameOf(identity.id)]) {
    assert.deepEqual(findings(facts, { now: NOW, host, publicKey, browser: true }), [], host);
  }
});

Deno.test("a certificate of a CA, and its CA", async () => {
  const authority = await certificateAuthority(), { cert, key } = await authority.issue("*.example.org");
  const chain = await certificateFacts(`${cert}\n${authority.ca}`, "it"), now = Date.now();
  assert.deepEqual([chain.chain, chain.issuer, chain.isAuthority], [2, "CN=Test CA", false]);
  const codes = (facts: CertificateFacts, host: string, keyPem = key) =>
    findings(facts, { now, host, publicKey: publicKeyOfPem(keyPem), browser: true }).map(({ code }) => code);
  assert.deepEqual(codes(chain, "gw.example.org"), []);
  for (const host of ["example.org", "a.b.example.org", ".example.org", "gw.example.com", "192.0.2.1"]) {
    assert.deepEqual(codes(chain, host), ["wrong_host"], host);
  }
  const other = await authority.issue("gw.example.org");
  assert.deepEqual(codes(chain, "gw.example.org", other.key), ["key_mismatch"]);
  assert.deepEqual(codes(await certificateFacts(authority.ca, "it"), "gw.example.org", other.key), [
    "key_mismatch",
    "authority",
    "wrong_host",
  ]);
});

Deno.test("times, and what only browsers mind", async () => {
  const leaf = await issueLeaf(identity, options), facts = await certificateFacts(leaf.cert, "it");
  const at = (now: number, browser = false) => findings(facts, { now, browser });
  assert.deepEqual(at(leaf.notBefore), []);
  assert.deepEqual(at(leaf.notAfter - 1), []);
  const [expired] = at(leaf.notAfter);
  assert.deepEqual([expired?.code, expired?.isFault], ["expired", true]);
  assert.equal(
    expired?.text,
    "it must hold now, got one that ended 2030-01-27T00:00:00.000Z; the clock here says 2030-01-27T00:00:00.000Z",
  );
  const [early] = at(leaf.notBefore - 1);
  assert.equal(early?.code, "not_yet_valid");
  assert.match(early!.text, /begins 2030-01-14T00:00:00\.000Z; the clock here says 2030-01-13T23:59:59\.999Z$/);
  const pair = await crypto.subtle.generateKey(
    { name: "RSASSA-PKCS1-v1_5", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" },
    true,
    ["sign", "verify"],
  );
  const long = await x509.X509CertificateGenerator.createSelfSigned({
    name: "CN=long",
    keys: pair,
    notBefore: new Date(NOW),
    notAfter: new Date(NOW + 90 * DAY_MS),
  });
  const rsa = await certificateFacts(long.toString("pem"), "it");
  assert.deepEqual([rsa.key, rsa.hosts], ["RSA 2048", []]);
  for (const browser of [false, true]) {
    const found = findings(rsa, { now: NOW, browser }).map(({ code, isFault }) => [code, isFault]);
    assert.deepEqual(found, [["too_long_for_browsers", browser], ["key_not_for_browsers", browser]]);
  }
  assert.equal(findings(rsa, { now: NOW, host: "a", browser: false })[0]?.text, "it must be for a, got no host at all");
});

Deno.test("what is no certificate, and no key", async () => {
  const leaf = await issueLeaf(identity, options);
  for (const text of ["", "x", leaf.key, leaf.cert.slice(0, 300), leaf.cert.replace("MII", "MIJ")]) {
    await assert.rejects(certificateFacts(text, "/a.pem"), {
      code: "invalid",
      message: /^Cannot read the certificate: \/a\.pem must hold X\.509 in PEM, got \d+ characters$/,
    });
  }
  assert.equal(publicKeyOfPem("x"), undefined);
});
