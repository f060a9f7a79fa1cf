/** Our client at a gateway of the original. @module */

import assert from "node:assert/strict";
import { fromUtf8, toHex } from "../../../src/base/bytes.ts";
import { type RefusedError, ValidationError } from "../../../src/base/errors.ts";
import { connect, type ConnectOptions } from "../../../src/edge/connect.ts";
import type { Mesh } from "../../../src/mesh/mesh.ts";
import { certificateAuthority } from "../../gateway/certificate_authority.ts";
import { take } from "../../node/world.ts";
import { soon, until } from "../../conformance/deadline.ts";
import { OriginalGateway } from "./original_gateway.ts";
import { idOf, keyOfName, LegacyWorld, REALM, record } from "../world.ts";

const authority = await certificateAuthority();
const tls = await authority.issue("localhost");

function attach(gateway: { readonly port: number }, options: ConnectOptions = {}): Promise<Mesh> {
  const own = { realm: REALM, legacy: true, caCerts: [authority.ca] };
  return connect(`https://localhost:${gateway.port}`, { ...own, ...options });
}

Deno.test("uplink: CONNECT as the original's, subscriptions confirmed, events both ways", async () => {
  await using gateway = await OriginalGateway.open(tls);
  await using mesh = await attach(gateway);
  const [hello] = gateway.of("connect");
  assert.deepEqual(
    [toHex(hello!.nodeId), hello!.realmId, hello!.capabilities, hello!.endpoint, hello!.version, hello!.publicKey],
    [mesh.id, REALM, ["pubsub", "rpc"], "", "1.0", undefined],
  );
  assert.equal(mesh.ticket, undefined);
  assert.equal(mesh.links()[0]!.node, toHex(gateway.id));
  await using wanted = mesh.subscribe("sensor.*.measured");
  await wanted.ready;
  assert.deepEqual(gateway.of("subscribe").map(({ topics, qos }) => [topics, qos]), [[["sensor.*.measured"], 0]]);
  gateway.publish("sensor.kitchen.measured", { celsius: 21.5 });
  const [event] = await soon(take(wanted, 1), "the event");
  assert.deepEqual([event!.topic, event!.data, event!.publisher], [
    "sensor.kitchen.measured",
    { celsius: 21.5 },
    undefined,
  ]);
  await mesh.publish("light.on", { level: 1 });
  const { recipients } = await mesh.publish("light.off", { level: 0 }, { qos: 1 });
  assert.equal(recipients, undefined); // the gateway does not say
  assert.deepEqual(
    gateway.of("publish").map(({ topic, payload, publisher }) => [topic, fromUtf8(payload), publisher]),
    [
      ["light.on", '{"level":1}', undefined],
      ["light.off", '{"level":0}', undefined],
    ],
  );
});

Deno.test("uplink: what comes twice is delivered once; what only looks alike is not lost", async () => {
  await using gateway = await OriginalGateway.open(tls);
  await using mesh = await attach(gateway);
  await using wanted = mesh.subscribe("a.**");
  await wanted.ready;
  const first = gateway.publish("a.one", 1, { qos: 1 });
  gateway.publish("a.one", 1, { messageId: first.messageId, qos: 1 });
  gateway.publish("a.one", 1, { messageId: first.messageId, qos: 1 });
  gateway.publish("a.one", 2, { messageId: first.messageId, qos: 1 }); // another process counts the same
  gateway.publish("a.one", 1);
  gateway.publish("a.end", 0);
  const events = await soon(take(wanted, 4), "the events");
  assert.deepEqual(events.map(({ topic, data }) => [topic, data]), [["a.one", 1], ["a.one", 2], ["a.one", 1], [
    "a.end",
    0,
  ]]);
});

