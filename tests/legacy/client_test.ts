/** Peers of the original at our gateway: coming, greeting, streams, going. @module */

import assert from "node:assert/strict";
import { concatBytes, fromUtf8, toHex, utf8 } from "../../src/base/bytes.ts";
import { createIdentity } from "../../src/identity/mod.ts";
import { encodeFrame, type Message } from "../../src/wire/mod.ts";
import { soon, until } from "../conformance/deadline.ts";
import { idOf, LegacyWorld, OriginalPeer, REALM } from "./world.ts";

Deno.test("legacy: without the option an original peer is refused, and the gateway serves its own", async () => {
  await using world = new LegacyWorld();
  const gateway = await world.gateway({ legacy: undefined });
  const peer = await OriginalPeer.open(await world.dial(gateway), idOf("a"));
  await peer.connect();
  assert.equal((await peer.expect("refused")).code, "legacy_not_allowed");
  assert.equal(gateway.stats().refused["legacy_not_allowed"], 1);
  assert.equal(gateway.stats().legacy, undefined);
  await world.edge(gateway);
});

Deno.test("legacy: CONNECT with the realm's name is answered by PONG with node id and endpoint; the log says the price", async () => {
  await using world = new LegacyWorld();
  const gateway = await world.gateway();
  const peer = await OriginalPeer.open(await world.dial(gateway), idOf("a"));
  await peer.connect();
  const pong = await peer.expect("pong");
  assert.equal(toHex(pong.nodeId!), gateway.id);
  assert.equal(pong.endpoint, `https://127.0.0.1:${gateway.address.port}`);
  assert.equal(pong.timestamp, pong.serverTime);
  await peer.send({ kind: "ping", timestamp: 42 });
  const answer = await peer.expect("pong");
  assert.equal(answer.timestamp, 42);
  assert.equal(answer.nodeId, undefined);
  assert(world.log.some((line) => line.includes("claimed and not proven")));
  assert.deepEqual(gateway.clients().map(({ node, role }) => [node, role]), [[toHex(idOf("a")), "edge"]]);
});

Deno.test("legacy: a CONNECT without endpoint, and with an id of 64 hex digits, are as good", async () => {
  await using world = new LegacyWorld();
  const gateway = await world.gateway();
  const raw = idOf("hex"), peer = await OriginalPeer.open(await world.dial(gateway), utf8(toHex(raw)));
  await peer.send({ kind: "connect", version: "1.0", nodeId: peer.id, realmId: REALM, capabilities: [] });
  await peer.expect("pong");
  assert.deepEqual(gateway.clients().map(({ node }) => node), [toHex(raw)]);
});

Deno.test("legacy: frames in any chunking, and what cannot be read is skipped by its length", async () => {
  await using world = new LegacyWorld();
  const gateway = await world.gateway(), peer = await world.peer(gateway, "a");
  const frames = [1, 2, 3, 4].map((timestamp) => encodeFrame({ kind: "ping", timestamp }));
  const unknown = Uint8Array.of(1, 0x05, 0, 0, 0, 0, 0, 1, 0x80),
    badMap = Uint8Array.of(1, 0x03, 0, 0, 0, 0, 0, 1, 0xc1);
  const otherVersion = Uint8Array.of(9, 0x03, 0, 0, 0, 0, 0, 1, 0x80);
  const all = concatBytes(frames[0]!, unknown, frames[1]!, badMap, frames[2]!, otherVersion, frames[3]!);
  for (let i = 0; i < all.length; i += 7) await peer.bytes(all.subarray(i, i + 7));
  await peer.bytes(all);
  await until(() => peer.heard.length === 8, "eight answers");
  const stamps = peer.heard.map((message) => (message as Message & { kind: "pong" }).timestamp);
  assert.deepEqual(stamps, [1, 2, 3, 4, 1, 2, 3, 4]);
});

Deno.test("legacy: FIN is answered by FIN, and the client is gone", async () => {
  await using world = new LegacyWorld();
  const gateway = await world.gateway(), peer = await world.peer(gateway, "a");
  await peer.finish();
  await peer.ended();
  await until(() => gateway.clients().length === 0, "the client is gone");
});

