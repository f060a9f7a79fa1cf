/** Programs that are told to leave: what others hear of it. @module */

import assert from "node:assert/strict";
import { soon, until } from "../../conformance/deadline.ts";
import { connectTo, TestGateway } from "../program.ts";

/** Less than the idle timeout, 15 s, by which a silent end would be noticed; more than a busy machine takes. */
const CALL_MS = 12_000;

Deno.test("who is told twice to leave ends its links first: its callers hear at once", async () => {
  await using gateway = await TestGateway.start();
  await using server = await gateway.serve(["serve", "work.long", "--exec", "sleep 600"]);
  await using mesh = await connectTo(gateway);
  const lost = assert.rejects(mesh.call("work.long", null, { timeout: CALL_MS }), { code: "provider_lost" });
  await until(
    async () => (await mesh.call<{ pendingCalls: number }>("_mesh.stats")).pendingCalls > 0,
    "the call is there",
  );
  server.kill("SIGINT");
  await server.line(/^draining/m);
  server.kill("SIGTERM");
  assert.equal((await soon(server.ended, "the end")).code, 1);
  await lost;
});

Deno.test("the end of the terminal is a reason to leave in order", async () => {
  await using gateway = await TestGateway.start();
  await using subscriber = await gateway.serve(["sub", "a.**"]);
  subscriber.kill("SIGHUP");
  assert.equal((await soon(subscriber.ended, "the end")).code, 0);
  gateway.program.kill("SIGHUP");
  const { code, stderr } = await soon(gateway.program.ended, "the gateway's end");
  assert.deepEqual([code, / left$/m.test(stderr)], [0, true], stderr);
});