Deno.test("uplink: after a lost connection it comes back, and says again what it wants and serves", async () => {
  await using gateway = await OriginalGateway.open(tls);
  await using mesh = await attach(gateway);
  await using wanted = mesh.subscribe("a.**");
  await wanted.ready;
  await mesh.advertise("math.add", ({ a, b }: { a: number; b: number }) => a + b);
  const before = gateway.publish("a.before", 1, { qos: 1 });
  gateway.clients[0]!.close();
  await until(() => gateway.of("connect").length === 2, "the second CONNECT");
  await until(() => mesh.status === "connected", "the mesh is connected");
  assert.deepEqual([gateway.of("subscribe").length, gateway.of("store").length], [2, 2]); // and that says so
  gateway.publish("a.before", 1, { qos: 1, messageId: before.messageId }); // known from the link before
  gateway.publish("a.after", 2);
  assert.deepEqual((await soon(take(wanted, 2), "the events")).map(({ topic }) => topic), ["a.before", "a.after"]);
});

Deno.test("uplink: a FIN of the gateway is answered by a FIN", async () => {
  await using gateway = await OriginalGateway.open(tls);
  await using mesh = await attach(gateway);
  const [stream] = gateway.clients;
  await stream!.finish();
  await until(() => !gateway.streams.includes(stream!), "the FIN of our side");
  await until(() => gateway.clients.length === 1, "the next connection");
  assert.notEqual(mesh.status, "closed");
});

Deno.test("uplink: calls by lookup, by node id, and of those who are gone; ours are served", async () => {
  await using gateway = await OriginalGateway.open(tls);
  await using mesh = await attach(gateway);
  await using other = await attach(gateway);
  await other.advertise("math.add", ({ a, b }: { a: number; b: number }, { caller }) => ({ sum: a + b, caller }));
  assert.deepEqual(await mesh.call("math.add", { a: 1, b: 2 }), { sum: 3, caller: mesh.id });
  assert.deepEqual(await mesh.callTo(other.id, "math.add", { a: 2, b: 2 }), { sum: 4, caller: mesh.id });
  assert.deepEqual(await mesh.discover("math.add"), [{ node: other.id }]);
  await assert.rejects(mesh.call("not.there", 1), { code: "no_provider" });
  await assert.rejects(mesh.callTo(toHex(idOf("nobody")), "x.y", 1), { code: "node_unreachable" });
  await assert.rejects(mesh.callTo(other.id, "not.served", 1), { code: "no_handler" });
  const value = record({ node_id: idOf("gone"), endpoint: "https://x:1", metadata: new Map(), ttl: 300 });
  gateway.store(keyOfName("math.twice"), value); // records of the original never end: the next provider is asked
  await other.advertise("math.twice", (n: number) => 2 * n);
  assert.equal(await mesh.call("math.twice", 4), 8);
});

Deno.test("uplink: lookups go one after the other, as their answers do not say what they answer", async () => {
  await using gateway = await OriginalGateway.open(tls);
  await using mesh = await attach(gateway);
  await using other = await attach(gateway);
  const names = ["p.one", "p.two", "p.three"];
  for (const name of names) await other.advertise(name, () => name);
  assert.deepEqual(await Promise.all(names.map((name) => mesh.call(name, 1))), names);
});

Deno.test("uplink: closing hands over what was accepted", async () => {
  await using gateway = await OriginalGateway.open(tls);
  const mesh = await attach(gateway);
  for (let n = 0; n < 20; n++) await mesh.publish("a.b", n);
  await soon(mesh.close(), "closing");
  assert.deepEqual(gateway.of("publish").map(({ payload }) => Number(fromUtf8(payload))), [...Array(20).keys()]);
});

Deno.test("uplink: what is confirmed has been taken, also where a slow gateway loses frames of a burst", async () => {
  await using gateway = await OriginalGateway.open(tls);
  await using mesh = await attach(gateway);
  gateway.isStrict = true;
  for (let round = 0; round < 3; round++) {
    for (let n = 0; n < 10; n++) await mesh.publish("casual.event", n);
    const wanted = mesh.subscribe(`wanted.n${round}`);
    const [, , service] = await Promise.all([
      wanted.ready,
      mesh.publish("important.event", round, { qos: 1 }),
      mesh.advertise(`served.n${round}`, () => round),
    ]);
    assert.deepEqual(gateway.of("subscribe").at(-1)!.topics, [`wanted.n${round}`]);
    assert.equal(gateway.of("publish").filter(({ topic }) => topic === "important.event").length, round + 1);
    assert.deepEqual(gateway.of("store").at(-1)!.key, keyOfName(`served.n${round}`));
    await service.close();
    await wanted.close();
  }
});

