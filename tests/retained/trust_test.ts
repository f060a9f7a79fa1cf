/** Retained events where the realm asks for credentials: who may retain, who gets them, and by what they are believed. @module */

import assert from "node:assert/strict";
import type { Gateway } from "../../src/gateway/gateway.ts";
import type { Mesh } from "../../src/mesh/mesh.ts";
import type { Identity } from "../../src/identity/mod.ts";
import { credentialOf, identity, REALM, realmKey, type Wish } from "../security/world.ts";
import { World } from "../node/world.ts";

const RETAIN = { qos: 1, retain: true } as const, HOUR_MS = 3_600_000, QUARTER_MS = 15 * 60_000;
const ALICE = identity(1), BOB = identity(2), CAROL = identity(3);

/** Gateways of one realm with credentials, each told of the first. */
class Secure {
  readonly world = new World();
  readonly revoked = new Set<string>();
  readonly gateways: Gateway[] = [];

  async start(count: number): Promise<this> {
    for (let i = 0; i < count; i++) {
      const hub = identity(100 + i), isRevoked = (id: string) => this.revoked.has(id);
      const options = {
        realm: REALM,
        identity: hub,
        admission: { mode: "credential", realmKey: realmKey.publicKey, isRevoked },
        auth: { credential: await this.credential(hub, { role: "hub", lifeMs: 48 * HOUR_MS }) },
        ...i === 0 ? {} : { bootstrap: [this.gateways[0]!.ticket] },
      } as const;
      this.gateways.push(await this.world.gateway(options, `g${i}`));
    }
    await this.world.run(5_000);
    return this;
  }

  credential(node: Identity, wish: Wish = {}): Promise<string> {
    return credentialOf(node, { from: this.world.timers.now(), lifeMs: 24 * HOUR_MS, ...wish });
  }

  async edge(at: number, node: Identity, wish: Wish = {}): Promise<Mesh> {
    const credential = await this.credential(node, wish);
    return await this.world.edge(this.gateways[at]!.ticket, { identity: node, auth: { credential } });
  }

  /** What a subscription that begins now gets. */
  async kept(mesh: Mesh, pattern: string): Promise<(readonly [unknown, string, boolean])[]> {
    const got: (readonly [unknown, string, boolean])[] = [], subscription = mesh.subscribe(pattern);
    const reading = (async () => {
      for await (const { data, proof, retained } of subscription) got.push([data, proof, retained]);
    })();
    await this.world.passing(subscription.ready);
    await this.world.run(3_000);
    await this.world.passing(subscription.close());
    await reading;
    return got;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.world[Symbol.asyncDispose]();
  }
}

Deno.test("retained, trust: believed like a live event, at every gateway, also long after its publisher has left", async () => {
  await using realm = await new Secure().start(3);
  const { world, gateways } = realm, alice = await realm.edge(0, ALICE), bob = await realm.edge(0, BOB);
  const carol = await realm.edge(2, CAROL);
  await world.passing(alice.publish("door", "open", RETAIN));
  await world.passing(alice.publish("signed", 1, { ...RETAIN, sign: true }));
  await world.passing(gateways[0]!.publish("hub", "up", RETAIN));
  await world.passing(alice.close());
  for (const later of [0, 2 * QUARTER_MS]) { // her statement that she is attached holds a quarter of an hour
    await world.run(later);
    assert.deepEqual(await realm.kept(bob, "door"), [["open", "link", true]]);
    assert.deepEqual(await realm.kept(carol, "door"), [["open", "hub", true]]);
    assert.deepEqual(await realm.kept(carol, "signed"), [[1, "signature", true]]);
    assert.deepEqual((await realm.kept(carol, "hub")).map(([data]) => data), ["up"]);
    assert.deepEqual(await realm.kept(gateways[0]!, "door"), [["open", "link", true]]);
    assert.deepEqual(await realm.kept(gateways[1]!, "door"), [["open", "link", true]], "her hub says so itself");
  }
  const late = await realm.edge(1, identity(4));
  assert.deepEqual(await realm.kept(late, "door"), [["open", "hub", true]]);
  assert.deepEqual([gateways[1]!, gateways[2]!].map((one) => one.stats().refused), [{}, {}]);
});

Deno.test("retained, trust: who may not publish may not retain, who may not subscribe does not get it", async () => {
  await using realm = await new Secure().start(1);
  const rights = { publish: ["own.*"], subscribe: ["own.*"], call: [], advertise: [] }, { world, gateways } = realm;
  const alice = await realm.edge(0, ALICE), bob = await realm.edge(0, BOB, { rights });
  await world.passing(alice.publish("secret", 1, RETAIN));
  await assert.rejects(world.passing(bob.publish("secret", 2, RETAIN)), { code: "not_allowed" });
  await assert.rejects(world.passing(bob.subscribe("**").ready), { code: "not_allowed" });
  assert.deepEqual(await realm.kept(bob, "own.*"), []);
  assert.deepEqual(await realm.kept(alice, "**"), [[1, "link", true]]);
  assert.equal(gateways[0]!.stats().retained?.topics, 1);
});

Deno.test("retained, trust: what was published by who is revoked, or whose credential has ended, is given out no more", async () => {
  await using realm = await new Secure().start(2);
  const { world, gateways } = realm, alice = await realm.edge(0, ALICE, { id: "lost" });
  const short = await realm.edge(0, BOB, { lifeMs: QUARTER_MS }),
    carols = [realm.edge(0, CAROL), realm.edge(1, CAROL)];
  await world.passing(alice.publish("a", 1, RETAIN));
  await world.passing(short.publish("b", 2, RETAIN));
  await world.passing(short.close());
  for (const carol of carols) assert.equal((await realm.kept(await carol, "*")).length, 2);
  realm.revoked.add("lost");
  for (const gateway of gateways) gateway.recheck();
  for (const carol of carols) assert.deepEqual((await realm.kept(await carol, "*")).map(([data]) => data), [2]);
  await world.run(QUARTER_MS + 120_000);
  for (const carol of carols) assert.deepEqual(await realm.kept(await carol, "*"), []);
  assert.equal(gateways[0]!.stats().retained?.topics, 0, "nor kept");
});

Deno.test("retained, trust: who comes back with a fresh credential keeps alive what it has published", async () => {
  await using realm = await new Secure().start(1);
  const { world } = realm, first = await realm.edge(0, ALICE, { lifeMs: HOUR_MS }), bob = await realm.edge(0, BOB);
  await world.passing(first.publish("a", 1, RETAIN));
  await world.passing(first.close());
  await world.passing((await realm.edge(0, ALICE, { lifeMs: 4 * HOUR_MS })).close());
  await world.run(2 * HOUR_MS);
  // Nobody has told bob of the fresh credential: she has not spoken since.
  assert.deepEqual(await realm.kept(bob, "a"), []);
  const again = await realm.edge(0, ALICE, { lifeMs: 4 * HOUR_MS });
  await world.passing(again.publish("other", 1, { qos: 1 }));
  assert.deepEqual(await realm.kept(bob, "a"), [[1, "link", true]]);
});
