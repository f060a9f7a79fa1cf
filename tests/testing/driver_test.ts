/** When virtual time moves and when it does not, and what is said where somebody waits in vain. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { simulateMesh } from "@macula/mesh/testing";
import { Driver, OPERATION_MS_MAX } from "../../src/testing/driver.ts";
import { START_MS, VirtualClock } from "../../src/testing/virtual_clock.ts";
import { until } from "../conformance/deadline.ts";

function driven(eventsMax = 1_000) {
  const clock: VirtualClock = new VirtualClock(() => driver.nudge());
  const driver = new Driver(clock, { eventsMax, describe: () => "a description" });
  return { clock, driver, passed: () => clock.now() - START_MS };
}

Deno.test("virtual clock: what is due comes by time, then in the order it was asked for; what is cancelled does not", () => {
  fc.assert(fc.property(fc.array(fc.tuple(fc.nat(20), fc.boolean()), { maxLength: 50 }), (timers) => {
    const clock = new VirtualClock(), done: number[] = [];
    const cancels = timers.map(([ms], i) => clock.after(ms, () => done.push(i)));
    timers.forEach(([, isKept], i) => isKept || cancels[i]!());
    const kept = timers.map(([ms, isKept], i) => ({ ms, isKept, i })).filter(({ isKept }) => isKept);
    assert.equal(clock.pending, kept.length);
    while (clock.nextAt < Infinity) clock.step();
    assert.deepEqual(done, kept.sort((a, b) => a.ms - b.ms || a.i - b.i).map(({ i }) => i));
    assert.equal(clock.now() - START_MS, Math.max(0, ...kept.map(({ ms }) => ms)));
    assert.equal(clock.pending, 0);
  }));
});

Deno.test("virtual clock: what was cancelled does not pile up", () => {
  const clock = new VirtualClock();
  const kept = clock.after(1_000_000, () => {});
  for (let i = 0; i < 100_000; i++) clock.after(500_000, () => {})();
  assert.equal(clock.pending, 1);
  kept();
  assert.equal(clock.nextAt, Infinity);
});

Deno.test("driver: upkeep alone moves nothing, what is under way does", async () => {
  const { clock, driver, passed } = driven(), done: string[] = [];
  clock.after(100, () => done.push("upkeep"));
  clock.after(5_000, () => done.push("late upkeep"));
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(done, []);
  await new Promise<void>((resolve) => void clock.underWay.after(1_000, resolve));
  assert.deepEqual(done, ["upkeep"], "upkeep happens as time passes");
  assert.equal(passed(), 1_000);
  await driver.close();
});

Deno.test("driver: promises settle between two events of one moment", async () => {
  const { clock, driver } = driven(), order: string[] = [];
  for (const name of ["a", "b"]) {
    clock.after(10, async () => {
      order.push(name);
      for (let i = 0; i < 50; i++) await undefined;
      order.push(`${name} later`);
    });
  }
  await driver.advance(10);
  assert.deepEqual(order, ["a", "a later", "b", "b later"]);
  await driver.close();
});

Deno.test("driver: several wait at once, each as long as it wants", async () => {
  const { clock, driver, passed } = driven(), at: Record<string, number> = {};
  let ticks = 0;
  const tick = () => clock.after(10, () => (ticks++, tick()));
  tick();
  await Promise.all([
    driver.advance(35).then(() => at.short = passed()),
    driver.advance(100).then(() => at.long = passed()),
    driver.until("five ticks", 1_000, () => ticks === 5).then(() => at.ticks = passed()),
  ]);
  assert.deepEqual(at, { short: 35, long: 100, ticks: 50 });
  assert.equal(ticks, 10);
  await driver.close();
});

Deno.test("driver: time stands still for what is outside", async () => {
  const { clock, driver, passed } = driven(), outside = Promise.withResolvers<string>();
  const held = driver.outside(outside.promise), over = driver.advance(1_000);
  clock.underWay.after(10, () => {});
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(passed(), 0);
  outside.resolve("there");
  assert.equal(await held, "there");
  await over;
  assert.equal(passed(), 1_000);
  await driver.close();
});

Deno.test("driver: who waits in vain is told what for, why no longer, and what is going on", async () => {
  const { clock, driver } = driven(1_000);
  await assert.rejects(driver.until("a miracle", 1_000, () => false), {
    name: "TimeoutError",
    message: "Cannot wait any longer for a miracle: nothing is left to happen, got after 1000 ms of virtual time: " +
      "a description",
  });
  const tick = () => void clock.after(100, tick);
  tick();
  await assert.rejects(driver.until("a miracle", 1_000, () => false), /: 1000 ms are over, got after 1000 ms/);
  await assert.rejects(driver.run("it", 1_000, new Promise(() => {})), /for it: 1000 ms are over/);
  const spin = () => void clock.after(0, spin);
  spin();
  await assert.rejects(driver.advance(1_000), /for 1000 ms to pass: 1000 events are over/);
  await assert.rejects(driver.until("x", 1, () => assert.fail("a broken condition")), /a broken condition/);
  await driver.close();
  await assert.rejects(driver.advance(1), { code: "closed" });
});

Deno.test("driver: an operation moves time, but not for ever", async () => {
  const { clock, driver, passed } = driven();
  const tick = () => void clock.after(1_000, tick);
  tick();
  const never = driver.operation("a call", new Promise<void>(() => {}));
  never.catch(() => {});
  await until(() => passed() >= OPERATION_MS_MAX, "the end of its time");
  for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
  assert.equal(passed(), OPERATION_MS_MAX);
  assert.deepEqual(driver.operations.map(({ what }) => what), ["a call"]);
  await driver.close();
});

Deno.test("world: the error of a vain wait shows the state of the mesh", async () => {
  await using world = await simulateMesh();
  const alice = await world.connect({ name: "alice" });
  world.partition(alice);
  await assert.rejects(world.until(() => alice.status === "connecting", { within: 40_000 }), (error: Error) => {
    assert.match(
      error.message,
      /^Cannot wait any longer for alice.status === "connecting": 40000 ms are over, got after /,
    );
    assert.match(error.message, /\d+ timers, the next in \d+ ms; 0 messages on their way; 0 ends of links;/);
    assert.match(error.message, /nodes: alice is degraded; cut: alice to gateway-0, gateway-0 to alice$/);
    return true;
  });
  const { signal } = new AbortController();
  await assert.rejects(world.run(() => alice.publish("a.b", 1, { acknowledge: true, signal }), { within: 1_000 }), {
    message: /open: publish of alice for 1000 ms/,
  });
});

Deno.test("world: bad options are refused", async () => {
  await assert.rejects(simulateMesh({ gateways: -1 }), { code: "invalid" });
  await assert.rejects(simulateMesh({ profile: "string and tins" as "lan" }), /one of lan, wifi/);
  await using world = await simulateMesh();
  await world.connect({ name: "alice" });
  await assert.rejects(world.connect({ name: "alice" }), /its name must be new, got alice/);
  world.slow(world.gateways[0]!, 60_000);
  await assert.rejects(world.connect({ name: "bob", timeout: 1_000 }), { code: "unreachable" });
  world.slow(world.gateways[0]!, 0);
  await world.connect({ name: "bob" }); // whoever failed to come may try again
  await assert.rejects(world.advance(-1), { code: "invalid" });
});

Deno.test("world: a test that fails in the middle leaves nothing behind", async () => {
  const failing = async () => {
    await using world = await simulateMesh({ gateways: 2 });
    const [alice, bob] = [await world.connect(), await world.connect()];
    await bob.advertise("never", () => new Promise(() => {}));
    alice.call("never", {}, { timeout: 300_000 }).catch(() => {});
    void world.outside(new Promise(() => {}));
    world.partition(alice);
    throw new Error("the test's own");
  };
  await assert.rejects(failing(), /the test's own/);
});
