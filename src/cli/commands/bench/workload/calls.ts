/** `call` and `calls`: round trips, one after another or many in flight, each counted from when it was begun. @module */

import { MeshError } from "../../../../base/errors.ts";
import { BodyMaker } from "../body.ts";
import { Histogram } from "../histogram.ts";
import { Failures, type Measured, share } from "../measured.ts";
import { type BenchRun, known, progressLine, WARM_UP_SHARE } from "./bench_run.ts";

/** Measures calls with `inFlight` of them waiting at once. */
export async function calls(run: BenchRun, workload: "call" | "calls", inFlight: number): Promise<Measured> {
  const { plan, crew, prefix } = run, procedure = `${prefix}.${workload}`;
  const [caller, responder] = await crew.edges(2);
  const advertised = responder!.advertise(procedure, (args) => args, { concurrency: inFlight });
  await using _service = await known(run, workload, advertised);
  const call = async (body: Uint8Array) => {
    const answer = await caller!.call(procedure, body, { timeout: plan.timeoutMs });
    if (answer instanceof Uint8Array && answer.length === body.length) return;
    throw new MeshError("wrong_answer", `Cannot count a call: its answer is the ${body.length} bytes that were sent`);
  };
  await onePhase(run, call, inFlight, { durationMs: plan.durationMs * WARM_UP_SHARE, count: () => {} });
  let count = 0;
  run.progress.show(progressLine(run, workload, plan.durationMs, () => count));
  return { workload, ...await onePhase(run, call, inFlight, { durationMs: plan.durationMs, count: () => count++ }) };
}

async function onePhase(
  { plan, clock, signal }: BenchRun,
  call: (body: Uint8Array) => Promise<void>,
  inFlight: number,
  { durationMs, count }: { readonly durationMs: number; readonly count: () => void },
): Promise<Omit<Measured, "workload">> {
  const histogram = new Histogram(), failures = new Failures(), bodies = new BodyMaker(plan.sizeBytes);
  const startedAt = clock.now();
  let sent = 0;
  const work = async () => {
    for (let now = clock.now(); now - startedAt < durationMs; now = clock.now()) {
      signal.throwIfAborted();
      try {
        await call(bodies.make(0, sent++, now));
        histogram.record(clock.now() - now);
        count();
      } catch (error) {
        failures.add(error);
        await clock.pause(1); // what failed at once would fail a million times a second
      }
    }
  };
  await Promise.all(Array.from({ length: inFlight }, work));
  const rate = histogram.count / Math.max(clock.now() - startedAt, 1) * 1_000;
  const errors = share(failures.count, sent), received = histogram.count;
  return { rate, errors, sent, received, latency: histogram, firstError: failures.first };
}
