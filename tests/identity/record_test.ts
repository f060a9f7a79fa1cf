/** Records: signed, read, and refused. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { concatBytes, toHex, utf8 } from "../../src/base/bytes.ts";
import { createIdentity } from "../../src/identity/keys.ts";
import {
  type InterestStatement,
  literalPrefix,
  type NodeStatement,
  type ProviderStatement,
  RECORD_BODY_BYTES_MAX,
  RECORD_LABEL,
  RECORD_TTL_MS,
  recordKey,
  signRecord,
  type Statement,
} from "../../src/identity/record.ts";
import { type RecordClaims, RecordVerifier, verifyRecord } from "../../src/identity/record_verifier.ts";
import { sha256 } from "../../src/identity/crypto.ts";
import { parsePattern, parseProcedure, parseRealm } from "../../src/names/mod.ts";
import { decodeValue, encodeValue, type Value } from "../../src/wire/mod.ts";

const NOW = 1_700_000_000_000;
const REALM = parseRealm("org.example.home");
const identity = createIdentity(new Uint8Array(32).fill(7));
const other = createIdentity(new Uint8Array(32).fill(8));
const head = { realm: REALM, sequence: NOW, expiresAt: NOW + 300_000 };
const interest: InterestStatement = { kind: "interest", ...head, pattern: parsePattern("sensor.*.measured") };
const provider: ProviderStatement = {
  kind: "provider",
  ...head,
  procedure: parseProcedure("math.add"),
  metadata: "{}",
};
const node: NodeStatement = {
  kind: "node",
  ...head,
  role: "hub",
  endpoints: ["https://gateway.example.org:9443", "[2001:db8::1]:9443"],
  capabilities: ["pubsub", "mesh/1"],
  hubs: [other.id],
  certificates: [sha256(utf8("leaf"))],
  labels: new Map([["site", "kitchen"]]),
};
const claims: RecordClaims = { now: NOW, realm: REALM };

/** The code of the refusal, or `ok`. */
function outcome(signed: { body: Uint8Array; signature: Uint8Array }, more: Partial<RecordClaims> = {}): string {
  const result = verifyRecord(signed, { ...claims, ...more });
  return "code" in result ? result.code : "ok";
}

/** A statement with other fields, properly signed. */
function signedWith(statement: Statement, changes: Record<string, Value | undefined>, by = identity) {
  const fields = new Map(decodeValue(signRecord(identity, statement).signed.body) as ReadonlyMap<string, Value>);
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) fields.delete(name);
    else fields.set(name, value);
  }
  const body = encodeValue(fields);
  return { body, signature: by.sign(concatBytes(RECORD_LABEL, body)) };
}

Deno.test("what is signed is what is read", () => {
  for (const statement of [node, interest, provider, { ...interest, withdrawn: true }]) {
    const record = signRecord(identity, statement);
    assert.deepEqual(verifyRecord(record.signed, { ...claims, key: record.key, node: identity.idBytes }), record);
    assert.equal(record.node, identity.id);
    assert.equal(record.ttlMs, RECORD_TTL_MS[statement.kind]);
  }
});

Deno.test("keys are bound to realm, kind and name", () => {
  const keys = [
    recordKey(REALM, "interest", "a.b"),
    recordKey(REALM, "provider", "a.b"),
    recordKey(REALM, "interest", "a"),
    recordKey(REALM, "interest", ""),
    recordKey(parseRealm("org.example"), "interest", "a.b"),
  ];
  assert.equal(new Set(keys.map(toHex)).size, keys.length);
  assert.deepEqual(keys[0], sha256(utf8("macula/1 key\0org.example.home\0interest\0a.b")));
  const prefixes = { "a.b": "a.b", "a.*.c": "a", "a.b.**": "a.b", "*": "", "**.a": "", "a.b.*": "a.b" };
  for (const [pattern, prefix] of Object.entries(prefixes)) assert.equal(literalPrefix(parsePattern(pattern)), prefix);
  assert.deepEqual(signRecord(identity, interest).key, recordKey(REALM, "interest", "sensor"));
  assert.deepEqual(signRecord(identity, provider).key, recordKey(REALM, "provider", "math.add"));
  assert.deepEqual(signRecord(identity, node).key, recordKey(REALM, "node", identity.id));
});

