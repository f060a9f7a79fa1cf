/** The workloads: who is started, what they are told, and what of their answers is a figure. @module */

import type { Child } from "./child.ts";
import type { SystemName } from "../system/catalogue.ts";
import { type Meter, residentKiB } from "./machine.ts";
import { delay, numberOf, type Stage } from "./stage.ts";

/** What one run found. */
export interface Measured {
  /** By metric. */
  readonly values: Readonly<Record<string, number>>;
  /** Events or answers that were due and did not come. */
  readonly lost: number;
  /** Events that did not follow the one before. */
  readonly displaced: number;
  /** What others used of the machine meanwhile, percent of one core. */
  readonly foreignPercent: number;
}

/** A workload. */
export interface Workload {
  readonly name: string;
  /** Who is measured with it. */
  readonly systems: readonly SystemName[];
  readonly run: (stage: Stage) => Promise<Measured>;
}

type Settings = { readonly subscribers?: number; readonly patterns?: number };

const EVENTS = 300_000, FAN_OUT = 10;
const EVENTS_PER_SECOND = 1_000, LATENCY_SECONDS = 8;
const SEQUENTIAL_CALLS = 8_000, PARALLEL_CALLS = 60_000, IN_FLIGHT = 64;
const EDGES = 1_000, HANDSHAKES = 600, HANDSHAKES_IN_FLIGHT = 16;
/** Edges that the patterns that match nothing are spread over: each may have 10,000. */
const PATTERN_EDGES = 10, PATTERNS_FEW = 10, PATTERNS_MANY = 100_000;
/** Of the measured count, before it, uncounted: compilers warm up on it. */
const WARM_UP = 0.1;
/** How long a crowd stands before its memory is looked at, ms. */
const STANDING_MS = 1_500;

const EVERYBODY: readonly SystemName[] = ["macula", "bare", "nats", "mosquitto", "libp2p"];
const OURS: readonly SystemName[] = ["macula", "bare"];
/** Where we go without a hub, NATS goes through its server, as it must. */
const DIRECT: readonly SystemName[] = ["macula", "bare", "nats"];

/** All of them, in the order of the table. */
export const WORKLOADS: readonly Workload[] = [
  { name: "events", systems: EVERYBODY, run: (stage) => events(stage, true, {}) },
  { name: "fan_out", systems: EVERYBODY, run: (stage) => events(stage, true, { subscribers: FAN_OUT }) },
  { name: "events_direct", systems: DIRECT, run: (stage) => events(stage, false, {}) },
  { name: "latency", systems: EVERYBODY, run: (stage) => latency(stage, true) },
  { name: "latency_direct", systems: DIRECT, run: (stage) => latency(stage, false) },
  { name: "call", systems: EVERYBODY, run: (stage) => calls(stage, true, SEQUENTIAL_CALLS, 1) },
  { name: "call_direct", systems: DIRECT, run: (stage) => calls(stage, false, SEQUENTIAL_CALLS, 1) },
  { name: "calls", systems: EVERYBODY, run: (stage) => calls(stage, true, PARALLEL_CALLS, IN_FLIGHT) },
  { name: "calls_direct", systems: DIRECT, run: (stage) => calls(stage, false, PARALLEL_CALLS, IN_FLIGHT) },
  { name: "idle_edges", systems: ["macula", "bare", "nats", "mosquitto"], run: idleEdges },
  { name: "handshakes", systems: OURS, run: handshakes },
  { name: "patterns_few", systems: ["macula"], run: (stage) => events(stage, true, { patterns: PATTERNS_FEW }) },
  { name: "patterns_many", systems: ["macula"], run: (stage) => events(stage, true, { patterns: PATTERNS_MANY }) },
  { name: "start", systems: OURS, run: start },
];

/** One publisher as fast as it can, one process of subscribers. */
async function events(stage: Stage, throughHub: boolean, settings: Settings): Promise<Measured> {
  const { subscribers = 1, patterns = 0 } = settings;
  const { publisher, subscriber, address } = await publisherAndSubscriber(stage, throughHub, subscribers);
  if (patterns > 0) {
    const crowd = await stage.role("crowd", { address, connections: PATTERN_EDGES });
    // Few stays few: only the large number follows the scale of the run.
    await crowd.ask({ name: "subscribe", count: patterns === PATTERNS_FEW ? patterns : stage.scaled(patterns) });
  }
  await stage.settle();
  const count = stage.count(EVENTS / subscribers);
  // A publisher has as much to warm up on whoever listens: of fan-out's tenth it would be a tenth.
  await pump(publisher, subscriber, Math.ceil(stage.count(EVENTS) * WARM_UP));
  const meter = stage.meter(),
    result = await pump(publisher, subscriber, count),
    { received, lost, displaced } = result;
  const values = {
    perSecond: received / (result.lastAt - result.startedAt) * 1_000,
    publisherMicros: meter.usedMs(publisher.pid) * 1_000 / received,
    subscriberMicros: meter.usedMs(subscriber.pid) * 1_000 / received,
    ...hubMicros(stage, meter, received),
  };
  return { values, lost, displaced, foreignPercent: meter.foreignPercent() };
}

