/** Who may come in, and how links are found. @module */

import assert from "node:assert/strict";
import { createIdentity, type Identity } from "../../src/identity/mod.ts";
import { OutgoingBudget } from "../../src/link/budget.ts";
import { makeConnect } from "../../src/link/handshake.ts";
import type { Link } from "../../src/link/link.ts";
import { type LinkLimits, LINKS_PER_NODE_MAX, LinkTable } from "../../src/link/link_table.ts";
import { Ear, event, WIDE } from "./pair.ts";
import { EDGE, HUB, passing, self, Talker, World } from "./world.ts";

const LIMITS: LinkLimits = {
  clientsMax: 10,
  unwelcomedMax: 10,
  perAddressPerSecond: 50,
  perAddressBurst: 100,
  frameBytesMax: 1 << 20,
  subscriptionsPerClientMax: 10,
  framesPerClientPerSecond: 1_000_000,
  bytesPerClientPerSecond: 1 << 30,
  queue: WIDE,
};

async function open(limits: Partial<LinkLimits> = {}) {
  const world = await World.open(), refused: string[] = [], up: string[] = [];
  const ear = new class extends Ear {
    override ended(link: Link, end: Parameters<Ear["ended"]>[1]): void {
      super.ended(link, end);
      table.remove(link);
    }
  }();
  const table: LinkTable = new LinkTable({
    self: self(HUB, "hub"),
    timers: world.timers,
    random: world.random,
    limits: { ...LIMITS, ...limits },
    budget: new OutgoingBudget(Infinity),
    owner: ear,
    onLink: (link) => up.push(link.id),
    onRefused: (code) => refused.push(code),
  });
  world.onConnection = (connection) => void table.accept(connection, new Set(["hub"]));
  const dial = async (identity: Identity = EDGE, from = "edge") => {
    const [near] = await world.connect(from);
    const dialling = world.establish(near, { self: self(identity, "edge") });
    return await passing(world.timers, dialling.then(() => near, (error) => error));
  };
  return { world, table, ear, refused, up, dial };
}

const identity = (byte: number) => createIdentity(new Uint8Array(32).fill(byte));

Deno.test("link table: links by id and by node, the newest first; counts those who came", async () => {
  const { table, up, dial, world, ear } = await open();
  await dial();
  await dial();
  await dial(identity(50));
  await world.timers.run(0);
  assert.deepEqual([up, table.size, table.clients], [["l1", "l2", "l3"], 3, 3]);
  assert.equal(table.ofNode(EDGE.id)!.id, "l2");
  table.get("l2")!.breakOff("x", "y");
  assert.deepEqual([table.ofNode(EDGE.id)!.id, table.size, table.clients], ["l1", 2, 2]);
  table.remove(table.get("l1")!);
  assert.deepEqual([table.ofNode(EDGE.id), table.all().map(({ id }) => id), ear.ends.length], [undefined, ["l3"], 1]);
});

Deno.test("link table: a full one refuses newcomers but lets a known client come back in place of its old link", async () => {
  const { table, dial, refused, world, ear } = await open({ clientsMax: 2 });
  const old = await dial();
  await dial(identity(50));
  const error = await dial(identity(51));
  assert.deepEqual([error.code, error.retryable, refused], ["max_clients_reached", true, ["max_clients_reached"]]);
  const back = await dial();
  await world.timers.run(10_000);
  assert.deepEqual([table.size, table.clients, ear.ends.map(({ code }) => code)], [2, 2, ["replaced"]]);
  assert.equal((await old.closed).by, "remote");
  table.ofNode(EDGE.id)!.send(event("x"), "events");
  assert(back.remote.hostname === "hub");
});

Deno.test("link table: many who come at once do not get past the bound together", async () => {
  const { table, refused, world } = await open({ clientsMax: 3 });
  const dialling = Array.from({ length: 10 }, async (_, i) => {
    const near = await world.transport("edge").dial({
      address: { hostname: "hub", port: 9443 },
      expect: { kind: "key", publicKey: HUB.publicKey },
    });
    return await world.establish(near, { self: self(identity(60 + i), "edge") }).then(() => "up", () => "refused");
  });
  const results = await passing(world.timers, Promise.all(dialling));
  await world.timers.run(10_000);
  assert.equal(results.filter((one) => one === "up").length, 3);
  assert.deepEqual([table.clients, refused.length], [3, 7]);
});

Deno.test("link table: connections without welcome are bounded, and make room when their time is over", async () => {
  const { world, table, refused, dial } = await open({ unwelcomedMax: 2 });
  for (let i = 0; i < 2; i++) {
    assert.equal(table.admits(0), true);
    const talker = await Talker.dial((await world.connect())[0]);
    await talker.say(makeConnect(self(EDGE, "edge"), HUB.id, new Uint8Array(32)));
  }
  await world.timers.run(0);
  assert.equal(table.admits(0), false);
  assert.deepEqual(refused, ["too_busy"]);
  await world.timers.run(12_000);
  assert.deepEqual(refused, ["too_busy", "handshake_timeout", "handshake_timeout"]);
  assert.equal(table.admits(0), true);
  await dial();
  await world.timers.run(0);
  assert.equal(table.clients, 1);
});

Deno.test("link table: one node has a bounded number of links, of which the oldest gives way", async () => {
  const { table, ear, dial, world } = await open({ clientsMax: 1_000, perAddressBurst: 1_000 });
  for (let i = 0; i < LINKS_PER_NODE_MAX + 2; i++) await dial();
  await dial(identity(50));
  await world.timers.run(10_000);
  assert.deepEqual([table.clients, table.size], [LINKS_PER_NODE_MAX + 1, LINKS_PER_NODE_MAX + 1]);
  assert.deepEqual(ear.ends.map(({ code }) => code), ["replaced", "replaced"]);
  assert.deepEqual([table.get("l1"), table.get("l2"), table.get("l3")?.id], [undefined, undefined, "l3"]);
});

Deno.test("link table: addresses of one IPv6 network count as one", async () => {
  const { refused, dial } = await open({ perAddressBurst: 2, perAddressPerSecond: 1 });
  for (let i = 1; i <= 5; i++) await dial(identity(50 + i), `2001:db8:0:7::${i}`);
  assert.deepEqual(refused, Array(3).fill("too_many_from_address"));
  assert.notEqual((await dial(identity(60), "2001:db8:0:8::1")).code, "unreachable");
});

Deno.test("link table: one address may not dial too often; others may", async () => {
  const { world, table, refused, dial } = await open({ perAddressBurst: 2, perAddressPerSecond: 1 });
  await dial();
  await dial();
  assert.equal((await dial()).code, "unreachable");
  assert.deepEqual(refused, ["too_many_from_address"]);
  await dial(identity(50), "elsewhere");
  await world.timers.run(1_000);
  await dial();
  await world.timers.run(0);
  assert.equal(table.clients, 4);
});