Deno.test("each fault has its code", () => {
  const { signed, key } = signRecord(identity, interest), small = new Uint8Array(32);
  const flipped = signed.signature.slice();
  flipped[0]! ^= 1;
  assert.equal(outcome({ ...signed, signature: flipped }), "bad_signature");
  assert.equal(outcome({ ...signed, signature: new Uint8Array(64) }), "bad_signature");
  assert.equal(outcome(signedWith(interest, { pattern: "sensor.**" }, other)), "bad_signature");
  assert.equal(outcome(signed, { node: other.idBytes }), "foreign_key");
  assert.equal(outcome(signedWith(interest, { public_key: small })), "foreign_key");
  assert.equal(outcome(signed, { key: recordKey(REALM, "provider", "sensor") }), "key_mismatch");
  assert.equal(outcome(signed, { key }), "ok");
  assert.equal(outcome(signed, { realm: parseRealm("org.other") }), "wrong_realm");
  assert.equal(outcome(signed, { now: head.expiresAt - 1 }), "ok");
  assert.equal(outcome(signed, { now: head.expiresAt }), "expired");
  assert.equal(outcome(signedWith(interest, { expires_at: NOW + 600_000 })), "ok");
  assert.equal(outcome(signedWith(interest, { expires_at: NOW + 600_001 })), "expires_too_late");
  assert.equal(outcome(signedWith(interest, { more: new Uint8Array(RECORD_BODY_BYTES_MAX) })), "too_large");
});

Deno.test("what a statement may not say", () => {
  const wrong: [Statement, Record<string, Value | undefined>][] = [
    [interest, { version: 2 }],
    [interest, { kind: "wish" }],
    [interest, { realm: "no realm" }],
    [interest, { public_key: 5 }],
    [interest, { sequence: -1 }],
    [interest, { sequence: 1.5 }],
    [interest, { expires_at: undefined }],
    [interest, { pattern: "a..b" }],
    [provider, { procedure: "a.*" }],
    [provider, { metadata: "x".repeat(4_097) }],
    [provider, { metadata: 5 }],
    [node, { role: "king" }],
    [node, { endpoints: undefined }],
    [node, { endpoints: ["not an endpoint"] }],
    [node, { endpoints: Array.from({ length: 17 }, () => "h:1") }],
    [node, { hubs: [new Uint8Array(31)] }],
    [node, { certificates: Array.from({ length: 5 }, () => new Uint8Array(32)) }],
    [node, { labels: new Map([["a", "x".repeat(301)]]) }],
    [node, { labels: ["a"] }],
    [node, { capabilities: [7] }],
  ];
  for (const [statement, changes] of wrong) {
    assert.equal(outcome(signedWith(statement, changes)), "malformed", Object.keys(changes).join());
  }
  assert.equal(outcome(signedWith(node, { unknown: 1, labels: undefined, hubs: undefined })), "ok");
});

Deno.test("bytes that are no record are refused, whatever they are", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), fc.uint8Array({ maxLength: 70 }), (body, signature) => {
    assert.notEqual(outcome({ body, signature }), "ok");
  }));
  const { signed } = signRecord(identity, node);
  for (let i = 0; i < signed.body.length; i++) {
    const body = signed.body.slice();
    body[i]! ^= 0x10;
    assert.notEqual(outcome({ body, signature: signed.signature }), "ok", `byte ${i}`);
  }
});

Deno.test("a verifier checks a signature once, and what is said of the record each time", () => {
  const verifier = new RecordVerifier({ recordsMax: 2 }), { signed } = signRecord(identity, interest);
  const first = verifier.verify(signed, claims);
  assert.equal(verifier.verify({ ...signed }, claims), first);
  assert.equal((verifier.verify(signed, { ...claims, now: head.expiresAt }) as { code: string }).code, "expired");
  assert.equal((verifier.verify(signed, { ...claims, node: other.idBytes }) as { code: string }).code, "foreign_key");
  assert.equal(verifier.checks, 1);
  const forged = { body: signed.body, signature: new Uint8Array(64) };
  for (let i = 0; i < 2; i++) assert.equal((verifier.verify(forged, claims) as { code: string }).code, "bad_signature");
  assert.equal(verifier.checks, 3);
  for (const statement of [node, provider]) verifier.verify(signRecord(identity, statement).signed, claims);
  verifier.verify(signed, claims);
  assert.equal(verifier.checks, 6, "the oldest was forgotten");
  const changed = { body: signed.body.slice(), signature: signed.signature };
  changed.body[changed.body.length - 1]! ^= 1;
  assert("code" in verifier.verify(changed, claims), "a signature is remembered with what it is of");
  assert.equal((verifier.verify(signed, claims) as { code?: string }).code, undefined);
  assert.equal(verifier.checks, 7, "and what was believed stays so");
});

Deno.test("a record does not keep the frame that it came in", () => {
  const { signed } = signRecord(identity, node), frame = new Uint8Array(65_536);
  frame.set(signed.body, 100);
  const body = frame.subarray(100, 100 + signed.body.length);
  const record = verifyRecord({ body, signature: signed.signature }, claims);
  assert(!("code" in record));
  frame.fill(0);
  assert.deepEqual(record, signRecord(identity, node));
  assert(record.publicKey.buffer.byteLength < 1_000);
});
