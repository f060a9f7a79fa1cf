/** Calls between peers of the original and ours. @module */

import assert from "node:assert/strict";
import { equalBytes, fromHex, fromUtf8, toHex, utf8 } from "../../src/base/bytes.ts";
import { MeshError, RemoteError } from "../../src/base/errors.ts";
import type { Value, ValueMap } from "../../src/wire/mod.ts";
import { soon, until } from "../conformance/deadline.ts";
import { idOf, LegacyWorld, OriginalPeer, REALM } from "./world.ts";

type Pair = { a: number; b: number };

Deno.test("legacy calls: rpc_request reaches our providers, by procedure and by node id", async () => {
  await using world = new LegacyWorld();
  const gateway = await world.gateway(), edge = await world.edge(gateway), peer = await world.peer(gateway, "a");
  await edge.advertise("math.add", ({ a, b }: Pair, { caller, proof }) => ({ sum: a + b, caller, proof }));
  const answer = { sum: 3, caller: toHex(peer.id), proof: "claimed" };
  const byName = await peer.request("math.add", { a: 1, b: 2 });
  assert.deepEqual(await peer.reply(byName), answer);
  const byGateway = await peer.request("math.add", { a: 1, b: 2 }, { target: fromHex(gateway.id) });
  assert.deepEqual(await peer.reply(byGateway), answer);
  const byNode = await peer.request("math.add", { a: 1, b: 2 }, { target: fromHex(edge.id) });
  const reply = await peer.expect("rpcReply", ({ requestId }) => equalBytes(requestId, byNode));
  assert.deepEqual(JSON.parse(fromUtf8(reply.result!)), answer);
  assert.deepEqual([toHex(reply.fromNode), toHex(reply.toNode!), reply.type], [edge.id, toHex(peer.id), "rpc_reply"]);
  const own = await peer.request("com.macula.diagnostics.echo", { x: 1 }, { target: fromHex(gateway.id) });
  assert.deepEqual((await peer.reply(own) as { echo: unknown }).echo, { x: 1 });
});

Deno.test("legacy calls: between two peers of the original, by node id in either spelling; counters that agree stay apart", async () => {
  await using world = new LegacyWorld();
  const gateway = await world.gateway(), a = await world.peer(gateway, "a"), b = await world.peer(gateway, "b");
  const hex = utf8(toHex(idOf("c"))), c = await world.peer(gateway, "c", { id: hex });
  const ids = [await a.request("x.y", 1, { target: b.id })];
  await a.settle(); // what comes over two connections has no order
  ids.push(await c.request("x.y", 3, { target: b.id }));
  assert.deepEqual(ids[0], ids[1]); // both count from 1
  await b.serve((n: number, request) => {
    assert.deepEqual([request.realm, request.type, toHex(request.targetNode!)], [REALM, "rpc_request", toHex(b.id)]);
    return n * 10;
  });
  await b.serve((n: number, { fromNode }) => {
    assert.equal(fromUtf8(fromNode), fromUtf8(hex)); // as it writes itself
    return n * 10;
  });
  assert.equal(await a.reply(ids[0]!), 10);
  assert.equal(await c.reply(ids[1]!), 30);
  const back = await b.request("x.z", "to c", { target: hex });
  await c.serve((text: string) => text.toUpperCase());
  assert.equal(await b.reply(back), "TO C");
});

Deno.test("legacy calls: ours reach what a peer of the original advertised by STORE, from the edge and from the gateway", async () => {
  await using world = new LegacyWorld();
  const gateway = await world.gateway(), edge = await world.edge(gateway), peer = await world.peer(gateway, "a");
  await assert.rejects(edge.call("calc.add", { a: 1, b: 2 }), { code: "no_provider" });
  await peer.advertise("calc.add");
  const add = ({ a, b }: Pair) => a + b;
  const [fromEdge] = await soon(Promise.all([edge.call("calc.add", { a: 1, b: 2 }), peer.serve(add)]), "the answer");
  assert.equal(fromEdge, 3);
  await peer.advertise("calc.mul"); // a name that has not come up
  const [own] = await soon(
    Promise.all([gateway.call("calc.mul", { a: 3, b: 4 }), peer.serve(({ a, b }: Pair) => a * b)]),
    "the answer",
  );
  assert.equal(own, 12);
  const [byNode] = await soon(
    Promise.all([edge.callTo(toHex(peer.id), "any.name", { a: 5, b: 6 }), peer.serve(add)]),
    "the answer",
  );
  assert.equal(byNode, 11);
  assert.deepEqual((await edge.discover("calc.mul")).map(({ node }) => node), [toHex(peer.id)]);
});

Deno.test("legacy calls: a handler's error and an unknown procedure say what they are on both sides", async () => {
  await using world = new LegacyWorld();
  const gateway = await world.gateway(), edge = await world.edge(gateway), peer = await world.peer(gateway, "a");
  await peer.advertise("will.fail");
  const failing = edge.call("will.fail", 1).catch((error) => error);
  const request = await peer.expect("rpcRequest"), { requestId, fromNode: toNode } = request;
  await peer.send({ kind: "rpcReply", type: "rpc_reply", requestId, error: "boom", fromNode: peer.id, toNode });
  const error = await soon(failing, "the error");
  assert(error instanceof RemoteError);
  assert.equal(error.message, "boom");

  const nothing = await peer.request("not.there", 1), nobody = await peer.request("x", 1, { target: idOf("nobody") });
  await assert.rejects(peer.reply(nothing), { message: "procedure_not_found" });
  await assert.rejects(peer.reply(nobody), { message: "target_peer_not_found" });
  await edge.advertise("our.fail", () => {
    throw new MeshError("out_of_stock", "Nothing is left");
  });
  await assert.rejects(peer.reply(await peer.request("our.fail", 1)), { message: "Nothing is left" });
});

