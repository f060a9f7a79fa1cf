/** Who said it: what a receiver believes, and what a malicious hub cannot make it believe. @module */

import assert from "node:assert/strict";
import type { Identity } from "../../mod.ts";
import { connect } from "../../mod.ts";
import type { Failure, Role } from "../../src/base/protocol.ts";
import { CREDENTIAL_LEEWAY_MS } from "../../src/identity/mod.ts";
import { signEvent } from "../../src/link/admission/event_proof.ts";
import type { Guard } from "../../src/link/admission/guard.ts";
import { makeStatement, readStatement, STATEMENT_MS_MAX } from "../../src/link/admission/statement.ts";
import { Vouchers } from "../../src/link/admission/vouchers.ts";
import { HUBS_PER_SENDER_MAX, Statements } from "../../src/link/admission/senders/statements.ts";
import { SENDERS_MAX, Witness } from "../../src/link/admission/witness.ts";
import { makeHello } from "../../src/link/handshake.ts";
import type { Link } from "../../src/link/link.ts";
import type { Attachment, Message, Publish } from "../../src/wire/mod.ts";
import { soon, until } from "../conformance/deadline.ts";
import { Trust } from "../../src/node/trust.ts";
import { take } from "../node/world.ts";
import { burst } from "../pubsub/hub.ts";
import { ManualTimers } from "../transport/manual_timers.ts";
import {
  credentialGateway,
  credentialOf,
  edge,
  foreignKey,
  identity,
  Outside,
  REALM,
  realmKey,
  selfOf,
  type Wish,
} from "./world.ts";

const ALICE = identity(1), BOB = identity(2), MALLORY = identity(3), HUB = identity(100), OTHER_HUB = identity(99);
const NONCE = new Uint8Array(32).fill(9), HOUR_MS = 3_600_000;

function event(publisher: Identity, topic = "demo.x", fields: Partial<Publish> = {}): Publish {
  const messageId = new Uint8Array(16).fill(5), payload = new Uint8Array([49]);
  const head = { kind: "publish", topic, payload, qos: 0, retain: false, messageId, encoding: "json", at: 7 } as const;
  return { ...head, publisher: publisher.idBytes, ...fields };
}

/** What the classes under test look at of a link. */
function link(node: Identity, role: Role): Link {
  const peer = {
    node: node.id,
    nodeBytes: node.idBytes,
    publicKey: node.publicKey,
    role,
    realmKey: realmKey.publicKey,
  };
  return { peer } as unknown as Link;
}

class Realm {
  readonly timers = new ManualTimers();
  readonly revoked = new Set<string>();

  credential(node: Identity, wish: Wish = {}): Promise<string> {
    return credentialOf(node, { from: this.timers.now(), lifeMs: HOUR_MS, ...wish });
  }

  async guard(node: Identity, wish: Wish = {}): Promise<Guard> {
    const own = await this.credential(node, wish), isRevoked = (id: string) => this.revoked.has(id);
    return { mode: "credential", realmKey: realmKey.publicKey, credential: () => own, isRevoked };
  }

  async witness(node: Identity): Promise<Witness> {
    return new Witness(selfOf(node), await this.guard(node), this.timers);
  }

  async vouchers(node: Identity, role: Role, wish: Wish = {}): Promise<Vouchers> {
    return new Vouchers(selfOf(node, { role }), await this.guard(node, { role, ...wish }), this.timers);
  }

  /** What `node` says of its hub. */
  async statement(node: Identity, hub: Identity, wish: Wish & { untilMs?: number } = {}): Promise<Attachment> {
    const { untilMs = STATEMENT_MS_MAX, ...rest } = wish, until = this.timers.now() + untilMs;
    const credential = await this.credential(node, rest);
    return makeStatement(node, { hub: hub.idBytes, realm: REALM, until, credential });
  }
}

function codeOf(result: string | Failure | undefined): string | undefined {
  return typeof result === "object" ? result.code : result;
}

