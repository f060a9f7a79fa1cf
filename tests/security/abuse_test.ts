/** Clients that do too much, in virtual time: what happens at each bound, and that nobody else notices. @module */

import assert from "node:assert/strict";
import type { AuditEntry } from "../../mod.ts";
import { AUDIT_RATES } from "../../src/link/admission/audit.ts";
import { Throttle } from "../../src/link/admission/throttle.ts";
import { NOTICES_PER_SECOND_MAX } from "../../src/pubsub/clients.ts";
import { REALM, take, World } from "../node/world.ts";
import { ManualTimers } from "../transport/manual_timers.ts";
import { credentialOf, identity, realmKey } from "./world.ts";

const HUB = identity(100);

Deno.test("abuse: who sends too many frames is read more slowly, loses nothing and keeps its link", async () => {
  await using world = new World();
  const gateway = await world.gateway({ limits: { framesPerClientPerSecond: 50 } });
  const flood = await world.edge(gateway.ticket), calm = await world.edge(gateway.ticket);
  const heard = gateway.subscribe<number>("flood"), other = gateway.subscribe("calm");
  await world.passing(Promise.all([heard.ready, other.ready]));
  for (let i = 0; i < 300; i++) void flood.publish("flood", i);
  await world.run(0);
  assert(heard.received >= 45 && heard.received <= 55, `a second's worth at once, got ${heard.received}`);
  await calm.publish("calm", 1);
  await world.run(0);
  assert.equal(other.received, 1, "nobody else waits");
  await world.run(1_000);
  assert(heard.received >= 90 && heard.received <= 110, `and as much each second, got ${heard.received}`);
  await world.run(5_000);
  const all = await world.passing(take(heard, 300));
  assert.deepEqual(all.map(({ data }) => data), Array.from({ length: 300 }, (_, i) => i), "nothing is lost");
  assert.deepEqual([flood.status, gateway.clients().length], ["connected", 2]);
  assert((gateway.stats().refused["too_fast"] ?? 0) >= 4, "each pause is counted");
});

Deno.test("abuse: who sends too many bytes likewise, also in few large frames", async () => {
  await using world = new World();
  const gateway = await world.gateway({ limits: { bytesPerClientPerSecond: 100_000 } });
  const flood = await world.edge(gateway.ticket), heard = gateway.subscribe("flood");
  await world.passing(heard.ready);
  for (let i = 0; i < 20; i++) void flood.publish("flood", new Uint8Array(50_000));
  await world.run(0);
  assert(heard.received <= 8, `got ${heard.received}`);
  await world.run(3_000);
  assert(heard.received < 20, `got ${heard.received}`);
  await world.run(10_000);
  assert.deepEqual([heard.received, flood.status], [20, "connected"]);
});

Deno.test("abuse: the throttle is never further over than what came at once, and looks at the clock when it must", async () => {
  const timers = new ManualTimers();
  let pauses = 0, looks = 0;
  const counted = { after: timers.after.bind(timers), now: () => (looks++, timers.now()) };
  const throttle = new Throttle({ framesPerSecond: 100, bytesPerSecond: 1_000 }, counted, () => void pauses++);
  looks = 0;
  for (let i = 0; i < 100; i++) {
    throttle.frame();
    assert.equal(throttle.pause(), undefined);
  }
  assert.equal(looks, 0);
  throttle.frame();
  const pause = throttle.pause();
  assert(pause !== undefined && throttle.pause() === pause, "one pause for all streams of a link");
  await timers.run(10);
  await pause;
  assert.deepEqual([throttle.pause(), pauses], [undefined, 1]);
  throttle.read(3_000);
  const long = throttle.pause()!;
  let over = false;
  long.then(() => over = true);
  await timers.run(1_900);
  assert.equal(over, false);
  await timers.run(200);
  assert.equal(over, true);
  await timers.run(60_000);
  let burst = 0;
  for (; throttle.pause() === undefined; burst++) throttle.frame();
  assert(burst > 100 && burst <= 202, `what was not used for long counts for two seconds at most, got ${burst}`);
});

Deno.test("abuse: a flood of what is not allowed costs its sender, not the log, the disk or the others", async () => {
  await using world = new World();
  const audited: AuditEntry[] = [], from = world.timers.now(), rights = { rights: { publish: ["a"] } };
  const issue = (node: typeof HUB, wish: object) => credentialOf(node, { realm: REALM, from, ...wish });
  const gateway = await world.gateway({
    identity: HUB,
    admission: { mode: "credential", realmKey: realmKey.publicKey },
    auth: { credential: await issue(HUB, { role: "hub" }) },
    audit: (entry) => void audited.push(entry),
  });
  const connect = async (seed: number, wish: object) => {
    const auth = { credential: await issue(identity(seed), wish) };
    return await world.edge(gateway.ticket, { identity: identity(seed), auth });
  };
  const flood = await connect(1, rights), other = await connect(2, {});
  const heard = other.subscribe("**");
  await world.passing(heard.ready);
  let told = 0;
  flood.addEventListener("refused", () => void told++);
  for (let i = 0; i < 5_000; i++) void flood.publish(`forbidden.t${i}`, 1);
  await world.run(1);
  await world.passing(flood.publish("a", "allowed", { acknowledge: true }));
  assert.equal(gateway.stats().refused["not_allowed"], 5_000, "all are counted");
  assert.equal(told, NOTICES_PER_SECOND_MAX, "the publisher is told of some");
  const lines = audited.filter(({ action }) => action === "publish").length;
  assert(lines <= AUDIT_RATES.perSourceBurst, `the log has ${lines}`);
  assert.equal((await world.passing(take(heard, 1)))[0]?.data, "allowed");
  assert.equal(flood.status, "connected");
});

Deno.test("abuse: subscriptions and procedures of one client are bounded, with the rule", async () => {
  await using world = new World();
  const gateway = await world.gateway({ limits: { subscriptionsPerClientMax: 3 } });
  const mesh = await world.edge(gateway.ticket);
  const held = ["a", "b", "c"].map((pattern) => mesh.subscribe(pattern));
  await world.passing(Promise.all(held.map(({ ready }) => ready)));
  await world.passing(assert.rejects(mesh.subscribe("d").ready, {
    code: "too_many_subscriptions",
    message: "Cannot subscribe: a client has at most 3 patterns, got 4",
  }));
  assert.equal(gateway.stats().refused["too_many_subscriptions"], 1);
  await world.passing(held[0]!.close());
  await world.passing(mesh.subscribe("d").ready);
});
