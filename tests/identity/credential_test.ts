/** Credentials: issued, checked against jose in both directions, and refused. @module */

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import fc from "fast-check";
import * as jose from "jose";
import { utf8 } from "../../src/base/bytes.ts";
import {
  ACTIONS,
  allows,
  checkCredential,
  CREDENTIAL_CHARACTERS_MAX,
  CREDENTIAL_LEEWAY_MS,
  CREDENTIAL_PATTERNS_MAX,
  type CredentialExpectation,
  CredentialFault,
  type CredentialFaultCode,
  readCredential,
  realmKeyId,
  type Rights,
} from "../../src/identity/credential.ts";
import { issueCredential } from "../../src/identity/credential_issuer.ts";
import { createIdentity, encodeKeyFile, type Identity } from "../../src/identity/keys.ts";
import { parsePattern } from "../../src/names/mod.ts";

const NOW = 1_700_000_000_000, SECONDS = NOW / 1_000, REALM = "org.example.home";
const realmKey = createIdentity(new Uint8Array(32).fill(1)), otherRealm = createIdentity(new Uint8Array(32).fill(2));
const node = createIdentity(new Uint8Array(32).fill(3)), otherNode = createIdentity(new Uint8Array(32).fill(4));
const header = { typ: "JWT", alg: "EdDSA", kid: realmKey.id };
const claims = {
  iss: realmKey.id,
  aud: REALM,
  sub: node.id,
  role: "edge",
  jti: "one",
  nbf: SECONDS,
  exp: SECONDS + 3_600,
  publish: ["sensor.*.measured"],
  subscribe: ["sensor.**"],
};
const expected: CredentialExpectation = {
  realmKey: realmKey.publicKey,
  realm: REALM,
  node: node.id,
  role: "edge",
  now: NOW,
  isRevoked: () => false,
};

/** A token of any header and claims, signed by us: what jose would not write. */
function forge(head: unknown, body: unknown, key: Identity = realmKey): string {
  const signed = `${part(head)}.${part(body)}`;
  return `${signed}.${text(key.sign(utf8(signed)))}`;
}

function part(value: unknown): string {
  return text(utf8(typeof value === "string" ? value : JSON.stringify(value)));
}

function text(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

function without(...names: string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(claims).filter(([name]) => !names.includes(name)));
}

function refused(token: string, code: CredentialFaultCode, change: Partial<CredentialExpectation> = {}): string {
  try {
    checkCredential(token, { ...expected, ...change });
  } catch (error) {
    assert(error instanceof CredentialFault, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, /^Cannot accept the credential: .*, got [^]*[^.]$/);
    assert(error.message.length < 400, error.message);
    return error.message;
  }
  assert.fail(`accepted, expected ${code}`);
}

Deno.test("what we issue, jose verifies, and we read it back", async () => {
  const rights = { publish: ["sensor.*.measured"], call: ["math.add", "report.**"] };
  const token = await issueCredential(realmKey, {
    realm: REALM,
    node: node.id,
    role: "hub",
    rights,
    now: NOW + 999,
    lifeMs: 60_000,
    id: "abc",
  });
  const key = await jose.importSPKI(await spki(realmKey), "EdDSA");
  const { payload, protectedHeader } = await jose.jwtVerify(token, key, {
    algorithms: ["EdDSA"],
    issuer: realmKey.id,
    audience: REALM,
    subject: node.id,
    typ: "JWT",
    currentDate: new Date(NOW + 5_000),
  });
  assert.deepEqual(protectedHeader, header);
  assert.deepEqual(payload, {
    ...without("publish", "subscribe", "exp"),
    role: "hub",
    jti: "abc",
    iat: SECONDS,
    exp: SECONDS + 60,
    ...rights,
  });
  const credential = checkCredential(token, { ...expected, role: "hub" });
  assert.deepEqual(credential, {
    id: "abc",
    node: node.id,
    realm: REALM,
    role: "hub",
    notBefore: NOW,
    expires: NOW + 60_000,
    rights: { publish: ["sensor.*.measured"], subscribe: [], call: ["math.add", "report.**"], advertise: [] },
    token,
  });
  assert.deepEqual(readCredential(token), { ...credential, issuer: realmKey.id });
});

Deno.test("what jose signs, we accept, unknown claims and all", async () => {
  const key = await jose.importPKCS8(encodeKeyFile(realmKey), "EdDSA");
  const token = await new jose.SignJWT({ ...claims, iat: 1, colour: { deep: [1] } }).setProtectedHeader(header).sign(
    key,
  );
  assert.equal(checkCredential(token, expected).id, "one");
  assert.equal(
    token,
    await new jose.SignJWT({ ...claims, iat: 1, colour: { deep: [1] } }).setProtectedHeader(header).sign(key),
  );
  assert.equal(realmKeyId(realmKey.publicKey), realmKey.id);
});

