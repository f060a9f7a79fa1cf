/** Gateways as processes of their own, over QUIC: one hangs, then is killed, and the others go on. @module */

import assert from "node:assert/strict";
import { connect, NoProviderError, type Stats } from "../../../mod.ts";
import { until } from "../../conformance/deadline.ts";
import { TestGateway } from "../program.ts";

Deno.test("a gateway that hangs, and is killed then, keeps neither calls nor events of the others from arriving", async () => {
  await using first = await TestGateway.start();
  await using second = await TestGateway.start(["--bootstrap", first.ticket]);
  await using third = await TestGateway.start(["--bootstrap", first.ticket]);
  await using a = await connect(first.ticket);
  await using b = await connect(second.ticket);
  await using c = await connect(third.ticket);
  for (const one of [a, b, c]) {
    await until(async () => (await one.call<Stats>("_mesh.stats")).routingTable === 2, "all know each other");
  }
  await c.advertise("work.do", () => "c");
  assert.equal(await a.call("work.do"), "c");

  third.program.kill("SIGSTOP");
  const service = await b.advertise("work.do", () => "b"), events = b.subscribe("work.*");
  assert((await events.ready)!.confirmed >= 1 && service.confirmation!.confirmed >= 1);
  await until(async () => (await a.publish("work.done", 1, { acknowledge: true })).recipients === 1, "the event");
  const call = (name: string) => a.call(name, null, { timeout: 1_000 }).catch((error: Error) => error);
  await until(async () => await call("work.do") === "b", "an answer of the other");
  await until(async () => await call("work.nobody") instanceof NoProviderError, "that nobody serves it");

  third.program.kill("SIGKILL");
  await third.program.ended;
  for (let i = 0; i < 3; i++) await until(async () => await call("work.do") === "b", "an answer of who is left");
  const nobody = "3 macula: Cannot call work.nobody: nobody serves it\n";
  await until(async () => {
    const { code, stderr } = await first.run(["call", "work.nobody", "null"]);
    return `${code} ${stderr}` === nobody;
  }, nobody);
});
