/** Peers of the original at several gateways of ours: records name hashes, so gateways ask each other. @module */

import assert from "node:assert/strict";
import { toHex } from "../../src/base/bytes.ts";
import type { Gateway } from "../../src/gateway/gateway.ts";
import { LEGACY_RECORDS } from "../../src/gateway/legacy.ts";
import type { ValueMap } from "../../src/wire/mod.ts";
import { soon, until } from "../conformance/deadline.ts";
import { take } from "../node/world.ts";
import { keyOfName, LegacyWorld, type OriginalPeer } from "./world.ts";

/** Two gateways that know of each other. */
async function pair(world: LegacyWorld): Promise<[Gateway, Gateway]> {
  const a = await world.gateway(), b = await world.gateway({ bootstrap: [a.ticket] });
  for (const one of [a, b]) {
    await until(async () => (await one.discover(LEGACY_RECORDS, { fresh: true })).length === 2, "both are known");
  }
  return [a, b];
}

/** The node ids that FIND_VALUE gives for a name. */
async function find(peer: OriginalPeer, name: string): Promise<string[]> {
  await peer.send({ kind: "findValue", type: "find_value", key: keyOfName(name) });
  const { value = [] } = await peer.expect("findValueReply");
  return (value as readonly ValueMap[]).map((one) => toHex(one.get("node_id") as Uint8Array));
}

Deno.test("legacy gateways: what a peer stored at one is called at the other, by our edges and by its like", async () => {
  await using world = new LegacyWorld();
  const [a, b] = await pair(world), edge = await world.edge(a);
  const asker = await world.peer(a, "asker"), provider = await world.peer(b, "provider");
  await provider.advertise("calc.add");
  const add = ({ a, b }: { a: number; b: number }) => a + b;
  const calling = edge.call("calc.add", { a: 1, b: 2 }), serving = provider.serve(add);
  assert.equal((await soon(Promise.all([calling, serving]), "the answer"))[0], 3);
  await provider.advertise("calc.other"); // a name that has come up nowhere
  assert.deepEqual(await find(asker, "calc.other"), [a.id]); // it is reached through its own gateway
  const request = await asker.request("calc.other", { a: 3, b: 4 }, { target: Uint8Array.fromHex(a.id) });
  await provider.serve(add);
  assert.equal(await asker.reply(request), 7);
  await assert.rejects(edge.call("calc.nowhere", 1), { code: "no_provider" });
  assert.deepEqual(await find(asker, "calc.nowhere"), []);
});

Deno.test("legacy gateways: what ours serve and want at one is found at the other; events say what is claimed", async () => {
  await using world = new LegacyWorld();
  const [a, b] = await pair(world), edge = await world.edge(b), peer = await world.peer(a, "peer");
  await edge.advertise("far.procedure", (_, { caller, proof }) => ({ caller, proof }));
  const wanted = edge.subscribe("far.topic");
  await wanted.ready;
  assert.deepEqual(await find(peer, "far.procedure"), [a.id]);
  assert.deepEqual(await find(peer, "far.topic"), [a.id]);
  const id = toHex(peer.id);
  assert.deepEqual(await peer.reply(await peer.request("far.procedure", 1)), { caller: id, proof: "claimed" });
  await peer.publish("far.topic", 1);
  const [event] = await soon(take(wanted, 1), "the event");
  assert.deepEqual([event!.data, event!.publisher, event!.proof], [1, id, "claimed"]);
});