async function pump(publisher: Child, subscriber: Child, count: number) {
  await subscriber.ask({ name: "expect", count });
  const [received, pumped] = await Promise.all([
    subscriber.ask({ name: "received" }),
    publisher.ask({ name: "pump", count }),
  ]);
  return {
    startedAt: numberOf(pumped, "startedAt"),
    lastAt: numberOf(received, "lastAt"),
    received: numberOf(received, "received"),
    lost: numberOf(received, "lost"),
    displaced: numberOf(received, "displaced"),
  };
}

/** One publisher at a steady pace. */
async function latency(stage: Stage, throughHub: boolean): Promise<Measured> {
  const { publisher, subscriber } = await publisherAndSubscriber(stage, throughHub, 1);
  await stage.settle();
  const count = stage.scaled(EVENTS_PER_SECOND * LATENCY_SECONDS);
  const paced = async (events: number) => {
    await subscriber.ask({ name: "expect", count: events, timed: true });
    return await Promise.all([
      subscriber.ask({ name: "received" }),
      publisher.ask({ name: "pace", count: events, perSecond: EVENTS_PER_SECOND }),
    ]);
  };
  await paced(Math.ceil(count * WARM_UP));
  const meter = stage.meter(), [received, pace] = await paced(count);
  const { p50, p99, max } = received["latencies"] as Record<string, number>;
  return {
    values: { p50: p50!, p99: p99!, max: max!, lateEvents: numberOf(pace, "late") },
    lost: numberOf(received, "lost"),
    displaced: numberOf(received, "displaced"),
    foreignPercent: meter.foreignPercent(),
  };
}

async function publisherAndSubscriber(stage: Stage, throughHub: boolean, connections: number) {
  const hub = throughHub || stage.system.broker !== undefined ? await stage.hub() : undefined;
  const publisher = await stage.role("publisher", { address: hub });
  const address = hub ?? publisher.address;
  const subscriber = await stage.role("subscriber", { address, connections });
  return { publisher, subscriber, address };
}

/** One caller, one responder. */
async function calls(stage: Stage, throughHub: boolean, usual: number, inFlight: number): Promise<Measured> {
  const hub = throughHub || stage.system.broker !== undefined ? await stage.hub() : undefined;
  const responder = await stage.role("responder", { address: hub });
  const caller = await stage.role("caller", { address: hub ?? responder.address });
  await stage.settle();
  const count = stage.count(usual);
  await caller.ask({ name: "call", count: Math.ceil(count * WARM_UP), inFlight });
  const meter = stage.meter(), answer = await caller.ask({ name: "call", count, inFlight });
  const { perSecond, p50, p99, max } = answer as Record<string, number>;
  return {
    values: {
      perSecond: perSecond!,
      p50: p50!,
      p99: p99!,
      max: max!,
      callerMicros: meter.usedMs(caller.pid) * 1_000 / count,
      responderMicros: meter.usedMs(responder.pid) * 1_000 / count,
      ...hubMicros(stage, meter, count),
    },
    lost: count - numberOf(answer, "answered"),
    displaced: 0,
    foreignPercent: meter.foreignPercent(),
  };
}

/** CPU of the hub for each of `count`, µs; nothing where there is no hub. */
function hubMicros({ hubPid }: Stage, meter: Meter, count: number): { hubMicros?: number } {
  return Number.isNaN(hubPid) ? {} : { hubMicros: meter.usedMs(hubPid) * 1_000 / count };
}

/** The hub's memory before and after a crowd has come. */
async function idleEdges(stage: Stage): Promise<Measured> {
  const address = await stage.hub({ gc: true }), connections = stage.scaled(EDGES);
  await stage.collect();
  await delay(STANDING_MS);
  const before = residentKiB(stage.hubPid);
  await stage.role("crowd", { address, connections });
  await stage.collect();
  const meter = stage.meter();
  await delay(STANDING_MS);
  await stage.collect();
  const kibPerEdge = (residentKiB(stage.hubPid) - before) / connections;
  return { values: { kibPerEdge }, lost: 0, displaced: 0, foreignPercent: meter.foreignPercent() };
}

/** Connections that come and go. */
async function handshakes(stage: Stage): Promise<Measured> {
  const address = await stage.hub(), crowd = await stage.role("crowd", { address });
  const count = stage.scaled(HANDSHAKES), inFlight = HANDSHAKES_IN_FLIGHT;
  await crowd.ask({ name: "dial", count: Math.ceil(count * WARM_UP), inFlight });
  const meter = stage.meter(), answer = await crowd.ask({ name: "dial", count, inFlight });
  const { perSecond, p50, p99 } = answer as Record<string, number>;
  const values = {
    perSecond: perSecond!,
    p50: p50!,
    p99: p99!,
    hubMicros: meter.usedMs(stage.hubPid) * 1_000 / count,
  };
  return { values, lost: 0, displaced: 0, foreignPercent: meter.foreignPercent() };
}

/** From the start of a hub's process to the first event that it has delivered; a start before it warms the disk. */
async function start(stage: Stage): Promise<Measured> {
  await stage.hub();
  await stage.endHub();
  const prober = await stage.role("prober"), meter = stage.meter();
  const startedAt = stage.now(), address = await stage.hub(), readyAt = stage.now();
  const answer = await prober.ask({ name: "probe", ...(address === undefined ? {} : { address }) });
  const values = { servedMs: numberOf(answer, "servedAt") - startedAt, readyMs: readyAt - startedAt };
  return { values, lost: 0, displaced: 0, foreignPercent: meter.foreignPercent() };
}
