/** Nodes are reached by their id: what waits, what is lost, who is told. @module */

import assert from "node:assert/strict";
import { seededRandom } from "../../../src/base/random.ts";
import { createIdentity, type Identity, type NodeId, type NodeRecord, signRecord } from "../../../src/identity/mod.ts";
import { OutgoingBudget } from "../../../src/link/budget.ts";
import type { Link } from "../../../src/link/link.ts";
import { LinkTable } from "../../../src/link/link_table.ts";
import { Reach, type ReachOptions } from "../../../src/link/reach/reach.ts";
import { parseRealm } from "../../../src/names/mod.ts";
import { GATEWAY_LIMITS } from "../../../src/node/limits.ts";
import type { DialOptions, Transport } from "../../../src/transport/transport.ts";
import type { Message } from "../../../src/wire/mod.ts";
import { Ear, WIDE } from "../pair.ts";
import { alwaysDrawing, HUB, MALLORY, passing, PORT, REALM, self, World } from "../world.ts";

const OWN = createIdentity(new Uint8Array(32).fill(8));
const PING: Message = { kind: "findNode", target: OWN.idBytes };

function contact(identity: Identity, ...hosts: string[]): NodeRecord {
  const head = { realm: parseRealm(REALM), sequence: 1, expiresAt: 3_600_000 };
  const endpoints = hosts.map((host) => `https://${host}:${PORT}`);
  return signRecord(identity, { kind: "node", ...head, role: "hub", endpoints }) as NodeRecord;
}

/** A hub of its own on the network: links, and who reaches others from there. */
class Hub {
  readonly ear = new Ear();
  readonly lost: [NodeId, string[], string][] = [];
  readonly dialled: DialOptions[] = [];
  readonly links: LinkTable;
  readonly reach: Reach<string>;

  /** What it has dialled by key; a host name is tried by its certificate, too. */
  get hosts(): string[] {
    return this.dialled.filter(({ expect }) => expect.kind === "key").map(({ address }) => address.hostname);
  }

  constructor(world: World, host: string, identity: Identity, options: Partial<ReachOptions<string>> = {}) {
    const { timers } = world, random = seededRandom(host), own = self(identity, "hub"), inner = world.transport(host);
    const transport: Transport = {
      dial: (one) => (this.dialled.push(one), inner.dial(one)),
      listen: (one) => inner.listen(one),
      close: () => inner.close(),
    };
    const { ear } = this;
    this.links = new LinkTable({
      self: own,
      timers,
      random,
      limits: { ...GATEWAY_LIMITS, queue: WIDE },
      budget: new OutgoingBudget(Infinity),
      owner: {
        received: (link, message) => ear.received(link, message),
        ended: (link, end) => {
          ear.ended(link, end);
          this.links.remove(link);
          this.reach.linkDown(link);
        },
        drained: () => {},
        closing: () => {},
        goingAway: () => {},
        pause: () => undefined,
      },
      onLink: (link) => this.reach.linkUp(link),
      onRefused: () => {},
    });
    this.reach = new Reach<string>({
      self: own,
      transport,
      timers,
      random,
      links: this.links,
      find: () => Promise.resolve(undefined),
      onEstablished: (established) => void this.links.add(established),
      onLost: (node, senders, reason) => void this.lost.push([node, [...senders], reason]),
      ...options,
    });
  }
}

/** A hub at `near`, and one at `hub` that listens. */
async function pair(options: Partial<ReachOptions<string>> = {}) {
  const world = await World.open(), near = new Hub(world, "near", OWN, options), far = new Hub(world, "hub", HUB);
  world.onConnection = (connection) => void far.links.accept(connection, new Set(["hub"]));
  near.reach.contact(contact(HUB, "hub"));
  return { world, near, far };
}

const kinds = (hub: Hub) => hub.ear.messages.map(({ kind }) => kind);

Deno.test("a node without a link is dialled once, what was said meanwhile arrives in order, then the link is used", async () => {
  const { world, near, far } = await pair();
  const message = { kind: "store", key: HUB.idBytes.slice(), value: "x" } as const;
  assert.equal(near.reach.send(HUB.id, message, "control", "dht"), undefined);
  message.key.fill(0); // its memory is used again
  near.reach.send(HUB.id, PING, "control", "rpc");
  await world.timers.run(1_000);
  assert.deepEqual([near.hosts.length, kinds(far)], [1, ["store", "findNode"]]);
  const [store] = far.ear.messages;
  assert.deepEqual(store!.kind === "store" && store.key, HUB.idBytes);
  const link: Link = near.reach.send(HUB.id, PING, "control", "dht")!;
  assert.equal(link.peer.node, HUB.id);
  await world.timers.run(0);
  assert.deepEqual([near.hosts.length, kinds(far).length, near.lost], [1, 3, []]);
});