Deno.test("legacy calls: a provider that leaves fails its calls, and is no provider until it is back", async () => {
  await using world = new LegacyWorld();
  const gateway = await world.gateway(), edge = await world.edge(gateway), peer = await world.peer(gateway, "a");
  await peer.advertise("calc.add");
  const lost = edge.call("calc.add", 1).catch((error: MeshError) => error) as Promise<MeshError>;
  await peer.expect("rpcRequest");
  peer.connection.close(0, "");
  assert.equal((await soon(lost, "the failure")).code, "provider_lost");
  await assert.rejects(edge.call("calc.add", 1), { code: "no_provider" });
  const back = await world.peer(gateway, "a"); // its record still holds: it does not say it again before 240 s
  const [sum] = await soon(
    Promise.all([edge.call("calc.add", { a: 1, b: 1 }), back.serve(({ a, b }: Pair) => a + b)]),
    "the answer",
  );
  assert.equal(sum, 2);
});

Deno.test("legacy calls: CALL to the gateway, and a routed call, are answered by a reply", async () => {
  await using world = new LegacyWorld();
  const gateway = await world.gateway(), edge = await world.edge(gateway), peer = await world.peer(gateway, "a");
  await edge.advertise("math.add", ({ a, b }: Pair) => a + b);
  const args = utf8('{"a":1,"b":2}'), callId = peer.nextId();
  await peer.send({ kind: "call", procedure: "math.add", args, callId, realm: REALM });
  const called = await peer.expect("reply", (one) => equalBytes(one.callId, callId));
  assert.equal(fromUtf8(called.result as Uint8Array), "3");
  const routedId = peer.nextId();
  const payload: Value = new Map<string, Value>([
    ["call_id", routedId],
    ["procedure", utf8("math.add")],
    ["args", args],
    ["realm", utf8(REALM)],
  ]);
  const head = { kind: "rpcRoute", sourceNodeId: peer.id, hopCount: 0, maxHops: 10, payloadType: "call" } as const;
  await peer.send({ ...head, destinationNodeId: fromHex(edge.id), payload });
  const routed = await peer.expect("reply", (one) => equalBytes(one.callId, routedId));
  assert.equal(fromUtf8(routed.result as Uint8Array), "3");
  await peer.send({ kind: "call", procedure: "not.there", args, callId, realm: REALM });
  const failed = (await peer.expect("reply")).error as ValueMap;
  assert.equal(fromUtf8(failed.get("code") as Uint8Array), "procedure_not_found");
});

Deno.test("legacy calls: a cast reaches a peer of the original as a request, and its answer goes nowhere", async () => {
  await using world = new LegacyWorld();
  const gateway = await world.gateway(), edge = await world.edge(gateway), peer = await world.peer(gateway, "a");
  await peer.advertise("note.this");
  await edge.cast("note.this", { n: 1 });
  await peer.serve((args) => args);
  await peer.settle();
  assert.equal(gateway.stats().pendingCalls, 0);
});

Deno.test("legacy calls: what may be called and advertised is limited, and counted", async () => {
  await using world = new LegacyWorld();
  const gateway = await world.gateway({ legacy: { allow: ["call:math.*", "advertise:calc.**"] } });
  const edge = await world.edge(gateway), peer = await world.peer(gateway, "a");
  await edge.advertise("math.one", () => 1);
  await edge.advertise("secret.two", () => 2);
  assert.equal(await peer.reply(await peer.request("math.one", null)), 1);
  await assert.rejects(peer.reply(await peer.request("secret.two", null)), { message: "unauthorized" });
  await peer.advertise("other.name");
  await assert.rejects(edge.call("other.name", 1), { code: "no_provider" });
  const { refused, calls } = gateway.stats().legacy!;
  assert.deepEqual([refused, calls], [{ call_not_allowed: 1, advertise_not_allowed: 1 }, 1]);
});

Deno.test("legacy calls: without CONNECT, only of our realm; the answer comes where the original's would", async () => {
  await using world = new LegacyWorld();
  const gateway = await world.gateway(), edge = await world.edge(gateway), peer = await world.peer(gateway, "a");
  await edge.advertise("who.calls", (_, { caller }) => caller);
  // A node that is a client: a second connection, as for a relay, with something unframed on its first stream.
  const connection = await world.dial(gateway), garbage = await OriginalPeer.open(connection, peer.id);
  await garbage.bytes(Uint8Array.of(0x82, 0xc4, 4, 0x74, 0x79, 0x70, 0x65, 0xc4, 13, 0x72));
  const relay = await OriginalPeer.open(connection, peer.id);
  const forNode = await relay.request("who.calls", 1, { target: fromHex(edge.id) });
  assert.equal(await peer.reply(forNode), toHex(peer.id)); // on the stream of its CONNECT
  const forGateway = await relay.request("who.calls", 1);
  assert.equal(await relay.reply(forGateway), toHex(peer.id)); // where it was asked

  // A node of our realm that is no client, and one of another realm.
  const passing = await OriginalPeer.open(await world.dial(gateway), idOf("passing"));
  assert.equal(await passing.reply(await passing.request("who.calls", 1)), toHex(idOf("passing")));
  const foreign = await OriginalPeer.open(await world.dial(gateway), idOf("foreign"));
  const asked = await foreign.request("who.calls", 1, { realm: "io.other.realm" });
  await assert.rejects(foreign.reply(asked), { message: "wrong_realm" });
  const wrong = await peer.request("who.calls", 1, { realm: "io.other.realm" });
  await assert.rejects(peer.reply(wrong), { message: "wrong_realm" });
  await passing.finish();
  await passing.ended();
  await until(() => gateway.clients().length === 2, "the passing node is gone");
});
