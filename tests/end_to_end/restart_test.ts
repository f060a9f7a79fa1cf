/** A gateway that is killed and started again on the same port with the same key. @module */

import assert from "node:assert/strict";
import { connect, type Mesh } from "../../mod.ts";
import { until } from "../conformance/deadline.ts";
import { run } from "./processes.ts";

const SEED = "07".repeat(32);
/** The idle timeout, 15 s, and 5 s more: what the README promises. */
const BACK_MS = 20_000;

Deno.test("edges, subscriptions and procedures survive a gateway that was killed", async () => {
  let gateway = run("tests/end_to_end/gateway_process.ts", ["0", SEED]);
  const ticket = await gateway.line();
  try {
    await using subscriber = await connect(ticket);
    await using provider = await connect(ticket);
    await using many = new Edges();
    await many.open(ticket, 1_000);
    const port = subscriber.links()[0]!.remote.split(":")[1]!;
    const events = subscriber.subscribe<number>("test.**");
    await events.ready;
    await provider.advertise("math.double", (x: number) => 2 * x);
    assert.equal(await subscriber.call("math.double", 2), 4);
    gateway.kill("SIGKILL");
    await gateway.ended;
    const killedAt = performance.now();
    gateway = run("tests/end_to_end/gateway_process.ts", [port, SEED]);
    assert.equal(await gateway.line(), ticket);
    const reader = events[Symbol.asyncIterator](), first = reader.next();
    await until(
      () => subscriber.status === "connected" && provider.status === "connected" && isNew(subscriber, killedAt),
      "both are attached again",
      BACK_MS,
    );
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
    assert.equal((await first).value.topic, "test.back");
    await until(() => many.connectedSince(killedAt) === 1_000, "all edges are back", 30_000);
    assert(performance.now() - killedAt < 30_000);
  } finally {
    await gateway[Symbol.asyncDispose]();
  }
});

/** Whether the link was made after the kill. */
function isNew(mesh: Mesh, killedAt: number): boolean {
  return mesh.links().some((link) => link.since > performance.timeOrigin + killedAt);
}

/** Many edges of this process. */
class Edges implements AsyncDisposable {
  #all: Mesh[] = [];

  async open(ticket: string, count: number): Promise<void> {
    this.#all = await Promise.all(Array.from({ length: count }, () => connect(ticket, { timeout: 60_000 })));
  }

  connectedSince(at: number): number {
    return this.#all.filter((mesh) => mesh.status === "connected" && isNew(mesh, at)).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#all.map((mesh) => mesh.close()));
  }
}
