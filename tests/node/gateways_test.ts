/** Gateways that find each other: real nodes on the memory transport in virtual time. @module */

import assert from "node:assert/strict";
import type { NodesFound, RecordsFound, Stored } from "../../src/dht/messages.ts";
import { toHex } from "../../src/base/bytes.ts";
import { seededRandom } from "../../src/base/random.ts";
import { SILENT } from "../../src/mesh/options.ts";
import type { Gateway } from "../../src/gateway/gateway.ts";
import type { StartGatewayOptions } from "../../src/gateway/start.ts";
import { recordKey, signRecord, type VerifiedRecord } from "../../src/identity/mod.ts";
import type { Mesh } from "../../src/mesh/mesh.ts";
import { parseProcedure, parseRealm } from "../../src/names/mod.ts";
import { REALM, World } from "./world.ts";

const MATH_ADD = recordKey(parseRealm(REALM), "provider", "math.add");

/** Gateways `g0`, `g1`, …, of which all but the first are told of the first. */
async function mesh(world: World, count: number, options: Partial<StartGatewayOptions> = {}): Promise<Gateway[]> {
  const first = await world.gateway(options, "g0"), gateways = [first];
  for (let i = 1; i < count; i++) {
    gateways.push(await world.gateway({ ...options, bootstrap: [first.ticket] }, `g${i}`));
  }
  await world.run(5_000);
  return gateways;
}

function provider(of: Mesh, world: World): VerifiedRecord {
  const now = world.timers.now(), head = { realm: parseRealm(REALM), sequence: now, expiresAt: now + 300_000 };
  return signRecord(of["self"].identity, { kind: "provider", ...head, procedure: parseProcedure("math.add") });
}

/** Who is found as a provider. */
async function providers(by: Mesh, world: World): Promise<string[]> {
  const asked = by["node"].dht<RecordsFound>({ type: "findValue", key: MATH_ADD });
  return (await world.passing(asked.answer)).records.map(({ node }) => node);
}

/** The ids that a node finds closest to an id, itself not among them. */
async function closest(by: Mesh, target: Mesh, world: World): Promise<string[]> {
  const asked = by["node"].dht<NodesFound>({ type: "findNode", target: target["self"].identity.idBytes });
  return (await world.passing(asked.answer)).nodes.map(({ node }) => node);
}

const known = (gateways: readonly Gateway[]) => gateways.map((one) => one.stats().routingTable);
/** How many links there are between two gateways, as both see it. */
const linksBetween = (
  a: Gateway,
  b: Gateway,
) => [a.links().filter(({ node }) => node === b.id).length, b.links().filter(({ node }) => node === a.id).length];

/** As after SIGKILL: nothing comes from the host any more. */
async function kill(world: World, gateway: Gateway, hostname: string, others: readonly string[]): Promise<void> {
  for (const other of others) world.network.cut(hostname, other);
  await world.passing(gateway.close());
  await world.run(16_000);
  for (const other of others) world.network.heal(hostname, other);
}

Deno.test("five gateways that were told of one know each other, and are one hash table", async () => {
  await using world = new World();
  const gateways = await mesh(world, 5);
  assert.deepEqual(known(gateways), [4, 4, 4, 4, 4]);
  assert.deepEqual(gateways.map(({ status }) => status), Array(5).fill("connected"));
  assert.equal((await closest(gateways[3]!, gateways[4]!, world))[0], gateways[4]!.id);
  const [a, b] = [await world.edge(gateways[1]!.ticket), await world.edge(gateways[2]!.ticket)];
  const stored = await world.passing(
    gateways[3]!["node"].dht<Stored>({
      type: "publish",
      record: provider(gateways[3]!, world),
    }).answer,
  );
  assert.deepEqual(stored, { confirmed: 5, asked: 5 });
  assert.deepEqual(await providers(gateways[4]!, world), [gateways[3]!.id]);
  assert.deepEqual(await providers(b, world), [gateways[3]!.id], "an edge finds it through its hub");
  assert.deepEqual((await closest(b, gateways[4]!, world))[0], gateways[4]!.id);
  await world.passing(a["node"].dht({ type: "publish", record: provider(a, world) }).answer);
  assert.deepEqual((await providers(b, world)).sort(), [gateways[3]!.id, a.id].sort());
  assert.deepEqual(gateways.map((one) => one.stats().records), [2, 2, 2, 2, 2]);
  assert.deepEqual(gateways.map((one) => one.clients().length), [0, 1, 1, 0, 0], "hubs are no clients");
  assert.deepEqual(gateways.map((one) => one.stats().clients), [0, 1, 1, 0, 0]);
});

