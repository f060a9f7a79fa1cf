/**
 * A gateway that is killed and started again on the same port with the same key. The edges take a gateway for lost after
 * 5 s of silence here, not 15.
 *
 * @module
 */

import assert from "node:assert/strict";
import { connect, type Mesh } from "../../mod.ts";
import { denoRuntime } from "../../src/node/runtime.ts";
import { createQuicTransport } from "../../src/transport/quic/mod.ts";
import { soon, until } from "../conformance/deadline.ts";
import { run } from "./processes.ts";

const SEED = "07".repeat(32);
/** How long everything may take to come back, ms: the machine may be busy. */
const BACK_MS = 90_000;

Deno.test("edges, subscriptions and procedures survive a gateway that was killed", async () => {
  let gateway = run("tests/end_to_end/gateway_process.ts", ["0", SEED]);
  const ticket = await gateway.line();
  const transport = createQuicTransport({ limits: { idleTimeoutMs: 5_000, keepAliveMs: 1_000 } });
  const open = () => connect(ticket, { timeout: BACK_MS, runtime: denoRuntime(transport) });
  try {
    await using subscriber = await open();
    await using provider = await open();
    await using many = await Edges.open(open, 1_000);
    const port = subscriber.links()[0]!.remote.split(":")[1]!;
    const events = subscriber.subscribe<number>("test.**");
    await events.ready;
    await provider.advertise("math.double", (x: number) => 2 * x);
    assert.equal(await subscriber.call("math.double", 2), 4);
    const all = [subscriber, provider, ...many.meshes], before = new Set(all.map(linkOf));
    assert.equal(before.size, all.length);
    gateway.kill("SIGKILL");
    await gateway.ended;
    gateway = run("tests/end_to_end/gateway_process.ts", [port, SEED]);
    assert.equal(await gateway.line(), ticket);
    const reader = events[Symbol.asyncIterator](), first = reader.next();
    const isBack = (mesh: Mesh) => mesh.status === "connected" && !before.has(linkOf(mesh));
    await until(() => isBack(subscriber) && isBack(provider), "both are attached again", BACK_MS);
    await until(
      async () => (await subscriber.discover("math.double").catch(() => [])).length === 1,
      "the procedure is back",
      BACK_MS,
    );
    assert.equal(await subscriber.call("math.double", 21), 42);
    await until(
      async () => (await provider.publish("test.back", 1, { acknowledge: true })).recipients === 1,
      "the interest is back",
      BACK_MS,
    );
    assert.equal((await soon(first, "the event")).value.topic, "test.back");
    await until(() => many.meshes.every(isBack), "all edges are back", BACK_MS);
  } finally {
    await gateway[Symbol.asyncDispose]();
    await transport.close();
  }
});

/** The id of a mesh's link, if there is one. */
function linkOf(mesh: Mesh): string | undefined {
  return mesh.links()[0] && `${mesh.id} ${mesh.links()[0]!.id}`;
}

/** Many edges of this process. */
class Edges implements AsyncDisposable {
  readonly meshes: readonly Mesh[];

  private constructor(meshes: readonly Mesh[]) {
    this.meshes = meshes;
  }

  static async open(open: () => Promise<Mesh>, count: number): Promise<Edges> {
    return new Edges(await Promise.all(Array.from({ length: count }, open)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.meshes.map((mesh) => mesh.close()));
  }
}
