/** The hash table in real nodes: what edges ask their hub for. @module */

import assert from "node:assert/strict";
import type { Stored } from "../../src/dht/mod.ts";
import type { RecordsFound } from "../../src/dht/messages.ts";
import { createIdentity, recordKey, signRecord, type Statement, type VerifiedRecord } from "../../src/identity/mod.ts";
import type { Mesh } from "../../src/mesh/mesh.ts";
import { parseProcedure, parseRealm } from "../../src/names/mod.ts";
import { REALM, World } from "./world.ts";

const MATH_ADD = recordKey(parseRealm(REALM), "provider", "math.add");

/** What a mesh's own node says of `math.add`. */
function provider(mesh: Mesh, world: World, more: Partial<Statement> = {}): VerifiedRecord {
  const now = world.timers.now();
  return signRecord(mesh["self"].identity, {
    kind: "provider",
    realm: parseRealm(REALM),
    procedure: parseProcedure("math.add"),
    sequence: now,
    expiresAt: now + 300_000,
    ...more as object,
  });
}

/** The nodes that a mesh finds as providers. */
async function providers(mesh: Mesh, world: World): Promise<string[]> {
  const asked = mesh["node"].dht<RecordsFound>({ type: "findValue", key: MATH_ADD });
  return (await world.passing(asked.answer)).records.map(({ node }) => node);
}

Deno.test("an edge stores its record at its hub, another one finds it, and it is renewed until it is withdrawn", async () => {
  await using world = new World();
  const gateway = await world.gateway(), a = await world.edge(gateway.ticket), b = await world.edge(gateway.ticket);
  const record = provider(a, world);
  const stored = await world.passing(a["node"].dht<Stored>({ type: "publish", record }).answer);
  assert.deepEqual(stored, { confirmed: 1, asked: 1 });
  assert.deepEqual(await providers(b, world), [a.id]);
  assert.equal(gateway.stats().records, 1);
  assert.equal(b.stats().records, undefined, "an edge holds nothing");
  await world.run(600_000);
  assert.deepEqual(await providers(b, world), [a.id], "long after the first one has expired");
  const withdrawn = provider(a, world, { withdrawn: true });
  await world.passing(a["node"].dht<Stored>({ type: "withdraw", record: withdrawn }).answer);
  assert.deepEqual(await providers(b, world), []);
  await world.run(600_000);
  assert.equal(gateway.stats().records, 0);
});

Deno.test("an edge stores nothing in another's name, nothing forged and nothing unsigned", async () => {
  await using world = new World();
  const gateway = await world.gateway(), a = await world.edge(gateway.ticket), b = await world.edge(gateway.ticket);
  const store = (record: VerifiedRecord) =>
    world.passing(b["node"].dht<Stored>({ type: "store", record }).answer).then(() => "stored", ({ code }) => code);
  const good = provider(a, world), own = provider(b, world);
  const forged = { ...own, signed: { body: own.signed.body, signature: new Uint8Array(64) } };
  assert.equal(await store(good), "not_the_publisher");
  assert.equal(await store(forged), "bad_signature");
  assert.equal(await store({ ...own, key: good.key.map((byte) => ~byte) }), "key_mismatch");
  assert.equal(gateway.stats().records, 0);
  const link = b.links()[0]!;
  b["node"].links.get(link.id)!.send({ kind: "store", key: good.key, value: new Map([["node_id", "x"]]) }, "control");
  await world.run(1_000);
  assert.equal(gateway.stats().records, 0);
});

Deno.test("who gives up hears nothing more, and the lookup ends", async () => {
  await using world = new World();
  const gateway = await world.gateway(), edge = await world.edge(gateway.ticket);
  const { id, answer } = edge["node"].dht({ type: "findValue", key: MATH_ADD });
  let settled = false;
  answer.finally(() => settled = true);
  edge["node"].giveUp(id, "dht");
  await world.run(60_000);
  assert.equal(settled, false);
});

Deno.test("an edge that says it is a hub's record fills no routing table", async () => {
  await using world = new World();
  const gateway = await world.gateway(), edge = await world.edge(gateway.ticket), now = world.timers.now();
  const statement = { kind: "node", realm: parseRealm(REALM), sequence: now, expiresAt: now + 60_000 } as const;
  const rest = { role: "hub", endpoints: ["https://edge1:9443"] } as const;
  for (const identity of [edge["self"].identity, createIdentity(new Uint8Array(32).fill(9))]) {
    const { key, signed } = signRecord(identity, { ...statement, ...rest });
    const link = edge["node"].links.all()[0]!, value = new Map(Object.entries(signed));
    for (const requestId of [undefined, 0, 5]) {
      link.send({ kind: "store", key, value, ...requestId === undefined ? {} : { requestId } }, "control");
    }
    const nodes = [{ address: "edge1:9443", nodeId: edge["self"].identity.idBytes, record: signed }];
    link.send({ kind: "findNodeReply", requestId: 1, nodes }, "control");
  }
  await world.run(10_000);
  assert.equal(gateway.stats().routingTable, 0);
});