Deno.test("when the last link to a node is gone, all who spoke to it are told, once", async () => {
  const { world, near, far } = await pair();
  for (const sender of ["dht", "rpc", "dht"]) near.reach.send(HUB.id, PING, "control", sender);
  await world.timers.run(1_000);
  near.reach.send(HUB.id, PING, "control", "other");
  await passing(world.timers, far.links.all()[0]!.close("leaving"));
  await world.timers.run(0);
  assert.deepEqual(near.lost, [[HUB.id, ["dht", "rpc", "other"], "the link was lost"]]);
});

Deno.test("a dial that fails tells all who spoke to the node, never within their call; the next ones wait", async () => {
  const { world, near } = await pair();
  const nobody = createIdentity(new Uint8Array(32).fill(9));
  near.reach.contact(contact(nobody, "hub", "nowhere")); // another key answers at the first, nobody at the second
  near.reach.send(nobody.id, PING, "control", "dht");
  near.reach.send(nobody.id, PING, "control", "rpc");
  near.reach.send(MALLORY.id, PING, "control", "rpc");
  near.reach.send(OWN.id, PING, "control", "dht");
  assert.equal(near.lost.length, 0);
  await world.timers.run(1_000);
  const told = near.lost.map(([node, senders, reason]) => [node, senders, reason.replace(/^Cannot dial /, "")]);
  assert.deepEqual(
    told.sort(),
    [
      [OWN.id, ["dht"], "a node does not link to itself"],
      [MALLORY.id, ["rpc"], "no address of it is known"],
      [nobody.id, ["dht", "rpc"], `nowhere:${PORT}: the host name must have an address, got none`],
    ].sort(),
  );
  assert.deepEqual(near.hosts, ["hub", "nowhere"]);
});

Deno.test("who has failed lately is not dialled: senders are told at once", async () => {
  const { world, near } = await pair({ random: alwaysDrawing(0.999) });
  near.reach.send(MALLORY.id, PING, "control", "rpc");
  await world.timers.run(0);
  near.reach.contact(contact(MALLORY, "hub"));
  near.reach.send(MALLORY.id, PING, "control", "rpc");
  await world.timers.run(0);
  assert.deepEqual(near.lost.map(([, , reason]) => reason), [
    "no address of it is known",
    "it could not be reached lately",
  ]);
  await world.timers.run(1_000);
  near.reach.send(MALLORY.id, PING, "control", "rpc");
  await world.timers.run(1_000);
  assert.deepEqual([near.hosts.length, near.lost.length], [1, 3], "then it is, and another key has answered");
});

Deno.test("where no address is known it is looked for", async () => {
  const asked: NodeId[] = [];
  const find = (node: NodeId) => (asked.push(node), Promise.resolve(contact(HUB, "hub")));
  const { world, far } = await pair(), near = new Hub(world, "third", MALLORY, { find });
  near.reach.send(HUB.id, PING, "control", "rpc");
  await world.timers.run(1_000);
  assert.deepEqual([asked, kinds(far), near.lost], [[HUB.id], ["findNode"], []]);
});

Deno.test("a node that dials us meanwhile gets what waits for it; our own dial is given up", async () => {
  const { world, near, far } = await pair();
  await world.listen("near", (connection) => void near.links.accept(connection, new Set(["near"])), OWN);
  near.reach.contact(contact(HUB, "black-hole"));
  world.transport("black-hole");
  world.network.cut("near", "black-hole");
  near.reach.contact({ ...contact(HUB, "black-hole"), sequence: 2 });
  near.reach.send(HUB.id, PING, "control", "dht");
  await world.timers.run(100);
  assert.deepEqual([near.reach.state.dialling, near.links.size], [1, 0]);
  far.reach.contact(contact(OWN, "near"));
  far.reach.send(OWN.id, PING, "control", "dht");
  await world.timers.run(100);
  assert.deepEqual([kinds(near), kinds(far)], [["findNode"], ["findNode"]]);
  await world.timers.run(60_000);
  assert.deepEqual([near.reach.state.dialling, near.links.size, near.lost], [0, 1, []]);
});

