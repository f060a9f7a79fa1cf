/** What a hub tries, and what an edge tries in the place of one. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { connect, type Identity } from "../../../mod.ts";
import { recordKey, signRecord, type Statement, type VerifiedRecord } from "../../../src/identity/mod.ts";
import { makeStatement } from "../../../src/link/admission/statement.ts";
import type { Link } from "../../../src/link/link.ts";
import { parsePattern, parseRealm } from "../../../src/names/mod.ts";
import { Trust } from "../../../src/node/trust.ts";
import type { Message } from "../../../src/wire/mod.ts";
import { until } from "../../conformance/deadline.ts";
import { message as anyMessage } from "../../wire/arbitraries.ts";
import { ManualTimers } from "../../transport/manual_timers.ts";
import { credentialOf, identity, mustFail, openGateway, Outside, REALM, realmKey, selfOf } from "../world.ts";
import { event, ID, inside, Peer, RAW } from "./insider.ts";

const ALICE = identity(2), BOB = identity(4), HUB = identity(100), FAR = identity(99), OTHER = identity(98);

/** What classes under test look at of a link. */
function link(node: Identity, role: "edge" | "hub"): Link {
  const { publicKey, id, idBytes: nodeBytes } = node;
  return { peer: { node: id, nodeBytes, publicKey, role, realmKey: realmKey.publicKey } } as unknown as Link;
}

/** The trust of a hub that is linked with another one, and with Bob. */
async function trust() {
  const timers = new ManualTimers(), from = timers.now(), rejected: string[] = [];
  const own = await credentialOf(HUB, { role: "hub", from });
  const guard = {
    mode: "credential",
    realmKey: realmKey.publicKey,
    credential: () => own,
    isRevoked: () => false,
  } as const;
  const far = link(FAR, "hub"), bob = link(BOB, "edge"), other = link(OTHER, "hub");
  const links = new Map([[FAR.id as string, far], ["l2", bob]]);
  const trust = new Trust({
    self: selfOf(HUB, { role: "hub", guard }),
    timers,
    audit: undefined,
    linkOf: (peer) => links.get(peer),
    reject: (_, { code }) => void rejected.push(code),
    onRefused() {},
  });
  return { trust, far, other, bob, rejected, timers };
}

Deno.test("attacks: a hub's call is not proven by the edge that passed it over", async () => {
  const { trust: one, bob, rejected } = await trust();
  const call = (from: string | undefined) => {
    const head = { type: "invoke", invocation: 1, registration: 1, procedure: "door.open", args: ID } as const;
    return { ...head, encoding: "json", caller: ALICE.idBytes, deadlineMs: 1, from };
  };
  one.speaker = bob; // whose refusal gives the call to a handler of the hub itself
  assert.equal(one.takes(call(FAR.id)), true);
  assert.equal(one.takes(call("gone")), true);
  assert.deepEqual(rejected, ["unproven_sender", "unproven_sender"]);
  assert.equal(one.takes(call("l2")), false, "an edge of ours is proven by its link");
  assert.equal(one.takes(call(undefined)), false, "and so are we");
});

Deno.test("attacks: a hub cannot have a forged event remembered in the place of the true one", async () => {
  const { trust: one, far, other, timers } = await trust(), from = timers.now();
  const facts = { realm: REALM, until: from + 60_000, credential: await credentialOf(ALICE, { from }) };
  one.speaker = far;
  assert.equal(one.believes(event({ publisher: ALICE.idBytes })), true, "who is not known is not judged");
  one.received(other, makeStatement(ALICE, { ...facts, hub: OTHER.idBytes }));
  assert.equal(one.believes(event({ publisher: ALICE.idBytes })), false);
  one.received(far, makeStatement(ALICE, { ...facts, hub: OTHER.idBytes }));
  assert.deepEqual([...one.refused], [["unproven_origin", 1], ["bad_attachment", 1]]);
  one.speaker = other;
  assert.equal(one.believes(event({ publisher: ALICE.idBytes })), true);
  one.speaker = undefined;
  assert.equal(one.believes(event({ publisher: ALICE.idBytes })), true, "our own");
});

