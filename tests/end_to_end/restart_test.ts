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
import { PATIENCE_MS, soon, until } from "../conformance/deadline.ts";
import { freeUdpPort } from "../conformance/ports.ts";
import { run } from "./processes.ts";

const SEED = "07".repeat(32);
/** Edges beside the two that are looked at: many times the dials that are in flight at once. */
const MANY = 1_000;

Deno.test("edges, subscriptions and procedures survive a gateway that was killed", async () => {
  const port = String(freeUdpPort());
  let gateway = run("tests/end_to_end/gateway_process.ts", [port, SEED]);
  const ticket = await gateway.line();
  // So few dials at once that each is over within the idle time, which counts for it too, where the machine is slow.
  const limits = { idleTimeoutMs: 5_000, keepAliveMs: 1_000, dialsInFlightMax: 8 };
  const transport = createQuicTransport({ limits });
  const open = () => connect(ticket, { timeout: PATIENCE_MS, runtime: denoRuntime(transport) });
  try {
    await using subscriber = await open();
    await using provider = await open();
    await using many = await Edges.open(open, MANY);
    const events = subscriber.subscribe<number>("test.**");
    await events.ready;
    await provider.advertise("math.double", (x: number) => 2 * x);
    assert.equal(await subscriber.call("math.double", 2), 4);
    const all = [subscriber, provider, ...many.meshes];
    await until(() => all.every(({ status }) => status === "connected"), "all are attached");
    const before = new Set(all.map(linkOf));
    assert.equal(before.size, all.length);
    gateway.kill("SIGKILL");
    await gateway.ended;
    gateway = run("tests/end_to_end/gateway_process.ts", [port, SEED]);
    assert.equal(await gateway.line(), ticket);
    const reader = events[Symbol.asyncIterator](), first = reader.next();
    const isBack = (mesh: Mesh) => mesh.status === "connected" && !before.has(linkOf(mesh));
    await until(() => isBack(subscriber) && isBack(provider), "both are attached again");
    await until(
      async () => (await subscriber.discover("math.double").catch(() => [])).length === 1,
      "the procedure is back",
    );
    assert.equal(await subscriber.call("math.double", 21), 42);
    await until(
      async () => (await provider.publish("test.back", 1, { acknowledge: true })).recipients === 1,
      "the interest is back",
    );
    assert.equal((await soon(first, "the event")).value.topic, "test.back");
    await until(() => many.meshes.every(isBack), "all edges are back");
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
