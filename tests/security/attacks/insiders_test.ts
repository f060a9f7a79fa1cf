/** What a member of the realm tries: odd names, what belongs to hubs, what belongs to others, floods. @module */

import assert from "node:assert/strict";
import { makeStatement } from "../../../src/link/admission/statement.ts";
import type { Publish } from "../../../src/wire/mod.ts";
import { soon, until } from "../../conformance/deadline.ts";
import { take } from "../../node/world.ts";
import { credentialGateway, credentialOf, edge, identity, mustFail, REALM } from "../world.ts";
import { event, ID, inside, RAW } from "./insider.ts";

const EDGE = identity(1), ALICE = identity(2), HUB = identity(100);

Deno.test("attacks: names that look like others, hold controls, or are reserved", async (t) => {
  const rights = { publish: ["demo.**"], subscribe: ["demo.**"], call: ["**"], advertise: ["**"] };
  await using world = await inside({ rights });
  const topics = [
    "demo.caf\u00e9",
    "demo.cafe\u0301",
    "demo\uff0ex",
    "demo.x\u0000",
    "demo.x\n{}",
    "demo.\u202ex",
    "demo..x",
  ];
  const patterns = ["demo.**.#", "#", "demo.***", "demo.*x", "demo.x\n", "demo.\u2217", "**.demo..x"];
  const names = ["math.*", "**", "", "_mesh.stop", "_mesh.", "math.add\u0000", "math..add"];
  const publish = async (topic: string) => {
    const peer = await world.peer();
    await peer.say(event({ topic }));
    return await peer.answer("puback");
  };
  const subscribe = async (pattern: string) => {
    const peer = await world.peer();
    await peer.say({ kind: "subscribe", topics: ["demo.x", pattern], qos: 0, requestId: 1 });
    return await peer.answer("suback");
  };
  const advertise = async (name: string) => {
    const peer = await world.peer();
    await peer.say({ kind: "advertise", requestId: 1, procedures: ["math.add", name] });
    return await peer.answer("advertiseAck");
  };
  await mustFail(t, [
    ...topics.map((topic) => ({
      name: `publish ${JSON.stringify(topic)}`,
      code: "invalid_topic",
      text: /^Cannot publish: a topic is expected, got "[ -\uffff]*"$/,
      run: () => publish(topic),
    })),
    ...patterns.map((pattern) => ({
      name: `subscribe ${JSON.stringify(pattern)}`,
      code: "invalid_pattern",
      text: /^Cannot subscribe: a topic pattern is expected, got "[^\n]*"$/,
      run: () => subscribe(pattern),
    })),
    ...names.map((name) => ({
      name: `advertise ${JSON.stringify(name)}`,
      code: "invalid_procedure",
      text: /^Cannot advertise: a procedure name outside _mesh\. is expected, got "[ -\uffff]*"$/,
      run: () => advertise(name),
    })),
  ]);
  assert.equal(world.gateway.stats().subscriptions, 0, "all of a request or nothing");
  assert.deepEqual(await world.gateway.discover("math.add"), []);
});

Deno.test("attacks: nothing that can be called stops or changes a gateway, and what it tells needs a right", async (t) => {
  await using gateway = await credentialGateway();
  await using all = await edge(gateway, ALICE);
  await using none = await edge(gateway, EDGE, { rights: {} });
  const nobody = (name: string) => ({
    name: `${name} with every right`,
    code: "no_provider",
    text: `Cannot call ${name}: nobody serves it`,
    run: () => all.call(name, { node: EDGE.id }),
  });
  const forbidden = (name: string) => ({
    name: `${name} without a right`,
    code: "not_allowed",
    text: `Cannot call ${name}: the credential allows call on nothing`,
    run: () => none.call(name, {}),
  });
  await mustFail(t, [
    ...["_mesh.stop", "_mesh.drain", "_mesh.disconnect", "_mesh.recheck", "_mesh.ready", "_mesh.config"].map(nobody),
    ...["_mesh.stats", "_mesh.members", "com.macula.diagnostics.info", "_mesh.stop"].map(forbidden),
  ]);
  const odd = [null, 1, [], {}, { procedure: 1 }, { procedure: "x".repeat(10_000) }, { topic: ["a"] }, "__proto__"];
  for (const name of ["_mesh.ping", "_mesh.providers", "_mesh.subscribers"]) {
    for (const args of odd) await none.call(name, args).catch((error) => assert.notEqual(error.code, "timeout"));
  }
  assert.deepEqual([none.status, gateway.clients().length], ["connected", 2]);
});