Deno.test("attacks: an edge cannot make a hub forget what it knows of others", async () => {
  await using outside = new Outside();
  await using far = await openGateway();
  await using gateway = await openGateway({ bootstrap: [far.ticket] });
  await until(() => gateway.links().length === 1, "the link");
  await using heard = far.subscribe("demo.x");
  await heard.ready;
  const key = recordKey(parseRealm(REALM), "interest", "demo.x"), misses = () => gateway.stats().caches!.misses;
  const publish = () => gateway.publish("demo.x", 1, { acknowledge: true });
  const says = async (role: "edge" | "hub") => {
    const peer = new Peer(await outside.welcomed(gateway, selfOf(RAW, { role })));
    await peer.say({ kind: "interestChanged", key }, { kind: "ping", timestamp: 1 });
    await until(() => peer.heard.some(({ kind }) => kind === "pong"), "that it was read");
    peer.established.connection.close(0, "done");
  };
  await until(async () => (await publish()).recipients === 1, "that it is known who wants it");
  const before = misses();
  await says("edge");
  assert.deepEqual([(await publish()).recipients, misses()], [1, before]);
  await says("hub");
  await until(async () => (await publish()).recipients === 1 && misses() > before, "that a hub can");
});

Deno.test("attacks: records that are forged, of others, or beyond what their node may say, over QUIC", async (t) => {
  const rights = { subscribe: ["sensor.**"], advertise: ["math.*"] };
  await using world = await inside({ rights });
  const now = Date.now(), hour = 3_600_000, realm = parseRealm(REALM), good = await credentialOf(RAW, { rights });
  const old = await credentialOf(RAW, { rights, from: now - 3 * hour });
  const wants = (pattern: string, fields: Partial<Statement> = {}, by = RAW) => {
    const head = { kind: "interest", realm, sequence: now, expiresAt: now + 200_000, credential: good } as const;
    return signRecord(by, { ...head, pattern: parsePattern(pattern), ...fields } as Statement);
  };
  const store = ({ signed: { body, signature }, key }: VerifiedRecord) => async () => {
    const peer = await world.peer(), value = new Map([["body", body], ["signature", signature]]);
    await peer.say({ kind: "store", key, value, requestId: 1 });
    return await peer.answer("storeAck");
  };
  const own = wants("sensor.x"), alices = wants("sensor.x", { credential: await credentialOf(ALICE) }, ALICE);
  const forged = { ...own, signed: { ...own.signed, signature: alices.signed.signature } };
  const hub = { kind: "node", realm, sequence: now, expiresAt: now + 200_000, credential: good } as const;
  await mustFail(t, [
    { name: "forged", code: "bad_signature", text: /^Cannot use the record: /, run: store(forged) },
    {
      name: "another node's",
      code: "not_the_publisher",
      text: "Cannot keep the record: it must be the sender's own",
      run: store(alices),
    },
    {
      name: "more than its right",
      code: "record_not_allowed",
      text: "Cannot use the record: its node must be allowed to subscribe **",
      run: store(wants("**")),
    },
    {
      name: "a hub that is none",
      code: "record_not_allowed",
      text: "Cannot use the record: its node must be hub, got edge",
      run: store(signRecord(RAW, { ...hub, role: "hub", endpoints: ["https://127.0.0.1:1"] })),
    },
    {
      name: "signed by an expired credential",
      code: "credential_expired",
      text: /^Cannot accept the credential: it must not have expired, got one that held until /,
      run: store(wants("sensor.x", { credential: old })),
    },
    {
      name: "with no credential",
      code: "record_without_credential",
      text: "Cannot use the record: it must carry its node's credential",
      run: store(wants("sensor.x", { credential: undefined })),
    },
    {
      name: "with another node's credential",
      code: "credential_wrong_node",
      text: /^Cannot accept the credential: it must be for the node /,
      run: store(wants("sensor.x", { credential: await credentialOf(ALICE) })),
    },
    {
      name: "under another key",
      code: "key_mismatch",
      text: /^Cannot use the record: /,
      run: store({ ...own, key: wants("sensor.y").key }),
    },
    {
      name: "of another realm",
      code: "wrong_realm",
      text: `Cannot use the record: its realm must be ${REALM}, got org.other`,
      run: store(wants("sensor.x", { realm: parseRealm("org.other") })),
    },
    {
      name: "for longer than a record holds",
      code: "expires_too_late",
      text: /^Cannot use the record: it must expire within 600000 ms, got /,
      run: store(wants("sensor.x", { expiresAt: now + 2 * hour })),
    },
  ]);
});

