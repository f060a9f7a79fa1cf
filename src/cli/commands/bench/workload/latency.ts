/** `latency`: events by the clock, from when each was due to the subscriber's code. @module */

import { BodyMaker } from "../body.ts";
import { Histogram } from "../histogram.ts";
import { Losses } from "../losses.ts";
import { Failures, type Measured, share } from "../measured.ts";
import { Receiver } from "../receiver.ts";
import { paced } from "../schedule.ts";
import { type BenchRun, progressLine, WARM_UP_SHARE } from "./bench_run.ts";
import { subscribeAll } from "./subscribe_all.ts";

/** Measures how long events take at the plan's rate. */
export async function latency(run: BenchRun): Promise<Measured> {
  const { plan, clock, crew, prefix } = run, topic = `${prefix}.latency`;
  const [publisher, reader] = await crew.edges(2);
  const receiver = new Receiver(plan.sizeBytes, clock.now), bodies = new BodyMaker(plan.sizeBytes);
  await using subscribed = await subscribeAll(run, [reader!], { topic, receiver });
  using losses = new Losses([publisher!, reader!], subscribed.subscriptions);
  const onePhase = async (durationMs: number): Promise<Measured> => {
    const histogram = new Histogram(), lag = new Histogram(), failures = new Failures();
    const phase = receiver.begin(histogram), startedAt = clock.now();
    losses.begin();
    const sent = await paced({ perSecond: plan.perSecond, durationMs }, clock, (index, dueMs) => {
      lag.record(clock.now() - dueMs);
      // Not awaited: the next event is due when it is due.
      publisher!.publish(topic, bodies.make(phase, index, dueMs)).catch((error) => failures.add(error));
    });
    const late = await receiver.complete(() => sent - failures.count - losses.dropped, clock.pause);
    const { received, displaced, lastAt } = receiver;
    return {
      workload: "latency",
      rate: lastAt > startedAt ? received / (lastAt - startedAt) * 1_000 : 0,
      errors: share(Math.max(0, sent - received), sent),
      sent,
      received,
      displaced,
      losses: losses.with(late),
      latency: histogram,
      lag,
      firstError: failures.first,
    };
  };
  await onePhase(plan.durationMs * WARM_UP_SHARE);
  run.progress.show(progressLine(run, "latency", plan.durationMs, () => receiver.received));
  return await onePhase(plan.durationMs);
}
