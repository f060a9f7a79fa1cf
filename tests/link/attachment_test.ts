/** Dialling again and again: which targets, how long between, when it is in vain. @module */

import assert from "node:assert/strict";
import { MeshError, RefusedError } from "../../src/base/errors.ts";
import type { Random } from "../../src/base/random.ts";
import { seededRandom } from "../../src/base/random.ts";
import { Attachment, isFinal, RECONNECT_MAX_MS, RECONNECT_MIN_MS, type Target } from "../../src/link/attachment.ts";
import type { Established } from "../../src/link/establish.ts";
import { dialTarget } from "../../src/link/reach/dial.ts";
import { type BidiStream, DialError, type DialOptions, type Transport } from "../../src/transport/transport.ts";
import { alwaysDrawing, EDGE, HUB, MALLORY, passing, passUntil, PORT, self, World } from "./world.ts";

function target(hostname: string, identity = HUB): Target {
  return {
    addresses: [{ hostname, port: PORT }],
    expect: { kind: "key", publicKey: identity.publicKey },
    node: identity.id,
  };
}

async function attachment(
  options: { targets?: readonly Target[]; transport?: Transport; random?: Random; world?: World } = {},
) {
  const world = options.world ?? await World.open();
  const established: Established[] = [], failures: { error: MeshError; retryMs: number; at: number }[] = [];
  const made = new Attachment({
    targets: () => options.targets ?? [target("hub")],
    self: self(EDGE, "edge"),
    transport: options.transport ?? world.transport("edge"),
    timers: world.timers,
    random: options.random ?? seededRandom("attachment"),
    onEstablished: (one) => established.push(one),
    onFailure: (error, retryMs) => failures.push({ error, retryMs, at: world.timers.now() }),
  });
  return { world, made, established, failures };
}

/** A network that refuses until it is told not to. */
class Broken implements Transport {
  readonly dialled: DialOptions[] = [];
  error: Error = new DialError("unreachable", "Cannot dial: nobody there");

  dial(options: DialOptions): Promise<never> {
    this.dialled.push(options);
    return Promise.reject(this.error);
  }

  listen(): Promise<never> {
    return Promise.reject(new Error("not here"));
  }

  async close(): Promise<void> {}
}

Deno.test("attachment: the hub can open no two-way streams, except one of the original, which does as it likes", async () => {
  const world = await World.open(), theirs: BidiStream[] = [];
  world.onConnection = (connection) => void connection.openBidi().then((stream) => theirs.push(stream), () => {});
  const options = {
    self: self(EDGE, "edge"),
    transport: world.transport("edge"),
    signal: new AbortController().signal,
  };
  for (const [establish, count] of [[undefined, 0], [() => Promise.reject(new Error("enough")), 1]] as const) {
    const dial = { ...options, timers: world.timers, random: seededRandom("dial"), establish };
    const dialling = dialTarget(target("hub"), target("hub").addresses[0]!, dial).catch(() => {});
    await world.timers.run(20_000); // longer than a handshake may take
    await dialling;
    assert.equal(theirs.length, count);
  }
});

Deno.test("attachment: attaches, and dials again only when woken", async () => {
  const { world, made, established, failures } = await attachment();
  world.onConnection = (connection) => void world.accept(connection);
  made.wake();
  made.wake();
  await world.timers.run(100);
  assert.deepEqual([established.length, failures.length, world.arrived.length], [1, 0, 1]);
  await world.timers.run(100_000);
  assert.equal(established.length, 1);
  made.wakeSoon();
  await world.timers.run(RECONNECT_MIN_MS);
  assert.equal(established.length, 2);
  made.close();
  made.wake();
  await world.timers.run(100_000);
  assert.equal(world.arrived.length, 2);
});

Deno.test("attachment: a refusal by one target is not the end while another may take us, in whichever order", async () => {
  const refusal = new RefusedError("bad_token", "Cannot connect: another token"), transport = new Broken();
  transport.dial = ({ address: { hostname } }) => Promise.reject(hostname === "one" ? refusal : transport.error);
  for (const names of [["one", "two"], ["two", "one"], ["one", "one"]]) {
    const { world, made, failures } = await attachment({ transport, targets: names.map((name) => target(name)) });
    made.wake();
    await world.timers.run(1);
    assert.equal(failures[0]?.error, names.includes("two") ? transport.error : refusal);
    made.close();
  }
});