Deno.test("a killed gateway disappears from the tables; restarted at the same place it comes back", async () => {
  await using world = new World();
  const gateways = await mesh(world, 3), [first, second, third] = gateways;
  await kill(world, third!, "g2", ["g0", "g1"]);
  await world.run(240_000);
  assert.deepEqual(known([first!, second!]), [1, 1]);
  const again = await world.gateway({ bootstrap: [first!.ticket] }, "g2");
  assert.equal(again.id, third!.id);
  await world.run(5_000);
  assert.deepEqual(known([first!, second!, again]), [2, 2, 2]);
});

Deno.test("a gateway's own record says where it is, and is renewed before it expires", async () => {
  await using world = new World();
  const gateways = await mesh(world, 2), [first, second] = gateways;
  const recordOf = async (of: Gateway, by: Gateway) => {
    const asked = by["node"].dht<NodesFound>({ type: "findNode", target: of["self"].identity.idBytes });
    return (await world.passing(asked.answer)).nodes.find(({ node }) => node === of.id)!;
  };
  const before = await recordOf(second!, first!), ttlMs = 3_600_000;
  assert.deepEqual([before.endpoints, before.role, before.realm], [["https://g1:9443"], "hub", REALM]);
  assert.equal(before.expiresAt - world.timers.now() <= ttlMs, true);
  await world.run(1.2 * ttlMs);
  assert.deepEqual(known(gateways), [1, 1]);
  const after = await recordOf(second!, first!);
  assert.equal(after.sequence > before.sequence && after.expiresAt > world.timers.now(), true);
});

Deno.test("a provider's ttl is the life of the record: renewed while it is served, forgotten when its gateway dies", async () => {
  for (const [ttl, left] of [[60_000, 0], [undefined, 1]] as const) {
    await using world = new World();
    const gateways = await mesh(world, 3), [first, second] = gateways;
    const edge = await world.edge(second!.ticket, {}, "e1");
    const lifeMs = async () => {
      const asked = first!["node"].dht<RecordsFound>({ type: "findValue", key: MATH_ADD });
      return Math.max(...(await world.passing(asked.answer)).records.map((one) => one.expiresAt - world.timers.now()));
    };
    const service = await world.passing(edge.advertise("math.add", () => 1, { ttl }));
    const whole = ttl ?? 300_000, one = await lifeMs();
    assert(one > whole - 5_000 && one <= whole, `${one} ms of ${whole}`);
    await world.run(1_200_000);
    const later = await lifeMs();
    assert(later > whole / 2 - 5_000 && later <= whole, `renewed: ${later} ms of ${whole}`);
    // A shorter one of another provider counts for the gateway's one record; with it goes what it wanted.
    const other = await world.edge(second!.ticket, {}, "e2");
    const brief = await world.passing(other.advertise("math.add", () => 2, { ttl: 60_000 }));
    await world.run(1_000);
    assert(await lifeMs() <= 60_000);
    await world.passing(brief.close());
    await world.run(5_000);
    const back = await lifeMs();
    assert(
      back > Math.min(whole, 100_000) / 2 - 5_000 && back > whole - 10_000 - (ttl === undefined ? 0 : 60_000),
      `${back}`,
    );
    await kill(world, second!, "g1", ["g0", "g2", "e1", "e2"]);
    await world.run(60_000);
    assert.equal((await providers(first!, world)).length, left, `ttl ${ttl}`);
    await world.passing(service.close());
  }
});

Deno.test("a ttl that is none is refused by name, before anything is told", async () => {
  await using world = new World();
  const { ticket } = await world.gateway(), edge = await world.edge(ticket);
  for (const ttl of [59_999, 540_001, 60_000.5, NaN, Infinity, -1, 0, "300000" as never, null as never]) {
    const message = `Cannot advertise: ttl is an integer from 60000 to 540000 ms, got ${ttl}`;
    await assert.rejects(edge.advertise("math.add", () => 1, { ttl }), { name: "ValidationError", message });
  }
  assert.deepEqual(edge.services(), []);
});

