/** Handshakes and credentials that are changed, oversize or spelt otherwise, over real QUIC. @module */

import assert from "node:assert/strict";
import { seededRandom } from "../../../src/base/random.ts";
import { makeConnect, makeProve } from "../../../src/link/handshake.ts";
import { encodeFrame } from "../../../src/wire/mod.ts";
import {
  credentialGateway,
  credentialOf,
  forged,
  guardOf,
  identity,
  mustFail,
  openGateway,
  Outside,
  REALM,
  realmKey,
  refusalOf,
  selfOf,
} from "../world.ts";
import { event, Peer } from "./insider.ts";

const EDGE = identity(1), ALICE = identity(2), HUB = identity(100), NONCE = new Uint8Array(32).fill(9);

Deno.test("attacks: a handshake with any byte changed is refused or never ends, and nobody else is hurt", async () => {
  await using gateway = await openGateway({ identity: HUB });
  await using outside = new Outside();
  const random = seededRandom("handshake"), self = selfOf(EDGE), rounds = 60;
  let welcomed = 0;
  for (let round = 0; round < rounds; round++) {
    const talker = await outside.talk(gateway), connect = encodeFrame(makeConnect(self, gateway.id, NONCE));
    const change = (frame: Uint8Array) => {
      const changed = frame.slice(), at = Math.floor(random.number() * changed.length);
      changed[at]! ^= 1 << Math.floor(random.number() * 8);
      return changed;
    };
    const isFirst = round % 2 === 0;
    await talker.frame(isFirst ? change(connect) : connect);
    if (!isFirst) {
      const hello = (await talker.hear())!;
      await talker.frame(change(encodeFrame(makeProve(self, connect.subarray(8), hello.payload))));
    }
    await talker.end().catch(() => {});
    for (let heard = await talker.hear(); heard !== undefined; heard = await talker.hear()) {
      if (heard.message.kind === "welcome") welcomed++;
      else assert(["refused", "hello"].includes(heard.message.kind), heard.message.kind);
    }
    talker.connection.close(0, "done");
  }
  assert.equal(welcomed, 0);
  const { connection } = await outside.welcomed(gateway, self);
  connection.close(0, "done");
});

Deno.test("attacks: what is kept of a handshake is short", async (t) => {
  await using gateway = await openGateway({ identity: HUB });
  await using outside = new Outside();
  const say = (fields: object) => async () => {
    const talker = await outside.talk(gateway);
    await talker.say({ ...makeConnect(selfOf(EDGE), gateway.id, NONCE), ...fields });
    return await refusalOf(talker);
  };
  const rule = "Cannot connect: at most 32 capabilities of 64 characters and an endpoint of 512 are expected, got";
  const code = "bad_terms", many = Array.from({ length: 5_000 }, (_, i) => i === 0 ? "mesh/1" : `c${i}`);
  await mustFail(t, [
    { name: "endpoint", code, text: `${rule} 3 and one of 60000`, run: say({ endpoint: "x".repeat(60_000) }) },
    { name: "many capabilities", code, text: `${rule} 5000 and one of 0`, run: say({ capabilities: many }) },
    {
      name: "a long capability",
      code,
      text: `${rule} 2 and one of 0`,
      run: say({ capabilities: ["mesh/1", "x".repeat(60_000)] }),
    },
  ]);
});

