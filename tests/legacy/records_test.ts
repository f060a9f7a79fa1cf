/** The original's hash table at our gateway: questions answered in its shapes, records until their time is over. @module */

import assert from "node:assert/strict";
import { fromHex, fromUtf8, toHex, utf8 } from "../../src/base/bytes.ts";
import type { Value, ValueMap } from "../../src/wire/mod.ts";
import { until } from "../conformance/deadline.ts";
import { idOf, keyOfName, LegacyWorld, OriginalPeer, REALM, record } from "./world.ts";

Deno.test("legacy records: FIND_VALUE gives what was stored, and our providers of a procedure", async () => {
  await using world = new LegacyWorld();
  const gateway = await world.gateway(), edge = await world.edge(gateway);
  const a = await world.peer(gateway, "a"), b = await world.peer(gateway, "b");
  const find = async (name: string) => {
    await b.send({ kind: "findValue", type: "find_value", key: keyOfName(name) });
    return await b.expect("findValueReply");
  };
  const nothing = await find("calc.add");
  assert.deepEqual([nothing.result, nothing.nodes, nothing.value, nothing.type], [
    "nodes",
    [],
    undefined,
    "find_value_reply",
  ]);
  await a.advertise("calc.add", 120);
  const found = await find("calc.add");
  assert.deepEqual([found.result, found.nodes], ["value", undefined]);
  const stored = found.value![0] as ValueMap;
  assert.equal(toHex(stored.get("node_id") as Uint8Array), toHex(a.id));
  assert.equal(fromUtf8(stored.get("endpoint") as Uint8Array), "https://gw.example:9443");
  assert.deepEqual([stored.get("ttl"), stored.get("metadata")], [120, new Map()]);

  await edge.advertise("calc.add", () => 0);
  const both = (await find("calc.add")).value as readonly ValueMap[];
  assert.deepEqual(both.map((one) => toHex(one.get("node_id") as Uint8Array)), [toHex(a.id), edge.id]);
  assert.equal(fromUtf8(both[1]!.get("endpoint") as Uint8Array), `https://127.0.0.1:${gateway.address.port}`);
  await b.send({ kind: "findValue", key: keyOfName("calc.add") }); // `type` is optional here
  assert.equal((await b.expect("findValueReply")).value!.length, 2);
});

Deno.test("legacy records: a node says nothing about another one", async () => {
  await using world = new LegacyWorld();
  const gateway = await world.gateway(), a = await world.peer(gateway, "a"), b = await world.peer(gateway, "b");
  const value = record({ node_id: b.id, endpoint: "https://x:1", metadata: new Map(), ttl: 300 });
  await a.send({ kind: "store", type: "store", key: keyOfName("stolen.name"), value });
  await a.settle();
  await b.send({ kind: "findValue", type: "find_value", key: keyOfName("stolen.name") });
  assert.deepEqual((await b.expect("findValueReply")).nodes, []);
  assert.equal(gateway.stats().legacy!.refused["not_its_own"], 1);
});

Deno.test("legacy records: a record without lifetime holds for nobody", async () => {
  await using world = new LegacyWorld();
  const gateway = await world.gateway(), edge = await world.edge(gateway), a = await world.peer(gateway, "a");
  await a.advertise("short.lived", 0);
  await assert.rejects(edge.call("short.lived", 1), { code: "no_provider" });
  await a.send({ kind: "findValue", type: "find_value", key: keyOfName("short.lived") });
  assert.deepEqual((await a.expect("findValueReply")).nodes, []);
});

Deno.test("legacy records: FIND_NODE gives the closest clients; without type an error, as there", async () => {
  await using world = new LegacyWorld();
  const gateway = await world.gateway(), a = await world.peer(gateway, "a");
  for (let i = 0; i < 22; i++) await world.peer(gateway, `n${i}`);
  await a.send({ kind: "findNode", type: "find_node", target: a.id });
  const { nodes, type } = await a.expect("findNodeReply");
  assert.deepEqual([nodes!.length, type], [20, "find_node_reply"]);
  assert.equal(toHex(nodes![0]!.nodeId), toHex(a.id));
  assert.equal(nodes![0]!.address, "https://peer.example:9443");
  assert(nodes![0]!.lastSeen! > 0);
});