/** A gateway with a neighbour and a client that want and serve something, and one that says what it likes. */
async function neighbourhood() {
  const far = await openGateway(), gateway = await openGateway({ bootstrap: [far.ticket] });
  await until(() => gateway.links().length === 1, "the link");
  const alice = await connect(gateway.ticket), heard = alice.subscribe("a.b"), outside = new Outside();
  await Promise.all([heard.ready, alice.advertise("a.c", () => 1)]);
  const close = async () => {
    await outside[Symbol.asyncDispose]();
    for (const mesh of [alice, gateway, far]) await mesh.close();
  };
  return { gateway, alice, outside, [Symbol.asyncDispose]: close };
}

Deno.test("attacks: any message with any content, of an edge or of who says that it is a hub, hurts nobody", async () => {
  await using world = await neighbourhood();
  const { gateway, alice, outside } = world;
  const names = ["a.b", "a.c", "**", "_mesh.stats", ""], ids = [RAW, ALICE, BOB].map(({ idBytes }) => idBytes);
  const pick = fc.record({ name: fc.constantFrom(...names), id: fc.constantFrom(...ids, new Uint8Array(32)) });
  const samples = fc.sample(fc.tuple(anyMessage, pick, fc.boolean()), { numRuns: 1_500, seed: 4 });
  const likely = ([message, { name, id }, keeps]: typeof samples[number]): Message => {
    if (keeps) return message;
    const own: Record<string, unknown> = { topic: name, procedure: name, topics: [name], procedures: [name] };
    Object.assign(own, { publisher: id, fromNode: id, targetNode: id, targetHub: id });
    const fields = Object.keys(message).filter((key) => key in own).map((key) => [key, own[key]]);
    return { ...message, ...Object.fromEntries(fields) } as Message;
  };
  const ends = new Set(["disconnect", "error", "elsewhere"]); // what ends a link by its meaning, or waits for more
  const messages = samples.map(likely).filter(({ kind }) => !ends.has(kind));
  for (let i = 0; i < messages.length; i += 50) {
    const role = i % 100 === 0 ? "edge" : "hub";
    const peer = new Peer(await outside.welcomed(gateway, selfOf(identity(30 + i % 7), { role })));
    await peer.say(...messages.slice(i, i + 50), { kind: "ping", timestamp: 4_711 }).catch(() => {}); // it was cut off
    const read = () => peer.heard.some((one) => one.kind === "error" || one.kind === "pong" && one.timestamp === 4_711);
    await until(read, "that all was read");
    peer.established.connection.close(0, "done");
  }
  assert.equal(typeof await alice.ping(gateway.id), "number");
  await until(async () => await gateway.call("a.c").catch(() => 0) === 1, "the right answer");
  await until(async () => (await gateway.publish("a.b", 1, { acknowledge: true })).recipients === 1, "one recipient");
  assert.deepEqual([gateway.status, alice.status], ["connected", "connected"]);
});
