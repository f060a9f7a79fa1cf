/** Schedule, receiver, settings and progress of `macula bench`, on a clock of the test. @module */

import assert from "node:assert/strict";
import { BodyMaker, readBody } from "../../../src/cli/commands/bench/body.ts";
import { Histogram } from "../../../src/cli/commands/bench/histogram.ts";
import { planOf } from "../../../src/cli/commands/bench/plan.ts";
import { Progress } from "../../../src/cli/commands/bench/progress.ts";
import { Receiver } from "../../../src/cli/commands/bench/receiver.ts";
import { paced } from "../../../src/cli/commands/bench/schedule.ts";
import { type BenchRun, progressLine } from "../../../src/cli/commands/bench/workload/bench_run.ts";
import { latency } from "../../../src/cli/commands/bench/workload/latency.ts";
import { parseArguments } from "../../../src/cli/options.ts";
import { Settings } from "../../../src/cli/settings.ts";

/** A clock that moves only when somebody waits, or is told to. */
class StepClock {
  at = 1_000;
  readonly now = () => this.at;
  until(atMs: number): Promise<void> {
    this.at = Math.max(this.at, atMs);
    return Promise.resolve();
  }
  readonly pause = (ms: number) => this.until(this.at + ms);
}

Deno.test("events keep to the schedule however long one takes, and the wait is charged to each", async () => {
  const clock = new StepClock(), sent: { index: number; due: number; lag: number }[] = [];
  const count = await paced({ perSecond: 100, durationMs: 1_000 }, clock, (index, due) => {
    sent.push({ index, due, lag: clock.at - due });
    if (index === 10) clock.at += 500; // the system holds us up for half a second
  });
  assert.equal(count, 100);
  assert.deepEqual(sent.map(({ due }) => due), Array.from({ length: 100 }, (_, i) => 1_000 + i * 10));
  assert.deepEqual(sent.slice(0, 11).map(({ lag }) => lag), Array(11).fill(0));
  const late = sent.filter(({ lag }) => lag > 0);
  assert.equal(late.length, 49, "all that were due meanwhile");
  assert.equal(late[0]!.lag, 490);
  assert.equal(sent.at(-1)!.lag, 0, "it catches up");
});

Deno.test("a rate above what a turn can send stays on the schedule in bounded bursts", async () => {
  const clock = new StepClock();
  let sent = 0, waits = 0;
  const until = (atMs: number) => {
    waits++;
    return clock.until(atMs);
  };
  clock.at = 0;
  const counting = { now: () => clock.at, until };
  await paced({ perSecond: 1_000_000, durationMs: 10 }, counting, () => {
    if (++sent === 1) clock.at += 5;
  });
  assert.equal(sent, 10_000);
  assert.ok(waits >= 19, `5,000 events that are late at once go in bursts of 256, got ${waits} waits`);
});

/** A mesh of two edges where nothing arrives from `stallMs` on, for a second. */
class StallingMesh extends EventTarget {
  readonly #waiting: Uint8Array[] = [];
  readonly #clock: StepClock;
  readonly #stallMs: number;
  #reader!: ReadableStreamDefaultController<{ readonly data: Uint8Array }>;

  constructor(clock: StepClock, stallMs: number) {
    super();
    this.#clock = clock;
    this.#stallMs = stallMs;
  }

