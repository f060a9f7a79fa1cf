/** What ends by itself, in virtual time, and what is full. @module */

import assert from "node:assert/strict";
import type { Gateway } from "../../src/gateway/gateway.ts";
import { STREAMS_PER_CLIENT_MAX } from "../../src/legacy/gate.ts";
import { SILENCE_MS } from "../../src/legacy/client/visit.ts";
import type { Connection } from "../../src/transport/transport.ts";
import { until } from "../conformance/deadline.ts";
import { REALM, World } from "../node/world.ts";
import { idOf, keyOfName, OriginalPeer, record } from "./world.ts";

async function dial(world: World, gateway: Gateway): Promise<Connection> {
  const { publicKey } = gateway["self"].identity, address = { hostname: "gate", port: 9443 };
  return await world.network.transport("old").dial({ address, expect: { kind: "key", publicKey } });
}

async function peerOf(world: World, gateway: Gateway, name: string): Promise<OriginalPeer> {
  const peer = await OriginalPeer.open(await dial(world, gateway), idOf(name));
  await peer.connect(REALM);
  await peer.expect("pong");
  return peer;
}

Deno.test("legacy time: a service and a subscription end with their records", async () => {
  await using world = new World();
  const gateway = await world.gateway({ legacy: {} }), peer = await peerOf(world, gateway, "a");
  await peer.advertise("calc.add", 300);
  const value = record({ node_id: peer.id, endpoint: "https://gw.example:9443", ttl: 300 });
  await peer.send({ kind: "store", type: "store", key: keyOfName("by.record"), value });
  await peer.settle();
  await gateway.publish("by.record", 1);
  await peer.expect("publish");
  await world.run(299_000);
  const [sum] = await world.passing(Promise.all([gateway.call("calc.add", 2), peer.serve((n: number) => n + 1)]));
  assert.equal(sum, 3);
  await peer.send({ kind: "findValue", key: keyOfName("calc.add") });
  assert.equal((await peer.expect("findValueReply")).value!.length, 1);
  await world.run(1_000);
  await assert.rejects(world.passing(gateway.call("calc.add", 2)), { code: "no_provider" });
  await peer.send({ kind: "findValue", key: keyOfName("calc.add") });
  assert.deepEqual((await peer.expect("findValueReply")).nodes, []);
  await gateway.publish("by.record", 2);
  await peer.settle();
  assert.deepEqual(peer.events(), []);
  await world.run(60_000);
  assert.equal(gateway.stats().legacy!.records, 0);
});

Deno.test("legacy time: a subscription by a record ends with it also for a client that has gone and come back", async () => {
  await using world = new World();
  const gateway = await world.gateway({ legacy: {} }), before = await peerOf(world, gateway, "a");
  const value = record({ node_id: before.id, endpoint: "https://gw.example:9443", ttl: 300 });
  await before.send({ kind: "store", type: "store", key: keyOfName("by.record"), value });
  await before.subscribe("by.frame");
  await before.settle();
  await gateway.publish("by.record", 1);
  await before.expect("publish");
  before.connection.close(0, "");
  await until(() => gateway.clients().length === 0, "the client is gone");
  const after = await peerOf(world, gateway, "a");
  await gateway.publish("by.record", 2);
  await after.expect("publish");
  await world.run(300_000);
  await gateway.publish("by.record", 3);
  await gateway.publish("by.frame", 4);
  await after.expect("publish", ({ topic }) => topic === "by.frame");
  assert.deepEqual(after.events(), []);
});

Deno.test("legacy time: a connection without client ends when it has been silent; one with a client stays", async () => {
  await using world = new World();
  const gateway = await world.gateway({ legacy: {} }), peer = await peerOf(world, gateway, "a");
  const stranger = await OriginalPeer.open(await dial(world, gateway), idOf("s"));
  await stranger.settle();
  await world.run(SILENCE_MS - 1_000);
  await stranger.settle();
  await world.run(SILENCE_MS - 1_000);
  assert.equal(gateway.stats().legacy!.connections, 2);
  await world.run(2 * SILENCE_MS);
  assert.equal((await stranger.gone()).text, "idle");
  await peer.settle();
  assert.equal(gateway.stats().legacy!.connections, 1);
});

Deno.test("legacy: streams of one client are bounded", async () => {
  await using world = new World();
  const gateway = await world.gateway({ legacy: {} });
  for (let n = 1; n < STREAMS_PER_CLIENT_MAX; n++) await peerOf(world, gateway, "a");
  const last = await peerOf(world, gateway, "a"), over = await OriginalPeer.open(await dial(world, gateway), idOf("a"));
  await over.connect(REALM);
  await world.passing(over.ended());
  await last.settle();
  assert.equal(gateway.stats().legacy!.refused["too_many_streams"], 1);
  assert.equal(gateway.stats().legacy!.clients, 1);
});

Deno.test("legacy: who sends too fast is read more slowly, and nothing is lost", async () => {
  await using world = new World();
  const gateway = await world.gateway({ legacy: {}, limits: { framesPerClientPerSecond: 10 } });
  const peer = await peerOf(world, gateway, "a");
  for (let n = 0; n < 60; n++) await peer.send({ kind: "ping", timestamp: n });
  await until(() => (gateway.stats().legacy!.refused["too_fast"] ?? 0) > 0, "a pause");
  assert(peer.heard.length < 60);
  await world.run(10_000);
  await until(() => peer.heard.length === 60, "all answers");
});