Deno.test("only EdDSA by the realm's key", async () => {
  const good = forge(header, claims), [head, body, signature] = good.split(".") as [string, string, string];
  checkCredential(good, expected);
  refused(`${part({ ...header, alg: "none" })}.${body}.${signature}`, "wrong_algorithm");
  refused(`${part({ ...header, alg: "none" })}.${body}.`, "malformed");
  refused(`${part({ ...header, alg: "NoNe" })}.${body}.AA`, "wrong_algorithm");
  const hs256 = `${part({ ...header, alg: "HS256" })}.${body}`;
  for (const secret of [realmKey.publicKey, utf8(await spki(realmKey)), utf8(text(realmKey.publicKey))]) {
    const mac = createHmac("sha256", secret).update(hs256).digest();
    refused(`${hs256}.${text(mac)}`, "wrong_algorithm");
    const asEdDsa = createHmac("sha256", secret).update(`${head}.${body}`).digest();
    refused(`${head}.${body}.${text(asEdDsa)}`, "bad_signature");
  }
  for (const alg of ["ES256", "RS256", "Ed25519", "eddsa", "", null, 5, ["EdDSA"], undefined]) {
    refused(forge({ ...header, alg }, claims), "wrong_algorithm");
  }
  refused(`${head}.${part({ ...claims, role: "hub" })}.${signature}`, "bad_signature");
  refused(`${head}.${body}.${text(new Uint8Array(64))}`, "bad_signature");
  refused(`${head}.${body}.${text(realmKey.sign(utf8(body)))}`, "bad_signature");
  refused(forge(header, claims, otherRealm), "bad_signature");
  refused(forge({ ...header, kid: otherRealm.id }, { ...claims, iss: otherRealm.id }, otherRealm), "wrong_issuer");
  refused(forge({ ...header, kid: otherRealm.id }, claims), "wrong_issuer");
  refused(forge({ typ: "JWT", alg: "EdDSA" }, claims), "wrong_issuer");
  refused(forge(header, { ...claims, iss: otherRealm.id }), "wrong_issuer");
  // A key that the token brings along is not used.
  const jwk = { kty: "OKP", crv: "Ed25519", x: text(otherRealm.publicKey) };
  refused(forge({ ...header, jwk, jku: "https://example.org" }, claims, otherRealm), "bad_signature");
});

Deno.test("each claim is required and held against what is expected", () => {
  for (const name of ["iss", "aud", "sub", "role", "jti", "nbf", "exp"]) {
    const message = refused(forge(header, without(name)), "malformed");
    assert.match(message, new RegExp(`its claim ${name} is .*, got none$`));
  }
  refused(forge(header, { ...claims, aud: "org.example.other" }), "wrong_realm");
  refused(forge(header, { ...claims, sub: otherNode.id }), "wrong_node");
  refused(forge(header, claims), "wrong_node", { node: otherNode.id });
  refused(forge(header, claims), "wrong_role", { role: "hub" });
  assert.equal(checkCredential(forge(header, claims), { ...expected, role: undefined }).role, "edge");
  refused(forge(header, claims), "revoked", { isRevoked: (id) => id === "one" });
  const wrong: Record<string, unknown[]> = {
    iss: [5, "", realmKey.id.toUpperCase()],
    aud: [[REALM], "", "a..b", 5],
    sub: ["me", node.id.slice(1), [node.id]],
    role: ["admin", "Hub", ["hub"], 1],
    jti: ["", "a.b", "a".repeat(129), 7, "a b"],
    nbf: ["1700000000", -1, 1.00001, 1e300, null],
    exp: ["never", NaN, {}, true],
    publish: ["sensor", {}, [5], ["a..b"], ["a*"], [""], Array(CREDENTIAL_PATTERNS_MAX + 1).fill("a"), null],
  };
  for (const [name, values] of Object.entries(wrong)) {
    for (const value of values) refused(forge(header, { ...claims, [name]: value }), "malformed");
  }
  checkCredential(forge(header, { ...claims, call: Array(CREDENTIAL_PATTERNS_MAX).fill("a") }), expected);
});

Deno.test("the times have a minute of leeway, to the millisecond", () => {
  const token = forge(header, claims), expires = claims.exp * 1_000;
  checkCredential(token, { ...expected, now: NOW - CREDENTIAL_LEEWAY_MS });
  checkCredential(token, { ...expected, now: expires + CREDENTIAL_LEEWAY_MS - 1 });
  const early = refused(token, "not_yet_valid", { now: NOW - CREDENTIAL_LEEWAY_MS - 1 });
  assert.match(early, /holds from 2023-11-14T22:13:20\.000Z, and it is 2023-11-14T22:12:19\.999Z; check the clocks$/);
  const late = refused(token, "expired", { now: expires + CREDENTIAL_LEEWAY_MS });
  assert.match(late, /held until 2023-11-14T23:13:20\.000Z, and it is 2023-11-14T23:14:20\.000Z$/);
});