Deno.test("attachment: the delay doubles up to 30 s, with full jitter, for ever", async () => {
  const transport = new Broken(), { world, made, failures } = await attachment({ transport, random: alwaysDrawing(1) });
  made.wake();
  await world.timers.run(200_000);
  const delays = failures.map(({ retryMs }) => retryMs);
  assert.deepEqual(delays.slice(0, 9), [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  failures.slice(1).forEach(({ at }, i) => assert.equal(at - failures[i]!.at, delays[i], "it keeps to what it said"));
  const none = await attachment({ transport, random: alwaysDrawing(0.001) });
  none.made.wake();
  await none.world.timers.run(10);
  assert(none.failures.length > 5, "full jitter begins at zero");
  made.close();
  none.made.close();
  assert.equal(world.timers.outstanding, 0);
});

Deno.test("attachment: drawn delays stay inside their bounds and are spread over them", async () => {
  const transport = new Broken(), shares: number[] = [];
  for (let i = 0; i < 30; i++) {
    const { world, made, failures } = await attachment({ transport, random: seededRandom(`seed ${i}`) });
    made.wake();
    await world.timers.run(20_000);
    made.close();
    failures.forEach(({ retryMs }, failure) => {
      const limit = Math.min(RECONNECT_MAX_MS, RECONNECT_MIN_MS * 2 ** failure);
      assert(retryMs >= 0 && retryMs <= limit);
      shares.push(retryMs / limit);
    });
  }
  const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
  assert(mean > 0.4 && mean < 0.6, `${mean}`);
});

for (const [lastedMs, resets] of [[20_000, true], [100, false]] as const) {
  Deno.test(`attachment: a link that lasted ${lastedMs} ms ${resets ? "sets the delay back" : "counts as a failure"}`, async () => {
    const world = await World.open(),
      { made, failures, established } = await attachment({ world, random: alwaysDrawing(0.99) });
    const refuse = world.onConnection = (connection) => connection.close(1, "not now");
    made.wake();
    await world.timers.run(1_000);
    assert(failures.length >= 2);
    world.onConnection = (connection) => void world.accept(connection);
    await passUntil(world.timers, () => established.length > 0);
    await world.timers.run(lastedMs);
    const before = failures.length;
    world.onConnection = refuse;
    made.wakeSoon(); // the link was lost
    await passUntil(world.timers, () => failures.length > before);
    assert.equal(failures[before]!.retryMs <= 500, resets, `${failures[before]!.retryMs}`);
    made.close();
  });
}

Deno.test("attachment: tries every address of every target in turn", async () => {
  const world = await World.open(), targets = [target("nobody"), target("hub", MALLORY), target("hub")];
  world.onConnection = (connection) => void world.accept(connection);
  const { made, established, failures } = await attachment({ world, targets });
  made.wake();
  await world.timers.run(6_000);
  assert.deepEqual([established.length, failures.length], [1, 0]);
  const nowhere = await attachment({ world, targets: [] });
  nowhere.made.wake();
  await world.timers.run(0);
  assert.equal(nowhere.failures[0]!.error.code, "unavailable");
  nowhere.made.close();
});

Deno.test("attachment: where TLS does not prove the key, a host name may prove itself, and hello the node", async () => {
  const transport = new Broken();
  transport.error = new DialError("untrusted", "Cannot trust it");
  const { made, failures, world } = await attachment({ transport, targets: [target("hub"), target("10.0.0.1")] });
  made.wake();
  await world.timers.run(0);
  assert.deepEqual(transport.dialled.map(({ address, expect }) => `${address.hostname} ${expect.kind}`), [
    "hub key",
    "hub name",
    "10.0.0.1 key",
  ]);
  assert.equal(failures[0]!.error.code, "untrusted");
  made.close();
});

Deno.test("attachment: closing in the middle of a handshake lets go at once", async () => {
  const { world, made, established, failures } = await attachment();
  made.wake();
  await world.timers.run(0);
  const far = world.arrived[0]!;
  made.close();
  assert.equal((await passing(world.timers, far.closed, 10)).by, "remote");
  await world.timers.run(20_000);
  assert.deepEqual([established.length, failures.length, world.timers.outstanding], [0, 0, 0]);
});

Deno.test("attachment: which errors another attempt cannot cure", () => {
  const final = [
    new RefusedError("wrong_realm", ""),
    new RefusedError("legacy_hub", ""),
    new DialError("untrusted", ""),
    new MeshError("permission_denied", ""),
    new MeshError("quic_missing", ""),
    new MeshError("invalid", ""),
  ];
  const passing = [
    new RefusedError("max_clients_reached", "", { retryable: true }),
    new DialError("unreachable", ""),
    new DialError("unknown_host", ""),
    new DialError("refused", ""),
    new MeshError("unavailable", ""),
  ];
  assert.deepEqual(final.map(isFinal), final.map(() => true));
  assert.deepEqual(passing.map(isFinal), passing.map(() => false));
});