Deno.test("senders: an event counts from the hub that its publisher is attached to, within its rights, in time", async () => {
  const realm = new Realm(), bob = await realm.witness(BOB), hub = link(HUB, "hub"), other = link(OTHER_HUB, "hub");
  assert.equal(codeOf(bob.event(event(ALICE), hub)), "unproven_sender", "nothing is known of her");
  const rights = { rights: { publish: ["demo.*"], call: ["math.*"] } };
  assert.equal(bob.learn(hub, await realm.statement(ALICE, HUB, rights)), undefined);
  assert.equal(bob.event(event(ALICE), hub), "link");
  assert.equal(codeOf(bob.event(event(ALICE, "alarm.off"), hub)), "not_allowed", "her rights are looked at again");
  assert.equal(codeOf(bob.event(event(ALICE), other)), "unproven_origin", "another hub cannot speak for her");
  assert.equal(codeOf(bob.event(event(MALLORY), hub)), "unproven_sender");
  assert.equal(
    codeOf(bob.event({ ...event(ALICE), publisher: undefined } as unknown as Publish, hub)),
    "unproven_sender",
  );
  assert.equal(bob.event(event(HUB), hub), "link", "the hub speaks for itself");
  assert.equal(codeOf(bob.event(event(OTHER_HUB), hub)), "unproven_sender", "and for no other hub");
  assert.equal(bob.call({ caller: ALICE.idBytes, procedure: "math.add" }, hub), "link");
  assert.equal(codeOf(bob.call({ caller: ALICE.idBytes, procedure: "secret.read" }, hub)), "not_allowed");
  assert.equal(codeOf(bob.call({ caller: MALLORY.idBytes, procedure: "math.add" }, hub)), "unproven_sender");
  const passedOn = bob.call({ caller: ALICE.idBytes, procedure: "math.add" }, other);
  assert.equal(passedOn, "hub", "a call that another hub passed on");
  const claimed = bob.call({ caller: ALICE.idBytes, procedure: "math.add", claimed: true }, hub);
  assert.equal(codeOf(claimed), "unproven_sender", "a call that says itself that its caller is not proven");
  await realm.timers.run(STATEMENT_MS_MAX + CREDENTIAL_LEEWAY_MS);
  assert.equal(codeOf(bob.event(event(ALICE), hub)), "unproven_sender", "it is over");
});

Deno.test("senders: a burst counts as its events do, and so do those of one that does not", async () => {
  const realm = new Realm(),
    witness = await realm.witness(BOB),
    hub = link(HUB, "hub"),
    message = burst("demo.x", ALICE.idBytes);
  assert.equal(codeOf(witness.event(message, hub)), "unproven_sender");
  const trust = new Trust({
    self: { ...selfOf(BOB), guard: await realm.guard(BOB) },
    timers: realm.timers,
    audit: undefined,
    reject: () => {},
    linkOf: () => hub,
    onRefused: () => {},
  });
  trust.speaker = hub;
  const delivered = { type: "burst", subscriptions: [1], burst: message } as const;
  assert.equal(trust.takes(delivered), true, "it is for nobody");
  assert.deepEqual([message.count, trust.refused.get("unproven_sender")], [3, 3]);
  witness.learn(hub, await realm.statement(ALICE, HUB, { rights: { publish: ["demo.*"] } }));
  assert.equal(witness.event(message, hub), "link");
  assert.equal(codeOf(witness.event(burst("other", ALICE.idBytes), hub)), "not_allowed");
});

