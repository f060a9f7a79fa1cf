/** Calls from handle to handle. @module */

import assert from "node:assert/strict";
import { type MeshError, NoProviderError, RemoteError, TimeoutError, ValidationError } from "../../src/base/errors.ts";
import type { CallContext } from "../../src/mesh/service.ts";
import { World } from "./world.ts";

/** A gateway and three edges. */
async function three(world: World) {
  const gateway = await world.gateway();
  const [a, b, c] = [
    await world.edge(gateway.ticket),
    await world.edge(gateway.ticket),
    await world.edge(gateway.ticket),
  ];
  return { gateway, a, b, c };
}

/** Throws with a code, or without. */
function thrown(code: string | undefined, text: string): never {
  throw code === undefined ? new Error(text) : Object.assign(new Error(text), { code });
}

Deno.test("calls: between edges, to the gateway, from the gateway, to oneself", async () => {
  await using world = new World();
  const { gateway, a, b } = await three(world);
  const add = ({ x, y }: { x: number; y: number }) => x + y;
  await a.advertise("math.add", add);
  await gateway.advertise("gate.add", add);
  const args = { x: 1, y: 2 };
  assert.equal(await b.call("math.add", args), 3);
  assert.equal(await b.call("gate.add", args), 3);
  assert.equal(await gateway.call("math.add", args), 3);
  assert.equal(await gateway.call("gate.add", args), 3);
  for (const strategy of ["local_first", "round_robin", "random", "first", "closest"] as const) {
    assert.equal(await a.call("math.add", args, { strategy }), 3, strategy);
  }
  const echoed = [null, [1, "zwei", null], "ü", Uint8Array.of(0, 255), new Uint8Array(300_000).fill(7)];
  await a.advertise("echo", (value) => value);
  for (const value of echoed) assert.deepEqual(await b.call("echo", value), value);
  assert.equal(await b.call("echo"), null);
  assert.deepEqual((await b.call<{ echo: unknown }>("com.macula.diagnostics.echo", { a: 1 })).echo, { a: 1 });
});

Deno.test("calls: a handler learns who calls, what, and how much time is left", async () => {
  await using world = new World();
  const { gateway, a, b } = await three(world), contexts: CallContext[] = [];
  await a.advertise("look", (_, context) => void contexts.push(context));
  await b.call("look", null, { timeout: 1_234 });
  await gateway.call("look");
  await b.cast("look");
  await world.run(0);
  assert.deepEqual(contexts.map(({ caller, procedure, timeLeft }) => [caller, procedure, timeLeft]), [
    [b.id, "look", 1_234],
    [gateway.id, "look", 5_000],
    [b.id, "look", undefined],
  ]);
  assert.equal(contexts[0]!.signal.aborted, false);
});

Deno.test("calls: nobody serves it: told at once", async () => {
  await using world = new World();
  const { gateway, a } = await three(world), before = world.timers.now();
  await assert.rejects(a.call("no.such"), (error) => error instanceof NoProviderError && error.retryable);
  await assert.rejects(gateway.call("no.such"), NoProviderError);
  assert.equal(world.timers.now(), before);
  assert.deepEqual(await a.discover("no.such"), []);
});

Deno.test("calls: a handler's failure comes back as code and message, never as a stack or a code of the mesh", async () => {
  await using world = new World();
  const { a, b } = await three(world);
  await a.advertise("fail", ({ code, text }: { code?: string; text: string }) => thrown(code, text));
  const error = await b.call("fail", { code: "out_of_milk", text: "none left" }).catch((error) => error);
  assert(error instanceof RemoteError);
  assert.deepEqual([error.code, error.message, error.retryable], ["out_of_milk", "none left", false]);
  assert(!JSON.stringify(error).includes("calls_test"));
  for (const code of ["timeout", "no_provider", "closed", "no_handler"]) {
    const forged = await b.call("fail", { code, text: "x" }).catch((error) => error);
    assert(forged instanceof RemoteError, `${code}: ${forged}`);
    assert.equal(forged.code, code);
  }
  await assert.rejects(b.call("fail", { text: "plain" }), { code: "handler_error", message: "plain" });
  await assert.rejects(b.call("fail", { code: "x".repeat(1_000), text: "y".repeat(10_000) }), (error: MeshError) => {
    return error.code === "handler_error" && error.message.length === 4_096;
  });
  await a.advertise("odd", () => 1n);
  await assert.rejects(b.call("odd"), { name: "RemoteError", code: "invalid" });
  await a.advertise("huge", () => new Uint8Array(2 << 20));
  await assert.rejects(b.call("huge"), { name: "RemoteError", code: "invalid" });
});

