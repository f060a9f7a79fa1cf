/** Programs that are told to leave: what others hear of it. @module */

import assert from "node:assert/strict";
import { startGateway } from "../../../mod.ts";
import { soon, until } from "../../conformance/deadline.ts";
import { Program, TestGateway } from "../program.ts";

Deno.test("who is told twice to leave ends its links first: its callers hear at once", async () => {
  const folder = await Deno.makeTempDir({ prefix: "macula-" }), ends: string[] = [];
  await using gateway = await startGateway({ realm: "org.example.mesh", listen: { port: 0 } });
  gateway.addEventListener("peerdown", ({ detail }) => void ends.push(detail.reason));
  const serve = ["serve", "work.long", "--exec", `echo started > '${folder}/started'; sleep 600`];
  await using server = new Program([...serve, "--ticket", gateway.ticket, "--state-dir", folder]);
  await server.line(/^ready/m);
  const lost = assert.rejects(gateway.call("work.long", null, { timeout: 600_000 }), { code: "provider_lost" });
  await until(() => Deno.stat(`${folder}/started`).then(() => true, () => false), "the call is there");
  server.kill("SIGINT");
  await server.line(/^draining/m);
  server.kill("SIGTERM");
  assert.equal((await soon(server.ended, "the end")).code, 1);
  await soon(lost, "the caller's answer");
  assert.deepEqual(ends, ["connection_lost"], "it was told: after a silence it were a timeout");
  await Deno.remove(folder, { recursive: true });
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
