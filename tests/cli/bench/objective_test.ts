/** Objectives: their grammar, which workloads they are for, and when they are met. @module */

import assert from "node:assert/strict";
import { Histogram } from "../../../src/cli/commands/bench/histogram.ts";
import type { Measured } from "../../../src/cli/commands/bench/measured.ts";
import { judge, parseObjectives } from "../../../src/cli/commands/bench/objective.ts";
import { WORKLOAD_NAMES, type WorkloadName } from "../../../src/cli/commands/bench/plan.ts";
import { missedText } from "../../../src/cli/commands/bench/report.ts";

function parsed(text: string) {
  return parseObjectives(text, WORKLOAD_NAMES).map(({ text: _, ...rest }) => rest);
}

Deno.test("objectives are read, several in a list", () => {
  assert.deepEqual(parsed("p99<5ms, calls.rate >= 10000/s,errors<0.1%"), [
    { workload: undefined, metric: { kind: "percentile", percent: 99 }, bound: "<", value: 5 },
    { workload: "calls", metric: { kind: "rate" }, bound: ">=", value: 10_000 },
    { workload: undefined, metric: { kind: "errors" }, bound: "<", value: 0.001 },
  ]);
  assert.deepEqual(parsed("call.p99.9<=250us,max<2s,mean<1.5ms").map(({ metric, value }) => [metric, value]), [
    [{ kind: "percentile", percent: 99.9 }, 0.25],
    [{ kind: "max" }, 2_000],
    [{ kind: "mean" }, 1.5],
  ]);
  assert.deepEqual(parsed(""), []);
});

Deno.test("what is no objective is refused with the rule that it breaks", () => {
  const wrong: [string, RegExp][] = [
    ["fast", /something like "p99<5ms".*got "fast"$/],
    ["p99<5", /something like/],
    ["p99=5ms", /something like/],
    ["p101<5ms", /a percentile is at most 100/],
    ["p99>5ms", /p99 has an upper bound/],
    ["rate<5\/s", /a rate has a lower bound/],
    ["rate>5ms", /the unit of rate is \/s/],
    ["errors<5ms", /the unit of errors is %/],
    ["p50<5%", /the unit of p50 is us or µs or ms or s/],
    ["nothing.p50<5ms", /workloads are events, fan_out, latency, call, calls/],
    ["events.p50<5ms", /events has no p50/],
    [Array.from({ length: 33 }, () => "max<1s").join(), /at most 32 objectives/],
  ];
  for (const [text, message] of wrong) assert.throws(() => parsed(text), { code: "invalid", message }, text);
  assert.throws(() => parseObjectives("p99<5ms", ["events", "calls"]), {
    message: 'Cannot use --slo: it is for latency, call, got "p99<5ms"',
  });
});

function measured(workload: WorkloadName, rate: number, errors: number, durations: readonly number[] = []): Measured {
  const latency = new Histogram();
  for (const ms of durations) latency.record(ms);
  return { workload, rate, errors, sent: 10, received: 10, ...(durations.length > 0 ? { latency } : {}) };
}

Deno.test("each objective is held against the workloads that it is for", () => {
  const all = [
    measured("events", 500, 0),
    measured("latency", 10, 0.2, [1, 2, 3, 40]),
    measured("call", 20, 0, [1]),
    measured("calls", 100, 0, [50]),
  ];
  const verdicts = (text: string) =>
    judge(parseObjectives(text, WORKLOAD_NAMES), all).map(({ workload, met }) => [workload, met]);
  assert.deepEqual(verdicts("p50<3ms"), [["latency", true], ["call", true]]);
  assert.deepEqual(verdicts("max<3ms"), [["latency", false], ["call", true]]);
  assert.deepEqual(verdicts("calls.p50<3ms"), [["calls", false]]);
  assert.deepEqual(verdicts("rate>100/s"), [["events", true], ["calls", false]]);
  assert.deepEqual(verdicts("rate>=100/s"), [["events", true], ["calls", true]]);
  assert.deepEqual(verdicts("latency.rate>5/s"), [["latency", true]]);
  assert.deepEqual(verdicts("errors<=20%"), [["events", true], ["latency", true], ["call", true], ["calls", true]]);
  assert.deepEqual(verdicts("errors<20%").filter(([, met]) => !met), [["latency", false]]);
});

Deno.test("misses are one sentence, and what was not measured misses", () => {
  const all = [measured("events", 499.6, 0.5), measured("latency", 0, 0)];
  const verdicts = judge(parseObjectives("rate>1000/s,errors<1%,p99<5ms", WORKLOAD_NAMES), all);
  assert.equal(
    missedText(verdicts),
    "Cannot meet the objectives: rate>1000/s in events, got 500/s; errors<1% in events, got 50 %; " +
      "p99<5ms in latency, got nothing",
  );
  assert.equal(missedText(verdicts.filter(({ met }) => met)), undefined);
});

Deno.test("what never came is slower than any bound: losing slow events does not make a mesh fast", () => {
  const latency = new Histogram();
  for (let ms = 1; ms <= 90; ms++) latency.record(ms);
  const lossy: Measured = { workload: "latency", rate: 90, errors: 0.1, sent: 100, received: 90, latency };
  const verdicts = judge(parseObjectives("p90<95ms,p91<95ms,max<1s,mean<1s", WORKLOAD_NAMES), [lossy]);
  assert.deepEqual(verdicts.map(({ got, met }) => [got, met]), [
    [90, true],
    [Infinity, false],
    [Infinity, false],
    [Infinity, false],
  ]);
  assert.match(missedText(verdicts)!, /p91<95ms in latency, got some that never came; /);
});