Deno.test("senders: statements that are not believed", async () => {
  const realm = new Realm(), good = await realm.statement(ALICE, HUB), now = realm.timers.now();
  const context = { realm: REALM, realmKey: realmKey.publicKey, now, isRevoked: (id: string) => realm.revoked.has(id) };
  const verdict = (message: Attachment) => codeOf(readStatement(message, context) as Failure);
  assert.equal((readStatement(good, context) as { hub: string }).hub, HUB.id);
  assert.equal(verdict({ ...good, signature: new Uint8Array(64) }), "bad_attachment");
  assert.equal(verdict({ ...good, publicKey: MALLORY.publicKey }), "bad_attachment");
  assert.equal(verdict({ ...good, publicKey: new Uint8Array(32) }), "bad_attachment", "small order");
  assert.equal(verdict({ ...good, body: (await realm.statement(ALICE, OTHER_HUB)).body }), "bad_attachment");
  assert.equal(verdict({ ...good, body: new Uint8Array(2_000) }), "bad_attachment", "too large");
  assert.equal(verdict({ ...good, body: Uint8Array.of(0x80) }), "bad_attachment", "empty");
  assert.equal(verdict(await realm.statement(ALICE, HUB, { untilMs: 2 * STATEMENT_MS_MAX })), "bad_attachment");
  assert.equal(verdict(await realm.statement(ALICE, HUB, { untilMs: -CREDENTIAL_LEEWAY_MS })), "attachment_expired");
  assert.equal(verdict(await realm.statement(ALICE, HUB, { by: foreignKey })), "credential_wrong_issuer");
  assert.equal(verdict(await realm.statement(ALICE, HUB, { role: "hub" })), "credential_wrong_role");
  assert.equal(verdict(await realm.statement(ALICE, ALICE)), "credential_wrong_role", "an edge that says it is a hub");
  const { credential: _, ...without } = good;
  assert.equal(verdict(without), "credential_malformed");
  realm.revoked.add("gone");
  assert.equal(verdict(await realm.statement(ALICE, HUB, { id: "gone" })), "credential_revoked");
  const bobs = await realm.credential(BOB);
  assert.equal(verdict({ ...good, credential: bobs }), "credential_wrong_node");
  const elsewhere = makeStatement(ALICE, { hub: HUB.idBytes, realm: "org.other", until: now, credential: bobs });
  assert.equal(verdict(elsewhere), "bad_attachment", "another realm");
});

Deno.test("senders: an edge states its hub before its first event on a lane, and again at half-life", async () => {
  const realm = new Realm(), alice = await realm.vouchers(ALICE, "edge"), hub = link(HUB, "hub");
  const before = (message: Message = event(ALICE), lane: "events" | "calls" = "events") =>
    alice.before(hub, message, lane);
  assert.deepEqual(before({ kind: "ping", timestamp: 1 }), []);
  const [first, ...more] = before();
  assert.deepEqual([first?.kind, more], ["attachment", []]);
  assert.deepEqual(before(), []);
  const call = { kind: "rpcRequest", fromNode: ALICE.idBytes } as unknown as Message;
  assert.deepEqual(before(call, "calls"), [first], "once a lane: lanes do not wait for each other");
  assert.deepEqual(before(call, "calls"), []);
  await realm.timers.run(STATEMENT_MS_MAX / 2 - 1);
  assert.deepEqual(before(), []);
  await realm.timers.run(1);
  const [second] = before();
  assert(second !== undefined && second.signature.toHex() !== first!.signature.toHex());
  assert.equal(
    alice.before(link(OTHER_HUB, "hub"), event(ALICE), "events").length,
    1,
    "another hub, another statement",
  );
});

Deno.test("senders: a hub passes on what its edges state, to each receiver once, and nobody else's", async () => {
  const realm = new Realm(),
    hub = await realm.vouchers(HUB, "hub"),
    alice = link(ALICE, "edge"),
    bob = link(BOB, "edge");
  const before = (to: Link, publisher = ALICE) => hub.before(to, event(publisher), "events").length;
  assert.equal(before(bob), 0, "nothing to pass on yet");
  const stated = await realm.statement(ALICE, HUB);
  assert.equal(hub.knows(alice, stated), false);
  assert.equal(hub.learn(alice, stated), undefined);
  assert.equal(hub.knows(alice, stated), true);
  assert.equal(hub.knows(alice, await realm.statement(ALICE, HUB, { untilMs: 1_000 })), true, "too soon for another");
  assert.deepEqual([before(bob), before(bob), before(link(BOB, "edge"))], [1, 0, 1]);
  const mallory = link(MALLORY, "edge"), forged = { ...stated, signature: new Uint8Array(64) };
  const looked = Array.from({ length: 100 }, () => hub.knows(mallory, forged));
  assert.deepEqual(looked.filter((known) => !known), [false], "a flood of forgeries costs one look a second");
  assert.equal(before(bob, MALLORY), 0);
  await realm.timers.run(1_000);
  hub.learn(alice, await realm.statement(ALICE, HUB));
  assert.equal(before(bob), 1, "a fresh one goes out again");
  assert.equal(
    codeOf(hub.learn(alice, await realm.statement(ALICE, OTHER_HUB))),
    "bad_attachment",
    "about another hub",
  );
  assert.equal(codeOf(hub.learn(alice, await realm.statement(BOB, HUB))), "bad_attachment", "of another node");
  const other = link(OTHER_HUB, "hub");
  assert.equal(codeOf(hub.learn(other, await realm.statement(BOB, HUB))), "bad_attachment", "another hub about ours");
  assert.equal(hub.learn(other, await realm.statement(BOB, OTHER_HUB)), undefined);
});

