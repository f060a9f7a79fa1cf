/** `macula bench`: how fast the user's own mesh is, and whether that is fast enough. @module */

import { MeshError } from "../../../base/errors.ts";
import { toHex } from "../../../base/bytes.ts";
import { systemRandom } from "../../../node/runtime.ts";
import { EXIT } from "../../failure.ts";
import { print, toJson } from "../../output.ts";
import { interruptible } from "../../process/signals.ts";
import type { Settings } from "../../settings.ts";
import { Crew } from "./crew.ts";
import type { Measured } from "./measured.ts";
import { judge, parseObjectives } from "./objective.ts";
import { planOf, type WorkloadName } from "./plan.ts";
import { Progress } from "./progress.ts";
import { documentOf, lineOf, missedText } from "./report.ts";
import { systemClock } from "./schedule.ts";
import type { BenchRun } from "./workload/bench_run.ts";
import { calls } from "./workload/calls.ts";
import { flood } from "./workload/flood.ts";
import { latency } from "./workload/latency.ts";

/** Runs the workloads that were asked for; rejects where one cannot go on, else with `slo_missed` where one misses. */
export async function bench(settings: Settings): Promise<number> {
  const plan = planOf(settings), objectives = parseObjectives(settings.text("slo") ?? "", plan.workloads);
  const isJson = settings.has("json");
  return await interruptible(async ({ signal }) => {
    await using crew = new Crew(settings, signal);
    using progress = new Progress();
    const prefix = `bench.${toHex(systemRandom().bytes(6))}`, clock = systemClock(signal);
    const run: BenchRun = { plan, crew, clock, progress, signal, prefix };
    const all: Measured[] = [];
    let failure: { readonly error: unknown } | undefined;
    for (const name of plan.workloads) {
      try {
        all.push(await WORKLOADS[name](run));
      } catch (error) {
        signal.throwIfAborted();
        failure = { error };
        break; // what was measured until then is told
      } finally {
        progress.done();
      }
      if (!isJson) await print(lineOf(all.at(-1)!, plan));
    }
    const verdicts = judge(objectives, all), missed = missedText(verdicts);
    if (isJson && all.length > 0) await print(toJson(documentOf(all, verdicts, plan)));
    if (failure !== undefined) throw failure.error;
    if (missed !== undefined) throw new MeshError("slo_missed", missed);
    return EXIT.done;
  });
}

const WORKLOADS: Readonly<Record<WorkloadName, (run: BenchRun) => Promise<Measured>>> = {
  events: (run) => flood(run, "events", 1),
  fan_out: (run) => flood(run, "fan_out", run.plan.subscribers),
  latency,
  call: (run) => calls(run, "call", 1),
  calls: (run) => calls(run, "calls", run.plan.inFlight),
};
