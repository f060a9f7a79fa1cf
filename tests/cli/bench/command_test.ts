/** `macula bench` as its users meet it: a process of its own against a gateway in another. @module */

import assert from "node:assert/strict";
import { connect } from "../../../mod.ts";
import { soon } from "../../conformance/deadline.ts";
import { Program, TestGateway } from "../../end_to_end/program.ts";
import { take } from "../../node/world.ts";

const SHORT = ["--duration", "150ms", "--subscribers", "3", "--in-flight", "4", "--rate", "200"];

Deno.test("bench measures every workload, and its exit code says whether the objectives hold", async (t) => {
  await using gateway = await TestGateway.start();
  await t.step("all workloads, as JSON, with objectives that hold", async () => {
    const slo = ["--slo", "p99<60s,rate>1/s", "--slo", "errors<=0%"];
    const { code, stdout, stderr } = await gateway.run(["bench", "--json", ...SHORT, ...slo]);
    assert.deepEqual([code, stderr], [0, ""]);
    const { settings, workloads, objectives } = JSON.parse(stdout);
    assert.deepEqual(settings, { durationMs: 150, rate: 200, sizeBytes: 128, subscribers: 3, inFlight: 4 });
    // deno-lint-ignore no-explicit-any
    assert.deepEqual(workloads.map(({ workload }: any) => workload), ["events", "fan_out", "latency", "call", "calls"]);
    for (const { workload, sent, received, rate, errors, displaced = 0, latencyMs } of workloads) {
      assert.ok(sent > 0 && rate > 0, workload);
      assert.deepEqual([received, errors, displaced], [sent, 0, 0], workload);
      if (latencyMs !== undefined) assert.ok(latencyMs.p50 > 0 && latencyMs.max >= latencyMs.p99, workload);
    }
    assert.equal(workloads[1].sent % 3, 0, "each event counts once for each subscriber");
    assert.equal(workloads[2].sent, 30, "200 a second for 150 ms");
    // deno-lint-ignore no-explicit-any
    assert.deepEqual(objectives.map(({ met }: any) => met), Array(objectives.length).fill(true));
    assert.equal(objectives.length, 2 + 3 + 5);
  });
  await t.step("a miss is exit code 1 and one line that says which", async () => {
    const slo = ["--slo", "max<1us", "--slo", "errors<50%"];
    const { code, stdout, stderr } = await gateway.run(["bench", "call", ...SHORT, ...slo]);
    assert.equal(code, 1);
    assert.match(stdout, /^call {4}one after another {3}\d+\/s {2}p50 [\d.]+ .*max [\d.]+ ms {2}errors 0 %\n$/);
    assert.match(stderr, /^macula: Cannot meet the objective: max<1us in call, got [\d.]+ ms\n$/);
  });
  await t.step("what cannot be right is told before anything runs", async () => {
    const { code, stdout, stderr } = await gateway.run(["bench", "events", "--slo", "p99<5ms"]);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.equal(stderr, 'macula: Cannot use --slo: it is for latency, call, got "p99<5ms"\n');
  });
});

Deno.test("bench: a gateway that dies in the middle is told, with what was measured until then, and nothing hangs", async () => {
  await using gateway = await TestGateway.start();
  await using witness = await connect(gateway.ticket);
  await using began = witness.subscribe("bench.*.latency");
  await began.ready;
  // Over half of the events must be lost: a second and more is left to notice the first one and kill the gateway.
  const args = ["bench", "latency", "call", "--duration", "2s", "--rate", "200", "--slo", "p50<60s", "--json"];
  const first = take(began, 1).then(() => true);
  let bench: Program, timeoutMs = 1_000;
  for (;; timeoutMs *= 4) { // in which a slow machine may not come as far as the first event
    bench = new Program([...args, "--timeout", `${timeoutMs}`, "--ticket", gateway.ticket]);
    if (await Promise.race([first, bench.ended.then(() => false)])) break;
  }
  await using _bench = bench;
  gateway.program.kill("SIGKILL");
  const { code, stdout, stderr } = await bench.ended;
  assert.equal(code, 3, stderr);
  const rule = `Cannot measure call: the gateway must confirm .* within ${timeoutMs} ms, and has not`;
  assert.match(stderr, new RegExp(`^macula: ${rule}\n$`));
  const { workloads: [latency, ...others], objectives } = JSON.parse(stdout);
  assert.deepEqual([latency.workload, others], ["latency", []]);
  assert.ok(latency.errors > 0.5, stdout);
  assert.deepEqual(objectives, [{ objective: "p50<60s", workload: "latency", got: null, met: false }]);
});

Deno.test("bench: Ctrl-C ends it at once", async () => {
  await using gateway = await TestGateway.start();
  await using witness = await connect(gateway.ticket);
  await using began = witness.subscribe("bench.*.events");
  await began.ready;
  await using bench = new Program(["bench", "--duration", "60m", "--ticket", gateway.ticket]);
  await soon(take(began, 1), "the first event");
  bench.kill("SIGINT");
  const { code, stdout, stderr } = await bench.ended;
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(stderr, /^macula: Cannot finish: the process was told to leave by SIGINT\n$/);
});