Deno.test("senders: a hub that an edge has left cannot silence it", async () => {
  const realm = new Realm(), hub = await realm.vouchers(HUB, "hub"), bob = await realm.witness(BOB);
  const alice = link(ALICE, "edge"), left = link(OTHER_HUB, "hub"), toHub = link(HUB, "hub");
  const old = await realm.statement(ALICE, OTHER_HUB), current = await realm.statement(ALICE, HUB);
  hub.learn(alice, current);
  assert.equal(hub.learn(left, old), undefined, "it still holds");
  assert.deepEqual(hub.before(link(BOB, "edge"), event(ALICE), "events", alice).map(({ body }) => body), [
    current.body,
  ]);
  for (const one of [current, old]) assert.equal(bob.learn(toHub, one), undefined);
  assert.equal(bob.event(event(ALICE), toHub), "link", "what is said of two hubs counts at both");
  for (let seed = 0; seed < 3 * HUBS_PER_SENDER_MAX; seed++) {
    bob.learn(toHub, await realm.statement(ALICE, identity(200 + seed)));
    assert.equal(bob.event(event(ALICE), toHub), "link", "what is used stays");
  }
});

Deno.test("senders: what rests on a credential is forgotten when that is revoked", async () => {
  const realm = new Realm(),
    hub = await realm.vouchers(HUB, "hub"),
    toHub = link(HUB, "hub"),
    far = link(OTHER_HUB, "hub");
  const bob = await realm.witness(BOB), stated = await realm.statement(ALICE, OTHER_HUB, { id: "lost" });
  hub.learn(far, stated);
  bob.learn(toHub, stated);
  assert.deepEqual([hub.before(link(BOB, "edge"), event(ALICE), "events", far).length, bob.size], [1, 1]);
  realm.revoked.add("lost");
  hub.recheck();
  bob.recheck();
  assert.deepEqual([hub.before(link(MALLORY, "edge"), event(ALICE), "events", far).length, bob.size], [0, 0]);
  assert.equal(codeOf(bob.call({ caller: ALICE.idBytes, procedure: "math.add" }, toHub)), "unproven_sender");
});

Deno.test("senders: who was told is remembered in bounds; beyond them all are told again", async () => {
  const realm = new Realm(), guard = await realm.guard(HUB, { role: "hub" });
  const hub = new Vouchers(selfOf(HUB, { role: "hub" }), guard, realm.timers, { toldMax: 2 });
  hub.learn(link(ALICE, "edge"), await realm.statement(ALICE, HUB));
  const receivers = [4, 5, 6].map((seed) => link(identity(seed), "edge"));
  const round = () => receivers.map((to) => hub.before(to, event(ALICE), "events").length);
  assert.deepEqual([round(), round()], [[1, 1, 1], [1, 1, 1]]);
  assert.deepEqual(hub.before(receivers[0]!, event(ALICE), "events").length, 1);
  assert.deepEqual(hub.before(receivers[0]!, event(ALICE), "events").length, 0);
});