Deno.test("the form is strict: one token has one text", () => {
  const good = forge(header, claims), [head, body, signature] = good.split(".") as [string, string, string];
  const table = [
    "",
    ".",
    "..",
    `${head}.${body}`,
    `${good}.`,
    `${good}.${signature}`,
    ` ${good}`,
    `${good}\n`,
    `${good}=`,
    `${head}=.${body}.${signature}`,
    good.replace(signature, signature.slice(0, -1) + (signature.endsWith("A") ? "B" : "C")),
    `${head}.${body}.${signature.slice(0, 1)}`,
    `${text(utf8("\ufeff{}"))}.${body}.${signature}`,
    `${text(Uint8Array.of(0xff))}.${body}.${signature}`,
    "a".repeat(CREDENTIAL_CHARACTERS_MAX + 1),
    forge({ ...header, typ: "at+jwt" }, claims),
    forge({ alg: "EdDSA", kid: realmKey.id }, claims),
    forge({ ...header, crit: ["b64"], b64: false }, claims),
    forge("[]", claims),
    forge("null", claims),
    forge(header, "7"),
    forge(header, "{"),
    forge('{"typ":' + "[".repeat(4_000) + "]".repeat(4_000) + "}", claims),
  ];
  for (const token of table) refused(token, "malformed");
  // Standard base64 where the two alphabets differ.
  const withPlus = [...Array(500).keys()].map((n) => forge(header, { ...claims, jti: `n${n}` }))
    .find((token) => token.split(".")[2]!.includes("-"))!;
  refused(withPlus.replace(/-/g, "+"), "malformed");
});

Deno.test("any change of one character is refused", () => {
  const good = forge(header, claims), alphabet = "ABCXYZabcxyz0189-_.=+/ \n";
  fc.assert(fc.property(fc.nat(good.length - 1), fc.constantFrom(...alphabet), (at, letter) => {
    fc.pre(good[at] !== letter);
    assert.throws(() => checkCredential(good.slice(0, at) + letter + good.slice(at + 1), expected), CredentialFault);
  }));
});

Deno.test("garbage is a fault, never a crash", () => {
  const json = fc.json({ maxDepth: 3 });
  fc.assert(fc.property(fc.oneof(fc.string(), fc.tuple(json, json).map(([a, b]) => forge(a, b))), (token) => {
    assert.throws(() => checkCredential(token, expected), CredentialFault);
  }));
});

Deno.test("rights: topics, procedures, and patterns within patterns", () => {
  const rights: Rights = {
    publish: [parsePattern("sensor.*.measured")],
    subscribe: [parsePattern("sensor.**"), parsePattern("alarm.*")],
    call: [],
    advertise: [parsePattern("math.**")],
  };
  assert(allows(rights, "publish", "sensor.kitchen.measured"));
  for (const name of ["sensor.measured", "sensor.*.measured", "sensor.**", "", "a..b"]) {
    assert(!allows(rights, "publish", name), name);
  }
  for (const name of ["sensor", "sensor.**", "sensor.*.x", "alarm.fire", "alarm.*"]) {
    assert(allows(rights, "subscribe", name), name);
  }
  for (const name of ["**", "*", "*.x", "sensor*", "alarm", "alarm.**", "alarm.a.b", "sensor.#", ""]) {
    assert(!allows(rights, "subscribe", name), name);
  }
  assert(!allows(rights, "call", "math.add") && allows(rights, "advertise", "math.add"));
  assert(!allows(rights, "advertise", "math.*"));
  const none: Rights = { publish: [], subscribe: [], call: [], advertise: [] };
  for (const action of ACTIONS) assert(!allows(none, action, "a"));
});

Deno.test("what could not be accepted is not issued", async () => {
  const request = { realm: REALM, node: node.id, role: "edge", rights: {}, now: NOW, lifeMs: 60_000 } as const;
  const ids = new Set<string>();
  for (let i = 0; i < 3; i++) ids.add(readCredential(await issueCredential(realmKey, request)).id);
  assert.equal(ids.size, 3);
  const wrong: [Partial<Parameters<typeof issueCredential>[1]>, RegExp][] = [
    [{ realm: "a b" }, /Cannot use as a realm/],
    [{ node: "me" }, /Cannot read a node id/],
    [{ lifeMs: 999 }, /at least 1000 ms, got 999$/],
    [{ lifeMs: NaN }, /got NaN$/],
    [{ id: "a.b" }, /its claim jti/],
    [{ rights: { publish: ["a*"] } }, /its claim publish .*, got "a\*"$/],
    [{ rights: { publish: Array(200).fill("a".repeat(255)) } }, /at most 16384 characters/],
  ];
  for (const [change, message] of wrong) {
    await assert.rejects(issueCredential(realmKey, { ...request, ...change }), { name: "ValidationError", message });
  }
});

async function spki(identity: Identity): Promise<string> {
  const key = await crypto.subtle.importKey("raw", new Uint8Array(identity.publicKey), "Ed25519", true, ["verify"]);
  return await jose.exportSPKI(key);
}