Deno.test("uplink: closing at a gateway that does not answer any more counts what it may not have taken", async () => {
  await using gateway = await OriginalGateway.open(tls);
  const mesh = await attach(gateway);
  for (let n = 0; n < 5; n++) await mesh.publish("a.b", n);
  await mesh.publish("a.last", 1, { qos: 1 }); // its PONG confirms all before it
  gateway.deafTo.add("ping");
  for (let n = 0; n < 7; n++) await mesh.publish("a.c", n);
  await soon(mesh.close(), "closing");
  assert.equal(mesh.stats().messages.unconfirmed, 7);
});

Deno.test("uplink: closing with more than can be written in time counts the rest", async () => {
  await using gateway = await OriginalGateway.open(tls);
  const mesh = await attach(gateway), sent = 500;
  for (let n = 0; n < sent; n++) void mesh.publish("a.b", n).catch(() => {});
  await until(() => gateway.of("publish").length > 0, "the first event");
  for (const stream of gateway.clients) stream.close(); // it goes in the middle
  await soon(mesh.close(), "closing");
  const { unconfirmed } = mesh.stats().messages, arrived = gateway.of("publish").length;
  assert(unconfirmed >= sent - arrived, `${arrived} arrived, ${unconfirmed} are unconfirmed`);
  assert(unconfirmed <= sent);
});

Deno.test("uplink: bodies stay small, and a realm must be said", async () => {
  await using gateway = await OriginalGateway.open(tls);
  await using mesh = await attach(gateway);
  await assert.rejects(mesh.publish("a.b", new Uint8Array(9_500)), ValidationError);
  await mesh.publish("a.b", new Uint8Array(8_000));
  const runtime = undefined, target = `https://localhost:${gateway.port}`;
  const rules: [string, ConnectOptions, RegExp][] = [
    [target, { legacy: true, runtime }, /a wrong realm freezes a gateway of Macula 0.20, so it must be given/],
    ["http://localhost:1", { legacy: true, realm: REALM }, /is named by https:\/\/host:port, got "http/],
    [target, { legacy: true, realm: REALM, auth: { token: "x" } }, /asks for no token/],
  ];
  for (const [name, options, sentence] of rules) await assert.rejects(connect(name, options), sentence);
});

Deno.test("uplink: a wrong realm is final", async () => {
  await using gateway = await OriginalGateway.open(tls);
  await assert.rejects(attach(gateway, { realm: "io.other.realm" }), (error: RefusedError) => {
    assert.deepEqual([error.code, error.retryable], ["wrong_realm", false]);
    assert.match(error.message, /serves another realm than io\.other\.realm/);
    return true;
  });
  assert.equal(gateway.of("connect").length, 1); // never again: it freezes the original
});

Deno.test("uplink: a gateway of ours that speaks mesh/1 alone says so; one that serves legacy peers serves us", async () => {
  await using world = new LegacyWorld();
  const hostname = "localhost", listen = { hostname: "127.0.0.1", port: 0 };
  const strict = await world.gateway({ legacy: undefined, hostname, listen, tls });
  await assert.rejects(attach(strict.address), { code: "legacy_not_allowed" });
  await using original = await OriginalGateway.open(tls);
  await assert.rejects(
    connect(`https://localhost:${original.port}`, { realm: REALM, caCerts: [authority.ca] }),
    { code: "legacy_hub" },
  );
  const open = await world.gateway({ hostname, tls }), edge = await world.edge(open, { caCerts: [authority.ca] });
  await using mesh = await attach(open.address);
  await using wanted = mesh.subscribe("x.*");
  await wanted.ready;
  await edge.publish("x.y", { n: 1 });
  assert.deepEqual((await soon(take(wanted, 1), "the event"))[0]!.data, { n: 1 });
  await edge.advertise("math.neg", (n: number) => -n);
  assert.equal(await mesh.call("math.neg", 3), -3);
  await mesh.advertise("math.dbl", (n: number) => 2 * n);
  assert.equal(await edge.call("math.dbl", 3), 6);
});
