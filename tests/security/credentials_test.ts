/** Credentials that must not be accepted, at gateways and at edges, over real QUIC. @module */

import assert from "node:assert/strict";
import { connect, type Identity, startGateway } from "../../mod.ts";
import { CREDENTIAL_CHARACTERS_MAX } from "../../src/identity/mod.ts";
import { hubGuard } from "../../src/link/admission/guard.ts";
import { makeHello } from "../../src/link/handshake.ts";
import { decodeValue, encodeValue, type Value } from "../../src/wire/mod.ts";
import {
  type Attempt,
  credentialGateway,
  credentialOf,
  edge,
  foreignKey,
  forged,
  guardOf,
  identity,
  mustFail,
  openGateway,
  Outside,
  REALM,
  realmKey,
  selfOf,
  TOKEN,
  type Wish,
} from "./world.ts";

const EDGE = identity(1), OTHER = identity(2), MALLORY = identity(3), HUB = identity(100);
const HOUR_MS = 3_600_000, NONCE = new Uint8Array(32).fill(9);
const TIMES = /[-\dT:.]+Z, and it is [-\dT:.]+Z/.source;

Deno.test("credentials: edges without the right to join", async (t) => {
  await using outside = new Outside();
  await using gateway = await credentialGateway({ revoked: new Set(["lost-laptop"]) });
  const now = Date.now(), good = await credentialOf(EDGE);
  const show = (credential: string, node: Identity = EDGE) => () =>
    connect(gateway.ticket, { identity: node, auth: { credential } });
  const issued = (wish: Wish, node: Identity = EDGE) => async () => await show(await credentialOf(node, wish))();
  const raw = (credential: string, role: "edge" | "hub" = "edge") => async () => {
    const guard = { ...guardOf({ credential: good }), realmKey: realmKey.publicKey, credential: () => credential };
    return await outside.welcomed(gateway, selfOf(EDGE, { role, guard }));
  };
  const first = (): Attempt[] => [
    {
      name: "no credential",
      code: "credential_required",
      text: "Cannot connect: this gateway asks for a credential; give it with --credential or MACULA_CREDENTIAL",
      run: () => connect(gateway.ticket),
    },
    {
      name: "a token instead",
      code: "credential_required",
      text: "Cannot connect: this gateway asks for a credential; give it with --credential or MACULA_CREDENTIAL",
      run: () => connect(gateway.ticket, { auth: { token: TOKEN } }),
    },
    {
      name: "expired",
      code: "credential_expired",
      text: new RegExp(`^Cannot accept the credential: it must not have expired, got one that held until ${TIMES}$`),
      run: issued({ from: now - 2 * HOUR_MS }),
    },
    {
      name: "not yet valid",
      code: "credential_not_yet_valid",
      text: new RegExp(
        `^Cannot accept the credential: it must have begun to hold, got one that holds from ${TIMES}; check the clocks$`,
      ),
      run: async () => await show(forged(good, { claims: { nbf: Math.floor(now / 1_000) + 3_000 }, by: realmKey }))(),
    },
    {
      name: "revoked",
      code: "credential_revoked",
      text: "Cannot accept the credential: it must not have been revoked, got lost-laptop",
      run: issued({ id: "lost-laptop" }),
    },
    {
      name: "issued by another key that says it is the realm",
      code: "untrusted",
      text: `Cannot trust the hub: its realm's key must be the one that issued our credential, ${foreignKey.id}, ` +
        `got ${realmKey.id}`,
      run: issued({ by: foreignKey }),
    },
    {
      name: "the same, and the edge does not care who the hub is",
      code: "credential_wrong_issuer",
      text: `Cannot accept the credential: it must be issued by the realm's key ${realmKey.id}, got "${foreignKey.id}"`,
      run: async () => await raw(await credentialOf(EDGE, { by: foreignKey }))(),
    },
    {
      name: "signed by another key, in the name of the realm's",
      code: "credential_bad_signature",
      text:
        `Cannot accept the credential: its signature must be that of the realm's key ${realmKey.id}, got another one`,
      run: show(forged(good, { by: foreignKey })),
    },
  ];
  const contents = (): Attempt[] => [
    {
      name: "for another realm of the same key",
      code: "credential_wrong_realm",
      text: `Cannot accept the credential: it must be for the realm ${REALM}, got org.other`,
      run: issued({ realm: "org.other" }),
    },
    {
      name: "of another node",
      code: "credential_wrong_node",
      text: `Cannot accept the credential: it must be for the node ${EDGE.id} that shows it, got ${OTHER.id}`,
      run: issued({}, OTHER),
    },
    {
      name: "algorithm none",
      code: "credential_wrong_algorithm",
      text: 'Cannot accept the credential: it must be signed with EdDSA and nothing else, got "none"',
      run: show(forged(good, { header: { alg: "none" } })),
    },
    {
      name: "algorithm HS256, with the public key as the secret",
      code: "credential_wrong_algorithm",
      text: 'Cannot accept the credential: it must be signed with EdDSA and nothing else, got "HS256"',
      run: show(forged(good, { header: { alg: "HS256" }, by: realmKey })),
    },
    {
      name: "a payload that was tampered with",
      code: "credential_bad_signature",
      text:
        `Cannot accept the credential: its signature must be that of the realm's key ${realmKey.id}, got another one`,
      run: show(forged(good, { claims: { publish: ["**"], role: "hub" } })),
    },
    {
      name: "a key that the token brings along",
      code: "credential_bad_signature",
      text:
        `Cannot accept the credential: its signature must be that of the realm's key ${realmKey.id}, got another one`,
      run: show(forged(good, { header: { jwk: { kty: "OKP", crv: "Ed25519", x: "AAAA" } }, by: foreignKey })),
    },
  ];
  const forms = (): Attempt[] => [
    {
      name: "no expiry",
      code: "credential_malformed",
      text: "Cannot accept the credential: its claim exp is seconds since 1970, got none",
      run: raw(forged(good, { claims: { exp: undefined }, by: realmKey })),
    },
    {
      name: "longer than a credential is",
      code: "credential_malformed",
      text: `Cannot accept the credential: it has at most ${CREDENTIAL_CHARACTERS_MAX} characters, got 20000`,
      run: raw("x".repeat(20_000)),
    },
    {
      name: "no token at all, found before anything is dialled",
      code: "invalid",
      text: "Cannot connect: its own credential is not accepted: it has three parts with dots between them, got 1",
      run: show("password"),
    },
    {
      name: "an edge's, shown by one who says that it is a hub",
      code: "credential_wrong_role",
      text: "Cannot accept the credential: its role must be hub, got edge",
      run: raw(good, "hub"),
    },
    {
      name: "a hub's, shown by one who says that it is an edge",
      code: "credential_wrong_role",
      text: "Cannot accept the credential: its role must be edge, got hub",
      run: issued({ role: "hub" }),
    },
    {
      name: "none to show at the moment",
      code: "untrusted",
      text: "Cannot connect: there is no credential to show at present",
      run: () => connect(gateway.ticket, { identity: EDGE, auth: { credential: () => undefined } }),
    },
  ];
  await mustFail(t, [...first(), ...contents(), ...forms()]);
  await t.step("and who has one is welcome, also as a hub", async () => {
    await using mesh = await edge(gateway, EDGE);
    assert.equal(mesh.status, "connected");
    const other = identity(99), credential = await credentialOf(other, { role: "hub" });
    const key = realmKey.publicKey, about = { identity: other, realm: REALM, now: Date.now() };
    const guard = hubGuard({ mode: "credential", realmKey: key }, { credential }, about);
    const { connection, peer } = await outside.welcomed(gateway, selfOf(other, { role: "hub", guard }));
    assert.equal(peer.credential?.role, "hub");
    connection.close(0, "done");
  });
});