  subscribe() {
    const events = new ReadableStream<{ readonly data: Uint8Array }>({
      start: (reader) => void (this.#reader = reader),
    });
    return Object.assign(events, { missed: 0, ready: Promise.resolve(), close: () => this.#reader.close() });
  }

  async publish(_topic: string, body: Uint8Array): Promise<void> {
    this.#waiting.push(body);
    this.deliver();
  }

  deliver(): void {
    const stoodStillMs = this.#clock.at - this.#stallMs;
    if (stoodStillMs >= 0 && stoodStillMs < 1_000) return;
    for (const data of this.#waiting.splice(0)) this.#reader.enqueue({ data });
  }
}

Deno.test("latency: a mesh that stands still for a second is charged for every event of that second", async () => {
  const clock = new StepClock(), mesh = new StallingMesh(clock, 3_000), { signal } = new AbortController();
  const until = async (atMs: number) => {
    await new Promise((resolve) => setTimeout(resolve)); // what has arrived is read before the clock moves on
    await clock.until(atMs);
    mesh.deliver();
  };
  const run = {
    plan: plan("--duration 4s --rate 100"),
    crew: { edges: async () => [mesh, mesh] },
    clock: { now: clock.now, until, pause: (ms: number) => until(clock.at + ms) },
    progress: new Progress(undefined),
    signal,
    prefix: "bench.x",
  };
  const { latency: histogram, errors, sent, lag } = await latency(run as unknown as BenchRun);
  assert.deepEqual([sent, errors, lag!.max], [400, 0, 0], "the schedule does not wait for the mesh");
  const percentiles = [50, 75, 80, 90, 99, 100].map((percent) => Math.round(histogram!.percentile(percent) / 10) * 10);
  assert.deepEqual(percentiles, [0, 0, 200, 600, 960, 1_000], "a quarter of all has waited, not one event");
});

Deno.test("a receiver counts its phase alone, and knows losses, doubles and how long each took", async () => {
  const clock = new StepClock(), receiver = new Receiver(32, clock.now), bodies = new BodyMaker(32);
  const stale = receiver.begin(), histogram = new Histogram(), phase = receiver.begin(histogram);
  receiver.take(0, bodies.make(stale, 0, 0));
  receiver.take(0, bodies.make(phase, 0, clock.at - 7));
  receiver.take(1, bodies.make(phase, 0, clock.at - 9));
  receiver.take(0, bodies.make(phase, 2, clock.at));
  receiver.take(0, bodies.make(phase, 2, clock.at));
  receiver.take(0, new Uint8Array(31));
  receiver.take(0, "no bytes");
  assert.deepEqual([receiver.received, receiver.displaced], [4, 2]);
  assert.deepEqual([histogram.max, histogram.count], [9, 4]);
  assert.equal(await receiver.complete(() => 4, clock.pause), 0);
  assert.equal(clock.at, 1_000, "all are there");
  assert.equal(await receiver.complete(() => 5, clock.pause), 0);
  assert.ok(clock.at > 4_000 && clock.at < 4_100, `the rest counts as lost after three seconds, at ${clock.at}`);
});

Deno.test("what waits at the gateway is not lost as long as it comes, for a minute", async () => {
  const clock = new StepClock(), receiver = new Receiver(16, clock.now), bodies = new BodyMaker(16);
  const phase = receiver.begin(), body = bodies.make(phase, 0, 0);
  const coming = async (ms: number) => {
    receiver.take(0, body);
    await clock.pause(ms);
  };
  await receiver.complete(() => 20, () => coming(1_000));
  assert.deepEqual([receiver.received, clock.at], [20, 21_000]);
  assert.equal(await receiver.complete(() => 1_000_000, () => coming(1_000)), 1_000_000 - 80, "still coming");
  assert.equal(clock.at, 81_000);
});

Deno.test("bodies say what they are, in memory of their own", () => {
  const bodies = new BodyMaker(16), first = bodies.make(3, 4_000_000_000, 1.25);
  bodies.make(4, 5, 6);
  assert.deepEqual(readBody(first, 16), { phase: 3, index: 4_000_000_000, dueMs: 1.25 });
  assert.equal(readBody(first, 17), undefined);
});

function plan(text: string) {
  const { positionals, flags } = parseArguments(text.split(" ").filter(Boolean));
  return planOf(new Settings({ positionals, flags }, {}));
}

Deno.test("a plan has bounds, and defaults", () => {
  assert.deepEqual(plan(""), {
    workloads: ["events", "fan_out", "latency", "call", "calls"],
    durationMs: 5_000,
    perSecond: 1_000,
    sizeBytes: 128,
    subscribers: 10,
    inFlight: 64,
    timeoutMs: 5_000,
  });
  assert.deepEqual(plan("calls events calls").workloads, ["events", "calls"]);
  for (const [text, ms] of [["250ms", 250], ["1.5s", 1_500], ["2", 2_000], ["60m", 3_600_000]] as const) {
    assert.equal(plan(`--duration ${text}`).durationMs, ms, text);
  }
  const wrong: [string, RegExp][] = [
    ["nothing", /^Cannot run macula bench: workloads are events, .* got "nothing"$/],
    ["--duration 99ms", /^Cannot use --duration: 100ms to 60m is expected/],
    ["--duration 61m", /--duration/],
    ["--duration soon", /got "soon"$/],
    ["--size 15", /^Cannot use --size: a whole number from 16 to 1000000 is expected/],
    ["--size 1000001", /--size/],
    ["--rate 0", /--rate/],
    ["--rate 1000001", /--rate/],
    ["--subscribers 1001", /--subscribers/],
    ["--in-flight 10001", /--in-flight/],
  ];
  for (const [text, message] of wrong) assert.throws(() => plan(text), { code: "invalid", message }, text);
});

Deno.test("progress: a line says how far a phase is, and nothing of the one before it", () => {
  const clock = new StepClock(), run = { clock } as unknown as BenchRun;
  let count = 2_112; // left by the warm-up until the phase has begun
  const line = progressLine(run, "events", 4_000, () => count);
  assert.equal(line(), "events  0.0 of 4 s  0/s");
  clock.at += 2_000;
  count = 3_000;
  assert.equal(line(), "events  2.0 of 4 s  1500/s");
  clock.at += 3_000;
  assert.equal(line(), "events  4.0 of 4 s  600/s");
});

Deno.test("progress is drawn over itself and taken away, and is silent without a terminal", () => {
  const written: string[] = [];
  {
    using progress = new Progress((text) => written.push(text));
    progress.show(() => "events 1 of 5 s");
    progress.show(() => "calls");
  }
  assert.deepEqual(written, ["\r\x1b[2Kevents 1 of 5 s", "\r\x1b[2K", "\r\x1b[2Kcalls", "\r\x1b[2K"]);
  using silent = new Progress(undefined);
  silent.show(() => assert.fail("nobody looks"));
});
