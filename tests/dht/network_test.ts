/** Many cores: what they find, with the dead and with liars among them. @module */

import assert from "node:assert/strict";
import type { Contact, DhtMessage, NodesFound, RecordsFound, Stored } from "../../src/dht/messages.ts";
import { compareDistance } from "../../src/names/mod.ts";
import { fakeInterest, fakeNode, idOf } from "./fakes.ts";
import { type Member, Network } from "./network.ts";

const HUBS = 200;

/** The living, those closest to `target` first. */
function closestOf(members: readonly Member[], target: Uint8Array): string[] {
  return members.filter(({ isDead }) => !isDead).map(({ record }) => record)
    .sort((a, b) => compareDistance(target, a.nodeBytes, b.nodeBytes)).map(({ node }) => node);
}

function oneOf(network: Network, members: readonly Member[]): Member {
  const living = members.filter(({ isDead }) => !isDead);
  return living[Math.floor(network.random.number() * living.length)]!;
}

function median(numbers: number[]): number {
  return numbers.sort((a, b) => a - b)[numbers.length >> 1]!;
}

/** `count` records under keys of their own, each by another hub. */
function publish(network: Network, members: readonly Member[], count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => {
    const key = idOf(`key ${i}`), { nodeBytes } = members[i]!.record;
    const record = fakeInterest(nodeBytes, key, { sequence: network.now, expiresAt: network.now + 300_000 });
    const { confirmed, asked } = network.ask<Stored>(members[i]!, { type: "publish", record });
    assert.equal(asked, 20);
    assert(confirmed >= 16, `${confirmed} of 20`); // a liar may refuse
    return key;
  });
}

/** Of how many of the keys the record is found from a random node. */
function found(network: Network, members: readonly Member[], keys: readonly Uint8Array[]): number {
  return keys.filter((key) =>
    network.ask<RecordsFound>(oneOf(network, members), { type: "findValue", key }).records.length === 1
  ).length;
}

Deno.test("200 hubs: every lookup finds the closest, on short ways", () => {
  const network = new Network("two hundred"), hubs = network.grow(HUBS), hops: number[] = [];
  for (let i = 0; i < 200; i++) {
    const target = idOf(`target ${i}`), from = oneOf(network, hubs);
    const { nodes, hops: way } = network.ask<NodesFound>(from, { type: "findNode", target });
    const expected = closestOf(hubs, target).filter((node) => node !== from.record.node).slice(0, 20);
    assert.equal(nodes[0]?.node, expected[0]);
    assert(expected.filter((node) => nodes.some((one) => one.node === node)).length >= 19);
    hops.push(way);
  }
  assert(median(hops) <= Math.log2(HUBS) / 2, `${median(hops)} hops`);
});

Deno.test("a newcomer is found by others as soon as it has joined", () => {
  const network = new Network("newcomer"), hubs = network.grow(60);
  const [newcomer] = network.grow(1, { prefix: "late", everyMs: 1_000 });
  for (const hub of hubs.slice(0, 20)) {
    const { nodes } = network.ask<NodesFound>(hub, { type: "findNode", target: newcomer!.record.nodeBytes });
    assert.equal(nodes[0]?.node, newcomer!.record.node);
  }
});

Deno.test("every record is found after half of the hubs have died at once", () => {
  const network = new Network("half"), hubs = network.grow(HUBS), keys = publish(network, hubs, 50);
  assert.equal(found(network, hubs, keys), 50);
  network.kill(...hubs.filter((_, i) => i % 2 === 0));
  assert.equal(found(network, hubs, keys), 50);
});

Deno.test("records outlive all who were there when they were stored, if hubs come and go slowly", () => {
  const network = new Network("churn");
  let hubs = network.grow(40);
  const keys = publish(network, hubs, 10);
  for (let i = 0; i < 8; i++) {
    const dead = hubs.slice(0, 5);
    hubs = [...hubs.slice(5), ...network.grow(5, { prefix: `new ${i}`, everyMs: 1_000 })];
    network.kill(...dead);
    network.runFor(10_000);
  }
  assert.equal(found(network, hubs, keys), 10);
});