Deno.test("credentials: hubs without the right to be one", async (t) => {
  await using outside = new Outside();
  const now = Date.now(), mine = await credentialOf(EDGE);
  /** A rogue that shows this in its hello. */
  const hub = (fields: Readonly<Record<string, Value>>) => async () => {
    const self = selfOf(MALLORY, { role: "hub" });
    const rogue = await outside.rogue(MALLORY, async (talker) => {
      const { payload } = (await talker.hear())!, hello = makeHello(self, payload, NONCE);
      const body = encodeValue(new Map([...decodeValue(hello.body) as Map<string, Value>, ...Object.entries(fields)]));
      const { createHash } = await import("node:crypto"), label = new TextEncoder().encode("macula/1 hello");
      const digest = createHash("sha256").update(payload).digest();
      const signature = MALLORY.sign(Uint8Array.from([...label, ...digest, ...body]));
      await talker.say({ ...hello, body, signature });
    });
    const options = { identity: EDGE, auth: { credential: mine } };
    return await connect(rogue.ticket, options).finally(() => rogue.close());
  };
  const bytes = (text: string) => new TextEncoder().encode(text), key = realmKey.publicKey;
  const showing = async (wish: Wish, node = MALLORY) => ({
    credential: bytes(await credentialOf(node, { role: "hub", ...wish })),
    realm_key: key,
  });
  const first = (): Attempt[] => [
    {
      name: "none shown",
      code: "untrusted",
      text: "Cannot trust the hub: a hub of this realm shows a credential with the role hub, got none",
      run: hub({}),
    },
    {
      name: "an open gateway: no downgrade",
      code: "untrusted",
      text: "Cannot trust the hub: a hub of this realm shows a credential with the role hub, got none",
      run: async () => {
        await using open = await openGateway();
        return await connect(open.ticket, { identity: EDGE, auth: { credential: mine } });
      },
    },
    {
      name: "that of an edge",
      code: "untrusted",
      text: "Cannot trust the hub: its credential is not accepted: its role must be hub, got edge",
      run: async () => await hub(await showing({ role: "edge" }))(),
    },
    {
      name: "that of another hub",
      code: "untrusted",
      text: "Cannot trust the hub: its credential is not accepted: " +
        `it must be for the node ${MALLORY.id} that shows it, got ${HUB.id}`,
      run: async () => await hub(await showing({}, HUB))(),
    },
    {
      name: "an expired one",
      code: "untrusted",
      text: /^Cannot trust the hub: its credential is not accepted: it must not have expired, got one that held until /,
      run: async () => await hub(await showing({ from: now - 2 * HOUR_MS }))(),
    },
    {
      name: "one of another realm",
      code: "untrusted",
      text: `Cannot trust the hub: its credential is not accepted: it must be for the realm ${REALM}, got org.other`,
      run: async () => await hub(await showing({ realm: "org.other" }))(),
    },
    {
      name: "one by a key of its own, which it says is the realm's",
      code: "untrusted",
      text: `Cannot trust the hub: its realm's key must be the one that issued our credential, ${realmKey.id}, ` +
        `got ${foreignKey.id}`,
      run: async () => await hub({ ...await showing({ by: foreignKey }), realm_key: foreignKey.publicKey })(),
    },
    {
      name: "one by a key of its own, beside the right key",
      code: "untrusted",
      text: "Cannot trust the hub: its credential is not accepted: " +
        `it must be issued by the realm's key ${realmKey.id}, got "${foreignKey.id}"`,
      run: async () => await hub(await showing({ by: foreignKey }))(),
    },
    {
      name: "a key of small order as the realm's",
      code: "untrusted",
      text: "Cannot trust the hub: a hub of this realm shows a credential with the role hub, got none",
      run: async () => await hub({ ...await showing({}), realm_key: new Uint8Array(32) })(),
    },
  ];
  await mustFail(t, first());
});