Deno.test("senders: an event that took a further hop is signed by the hub that it came from", async () => {
  const realm = new Realm(), origin = await realm.vouchers(OTHER_HUB, "hub"), hub = await realm.vouchers(HUB, "hub");
  const bob = await realm.witness(BOB), toHub = link(HUB, "hub"), fromOrigin = link(OTHER_HUB, "hub");
  origin.learn(link(ALICE, "edge"), await realm.statement(ALICE, OTHER_HUB));
  const sent = origin.signed(toHub, event(ALICE)) as Publish, stated = origin.before(toHub, sent, "events");
  assert.equal(stated.length, 2, "what the hub says of itself, and what Alice says");
  const toEdge = event(ALICE);
  assert.equal(origin.signed(link(BOB, "edge"), toEdge), toEdge, "for its own edges its word counts");
  for (const one of stated) assert.equal(hub.learn(fromOrigin, one), undefined);
  const passed = hub.before(link(BOB, "edge"), sent, "events");
  assert.equal(passed.length, 2);
  for (const one of passed) assert.equal(bob.learn(toHub, one), undefined);
  assert.equal(bob.event(sent, toHub), "hub");
  const tampered: Partial<Publish>[] = [
    { originProof: undefined as never },
    { payload: new Uint8Array([50]) },
    { topic: "demo.y" },
    { messageId: new Uint8Array(16) },
    { at: 8 },
    { headers: "{}" },
    { originProof: signEvent(MALLORY, "origin", REALM, sent) },
    { originProof: signEvent(HUB, "origin", REALM, sent) },
    { originProof: signEvent(OTHER_HUB, "event", REALM, sent) },
    { originProof: signEvent(OTHER_HUB, "origin", "org.other", sent) },
  ];
  for (const fields of tampered) assert.equal(codeOf(bob.event({ ...sent, ...fields }, toHub)), "unproven_origin");
});

Deno.test("senders: who signs as an origin must have shown that it is a hub", async () => {
  const realm = new Realm(), bob = await realm.witness(BOB), hub = link(HUB, "hub");
  bob.learn(hub, await realm.statement(ALICE, MALLORY)); // Alice was talked into it
  bob.learn(hub, await realm.statement(MALLORY, HUB));
  const signed = { ...event(ALICE), originProof: signEvent(MALLORY, "origin", REALM, event(ALICE)) };
  assert.equal(codeOf(bob.event(signed, hub)), "unproven_origin");
});

Deno.test("senders: what a receiver keeps in mind is bounded; who was not heard for longest goes first", async () => {
  const realm = new Realm(), hub = link(HUB, "hub");
  const bob = new Witness(selfOf(BOB), await realm.guard(BOB), realm.timers, { sendersMax: 2 });
  for (const node of [ALICE, MALLORY, identity(4)]) bob.learn(hub, await realm.statement(node, HUB));
  assert.equal(bob.size, 2);
  assert.equal(codeOf(bob.event(event(ALICE), hub)), "unproven_sender", "it fails closed");
  assert.equal(bob.event(event(MALLORY), hub), "link");
  assert(SENDERS_MAX >= 10_000, "as many as a gateway has clients");
});

Deno.test("senders: statements are kept in bounds, by node and by hub, and found as they are now", () => {
  const kept = new Statements<{ readonly id: string }>(2),
    hubs = Array.from({ length: 6 }, (_, index) => `hub${index}`);
  assert.equal(kept.find(ALICE.idBytes, "hub0"), undefined);
  for (const hub of hubs) kept.set(ALICE.id, hub, { id: hub });
  assert.deepEqual(kept.of(ALICE.id).map(({ id }) => id), hubs.slice(-HUBS_PER_SENDER_MAX));
  assert.deepEqual(kept.find(ALICE.idBytes, "hub2"), { id: "hub2" }, "what was not there once is found now");
  assert.deepEqual(kept.of(ALICE.id).map(({ id }) => id), ["hub3", "hub4", "hub5", "hub2"], "used last, kept longest");
  kept.set(ALICE.id, "hub2", { id: "newer" });
  assert.deepEqual(kept.find(ALICE.idBytes, "hub2"), { id: "newer" });
  kept.set(BOB.id, "hub2", { id: "lost" });
  kept.forgetRevoked((id) => id === "newer" || id === "lost");
  assert.equal(kept.find(ALICE.idBytes, "hub2"), undefined);
  assert.deepEqual([kept.size, kept.of(BOB.id), kept.of(ALICE.id).length], [1, [], HUBS_PER_SENDER_MAX - 1]);
  for (const node of [BOB, MALLORY]) kept.set(node.id, "hub0", { id: node.id });
  assert.deepEqual([kept.size, kept.get(ALICE.id, "hub3")], [2, undefined], "who was not heard of for longest goes");
});

