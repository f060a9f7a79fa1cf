/** Peers of the original in realms that ask for more than they can show. @module */

import assert from "node:assert/strict";
import { fromHex, utf8 } from "../../src/base/bytes.ts";
import { take } from "../node/world.ts";
import { soon } from "../conformance/deadline.ts";
import { credentialGateway, credentialOf, identity, REALM, tokenGateway } from "../security/world.ts";
import { connect } from "../../src/edge/connect.ts";
import { LegacyWorld, OriginalPeer } from "./world.ts";

Deno.test("legacy: a realm that asks for more serves them only where it is said what they may do", async () => {
  await assert.rejects(
    tokenGateway({ legacy: {} }),
    /they can show no token, so in this realm it must be said what they may do/,
  );
  await assert.rejects(credentialGateway({ legacy: {} }), /they can show no credential/);
  await using gateway = await tokenGateway({ legacy: { allow: ["publish:a.*"] } });
  assert.equal(gateway.stats().legacy!.clients, 0);
});

Deno.test("legacy: where credentials are asked for the gateway vouches for them, in its own name", async () => {
  await using world = new LegacyWorld();
  await using gateway = await credentialGateway({
    legacy: { allow: ["publish:sensor.*", "subscribe:**", "call:math.*", "advertise:calc.*"] },
  });
  const node = identity(1), auth = { credential: await credentialOf(node) };
  await using edge = await connect(gateway.ticket, { identity: node, auth });
  const peer = await OriginalPeer.open(await world.dial(gateway), utf8("old peer"));
  await peer.connect(REALM);
  await peer.expect("pong");
  await using wanted = edge.subscribe("sensor.*");
  await wanted.ready;
  await peer.publish("sensor.a", { n: 1 }, { qos: 1 });
  const [event] = await soon(take(wanted, 1), "the event");
  const claimed = gateway.clients().map(({ node }) => node).find((id) => id !== edge.id);
  assert.deepEqual([event!.data, event!.publisher, event!.proof], [{ n: 1 }, gateway.id, "link"]);
  assert.deepEqual(event!.headers, { "legacy-publisher": claimed });

  await edge.advertise("math.add", ({ a, b }: { a: number; b: number }, { caller }) => [a + b, caller]);
  assert.deepEqual(await peer.reply(await peer.request("math.add", { a: 1, b: 2 }, { realm: REALM })), [3, gateway.id]);
  const missing = await peer.request("math.none", 1, { realm: REALM, target: fromHex(edge.id) });
  await assert.rejects(peer.reply(missing), { message: "procedure_not_found" });
  await peer.subscribe("light.*");
  await edge.publish("light.on", 1);
  await peer.expect("publish");
  await peer.advertise("calc.neg");
  const [negated] = await soon(Promise.all([edge.call("calc.neg", 3), peer.serve((n: number) => -n)]), "the answer");
  assert.equal(negated, -3);
});
