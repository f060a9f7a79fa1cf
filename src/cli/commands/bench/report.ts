/** What `macula bench` prints: a line for each workload, or one JSON document. @module */

import type { Histogram } from "./histogram.ts";
import type { Lost } from "./losses.ts";
import type { Measured } from "./measured.ts";
import type { Verdict } from "./objective.ts";
import type { Plan } from "./plan.ts";

const SHOWN = [50, 90, 99, 99.9] as const;
const KEPT = [50, 75, 90, 95, 99, 99.9, 99.99] as const;

/** The line of a workload. */
export function lineOf(measured: Measured, plan: Plan): string {
  const { workload, rate, errors, latency, lag, displaced = 0, losses, firstError } = measured;
  const subject = {
    events: "1 subscriber",
    fan_out: `${plan.subscribers} ${plan.subscribers === 1 ? "subscriber" : "subscribers"}`,
    latency: `${plan.perSecond}/s by the clock`,
    call: "one after another",
    calls: `${plan.inFlight} in flight`,
  }[workload];
  const parts = [`${workload.padEnd(7)} ${subject.padEnd(19)} ${Math.round(rate)}/s`];
  if (latency !== undefined && latency.count > 0) {
    const percentiles = SHOWN.map((percent) => `p${percent} ${shown(latency.percentile(percent))}`);
    parts.push([...percentiles, `max ${shown(latency.max)} ms`].join(" "));
  }
  parts.push(`errors ${percentText(errors)}`);
  if (losses !== undefined) parts.push(...lossesText(losses));
  if (displaced > 0) parts.push(`${displaced} out of sequence`);
  if (lag !== undefined && lag.count > 0) {
    parts.push(`left up to ${shown(lag.max)} ms late (p99 ${shown(lag.percentile(99))})`);
  }
  if (firstError !== undefined) parts.push(`first: ${firstError}`);
  return parts.join("  ");
}

/** Everything, as a plain object; durations in ms, errors as shares. */
export function documentOf(
  all: readonly Measured[],
  verdicts: readonly Verdict[],
  plan: Plan,
): Record<string, unknown> {
  const { durationMs, perSecond, sizeBytes, subscribers, inFlight } = plan;
  return {
    settings: { durationMs, rate: perSecond, sizeBytes, subscribers, inFlight },
    workloads: all.map(({ latency, lag, firstError, ...rest }) => ({
      ...rest,
      ...(latency === undefined ? {} : { latencyMs: distribution(latency) }),
      ...(lag === undefined ? {} : { lagMs: distribution(lag) }),
      ...(firstError === undefined ? {} : { firstError }),
    })),
    objectives: verdicts,
  };
}

/** The sentence for objectives that were missed; undefined where none was. */
export function missedText(verdicts: readonly Verdict[]): string | undefined {
  const missed = verdicts.filter(({ met }) => !met);
  if (missed.length === 0) return undefined;
  const parts = missed.map(({ objective, workload, got }) =>
    `${objective} in ${workload}, got ${gotText(objective, got)}`
  );
  return `Cannot meet ${missed.length === 1 ? "the objective" : "the objectives"}: ${parts.join("; ")}`;
}

/** What users can do something about: a subscriber that needs more processor, a network or a gateway that does. */
function lossesText({ dropped, late, connections, reason }: Lost): string[] {
  return [
    ...dropped === 0 ? [] : [`${dropped} dropped at the gateway for slow subscribers`],
    ...late === 0 ? [] : [`${late} still on their way when the wait for them ended`],
    ...connections === 0 ? [] : [`${connections} ${connections === 1 ? "connection" : "connections"} lost (${reason})`],
  ];
}

function gotText(objective: string, got: number): string {
  if (Number.isNaN(got)) return "nothing";
  if (got === Infinity) return "some that never came";
  if (objective.endsWith("/s")) return `${Math.round(got)}/s`;
  return objective.endsWith("%") ? percentText(got) : `${shown(got)} ms`;
}

function distribution(histogram: Histogram): Record<string, number> | null {
  if (histogram.count === 0) return null;
  const percentiles = KEPT.map((percent) => [`p${percent}`, rounded(histogram.percentile(percent))]);
  const { min, mean, max } = histogram;
  return { min: rounded(min), mean: rounded(mean), ...Object.fromEntries(percentiles), max: rounded(max) };
}

function shown(ms: number): string {
  return ms < 10 ? ms.toFixed(3) : ms.toFixed(1);
}

function rounded(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}

function percentText(part: number): string {
  return part === 0 ? "0 %" : `${(part * 100).toPrecision(2)} %`;
}
