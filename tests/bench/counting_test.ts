/** What the benchmarks count and compute. @module */

import assert from "node:assert/strict";
import { latencies } from "../../bench/role/latency.ts";
import { pace } from "../../bench/role/pace.ts";
import { payloads, Tally, timedPayload, timeOf } from "../../bench/role/payload.ts";
import { Subscriber } from "../../bench/role/subscriber.ts";
import { windowed } from "../../bench/role/windowed.ts";
import { isChosen, parseOptions } from "../../bench/run/options.ts";
import { cell, doubtsOf, report, type Results, verdict } from "../../bench/run/report.ts";
import type { Row } from "../../bench/run/rows.ts";
import { counted, median, ratio, type Run, summarise } from "../../bench/run/statistics.ts";
import type { SystemName } from "../../bench/system/catalogue.ts";

const ROW: Row = { title: "events", workload: "events", metric: "perSecond", unit: "per second", goals: [] };

function run(round: number, system: SystemName, perSecond: number, foreignPercent = 0): Run {
  const figures = { values: { perSecond }, lost: 0, displaced: 0, foreignPercent };
  return { round, workload: "events", system, at: "2026-01-01T00:00:00.000Z", speed: 1, ...figures };
}

Deno.test("a tally sees what is lost, doubled, displaced and changed", () => {
  const body = payloads(), tally = new Tally();
  for (let i = 0; i < 3_000; i++) tally.add(body(i));
  assert.deepEqual([tally.received, tally.displaced], [3_000, 0]);
  tally.add(body(3_001)); // one is lost
  tally.add(body(3_001)); // doubled
  tally.add(body(3_002));
  assert.deepEqual([tally.received, tally.displaced], [3_003, 2]);
  assert.throws(() => tally.add(new Uint8Array(128)), /as they were sent/);
  assert.throws(() => tally.add(body(0).subarray(1)), /got 127/);
});

Deno.test("a subscriber knows when all have come, and how many did not", async () => {
  let now = 5;
  const body = payloads(), subscriber = new Subscriber(2, () => now);
  subscriber.expect(2, false);
  for (const connection of [0, 1]) for (const index of [0, 1]) subscriber.receive(connection, body(index));
  now = 9;
  assert.deepEqual(await subscriber.received(), {
    received: 4,
    lost: 0,
    displaced: 0,
    lastAt: 5,
    latencies: undefined,
  });
  subscriber.expect(3, true);
  subscriber.receive(0, timedPayload(0, 8.5));
  subscriber.receive(1, timedPayload(1, 7));
  const received = subscriber.received();
  now = 1e9; // nothing more has come for a long time
  const late = setInterval(() => now += 1e6, 10);
  const { lost, displaced, latencies: measured } = await received;
  clearInterval(late);
  assert.deepEqual({ lost, displaced, measured }, {
    lost: 4,
    displaced: 1,
    measured: { p50: 2000, p99: 2000, max: 2000 },
  });
});

Deno.test("a pace charges a publisher that is held up, from when each event was due", async () => {
  const sent: { at: number; handed: number }[] = [];
  const { late } = await pace(
    (payload) => {
      sent.push({ at: timeOf(payload), handed: performance.now() });
      if (sent.length === 10) { for (const start = performance.now(); performance.now() - start < 30;); }
    },
    40,
    1_000,
    () => performance.now(),
  );
  assert.equal(sent.length, 40);
  assert(late >= 25, `late: ${late}`);
  assert(sent[10]!.handed - sent[10]!.at > 20, "the event behind the stall carries the time it was due");
});

Deno.test("operations keep to their window", async () => {
  let inFlight = 0, most = 0, all = 0;
  await windowed(1_000, 64, (_index, done) => {
    most = Math.max(most, ++inFlight);
    queueMicrotask(() => {
      inFlight--;
      all++;
      done();
    });
  });
  assert.deepEqual({ most, all }, { most: 64, all: 1_000 });
  await windowed(3, 2, (_index, done) => done());
  await windowed(0, 2, () => assert.fail("nothing is asked for"));
});

Deno.test("medians, percentiles and spreads", () => {
  assert.deepEqual([[3, 1, 2], [4, 1, 3, 2], [7]].map(median), [2, 2.5, 7]);
  assert(Number.isNaN(median([])));
  const durations = Array.from({ length: 1_000 }, (_, i) => (i + 1) / 1_000);
  assert.deepEqual(latencies(durations), { p50: 501, p99: 991, max: 1_000 });
  assert.deepEqual(latencies([]), { p50: 0, p99: 0, max: 0 });
});