Deno.test("attacks: credentials in other spellings", async (t) => {
  await using gateway = await credentialGateway();
  await using outside = new Outside();
  const good = await credentialOf(EDGE), [header = "", claims = "", signature = ""] = good.split(".");
  const raw = (credential: string) => async () => {
    const guard = { ...guardOf({ credential: good }), realmKey: realmKey.publicKey, credential: () => credential };
    return await outside.welcomed(gateway, selfOf(EDGE, { guard }));
  };
  const json = (text: string) => new TextEncoder().encode(text).toBase64({ alphabet: "base64url", omitPadding: true });
  const text = (part: string) => new TextDecoder().decode(Uint8Array.fromBase64(part, { alphabet: "base64url" }));
  const signed = (head: string, body: string) => {
    const bytes = realmKey.sign(new TextEncoder().encode(`${head}.${body}`));
    return `${head}.${body}.${bytes.toBase64({ alphabet: "base64url", omitPadding: true })}`;
  };
  const twice = (part: string, member: string) => json(text(part).replace(/}$/, `,${member}}`));
  const malformed = "credential_malformed", algorithm = "credential_wrong_algorithm";
  const base64 = /are base64url without padding, got something else$/;
  await mustFail(t, [
    { name: "padding", code: malformed, text: base64, run: raw(`${header}=.${claims}.${signature}`) },
    { name: "a blank at the end", code: malformed, text: /is|are base64url/, run: raw(`${good} `) },
    { name: "a line's end", code: malformed, text: /is|are base64url/, run: raw(`${good}\n`) },
    { name: "the other alphabet", code: malformed, text: base64, run: raw(`${header}+/.${claims}.${signature}`) },
    { name: "a fourth part", code: malformed, text: /three parts .* got 4$/, run: raw(`${good}.${signature}`) },
    {
      name: "a crit header",
      code: malformed,
      text: /demands no extension, got crit \["exp"\]$/,
      run: raw(forged(good, { header: { crit: ["exp"] }, by: realmKey })),
    },
    ...["eddsa", "Ed25519", "ES256", ["EdDSA"], { alg: "EdDSA" }, null].map((alg) => ({
      name: `algorithm ${JSON.stringify(alg)}`,
      code: algorithm,
      text: /^Cannot accept the credential: it must be signed with EdDSA and nothing else, got /,
      run: raw(forged(good, { header: { alg }, by: realmKey })),
    })),
    {
      name: "the algorithm twice, of which the last is none",
      code: algorithm,
      text: /got "none"$/,
      run: raw(signed(twice(header, '"alg":"none"'), claims)),
    },
    {
      name: "the node twice, of which the last is another",
      code: "credential_wrong_node",
      text: /^Cannot accept the credential: it must be for the node [0-9a-f]{64} that shows it, got [0-9a-f]{64}$/,
      run: raw(signed(header, twice(claims, `"sub":"${ALICE.id}"`))),
    },
    {
      name: "an end beyond all time",
      code: malformed,
      text: /its claim exp is seconds since 1970, got 1e\+300$/,
      run: raw(forged(good, { claims: { exp: 1e300 }, by: realmKey })),
    },
    {
      name: "more patterns than are looked at",
      code: malformed,
      text: /its claim publish is a list of at most 64 patterns/,
      run: raw(forged(good, { claims: { publish: Array(65).fill("a") }, by: realmKey })),
    },
    {
      name: "a pattern that hides a wildcard",
      code: malformed,
      text: /its claim publish is a list of patterns, got "a\.\*b"$/,
      run: raw(forged(good, { claims: { publish: ["a.*b"] }, by: realmKey })),
    },
    {
      name: "the realm in capitals",
      code: "credential_wrong_realm",
      text: `Cannot accept the credential: it must be for the realm ${REALM}, got ${REALM.toUpperCase()}`,
      run: raw(forged(good, { claims: { aud: REALM.toUpperCase() }, by: realmKey })),
    },
  ]);
  const inherited = forged(good, { claims: { publish: undefined }, by: realmKey });
  const polluted = signed(header, twice(inherited.split(".")[1]!, '"__proto__":{"publish":["**"]}'));
  const guard = guardOf({ credential: polluted });
  const peer = new Peer(await outside.welcomed(gateway, selfOf(EDGE, { guard })));
  await peer.say(event({ publisher: EDGE.idBytes }));
  await assert.rejects(peer.answer("puback"), { code: "not_allowed" }, "no right is inherited");
});