Deno.test("a gateway's labels stand in its record, and are renewed with it", async () => {
  await using world = new World();
  const first = await world.gateway({}, "g0"), labels = { site: "cellar", rack: "7" };
  const second = await world.gateway({ bootstrap: [first.ticket], labels }, "g1");
  await world.run(5_000);
  for (const ms of [0, 1.2 * 3_600_000]) {
    await world.run(ms);
    const asked = first["node"].dht<NodesFound>({ type: "findNode", target: second["self"].identity.idBytes });
    const record = (await world.passing(asked.answer)).nodes.find(({ node }) => node === second.id)!;
    assert.deepEqual(record.labels, new Map(Object.entries(labels)));
  }
});

Deno.test("the one that all were told of comes back, too: they dial it for ever", async () => {
  await using world = new World();
  const [first, second, third] = await mesh(world, 3);
  await kill(world, first!, "g0", ["g1", "g2"]);
  await world.run(600_000);
  assert.deepEqual(known([second!, third!]), [1, 1]);
  assert.deepEqual([second!.status, third!.status], ["connected", "connected"]);
  const again = await world.gateway({}, "g0");
  await world.run(60_000);
  assert.deepEqual(known([again, second!, third!]), [2, 2, 2]);
  assert.deepEqual(linksBetween(again, second!), [1, 1]);
});

Deno.test("gateways that dial each other keep one link each, that of the smaller id, and pass over their own ticket", async () => {
  await using world = new World({ latencyMs: () => 50 }); // all dial before any has arrived
  const hosts = ["g0", "g1", "g2"], before = await Promise.all(hosts.map((host) => world.gateway({}, host)));
  const tickets = before.map(({ ticket }) => ticket), gateways: Gateway[] = [];
  await Promise.all(before.map((one) => world.passing(one.close())));
  for (const host of hosts) gateways.push(await world.gateway({ bootstrap: tickets }, host));
  let most = 0;
  for (const one of gateways) one.addEventListener("peerup", () => most = Math.max(most, one.links().length));
  await world.run(30_000);
  assert.equal(most, 4, "there were two links between each two");
  assert.deepEqual(known(gateways), [2, 2, 2]);
  const [a, b, c] = gateways as [Gateway, Gateway, Gateway];
  for (const [one, other] of [[a, b], [b, c], [a, c]] as const) {
    assert.deepEqual(linksBetween(one, other), [1, 1]);
    const [smaller, larger] = one.id < other.id ? [one, other] : [other, one];
    assert.equal(smaller["node"].links.to(larger.id)!.dialled, true);
  }
});

Deno.test("two meshes become one when one of their gateways is told of another", async () => {
  await using world = new World();
  const [a0, a1] = await mesh(world, 2);
  const b0 = await world.gateway({}, "h0"), b1 = await world.gateway({ bootstrap: [b0.ticket] }, "h1");
  await world.run(5_000);
  assert.deepEqual(known([a0!, a1!, b0, b1]), [1, 1, 1, 1]);
  await world.passing(b1.close());
  const again = await world.gateway({ bootstrap: [b0.ticket, a1!.ticket] }, "h1");
  await world.run(30_000);
  assert.deepEqual(known([again]), [3]);
  assert.equal((await closest(b0, a0!, world))[0], a0!.id);
  assert.equal((await closest(a0!, b0, world))[0], b0.id);
  assert.deepEqual(known([a0!, b0]), [3, 3], "who has looked knows who has answered");
});

Deno.test("a gateway of another realm, or nobody: told once, never fatal, and over when it is cured", async () => {
  await using world = new World();
  const warnings: string[] = [], logger = { debug() {}, info() {}, error() {}, warn };
  function warn(message: string, fields?: Readonly<Record<string, unknown>>) {
    warnings.push(`${message}: ${fields?.["code"]}`);
  }
  const other = await world.gateway({ realm: "org.example.other" }, "g0");
  const gateway = await world.gateway({ bootstrap: [other.ticket], logger }, "g1");
  await world.run(300_000);
  assert.deepEqual([gateway.status, warnings], ["connected", ["cannot join a gateway, trying again: wrong_realm"]]);
  await world.passing(other.close());
  await world.run(300_000);
  assert.deepEqual(warnings.slice(1), ["cannot join a gateway, trying again: unreachable"]);
  const cured = await world.gateway({}, "g0");
  await world.run(60_000);
  assert.deepEqual([known([gateway, cured]), warnings.length], [[1, 1], 2]);
  const bad = { code: "invalid", message: /^Cannot connect: a ticket \(macula1…\), .* got "nonsense"$/ };
  await assert.rejects(world.gateway({ bootstrap: ["nonsense"] }, "g2"), bad);
  await assert.rejects(world.gateway({ bootstrap: Array(65).fill(cured.ticket) }, "g2"), /at most 64 gateways, got 65/);
});