Deno.test("legacy records: CALL _dht.list_gateways names the gateway, to who is not there twice: it dials whom it is told of", async () => {
  await using world = new LegacyWorld();
  const gateway = await world.gateway(), peer = await world.peer(gateway, "a");
  const list = async () => {
    await peer.send({
      kind: "call",
      procedure: "_dht.list_gateways",
      args: utf8("{}"),
      callId: peer.nextId(),
      realm: REALM,
    });
    return ((await peer.expect("reply")).result as ValueMap).get("peers") as readonly ValueMap[];
  };
  const [listed, ...others] = await list();
  assert.deepEqual(others, []);
  assert.equal(toHex(listed!.get("node_id") as Uint8Array), gateway.id);
  const text = (key: string) => fromUtf8(listed!.get(key) as Uint8Array);
  assert.deepEqual([text("host"), listed!.get("port"), text("realm")], ["127.0.0.1", gateway.address.port, REALM]);
  assert.equal(typeof listed!.get("registered_at"), "number");
  assert.equal((await list()).length, 1);
  const again = await world.peer(gateway, "a"); // it has dialled
  assert.deepEqual(await list(), []);
  await again.finish();
  await again.ended();
  await until(async () => (await list()).length === 1, "it is there once");
});

Deno.test("legacy records: CALL _dht.store keeps a map of key and value, and refuses anything else", async () => {
  await using world = new LegacyWorld();
  const gateway = await world.gateway(), peer = await world.peer(gateway, "a");
  const call = async (procedure: string, args: Value) => {
    await peer.send({ kind: "call", procedure, args, callId: peer.nextId(), realm: REALM });
    const { result, error } = await peer.expect("reply");
    return fromUtf8(((error as ValueMap)?.get("code") ?? (result as ValueMap).get("status")) as Uint8Array);
  };
  const args = new Map<string, Value>([["key", keyOfName("k")], ["value", record({ node_id: peer.id, ttl: 60 })]]);
  assert.equal(await call("_dht.store", args), "ok");
  assert.equal(await call("_dht.store", utf8('{"key":1}')), "invalid_args"); // the original's gateway crashes on it
  assert.equal(await call("_dht.other", args), "gateway_bootstrap_only");
  await peer.send({ kind: "findValue", type: "find_value", key: keyOfName("k") });
  assert.equal((await peer.expect("findValueReply")).value!.length, 1);
});

Deno.test("legacy records: NAT_PROBE is answered with the address that was seen", async () => {
  await using world = new LegacyWorld();
  const gateway = await world.gateway(), probe = await OriginalPeer.open(await world.dial(gateway), idOf("a"));
  await probe.send({ kind: "natProbe", nodeId: probe.id, localPort: 4433, requestId: Uint8Array.of(7) });
  const reply = await probe.expect("natProbeReply");
  assert.deepEqual([reply.reflexiveIp, reply.requestId, toHex(reply.nodeId)], [
    "127.0.0.1",
    Uint8Array.of(7),
    gateway.id,
  ]);
  assert(reply.reflexivePort > 0);
  await probe.send({ kind: "natProbe", nodeId: probe.id, localPort: 4433 });
  assert.equal(fromUtf8((await probe.expect("natProbeReply")).requestId!), "undefined");
});

Deno.test("legacy records: strangers get answers in shape, and nothing of the realm", async () => {
  await using world = new LegacyWorld();
  const gateway = await world.gateway(), stranger = await OriginalPeer.open(await world.dial(gateway), idOf("s"));
  const edge = await world.edge(gateway);
  await edge.advertise("calc.add", () => 0);
  const ask = async () => {
    await stranger.send({ kind: "findValue", type: "find_value", key: keyOfName("calc.add") });
    const { value = [] } = await stranger.expect("findValueReply");
    await stranger.send({ kind: "findNode", type: "find_node", target: stranger.id });
    return [value.length, (await stranger.expect("findNodeReply")).nodes!.length];
  };
  assert.deepEqual(await ask(), [0, 0]);
  await stranger.send({ kind: "findNode", target: stranger.id, type: undefined as never });
  await stranger.expect("findNodeReply");
  const value = record({ node_id: stranger.id, endpoint: "https://x:1", metadata: new Map(), ttl: 300 });
  await stranger.send({ kind: "store", type: "store", key: keyOfName("calc.add"), value });
  await stranger.send({ kind: "subscribe", topics: ["**"], qos: 0 });
  await stranger.settle();
  assert.deepEqual(gateway.stats().legacy!.refused, { no_connect: 2 });
  await world.peer(gateway, "a"); // a client of the realm on the same host: a node of the original has such connections
  assert.deepEqual(await ask(), [1, 1]);
  assert.equal(gateway.clients().length, 2);
  await until(() => !stranger.isFinished, "it is still served");
  assert.equal(toHex(fromHex(gateway.id)), gateway.id);
});
