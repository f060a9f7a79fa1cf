/** The rows of the table: which figure of which workload, and what it shall be. @module */

import type { SystemName } from "../system/catalogue.ts";

/** What a figure shall be. */
export type Goal =
  /** At least so many times that of another system in the same run. */
  | { readonly kind: "atLeast"; readonly times: number; readonly system: SystemName }
  /** At most so many times that of another system, or of ours in another workload. */
  | { readonly kind: "atMost"; readonly times: number; readonly system: SystemName; readonly workload?: string }
  /** At most so much. */
  | { readonly kind: "limit"; readonly value: number };

/** How figures are written. */
export type Unit = "per second" | "µs" | "ms" | "KiB";

/** One row. */
export interface Row {
  readonly title: string;
  readonly workload: string;
  readonly metric: string;
  readonly unit: Unit;
  readonly goals: readonly Goal[];
}

const atLeast = (times: number, system: SystemName): Goal => ({ kind: "atLeast", times, system });
const atMost = (times: number, system: SystemName): Goal => ({ kind: "atMost", times, system });

/** All rows, in order. */
export const ROWS: readonly Row[] = [
  {
    title: "1→1 events through a gateway",
    workload: "events",
    metric: "perSecond",
    unit: "per second",
    goals: [atLeast(0.6, "bare"), atLeast(3, "mosquitto"), atLeast(50, "libp2p")],
  },
  { title: "· CPU of the gateway per event", workload: "events", metric: "hubMicros", unit: "µs", goals: [] },
  {
    title: "1→10 fan-out, deliveries",
    workload: "fan_out",
    metric: "perSecond",
    unit: "per second",
    goals: [atLeast(0.7, "bare"), atLeast(4, "mosquitto")],
  },
  {
    title: "events, node to node",
    workload: "events_direct",
    metric: "perSecond",
    unit: "per second",
    goals: [atLeast(0.8, "nats")],
  },
  ...latencyRows("event latency at 1,000/s, through a gateway", "latency", [atMost(1.3, "bare")]),
  ...latencyRows("event latency at 1,000/s, node to node", "latency_direct", [atMost(1, "nats")]),
  ...latencyRows("sequential call, through a gateway", "call", []),
  {
    title: "sequential call, node to node, p50",
    workload: "call_direct",
    metric: "p50",
    unit: "µs",
    goals: [atMost(1.3, "bare"), atMost(1, "nats")],
  },
  { title: "sequential call, node to node, p99", workload: "call_direct", metric: "p99", unit: "µs", goals: [] },
  {
    title: "calls, 64 in flight, through a gateway",
    workload: "calls",
    metric: "perSecond",
    unit: "per second",
    goals: [atLeast(1.5, "nats")],
  },
  {
    title: "calls, 64 in flight, node to node",
    workload: "calls_direct",
    metric: "perSecond",
    unit: "per second",
    goals: [atLeast(1.5, "nats")],
  },
  {
    title: "memory per idle edge",
    workload: "idle_edges",
    metric: "kibPerEdge",
    unit: "KiB",
    goals: [atMost(1.25, "bare")],
  },
  {
    title: "handshakes, with full proof",
    workload: "handshakes",
    metric: "perSecond",
    unit: "per second",
    goals: [atLeast(0.6, "bare")],
  },
  {
    title: "CPU per event, 10 other patterns",
    workload: "patterns_few",
    metric: "hubMicros",
    unit: "µs",
    goals: [],
  },
  {
    title: "CPU per event, 100,000 other patterns",
    workload: "patterns_many",
    metric: "hubMicros",
    unit: "µs",
    goals: [{ kind: "atMost", times: 1.2, system: "macula", workload: "patterns_few" }],
  },
  {
    title: "start of a gateway to the first served event",
    workload: "start",
    metric: "servedMs",
    unit: "ms",
    goals: [{ kind: "limit", value: 400 }],
  },
];

function latencyRows(title: string, workload: string, goals: readonly Goal[]): Row[] {
  return ["p50", "p99"].map((metric) => ({ title: `${title}, ${metric}`, workload, metric, unit: "µs", goals }));
}