Deno.test("clean runs are preferred once there are three", () => {
  const series = { workload: "events", system: "macula", metric: "perSecond" } as const;
  const noisy = [run(1, "macula", 10, 90), run(2, "macula", 100), run(3, "macula", 110)];
  assert.deepEqual(summarise(noisy, series), { median: 100, min: 10, max: 110, rounds: 3, clean: false });
  const enough = [...noisy, run(4, "macula", 120)];
  assert.deepEqual(summarise(enough, series), { median: 110, min: 100, max: 120, rounds: 3, clean: true });
  const { values: _, ...failed } = run(5, "macula", 1);
  assert.equal(counted([...enough, failed], series).length, 3);
  assert.equal(summarise([], series), undefined);
});

Deno.test("ratios are taken within a round, goals by them", () => {
  const ours = { workload: "events", system: "macula", metric: "perSecond" } as const;
  const bare = { ...ours, system: "bare" } as const;
  // The machine is twice as fast in round 2: a ratio of medians would be the same here by luck only.
  const runs = [run(1, "macula", 60), run(1, "bare", 100), run(2, "macula", 140), run(2, "bare", 200)];
  assert.equal(ratio([...runs, run(3, "bare", 1_000)], ours, bare), (0.6 + 0.7) / 2);
  assert.equal(ratio([run(1, "macula", 50), run(2, "bare", 100)], ours, bare), 0.5);
  assert.equal(ratio(runs, ours, { ...ours, system: "nats" }), undefined);
  const goal = (times: number) => verdict(runs, ROW, { kind: "atLeast", times, system: "bare" });
  assert.deepEqual([goal(0.64), goal(0.66)], ["≥ 0.64 × bare QUIC ✓", "≥ 0.66 × bare QUIC ✗"]);
  assert.equal(verdict(runs, ROW, { kind: "atMost", times: 1, system: "bare" }), "≤ 1 × bare QUIC ✓");
  assert.equal(verdict(runs, { ...ROW, unit: "ms" }, { kind: "limit", value: 99 }), "≤ 99 ms ✗");
  assert.equal(verdict(runs, ROW, { kind: "atLeast", times: 1, system: "nats" }), undefined);
  const fast = [run(1, "macula", 600_000), run(1, "bare", 1_200_000)];
  assert.equal(cell(fast, ROW, "macula"), "600 k* (600 k–600 k)".replace("*", ""));
  assert.equal(cell(fast, ROW, "bare"), "1.20 M (1.20 M–1.20 M) **×0.5**");
});

Deno.test("the command line", () => {
  assert.deepEqual(parseOptions([]), {
    rounds: 5,
    only: [],
    peers: false,
    scale: 1,
    patienceMs: 15_000,
    limitMs: 90_000,
  });
  const quick = parseOptions(["--quick", "--peers", "--only", "events, call*", "--json", "a.json", "--patience", "0"]);
  assert.deepEqual(quick, {
    rounds: 3,
    only: ["events", "call*"],
    peers: true,
    scale: 0.1,
    patienceMs: 0,
    limitMs: 90_000,
    json: "a.json",
  });
  assert.equal(parseOptions(["--help"]), "help");
  assert.equal(parseOptions(["--list"]), "list");
  assert.throws(() => parseOptions(["--rounds", "2.5"]), /Cannot use --rounds: a positive integer/);
  assert.throws(() => parseOptions(["--scale", "0"]), RangeError);
  assert.throws(() => parseOptions(["--fast"]), TypeError);
  for (const only of ["nothing", "events,nothing*", ",", ""]) {
    assert.throws(() => parseOptions(["--only", only]), /^RangeError: Cannot use --only: names that --list has are/);
  }
  const only = ["events", "call*"];
  const chosen = ["events", "events_direct", "call", "calls"].map((name) => isChosen(name, only));
  assert.deepEqual(chosen, [true, false, true, true]);
});

Deno.test("a run that is too short or disturbed says so", () => {
  const machine = { model: "", cores: 2, memoryGiB: 1, system: "", deno: "" };
  const results = (rounds: number, scale: number, foreignPercent: number): Results => ({
    command: "",
    at: "",
    machine,
    versions: {},
    rounds,
    endedEarly: false,
    scale,
    missing: [],
    runs: Array.from({ length: rounds }, (_, i) => run(i + 1, "macula", 100, foreignPercent)),
  });
  assert.deepEqual(doubtsOf(results(5, 1, 3)), []);
  assert.deepEqual(doubtsOf(results(3, 0.1, 90)), [
    "3 of 5 rounds that are due",
    "counts × 0.1",
    "others used the machine during 1 of 1 figures (marked `*`)",
  ]);
  const early = { ...results(1, 1, 3), endedEarly: true };
  assert.deepEqual(doubtsOf(early), ["ended early", "1 of 5 rounds that are due"]);
  assert.match(report(early), /^Median \(min–max\) of 1 interleaved round and a part of one; /m);
});