Deno.test("credentials: gateways that would not be believed do not start", async (t) => {
  const start = (credential?: string, key = realmKey.publicKey) => () =>
    startGateway({
      realm: REALM,
      listen: { port: 0 },
      identity: HUB,
      admission: { mode: "credential", realmKey: key },
      ...credential === undefined ? {} : { auth: { credential } },
    });
  const rejected = "Cannot start a gateway: its own credential is not accepted: ";
  await mustFail(t, [
    {
      name: "without a credential of its own",
      code: "invalid",
      text: "Cannot start a gateway: a hub shows a credential too; " +
        `get one with: macula realm issue --role hub --node ${HUB.id}`,
      run: start(),
    },
    {
      name: "with an edge's",
      code: "invalid",
      text: `${rejected}its role must be hub, got edge`,
      run: async () => await start(await credentialOf(HUB))(),
    },
    {
      name: "with another node's",
      code: "invalid",
      text: `${rejected}it must be for the node ${HUB.id} that shows it, got ${EDGE.id}`,
      run: async () => await start(await credentialOf(EDGE, { role: "hub" }))(),
    },
    {
      name: "with one of another realm key",
      code: "invalid",
      text: `${rejected}it must be issued by the realm's key ${realmKey.id}, got "${foreignKey.id}"`,
      run: async () => await start(await credentialOf(HUB, { role: "hub", by: foreignKey }))(),
    },
    {
      name: "with a realm key that is none",
      code: "invalid",
      text: "Cannot start a gateway: admission.realmKey is an Ed25519 public key, got 31 bytes",
      run: async () => await start(await credentialOf(HUB, { role: "hub" }), new Uint8Array(31))(),
    },
  ]);
});