Deno.test("calls: a timeout reaches both ends", async () => {
  await using world = new World();
  const { a, b } = await three(world);
  let signal: AbortSignal | undefined;
  await a.advertise("hang", (_, context) => {
    signal = context.signal;
    return new Promise(() => {});
  });
  const call = assert.rejects(b.call("hang", null, { timeout: 500 }), TimeoutError);
  await world.run(499);
  assert.equal(signal!.aborted, false);
  await world.run(1);
  await call;
  assert.deepEqual([signal!.aborted, signal!.reason.code], [true, "timeout"]);
  const own = assert.rejects(a.call("hang", null, { timeout: 100 }), TimeoutError);
  await world.run(100);
  await own;
  assert.equal(b.stats().pendingCalls, 0);
  for (const timeout of [0, -1, NaN]) await assert.rejects(b.call("hang", null, { timeout }), ValidationError);
});

Deno.test("calls: an abort reaches the handler's signal, wherever it runs", async () => {
  await using world = new World();
  const { gateway, a, b } = await three(world), signals: AbortSignal[] = [];
  const hang = (_: unknown, { signal }: CallContext) => (signals.push(signal), new Promise(() => {}));
  await a.advertise("hang", hang);
  await gateway.advertise("gate.hang", hang);
  for (const [mesh, name] of [[b, "hang"], [b, "gate.hang"], [a, "hang"], [gateway, "hang"]] as const) {
    const controller = new AbortController();
    const call = assert.rejects(mesh.call(name, null, { signal: controller.signal }), /enough/);
    await world.run(0);
    controller.abort(new Error("enough"));
    await call;
    await world.run(0);
    assert.deepEqual([signals.at(-1)!.aborted, signals.at(-1)!.reason.code], [true, "aborted"]);
  }
  await assert.rejects(b.call("hang", null, { signal: AbortSignal.abort(new Error("before")) }), /before/);
  assert.deepEqual([signals.length, gateway.stats().pendingCalls, b.stats().pendingCalls], [4, 0, 0]);
});

Deno.test("calls: several providers share the work; one that goes is not asked", async () => {
  await using world = new World();
  const { gateway, a, b, c } = await three(world), hub = gateway.id;
  const one = await a.advertise("who", () => "a", { metadata: { zone: 1 } });
  await b.advertise("who", () => "b");
  const ask = async (count: number) => {
    const answers: string[] = [];
    for (let i = 0; i < count; i++) answers.push(await c.call<string>("who"));
    return answers.join("");
  };
  assert.equal(await ask(4), "abab");
  assert.deepEqual(await c.discover("who"), [{ node: a.id, hub, metadata: { zone: 1 } }, { node: b.id, hub }]);
  assert.equal(await a.call("who"), "a", "one's own comes first");
  await one.close();
  await one.close();
  assert.equal(await ask(3), "bbb");
  assert.deepEqual([a.services(), b.services().map(({ procedure }) => procedure)], [[], ["who"]]);
});

Deno.test("calls: several handlers of one name on one node take turns", async () => {
  await using world = new World();
  const { a, b } = await three(world);
  await a.advertise("turn", () => 1);
  await a.advertise("turn", () => 2);
  const answers = [await b.call("turn"), await b.call("turn"), await b.call("turn")];
  assert.deepEqual(answers, [1, 2, 1]);
  assert.equal((await b.discover("turn")).length, 1);
});