Deno.test("a record lives as long as it is renewed, and a withdrawn one is not found", () => {
  const network = new Network("renewal"), hubs = network.grow(30), [key, gone] = publish(network, hubs, 2);
  for (let i = 0; i < 10; i++) {
    network.runFor(60_000);
    for (const hub of hubs) {
      for (const event of hub.events.splice(0)) {
        if (event.type !== "renew") continue;
        const { nodeBytes, key } = event.record;
        const record = fakeInterest(nodeBytes, key, { sequence: network.now, expiresAt: network.now + 300_000 });
        network.command(hub, { type: "publish", record });
      }
    }
  }
  assert.equal(found(network, hubs, [key!, gone!]), 2);
  const last = { sequence: network.now, expiresAt: network.now + 300_000, withdrawn: true };
  network.ask(hubs[1]!, { type: "withdraw", record: fakeInterest(hubs[1]!.record.nodeBytes, gone!, last) });
  assert.equal(found(network, hubs, [key!, gone!]), 1);
  network.runFor(400_000);
  assert.equal(found(network, hubs, [key!]), 0, "nobody has renewed it");
});

Deno.test("a second hub is handed what the first holds", () => {
  const network = new Network("two"), [first] = network.grow(1);
  const record = fakeInterest(first!.record.nodeBytes, idOf("key"), { expiresAt: network.now + 300_000 });
  assert.deepEqual(network.ask(first!, { type: "publish", record }), { confirmed: 1, asked: 1 });
  const [second] = network.grow(1, { prefix: "second" });
  network.kill(first!);
  assert.deepEqual(network.ask<RecordsFound>(second!, { type: "findValue", key: idOf("key") }).records, [record]);
});

Deno.test("edges ask and store through their hubs", () => {
  const network = new Network("edges"),
    hubs = network.grow(40),
    [a, b] = [network.add("a", "edge"), network.add("b", "edge")];
  network.link(a, hubs[3]!);
  network.link(b, hubs[30]!);
  const key = idOf("key"), record = fakeInterest(a.record.nodeBytes, key, { expiresAt: network.now + 300_000 });
  assert.deepEqual(network.ask(a, { type: "publish", record }), { confirmed: 1, asked: 1 });
  assert.deepEqual(network.ask<RecordsFound>(b, { type: "findValue", key }).records, [record]);
  const { nodes } = network.ask<NodesFound>(b, { type: "findNode", target: key });
  assert.deepEqual(nodes.slice(0, 1).map(({ node }) => node), closestOf(hubs, key).slice(0, 1));
  const { nodes: none } = network.ask<NodesFound>(hubs[0]!, { type: "findNode", target: a.record.nodeBytes });
  assert(none.every(({ role }) => role === "hub"), "an edge is never asked");
});

/** What a liar replies, given what it was asked for. */
type Lie = (target: Uint8Array) => readonly Contact[];

/** Grows a network in which each tenth hub lies from its first message on; how well the honest do in it. */
function withLiars(seed: string, lieOf: (liars: readonly Member[]) => Lie): { nodes: number; records: number } {
  const network = new Network(seed), hubs: Member[] = [], liars: Member[] = [];
  for (let i = 0; i < HUBS; i++) {
    const [hub] = network.grow(1, { prefix: `hub ${i}` });
    hubs.push(hub!);
    if (i % 10 === 5) {
      liars.push(hub!);
      hub!.lie = (message, { asked }) => lied(message, lieOf(liars)(asked));
    }
  }
  const honest = hubs.filter(({ lie }) => lie === undefined), count = 100;
  let nodes = 0;
  for (let i = 0; i < count; i++) {
    const target = idOf(`target ${i}`), from = oneOf(network, honest);
    const found = network.ask<NodesFound>(from, { type: "findNode", target });
    const closest = closestOf(honest, target).find((node) => node !== from.record.node);
    if (found.nodes.some(({ node }) => node === closest)) nodes++;
  }
  const keys = publish(network, honest, count);
  return { nodes: nodes / count, records: found(network, honest, keys) / count };
}

function lied(message: DhtMessage, nodes: readonly Contact[]): DhtMessage {
  if (message.kind === "findNodeReply") return { ...message, nodes };
  if (message.kind === "findValueReply") return { ...message, nodes, records: [] };
  return message;
}

Deno.test("with 10 % that name only each other, at least 95 % of the lookups succeed", () => {
  const { nodes, records } = withLiars(
    "clique",
    (liars) => (target) =>
      liars.map(({ record }) => record).sort((a, b) => compareDistance(target, a.nodeBytes, b.nodeBytes)),
  );
  assert(nodes >= 0.95 && records >= 0.95, `${nodes} of the nodes, ${records} of the records`);
});

Deno.test("with 10 % that make up nodes, at least 95 % of the lookups succeed", () => {
  let made = 0;
  const { nodes, records } = withLiars(
    "nonsense",
    () => () => Array.from({ length: 30 }, () => fakeNode(idOf(`${made++}`))),
  );
  assert(nodes >= 0.95 && records >= 0.95, `${nodes} of the nodes, ${records} of the records`);
});