Deno.test("attacks: messages that are a hub's, or belong elsewhere, change nothing at a hub", async () => {
  await using world = await inside();
  await using alice = await edge(world.gateway, ALICE);
  const logged: string[] = [], { gateway } = world, peer = await world.peer();
  gateway.addEventListener("statuschange", ({ detail: { to } }) => void logged.push(to));
  const hello = { kind: "hello", version: "macula/1", body: ID, signature: new Uint8Array(64) } as const;
  await peer.say(
    { kind: "goingAway", reason: "all leave", withinMs: 1 },
    { kind: "interestChanged", key: new Uint8Array(32) },
    { kind: "missed", count: 1_000_000 },
    { kind: "welcome", session: ID, frameBytesMax: 1, subscriptionsMax: 1, serverTime: 1 },
    hello,
    { kind: "refused", code: "x", text: "go away" },
    { kind: "renewAck", code: "x".repeat(1_000), text: "no" },
    { kind: "error", code: "not_allowed", text: "no", about: ID },
    { kind: "puback", messageId: ID, recipients: 9 },
    { kind: "suback", requestId: 1, code: "x" },
    { kind: "advertiseAck", requestId: 1, code: "x" },
    { kind: "rpcReply", requestId: ID, fromNode: RAW.idBytes, result: ID },
    { kind: "rpcCancel", requestId: ID },
    { kind: "pong", timestamp: 1, serverTime: 1 },
    event(),
  );
  await until(() => peer.heard.some(({ kind }) => kind === "puback"), "the answer to what was right");
  assert.deepEqual(logged, []);
  assert.deepEqual(gateway.stats().refused, {}, "nor is it counted what others say of refusals");
  assert.equal(typeof await alice.ping(gateway.id), "number");
});

Deno.test("attacks: a credential or a statement of somebody else, shown on a link of one's own", async () => {
  await using world = await inside();
  const { gateway, audited } = world, peer = await world.peer();
  const alices = await credentialOf(ALICE, { id: "alices" });
  const facts = { hub: HUB.idBytes, realm: REALM, until: Date.now() + 60_000, credential: alices };
  await peer.say(makeStatement(ALICE, facts), { kind: "renew", credential: alices }, {
    kind: "renew",
    credential: alices,
  });
  await until(() => peer.heard.filter(({ kind }) => kind === "renewAck").length === 2, "both answers");
  const codes = peer.heard.flatMap((one) => one.kind === "renewAck" ? [one.code] : []);
  assert.deepEqual(codes, ["credential_wrong_node", "too_soon"]);
  const { refused } = gateway.stats();
  assert.deepEqual(refused, { bad_attachment: 1, credential_wrong_node: 1, too_soon: 1 });
  assert.deepEqual(audited.filter(({ verdict }) => verdict === "refused").map(({ node, action }) => [node, action]), [
    [RAW.id, "vouch"],
    [RAW.id, "renew"],
    [RAW.id, "renew"],
  ]);
});

Deno.test("attacks: an edge cannot sign as a hub, and what a subscriber gets cannot change its program", async () => {
  await using world = await inside();
  await using alice = await edge(world.gateway, ALICE);
  await using heard = alice.subscribe("demo.**");
  await heard.ready;
  const peer = await world.peer(), text = (value: string) => new TextEncoder().encode(value);
  for (const fields of [{ originProof: new Uint8Array(96) }, { kept: true, retain: true }]) {
    await peer.say(event(fields));
    await assert.rejects(peer.answer("puback"), {
      code: "not_a_hub",
      message: "Cannot publish: origin_proof and kept are what a hub adds, and must be absent",
    });
  }
  const odd: Partial<Publish>[] = [
    { payload: text('{"__proto__":{"admin":true}}'), encoding: "json" },
    { payload: text("{broken"), encoding: "json" },
    { payload: text('"x"'), encoding: "unheard of", headers: "{broken", at: Number.MAX_SAFE_INTEGER },
    { payload: text("1"), headers: '{"__proto__":{"admin":"true"}}' },
  ];
  const facts = { hub: HUB.idBytes, realm: REALM, until: Date.now() + 60_000, credential: await credentialOf(RAW) };
  await peer.say(makeStatement(RAW, facts));
  for (const [i, fields] of odd.entries()) await peer.say(event({ ...fields, messageId: ID.with(0, i + 10) }));
  const got = await soon(take(heard, odd.length), "the events");
  assert.equal(({} as { admin?: boolean }).admin, undefined);
  assert(got[1]!.data instanceof Uint8Array);
});