Deno.test("legacy: several CONNECTs of one id are one client; what is pushed goes to the newest stream", async () => {
  await using world = new LegacyWorld();
  const gateway = await world.gateway(), first = await world.peer(gateway, "a");
  await first.subscribe("news.*");
  const second = await world.peer(gateway, "a"), third = await OriginalPeer.open(second.connection, idOf("a"));
  await third.connect();
  await third.expect("pong");
  assert.equal(gateway.clients().length, 1);
  await gateway.publish("news.one", 1);
  await third.expect("publish");
  await first.settle(); // an older stream is still answered
  assert.deepEqual([first.events(), second.events()], [[], []]);
  await third.finish();
  await third.ended();
  await gateway.publish("news.two", 2);
  await second.expect("publish"); // the newest that is left
  assert.deepEqual(first.events(), []);
  assert.equal(gateway.clients().length, 1);
});

Deno.test("legacy: a client that comes back gets what it wanted before, which the original does not say again", async () => {
  await using world = new LegacyWorld();
  const gateway = await world.gateway(), before = await world.peer(gateway, "a");
  await before.subscribe("news.**");
  before.connection.close(0, "");
  await until(() => gateway.clients().length === 0, "the client is gone");
  const after = await world.peer(gateway, "a");
  await after.settle();
  await until(async () => (await gateway.discoverSubscribers("news.x")).length === 1, "the interest is back");
  await gateway.publish("news.x", { n: 1 });
  const event = await after.expect("publish");
  assert.equal(fromUtf8(event.payload), '{"n":1}');
});

Deno.test("legacy: another realm is turned away with a plain end, and nobody else is touched", async () => {
  await using world = new LegacyWorld();
  const gateway = await world.gateway(), good = await world.peer(gateway, "good");
  const bad = await OriginalPeer.open(await world.dial(gateway), idOf("bad"));
  await bad.connect("io.other.realm");
  await bad.ended();
  assert.equal((await bad.gone()).text, "wrong_realm");
  assert.deepEqual(bad.heard, []);
  await good.settle();
  assert.equal(gateway.clients().length, 1);
  assert.equal(gateway.stats().legacy!.refused["wrong_realm"], 1);
});

Deno.test("legacy: an id that a node has proven cannot be claimed, and is taken from who claims it", async () => {
  await using world = new LegacyWorld();
  const gateway = await world.gateway(), edge = await world.edge(gateway);
  const thief = await OriginalPeer.open(await world.dial(gateway), Uint8Array.fromHex(edge.id));
  await thief.connect();
  await thief.ended();
  const hub = await OriginalPeer.open(await world.dial(gateway), Uint8Array.fromHex(gateway.id));
  await hub.connect();
  await hub.ended();
  assert.equal(gateway.stats().legacy!.refused["bad_identity"], 2);

  const identity = createIdentity(new Uint8Array(32).fill(9));
  const early = await world.peer(gateway, "early", { id: identity.idBytes });
  const owner = await world.edge(gateway, { identity });
  await early.ended();
  assert.deepEqual(gateway.clients().map(({ node }) => node).sort(), [edge.id, owner.id].sort());
});

Deno.test("legacy: clients count towards the gateway's bound", async () => {
  await using world = new LegacyWorld();
  const gateway = await world.gateway({ limits: { clientsMax: 1 } });
  await world.peer(gateway, "a");
  const second = await OriginalPeer.open(await world.dial(gateway), idOf("b"));
  await second.connect();
  await second.ended();
  assert.equal(gateway.stats().legacy!.refused["max_clients_reached"], 1);
});

Deno.test("legacy: a gateway that closes ends its clients' streams and connections", async () => {
  await using world = new LegacyWorld();
  const gateway = await world.gateway(), peer = await world.peer(gateway, "a");
  const idle = await OriginalPeer.open(await world.dial(gateway), idOf("b"));
  await idle.settle();
  await soon(gateway.close(), "closing");
  await peer.gone();
  await idle.gone();
});
