/** Events between peers of the original and ours. @module */

import assert from "node:assert/strict";
import { utf8 } from "../../src/base/bytes.ts";
import { toHex } from "../../src/base/bytes.ts";
import { take } from "../node/world.ts";
import { soon, until } from "../conformance/deadline.ts";
import { idOf, keyOfName, LegacyWorld, OriginalPeer, record } from "./world.ts";

Deno.test("legacy events: both ways, wildcards included, and JSON stays JSON", async () => {
  await using world = new LegacyWorld();
  const gateway = await world.gateway(), peer = await world.peer(gateway, "a"), edge = await world.edge(gateway);
  const wanted = edge.subscribe("sensor.*.measured"), all = gateway.subscribe("sensor.**");
  await wanted.ready;
  await peer.subscribe("light.**", "door.*.opened");
  await until(async () => (await gateway.discoverSubscribers("light.x")).length === 1, "the peer's interest");

  await peer.publish("sensor.kitchen.measured", { celsius: 21.5, tags: ["a", null] });
  for (const subscription of [wanted, all]) {
    const [event] = await soon(take(subscription, 1), "the event");
    assert.equal(event!.topic, "sensor.kitchen.measured");
    assert.deepEqual(event!.data, { celsius: 21.5, tags: ["a", null] });
    assert.deepEqual([event!.publisher, event!.proof], [toHex(peer.id), "claimed"]);
  }
  await edge.publish("light.hall.on", { level: 3 });
  await edge.publish("door.front.opened", "ünïcode");
  await edge.publish("door.front.left.opened", "no");
  await edge.publish("light", [1]);
  await until(() => peer.events().length === 3, "three events");
  assert.deepEqual(peer.events(), [["light.hall.on", { level: 3 }], ["door.front.opened", "ünïcode"], ["light", [1]]]);
  const sent = await peer.expect("publish");
  assert.deepEqual(Object.entries(sent).filter(([, value]) => value !== undefined).map(([key]) => key).sort(), [
    "frame",
    "kind",
    "messageId",
    "payload",
    "qos",
    "retain",
    "topic",
  ]);
});

Deno.test("legacy events: bytes that are no JSON travel as they are", async () => {
  await using world = new LegacyWorld();
  const gateway = await world.gateway(), peer = await world.peer(gateway, "a");
  const wanted = gateway.subscribe("raw.*");
  await peer.subscribe("raw.back");
  const payload = Uint8Array.of(0, 255, 1);
  await peer.send({ kind: "publish", topic: "raw.there", payload, qos: 0, retain: false, messageId: peer.nextId() });
  assert.deepEqual((await soon(take(wanted, 1), "the event"))[0]!.data, payload);
  await until(async () => (await gateway.discoverSubscribers("raw.back")).length > 0, "the interest");
  await gateway.publish("raw.back", payload);
  assert.deepEqual((await peer.expect("publish")).payload, payload);
});

Deno.test("legacy events: between two peers of the original; to the publisher itself too, once", async () => {
  await using world = new LegacyWorld();
  const gateway = await world.gateway(), a = await world.peer(gateway, "a"), b = await world.peer(gateway, "b");
  await a.subscribe("chat.room", "chat.*", "chat.**");
  await b.subscribe("chat.**");
  // A peer with a hash table says by a record what it says by a frame: that must not double anything.
  const value = record({ node_id: a.id, endpoint: "https://gw.example:9443", ttl: 300 });
  await a.send({ kind: "store", type: "store", key: keyOfName("chat.room"), value });
  await a.settle();
  await until(async () => (await gateway.discoverSubscribers("chat.room")).length === 2, "both interests");
  await a.publish("chat.room", "hello");
  await b.publish("chat.room", "hi");
  await until(() => a.events().length >= 2 && b.events().length >= 2, "both events at both");
  await a.settle();
  assert.deepEqual(a.events().sort(), [["chat.room", "hello"], ["chat.room", "hi"]]);
  assert.deepEqual(b.events().sort(), [["chat.room", "hello"], ["chat.room", "hi"]]);
});

Deno.test("legacy events: a QoS 1 event that is sent three times is delivered once, to everybody", async () => {
  await using world = new LegacyWorld();
  const gateway = await world.gateway(), a = await world.peer(gateway, "a"), b = await world.peer(gateway, "b");
  const wanted = gateway.subscribe("alarm");
  await b.subscribe("alarm");
  await until(async () => (await gateway.discoverSubscribers("alarm")).length === 2, "the interests");
  const messageId = await a.publish("alarm", { n: 1 }, { qos: 1 });
  await a.publish("alarm", { n: 1 }, { qos: 1, messageId });
  await a.publish("alarm", { n: 1 }, { qos: 1, messageId });
  await a.publish("alarm", { n: 2 }, { qos: 1 }); // another one, with the next id
  await a.settle(); // what comes over two connections has no order
  await b.publish("alarm", { n: 1 }, { qos: 1 }); // another publisher's counter may say the same
  const events = await soon(take(wanted, 3), "the events");
  assert.deepEqual(events.map(({ data, publisher }) => [data, publisher]), [
    [{ n: 1 }, toHex(a.id)],
    [{ n: 2 }, toHex(a.id)],
    [{ n: 1 }, toHex(b.id)],
  ]);
  await b.settle();
  assert.equal(b.events().length, 3);
  assert.equal(gateway.stats().legacy!.repeats, 2);
});

