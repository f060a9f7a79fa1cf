/** Gateways of the original beside its peers: what they send to ours without CONNECT, on connections of their own. @module */

import assert from "node:assert/strict";
import { fromUtf8, toHex, utf8 } from "../../src/base/bytes.ts";
import type { Message, ValueMap } from "../../src/wire/mod.ts";
import { soon, until } from "../conformance/deadline.ts";
import { take } from "../node/world.ts";
import { idOf, keyOfName, LegacyWorld, OriginalPeer, record } from "./world.ts";

/** An event on its way to `to`, as a gateway of the original sends it for each record that it finds. */
function routed(from: OriginalPeer, to: Uint8Array, data: unknown, { hopCount = 0, messageId = from.nextId() } = {}) {
  const topic = "routed.here", payload = utf8(JSON.stringify(data));
  const event = { kind: "publish", topic, payload, qos: 0, retain: false, messageId } as const;
  const head = { kind: "pubsubRoute", destinationNodeId: to, sourceNodeId: from.id, hopCount, maxHops: 10 } as const;
  return { ...head, topic, payload: event } satisfies Message;
}

Deno.test("legacy beside: an event of an original gateway reaches everybody once, whoever it was sent for", async () => {
  await using world = new LegacyWorld();
  const gateway = await world.gateway(), wanted = gateway.subscribe("routed.*"), hub = Uint8Array.fromHex(gateway.id);
  const original = await OriginalPeer.open(await world.dial(gateway), idOf("original gateway"));
  await original.send(routed(original, hub, "too early")); // nothing on this host says that it is of our realm
  await original.settle();
  assert.equal(gateway.stats().legacy!.refused["no_connect"], 1);
  const peer = await world.peer(gateway, "a");
  await peer.subscribe("routed.here");
  const messageId = original.nextId();
  await original.send(routed(original, hub, 1, { messageId }));
  await original.send(routed(original, peer.id, 1, { messageId }));
  await original.send(routed(original, peer.id, 2));
  await original.send(routed(original, hub, "ten hops", { hopCount: 10 }));
  await original.send(routed(original, idOf("nobody"), "not for us"));
  await original.send(routed(original, hub, 3));
  const events = await soon(take(wanted, 3), "the events");
  const publisher = toHex(original.id);
  assert.deepEqual(
    events.map((event) => [event.data, event.publisher, event.proof]),
    [1, 2, 3].map((data) => [data, publisher, "claimed"]),
  );
  await peer.settle();
  assert.deepEqual(peer.events().map(([, data]) => data), [1, 2, 3]);
  const { refused, repeats } = gateway.stats().legacy!;
  assert.deepEqual([refused["too_many_hops"], refused["not_for_us"], repeats], [1, 1, 1]);
  await original.finish();
  await original.ended();
  await until(() => gateway.clients().length === 1, "it was there for as long as its stream");
});

Deno.test("legacy beside: nobody is spoken for who has proven its id, or is a client", async () => {
  await using world = new LegacyWorld();
  const gateway = await world.gateway(), edge = await world.edge(gateway), wanted = gateway.subscribe("routed.*");
  await world.peer(gateway, "a");
  const hub = Uint8Array.fromHex(gateway.id), stranger = await world.dial(gateway);
  for (const id of [edge.id, gateway.id]) {
    const liar = await OriginalPeer.open(stranger, Uint8Array.fromHex(id));
    await liar.send(routed(liar, hub, "a lie"));
    const value = record({ node_id: liar.id, endpoint: "https://x:1", ttl: 300 });
    await liar.send({ kind: "store", type: "store", key: keyOfName("a.lie"), value });
    await liar.settle();
  }
  const { refused, records } = gateway.stats().legacy!;
  assert.deepEqual([refused["bad_identity"], refused["not_its_own"], records], [2, 2, 0]);
  await gateway.publish("routed.truth", 1);
  assert.deepEqual((await soon(take(wanted, 1), "the event"))[0]!.data, 1);
});

Deno.test("legacy beside: an original gateway's record is found by others while a client is on its host", async () => {
  await using world = new LegacyWorld();
  const gateway = await world.gateway(), asker = await world.peer(gateway, "a");
  const original = await OriginalPeer.open(await world.dial(gateway), idOf("original gateway"));
  const value = record({ node_id: original.id, endpoint: "https://original.example:9443", ttl: 300 });
  await original.send({ kind: "store", type: "store", key: keyOfName("their.topic"), value });
  await original.settle();
  const find = async () => {
    await asker.send({ kind: "findValue", type: "find_value", key: keyOfName("their.topic") });
    return (await asker.expect("findValueReply")).value as readonly ValueMap[] | undefined;
  };
  const text = (one: ValueMap) => fromUtf8(one.get("endpoint") as Uint8Array);
  assert.deepEqual((await find())!.map(text), ["https://original.example:9443"]);
  await original.send(routed(original, Uint8Array.fromHex(gateway.id), 1)); // it is seated now, and still found
  await original.settle();
  assert.deepEqual((await find())!.map(text), ["https://original.example:9443"]);
  // Nothing comes of it here: it is no client that could be handed an event.
  await gateway.publish("their.topic", 1);
  await original.settle();
  assert.deepEqual(original.events(), []);
});

Deno.test("legacy beside: who looks for subscribers of a topic finds our gateway, while somebody wants it", async () => {
  await using world = new LegacyWorld();
  const gateway = await world.gateway(), edge = await world.edge(gateway), asker = await world.peer(gateway, "a");
  const find = async () => {
    await asker.send({ kind: "findValue", key: keyOfName("wanted.topic") });
    return (await asker.expect("findValueReply")).value as readonly ValueMap[] | undefined;
  };
  assert.equal(await find(), undefined);
  const wanted = edge.subscribe("wanted.topic");
  await wanted.ready;
  const [found, ...others] = (await find())!;
  assert.deepEqual(others, []);
  assert.deepEqual([...found!.keys()].sort(), ["endpoint", "node_id", "ttl"]);
  assert.equal(toHex(found!.get("node_id") as Uint8Array), gateway.id);
  assert.equal(fromUtf8(found!.get("endpoint") as Uint8Array), `https://127.0.0.1:${gateway.address.port}`);
  await wanted.close();
  await until(async () => await find() === undefined, "nobody wants it any more");
});

Deno.test("legacy beside: a connection may have many streams, each answered", async () => {
  await using world = new LegacyWorld();
  const gateway = await world.gateway(), connection = await world.dial(gateway);
  const streams: OriginalPeer[] = [];
  for (let n = 0; n < 12; n++) {
    const stream = await OriginalPeer.open(connection, idOf("a"));
    await stream.settle();
    streams.push(stream);
  }
  for (const stream of streams) await stream.settle();
});
