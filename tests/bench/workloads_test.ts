/** Each workload, with a handful of events: the processes come up, nothing is lost, and every row has its figure. @module */

import assert from "node:assert/strict";
import type { Child } from "../../bench/run/child.ts";
import { parseOptions } from "../../bench/run/options.ts";
import { available, once } from "../../bench/run/rounds.ts";
import { ROWS } from "../../bench/run/rows.ts";
import type { Run } from "../../bench/run/statistics.ts";
import { type Workload, WORKLOADS } from "../../bench/run/workloads.ts";
import type { SystemName } from "../../bench/system/catalogue.ts";

/** Speed does not matter here, so several runs share the machine. */
const RUNS_AT_ONCE = 4;
const OPTIONS = parseOptions(["--scale", "0.001", "--patience", "0", "--limit", "150"]);

Deno.test("every workload runs with ours and with the bare limit, and loses nothing", async () => {
  assert(typeof OPTIONS === "object");
  const { systems } = available(false);
  assert.deepEqual(systems, ["macula", "bare"]);
  const jobs = WORKLOADS.flatMap((workload) =>
    systems.filter((system) => workload.systems.includes(system)).map((system) => ({ workload, system }))
  );
  const runs: Run[] = [];
  const take = async () => {
    for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) runs.push(await run(job));
  };
  await Promise.all(Array.from({ length: RUNS_AT_ONCE }, take));
  for (const { workload, system, error, lost, displaced, values } of runs) {
    const which = `${workload} with ${system}`;
    assert.equal(error, undefined, which);
    assert.deepEqual({ lost, displaced }, { lost: 0, displaced: 0 }, which);
    for (const [name, value] of Object.entries(values!)) {
      // CPU time is counted in ticks of 10 ms, and memory may shrink: so few events may cost nothing.
      const least = name.endsWith("Micros") || name === "lateEvents" || name === "kibPerEdge" ? -Infinity : 0.001;
      assert(Number.isFinite(value) && value >= least, `${which}: ${name} is ${value}`);
    }
  }
  for (const { workload, metric } of ROWS) {
    assert(
      runs.some((run) => run.workload === workload && run.values?.[metric] !== undefined),
      `${workload} ${metric}`,
    );
  }
});

Deno.test("a system that fails is a run with an error, and its processes end", async () => {
  assert(typeof OPTIONS === "object");
  const impossible: Workload = {
    name: "impossible",
    systems: ["macula"],
    run: async (stage) => {
      await stage.role("caller", { address: "nowhere" });
      throw new Error("not reached");
    },
  };
  const { error, values } = await once(impossible, "macula", 1, OPTIONS);
  assert.match(error ?? "", /Cannot connect/);
  assert.equal(values, undefined);
});

Deno.test("a run that is given up ends at once, with its processes", async () => {
  assert(typeof OPTIONS === "object");
  const givenUp = new AbortController();
  let child: Child | undefined;
  const endless: Workload = {
    name: "endless",
    systems: ["macula"],
    run: async (stage) => {
      child = await stage.role("hub");
      givenUp.abort(new Error("enough"));
      return await new Promise(() => {});
    },
  };
  const { error } = await once(endless, "macula", 1, { ...OPTIONS, signal: givenUp.signal });
  assert.equal(error, "enough");
  assert.notEqual(child!.gone, undefined);
  const again = await once(endless, "macula", 2, { ...OPTIONS, patienceMs: 60_000, signal: givenUp.signal });
  assert.equal(again.error, "enough", "and none begins");
});

async function run({ workload, system }: { workload: Workload; system: SystemName }): Promise<Run> {
  assert(typeof OPTIONS === "object");
  return await once(workload, system, 1, OPTIONS);
}