Deno.test("senders: over QUIC, a receiver sees by what it is known who speaks", async () => {
  await using gateway = await credentialGateway();
  await using alice = await edge(gateway, ALICE);
  await using bob = await edge(gateway, BOB);
  await using all = bob.subscribe("**"), signed = bob.subscribe("**", { proof: "signature" });
  await using atHub = gateway.subscribe("**");
  await Promise.all([all.ready, signed.ready, atHub.ready]);
  await using _who = await bob.advertise("who.calls", (_args, { caller, proof }) => ({ caller, proof }));
  await alice.publish("demo.plain", 1);
  await alice.publish("demo.signed", { b: 2 }, { sign: true, headers: { a: "b" } });
  await bob.publish("demo.own", 3);
  await gateway.publish("demo.hub", 4);
  const seen = (await soon(take(all, 4), "events")).map(({ topic, publisher, proof }) => [topic, publisher, proof]);
  assert.deepEqual(seen.sort(), [
    ["demo.hub", gateway.id, "link"],
    ["demo.own", BOB.id, "link"],
    ["demo.plain", ALICE.id, "link"],
    ["demo.signed", ALICE.id, "signature"],
  ]);
  const [only] = await soon(take(signed, 1), "the signed one");
  assert.deepEqual([only?.topic, only?.data, only?.proof], ["demo.signed", { b: 2 }, "signature"]);
  await until(() => signed.unproven === 3, "the others are counted");
  assert.equal((await soon(take(atHub, 1), "at the hub"))[0]?.proof, "link");
  assert.deepEqual(await alice.call("who.calls"), { caller: ALICE.id, proof: "link" });
  assert.deepEqual(await gateway.call("who.calls"), { caller: gateway.id, proof: "link" });
  assert.deepEqual([bob.stats().refused, gateway.stats().refused], [{}, {}]);
});

Deno.test("senders: over QUIC, a malicious hub with a credential cannot speak for an edge of another hub", async () => {
  await using outside = new Outside();
  const realm = new Realm(), from = Date.now(), issued = await credentialOf(OTHER_HUB, { role: "hub", from });
  const credential = () => issued, guard: Guard = { ...await realm.guard(OTHER_HUB), credential };
  const self = selfOf(OTHER_HUB, { role: "hub", guard });
  const stated = async (node: Identity, hub: Identity) => {
    const facts = { hub: hub.idBytes, realm: REALM, until: from + 60_000, credential: await credentialOf(node) };
    return makeStatement(node, facts);
  };
  const rogue = await outside.rogue(OTHER_HUB, async (talker) => {
    await talker.say(makeHello(self, (await talker.hear())!.payload, NONCE));
    await talker.hear();
    const limits = { frameBytesMax: 1 << 20, subscriptionsMax: 10, serverTime: from };
    await talker.say({ kind: "welcome", session: NONCE.subarray(16), ...limits });
    for (let heard = await talker.hear(); heard !== undefined; heard = await talker.hear()) {
      if (heard.message.kind !== "subscribe") continue;
      await talker.say({ kind: "suback", requestId: heard.message.requestId! });
      await talker.say(event(ALICE, "demo.forged"));
      await talker.say(await stated(ALICE, HUB)); // it may well have it
      await talker.say(event(ALICE, "demo.forged"));
      const forged = event(ALICE, "demo.forged");
      await talker.say({ ...forged, originProof: signEvent(OTHER_HUB, "origin", REALM, forged) });
      await talker.say({ ...await stated(ALICE, OTHER_HUB), signature: new Uint8Array(64) });
      await talker.say(event(ALICE, "demo.forged"));
      await talker.say(await stated(MALLORY, OTHER_HUB));
      await talker.say(event(MALLORY, "demo.true"));
    }
  });
  const bob = await connect(rogue.ticket, { identity: BOB, auth: { credential: await credentialOf(BOB) } });
  const heard = bob.subscribe("**");
  await heard.ready;
  assert.deepEqual((await soon(take(heard, 1), "an event")).map(({ topic }) => topic), ["demo.true"]);
  assert.deepEqual(bob.stats().refused, { unproven_sender: 1, unproven_origin: 3, bad_attachment: 1 });
  await rogue.close();
  await bob.close();
});