Deno.test("legacy events: UNSUBSCRIBE ends it, also where a record says otherwise", async () => {
  await using world = new LegacyWorld();
  const gateway = await world.gateway(), peer = await world.peer(gateway, "a");
  await peer.subscribe("a.one", "a.two");
  const value = record({ node_id: peer.id, endpoint: "https://gw.example:9443", ttl: 300 });
  await peer.send({ kind: "store", type: "store", key: keyOfName("a.one"), value });
  await peer.send({ kind: "unsubscribe", topics: ["a.one"] });
  await peer.settle();
  await until(async () => (await gateway.discoverSubscribers("a.one")).length === 0, "the end of the interest");
  await gateway.publish("a.one", 1);
  await gateway.publish("a.two", 2);
  await peer.expect("publish", ({ topic }) => topic === "a.two");
  assert.deepEqual(peer.events(), []);
});

Deno.test("legacy events: a subscription that is told by a record only is one, when its topic comes up", async () => {
  await using world = new LegacyWorld();
  const gateway = await world.gateway(), peer = await world.peer(gateway, "a"), edge = await world.edge(gateway);
  const value = record({ node_id: peer.id, endpoint: "https://gw.example:9443", ttl: 300 });
  // As the original does it: on a connection of its own, without CONNECT.
  const other = await OriginalPeer.open(await world.dial(gateway), peer.id);
  await other.send({ kind: "store", type: "store", key: keyOfName("by.record"), value });
  await other.settle();
  await edge.publish("by.record", { n: 1 });
  await edge.publish("by.record", { n: 2 });
  await until(() => peer.events().length === 2, "both events");
  assert.deepEqual(peer.events(), [["by.record", { n: 1 }], ["by.record", { n: 2 }]]);
});

Deno.test("legacy events: topics and patterns that are none in the mesh are for the original's peers", async () => {
  await using world = new LegacyWorld();
  const gateway = await world.gateway(), a = await world.peer(gateway, "a"), b = await world.peer(gateway, "b");
  const wanted = gateway.subscribe("**");
  await b.subscribe("odd topic.*", "a..c", "hash.#", "**");
  await until(async () => (await gateway.discoverSubscribers("end")).length === 2, "the interests");
  await a.publish("odd topic.x", 1);
  await a.publish("a..c", 2);
  await a.publish("hash.x", 3); // "#" is a literal there: "**" alone matches
  await a.publish("end", 4);
  await until(() => b.events().length === 4, "four events");
  assert.deepEqual(b.events().map(([topic]) => topic).sort(), ["a..c", "end", "hash.x", "odd topic.x"]);
  assert.deepEqual((await soon(take(wanted, 2), "the events")).map(({ topic }) => topic), ["hash.x", "end"]);
});

Deno.test("legacy events: what a peer may publish and subscribe to is limited, and counted", async () => {
  await using world = new LegacyWorld();
  const legacy = { allow: ["publish:sensor.**", "subscribe:light.*"] };
  const gateway = await world.gateway({ legacy }), peer = await world.peer(gateway, "a");
  const wanted = gateway.subscribe("**");
  await peer.subscribe("light.hall", "light.**", "**", "door");
  await peer.publish("door", 1);
  await peer.publish("sensor.a", 2);
  assert.deepEqual((await soon(take(wanted, 1), "the event")).map(({ topic }) => topic), ["sensor.a"]);
  await until(async () => (await gateway.discoverSubscribers("light.hall")).length === 2, "the interest");
  assert.deepEqual(await gateway.discoverSubscribers("light.a.b"), [gateway.id]);
  await gateway.publish("light.hall", 1);
  await gateway.publish("door", 1);
  await peer.expect("publish");
  await peer.settle();
  assert.deepEqual(peer.events(), []);
  const { refused, published, delivered } = gateway.stats().legacy!;
  assert.deepEqual([refused, published, delivered], [{ subscribe_not_allowed: 3, publish_not_allowed: 1 }, 1, 1]);
});

Deno.test("legacy events: frames without CONNECT publish nothing, unless they name a client of the same host", async () => {
  await using world = new LegacyWorld();
  const gateway = await world.gateway(), wanted = gateway.subscribe("**");
  const stranger = await OriginalPeer.open(await world.dial(gateway), idOf("a"));
  await stranger.publish("from.nowhere", 1);
  const nested = { kind: "publish", topic: "routed", payload: utf8("2"), qos: 0, retain: false } as const;
  const route = {
    kind: "pubsubRoute",
    destinationNodeId: Uint8Array.fromHex(gateway.id),
    sourceNodeId: idOf("a"),
    hopCount: 0,
    maxHops: 10,
    topic: "routed",
  } as const;
  await stranger.send({ ...route, payload: { ...nested, messageId: stranger.nextId() } });
  await stranger.settle();
  assert.equal(gateway.stats().legacy!.refused["no_connect"], 2);
  await world.peer(gateway, "a");
  await stranger.send({ ...route, payload: { ...nested, messageId: stranger.nextId() } });
  const [event] = await soon(take(wanted, 1), "the routed event");
  assert.deepEqual([event!.topic, event!.data, event!.publisher], ["routed", 2, toHex(idOf("a"))]);
});