Deno.test("what waits is bounded: dials, nodes, messages and bytes", async () => {
  const limits = { dialsMax: 2, nodesMax: 4, messagesPerNodeMax: 3, bytesPerNodeMax: 1_000, bytesMax: 1_500 };
  const { world, near } = await pair({ limits });
  const nodes = Array.from({ length: 5 }, (_, i) => createIdentity(new Uint8Array(32).fill(20 + i)));
  world.transport("black-hole");
  world.network.cut("near", "black-hole");
  for (const one of nodes) {
    near.reach.contact(contact(one, "black-hole"));
    near.reach.send(one.id, PING, "control", "dht");
  }
  await world.timers.run(0);
  assert.deepEqual(near.reach.state, { dialling: 2, waiting: 4, pooled: 0, dropped: 0 });
  assert.deepEqual(near.lost, [[nodes[4]!.id, ["dht"], "overloaded"]]);
  for (let i = 0; i < 4; i++) near.reach.send(nodes[0]!.id, PING, "control", "dht");
  assert.equal(near.reach.state.dropped, 2, "messages of one node");
  const large: Message = { kind: "store", key: OWN.idBytes, value: new Uint8Array(700) };
  near.reach.send(nodes[1]!.id, large, "control", "dht");
  near.reach.send(nodes[1]!.id, large, "control", "dht");
  assert.equal(near.reach.state.dropped, 3, "bytes of one node");
  near.reach.send(nodes[2]!.id, large, "control", "dht");
  assert.equal(near.reach.state.dropped, 4, "bytes of all");
  near.reach.close();
  assert.equal(near.reach.state.waiting, 0);
  near.reach.send(nodes[3]!.id, PING, "control", "dht");
  await world.timers.run(60_000);
  assert.deepEqual([near.hosts.length, near.lost.length, near.reach.state.dialling], [2, 1, 0], "closed is closed");
});

Deno.test("a hub's links to hubs are pooled, its edges' links are not", async () => {
  const { world, near, far } = await pair({ pool: { idleMs: 45_000 } });
  near.reach.send(HUB.id, PING, "control", "dht");
  await world.timers.run(100);
  const edge = await passing(world.timers, world.establish((await world.connect("edge"))[0]));
  assert.deepEqual([near.reach.state.pooled, far.reach.state.pooled, far.links.size, far.links.clients], [1, 1, 2, 1]);
  await world.timers.run(100_000);
  assert.deepEqual([near.links.size, far.links.size, far.links.clients], [0, 1, 1], "it was kept alive, not used");
  assert.deepEqual(near.lost, [[HUB.id, ["dht"], "the link was lost"]]);
  near.reach.keep(HUB.id);
  near.reach.send(HUB.id, PING, "control", "dht");
  await world.timers.run(100_000);
  assert.equal(near.links.size, 1);
  edge.connection.close(0, "normal");
});

Deno.test("what may not wait for a long dial is taken back; the rest arrives, and so does what is said then", async () => {
  const known = Promise.withResolvers<NodeRecord>(), late: NodeId[] = [];
  const { world, far } = await pair(), other = createIdentity(new Uint8Array(32).fill(7));
  const near = new Hub(world, "other", other, {
    find: () => known.promise,
    patienceMs: (message) => message.kind === "findNode" ? 1_000 : undefined,
    onLate: (node) => void late.push(node),
    limits: { bytesMax: 600 },
  });
  const store = (bytes: number): Message => ({ kind: "store", key: HUB.idBytes, value: "x".repeat(bytes) });
  near.reach.send(HUB.id, PING, "control", "rpc");
  near.reach.send(HUB.id, store(1), "control", "dht");
  await world.timers.run(999);
  near.reach.send(HUB.id, PING, "control", "rpc");
  assert.deepEqual(late, []);
  await world.timers.run(1);
  assert.deepEqual([late, near.lost, near.reach.state.waiting], [[HUB.id], [], 1]);
  near.reach.send(HUB.id, store(300), "control", "dht"); // there is room for it again
  near.reach.send(HUB.id, { ...PING }, "control", "rpc");
  known.resolve(contact(HUB, "hub"));
  await world.timers.run(5_000);
  assert.deepEqual([kinds(far), late.length, near.reach.state.dropped], [["store", "store", "findNode"], 1, 0]);
});