/** From now on the gateway's node hears nothing that is for the hash table. */
function swallow(gateway: Gateway): void {
  const node = gateway["node"], received = node.received.bind(node);
  node.received = (link, message) => {
    if (!/^(find|store)/.test(message.kind)) received(link, message);
  };
}

Deno.test("events and calls keep their latency while every query of the hash table hangs", async () => {
  await using world = new World({ latencyMs: () => 10 });
  const [first, ...others] = await mesh(world, 4);
  const a = await world.edge(first!.ticket), b = await world.edge(first!.ticket), events = a.subscribe("x");
  await world.passing(events.ready);
  await world.passing(a.advertise("echo", (args) => args));
  let lastEvent = 0;
  void (async () => {
    for await (const _ of events) lastEvent = world.timers.now();
  })();
  const measured = async () => {
    const start = world.timers.now(), call = b.call("echo", 1).then(() => world.timers.now() - start);
    await b.publish("x", 1);
    await world.run(1_000);
    return [await call, lastEvent - start];
  };
  const before = await measured();
  assert.deepEqual(before, [40, 20], "four ways and two");
  for (const one of others) swallow(one);
  const hanging = Array.from({ length: 200 }, (_, i) => {
    const target = new Uint8Array(32).fill(i), from = i % 2 === 0 ? first! : b;
    return from["node"].dht<NodesFound>({ type: "findNode", target }).answer.then(() => "done", ({ code }) => code);
  });
  const stored = b["node"].dht<Stored>({ type: "publish", record: provider(b, world) }).answer.catch(() => {});
  await world.run(100);
  let settled = 0;
  for (const one of hanging) one.then(() => settled++);
  assert.deepEqual(await measured(), before);
  assert.equal(settled < 200 && first!.stats().routingTable === 3, true, "they do hang");
  await world.passing(Promise.all([stored, ...hanging]), 120_000);
});

Deno.test("gateways of a realm with a token join; who has another token is told so, and is no part of it", async () => {
  await using world = new World();
  const token = toHex(seededRandom("token").bytes(32)), other = toHex(seededRandom("other").bytes(32));
  const gateways = await mesh(world, 3, { admission: { mode: "token", token } }), warnings: unknown[] = [];
  assert.deepEqual(known(gateways), [2, 2, 2]);
  const logger = {
    ...SILENT,
    warn: (_: string, fields?: Readonly<Record<string, unknown>>) => void warnings.push(fields?.["code"]),
  };
  const bootstrap = gateways.map(({ ticket }) => ticket);
  const stranger = await world.gateway({ admission: { mode: "token", token: other }, bootstrap, logger }, "g3");
  await world.run(60_000);
  assert.deepEqual([known([...gateways, stranger]), warnings], [[2, 2, 2, 0], ["bad_token", "bad_token", "bad_token"]]);
});

Deno.test("who leaves while it dials and looks up leaves no timer and no link behind", async () => {
  const world = new World({ latencyMs: () => 20 });
  const gateways = await mesh(world, 3);
  const late = await world.gateway({ bootstrap: gateways.map(({ ticket }) => ticket) }, "g3");
  const lookup = late["node"].dht({ type: "findNode", target: new Uint8Array(32) }).answer.catch(({ code }) => code);
  await world.run(30); // its dials are on their way
  await world.passing(Promise.all([late, ...gateways].map((one) => one.close())));
  await lookup;
  await world.run(60_000);
  assert.deepEqual([late, ...gateways].map((one) => one.links().length), [0, 0, 0, 0]);
  assert.equal(world.timers.outstanding, 0);
});
