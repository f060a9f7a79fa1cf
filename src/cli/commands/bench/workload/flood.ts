/** `events` and `fan_out`: one publisher as fast as back-pressure lets it, to one subscriber or many. @module */

import type { Mesh } from "../../../../mesh/mesh.ts";
import { BodyMaker } from "../body.ts";
import { Losses } from "../losses.ts";
import { Failures, type Measured, share } from "../measured.ts";
import { Receiver } from "../receiver.ts";
import { Absence } from "./absence.ts";
import { type BenchRun, progressLine, WARM_UP_SHARE } from "./bench_run.ts";
import { subscribeAll } from "./subscribe_all.ts";

/** Events between two looks at the clock. */
const LOOK_EVENTS = 64;

/** Measures the throughput of events to `subscribers` connections. */
export async function flood(run: BenchRun, workload: "events" | "fan_out", subscribers: number): Promise<Measured> {
  const { plan, clock, crew, prefix } = run, topic = `${prefix}.${workload}`;
  const [publisher, ...readers] = await crew.edges(1 + subscribers);
  const receiver = new Receiver(plan.sizeBytes, clock.now);
  await using subscribed = await subscribeAll(run, readers, { topic, receiver });
  using losses = new Losses([publisher!, ...readers], subscribed.subscriptions);
  using absence = new Absence(publisher!, plan.timeoutMs);
  const phase = (durationMs: number) =>
    onePhase(run, { publisher: publisher!, topic, receiver, losses, absence, durationMs, subscribers });
  await phase(plan.durationMs * WARM_UP_SHARE);
  run.progress.show(progressLine(run, workload, plan.durationMs, () => receiver.received));
  return { workload, ...await phase(plan.durationMs) };
}

async function onePhase(
  { plan, clock, signal }: BenchRun,
  { publisher, topic, receiver, losses, absence, durationMs, subscribers }: {
    readonly publisher: Mesh;
    readonly topic: string;
    readonly receiver: Receiver;
    readonly losses: Losses;
    readonly absence: Absence;
    readonly durationMs: number;
    readonly subscribers: number;
  },
): Promise<Omit<Measured, "workload">> {
  const phase = receiver.begin(), bodies = new BodyMaker(plan.sizeBytes), failures = new Failures();
  const startedAt = clock.now(), whilePresent = { signal: absence.signal };
  losses.begin();
  let index = 0;
  for (let now = startedAt; now - startedAt < durationMs; now = clock.now()) {
    signal.throwIfAborted();
    for (const end = index + LOOK_EVENTS; index < end; index++) {
      try {
        await publisher.publish(topic, bodies.make(phase, index, now), whilePresent);
      } catch (error) {
        absence.signal.throwIfAborted(); // without a link an event waits for one, however long
        failures.add(error);
        await clock.pause(1); // what failed at once would fail a million times a second
      }
    }
  }
  const sent = index * subscribers;
  const due = () => sent - failures.count * subscribers - losses.dropped;
  const late = await receiver.complete(due, clock.pause);
  const { received, displaced, lastAt } = receiver;
  return {
    rate: lastAt > startedAt ? received / (lastAt - startedAt) * 1_000 : 0,
    errors: share(Math.max(0, sent - received), sent),
    sent,
    received,
    displaced,
    losses: losses.with(late),
    firstError: failures.first,
  };
}