Deno.test("calls: a busy provider hands over to another, and says so when there is none", async () => {
  await using world = new World();
  const { a, b, c } = await three(world), release: (() => void)[] = [];
  const busy = () => new Promise<string>((resolve) => release.push(() => resolve("a")));
  await a.advertise("work", busy, { concurrency: 1 });
  const first = c.call("work");
  await world.run(0);
  await assert.rejects(c.call("work"), { code: "overloaded", retryable: true });
  await b.advertise("work", () => "b");
  assert.deepEqual([await c.call("work"), await c.call("work")], ["b", "b"]);
  release[0]!();
  assert.equal(await first, "a");
  await assert.rejects(a.advertise("x", () => 1, { concurrency: 0 }), ValidationError);
});

Deno.test("calls: to one node, and round trips", async () => {
  await using world = new World({ latencyMs: () => 10 });
  const gateway = await world.passing(world.gateway());
  const [a, b] = [await world.edge(gateway.ticket), await world.edge(gateway.ticket)];
  await world.passing(Promise.all([a.advertise("who", () => "a"), b.advertise("who", () => "b")]));
  assert.equal(await world.passing(a.callTo(b.id, "who")), "b");
  assert.equal(await world.passing(a.callTo(a.id, "who")), "a");
  assert.equal(await world.passing(gateway.callTo(b.id, "who")), "b");
  await assert.rejects(world.passing(a.callTo(gateway.id, "who")), {
    code: "no_handler",
    message: "Cannot call who: this node does not serve it",
  });
  await assert.rejects(world.passing(a.callTo("ab".repeat(32), "who")), { code: "node_unreachable" });
  assert.equal(Math.round(await world.passing(a.ping(gateway.id))), 20);
  const there = await world.passing(a.ping(b.id));
  assert(there >= 40 && there < 60, `${there}`);
  assert.deepEqual((await world.passing(a.members())).map(({ node }) => node).sort(), [gateway.id, a.id, b.id].sort());
});

Deno.test("calls: a lost provider is told, a lost caller stops the handler", async () => {
  await using world = new World();
  const { gateway, a, b } = await three(world), signals: AbortSignal[] = [];
  await a.advertise("hang", (_, { signal }) => (signals.push(signal), new Promise(() => {})));
  const lost = assert.rejects(b.call("hang"), { code: "provider_lost", retryable: true });
  await world.run(0);
  gateway.disconnect(a.id);
  await lost;
  await world.run(0);
  assert.equal(signals[0]!.reason.code, "caller_gone");
  await world.run(1_000);
  const here = assert.rejects(b.call("hang"), { code: "connection_lost" });
  await world.run(0);
  gateway.disconnect(b.id);
  await world.run(0);
  await here;
  assert.equal(signals[1]!.reason.code, "caller_gone");
});

Deno.test("calls: reserved names, bad names, refused ones", async () => {
  await using world = new World();
  const { a, b } = await three(world);
  await assert.rejects(a.advertise("_mesh.own", () => 1), ValidationError);
  await assert.rejects(a.advertise("a..b", () => 1), ValidationError);
  await assert.rejects(a.call("a b"), ValidationError);
  await assert.rejects(a.call("x", null, { strategy: "best" as never }), ValidationError);
  await assert.rejects(a.callTo("nobody", "x"));
  await assert.rejects(a.advertise("big", () => 1, { metadata: { text: "x".repeat(5_000) } }), {
    name: "RefusedError",
    code: "metadata_too_large",
  });
  await assert.rejects(b.call("big"), NoProviderError);
  assert.deepEqual(a.services(), []);
});

Deno.test("calls: a signal stops serving", async () => {
  await using world = new World();
  const { a, b } = await three(world), controller = new AbortController();
  await a.advertise("x", () => 1, { signal: controller.signal });
  assert.equal(await b.call("x"), 1);
  controller.abort();
  await world.run(0);
  await assert.rejects(b.call("x"), NoProviderError);
});
