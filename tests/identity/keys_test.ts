/** Identities, their files and their ids. @module */

import assert from "node:assert/strict";
import { utf8 } from "../../src/base/bytes.ts";
import { seededRandom } from "../../src/base/random.ts";
import {
  createIdentity,
  ed25519Verify,
  encodeKeyFile,
  generateSeed,
  nodeId,
  nodeIdBytes,
  nodeIdOf,
  parseKeyFile,
  parseNodeId,
  sha256,
} from "../../src/identity/mod.ts";

const seed = generateSeed(seededRandom("keys"));
const identity = createIdentity(seed);

Deno.test("an identity follows from its seed", () => {
  const same = createIdentity(seed);
  assert.equal(same.id, identity.id);
  assert.notEqual(createIdentity(new Uint8Array(32)).id, identity.id);
  assert.equal(identity.id, sha256(identity.publicKey).toHex());
  assert.equal(identity.idBytes.toHex(), identity.id);
  assert.ok(ed25519Verify(identity.publicKey, utf8("m"), identity.sign(utf8("m"))));
  seed.fill(0);
  assert.equal(createIdentity(identity.seed).id, identity.id, "it keeps its own copy");
});

Deno.test("printing an identity does not show its seed", () => {
  const secret = identity.seed;
  const shown = Deno.inspect(identity, { showHidden: true, depth: 9 }) + JSON.stringify(identity);
  assert.ok(!shown.includes(secret.toHex()) && !shown.includes([...secret.subarray(0, 6)].join(",")));
});

Deno.test("a key file keeps the identity, and OpenSSL's form of it is read too", async () => {
  const text = encodeKeyFile(identity);
  assert.match(text, /^-----BEGIN PRIVATE KEY-----\n[A-Za-z0-9+/=]{64}\n-----END PRIVATE KEY-----\n$/);
  assert.equal(parseKeyFile(text).id, identity.id);
  assert.equal(parseKeyFile(text.replaceAll("\n", "\r\n")).id, identity.id);
  const { privateKey } = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]) as CryptoKeyPair;
  const der = new Uint8Array(await crypto.subtle.exportKey("pkcs8", privateKey));
  const foreign = parseKeyFile(`-----BEGIN PRIVATE KEY-----\n${der.toBase64()}\n-----END PRIVATE KEY-----\n`);
  assert.equal(foreign.seed.toHex(), der.subarray(-32).toHex());
});

Deno.test("a damaged key file names the file and the cure, and repeats nothing of it", async () => {
  const text = encodeKeyFile(identity);
  const { privateKey } = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign"]);
  const other = new Uint8Array(await crypto.subtle.exportKey("pkcs8", privateKey)).toBase64();
  const damaged = {
    "an empty file": " \n",
    "characters that are no PEM": "hello",
    "a damaged or different PRIVATE KEY": text.slice(0, 60),
    "a damaged or different PRIVATE KEY ": text.replace("MC4C", "MC5C"),
    "a damaged or different PRIVATE KEY  ": `-----BEGIN PRIVATE KEY-----\n${other}\n-----END PRIVATE KEY-----\n`,
    "a damaged or different CERTIFICATE": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
  };
  for (const [what, content] of Object.entries(damaged)) {
    assert.throws(() => parseKeyFile(content, "/state/node.key"), (error: Error & { code: string }) => {
      assert.equal(error.code, "key_damaged");
      assert.match(
        error.message,
        /^Cannot read the node key: \/state\/node\.key must hold .*delete it to start as a new/,
      );
      assert.ok(error.message.includes(what.trim()), error.message);
      assert.ok(!error.message.includes(text.slice(30, 50)));
      return true;
    });
  }
});

Deno.test("node ids are read in either case and written in lower case", () => {
  assert.equal(parseNodeId(identity.id.toUpperCase()), identity.id);
  assert.equal(nodeId(nodeIdBytes(identity.id)), identity.id);
  assert.equal(nodeIdOf(identity.publicKey), identity.id);
  for (
    const text of ["", identity.id.slice(1), `${identity.id}0`, `${identity.id.slice(1)}g`, ` ${identity.id.slice(1)}`]
  ) {
    assert.throws(() => parseNodeId(text), { code: "invalid" });
  }
  assert.throws(() => nodeId(new Uint8Array(31)), { code: "invalid" });
});
