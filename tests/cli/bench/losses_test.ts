/** `macula bench` says where deliveries went that did not come, and ends where none can. @module */

import assert from "node:assert/strict";
import { readBody } from "../../../src/cli/commands/bench/body.ts";
import { planOf } from "../../../src/cli/commands/bench/plan.ts";
import { Progress } from "../../../src/cli/commands/bench/progress.ts";
import { documentOf, lineOf } from "../../../src/cli/commands/bench/report.ts";
import type { BenchRun } from "../../../src/cli/commands/bench/workload/bench_run.ts";
import { flood } from "../../../src/cli/commands/bench/workload/flood.ts";
import { parseArguments } from "../../../src/cli/options.ts";
import { Settings } from "../../../src/cli/settings.ts";

/** What happens to an event of a phase; 1 is the warm-up, 2 what is measured. */
type Fate = (phase: number, index: number) => "dropped" | "lost" | undefined;

const FINE: Fate = () => undefined;

/** A subscriber that meets a fate. */
class Reader extends EventTarget {
  readonly #fate: Fate;
  readonly #events = new TransformStream<{ readonly data: Uint8Array }>(undefined, { highWaterMark: Infinity });
  readonly #writer = this.#events.writable.getWriter();
  readonly #subscription = Object.assign(this.#events.readable, {
    missed: 0,
    ready: Promise.resolve(),
    close: () => this.#writer.close(),
  });

  constructor(fate: Fate) {
    super();
    this.#fate = fate;
  }

  subscribe() {
    return this.#subscription;
  }

  take(data: Uint8Array): void {
    const { phase, index } = readBody(data, data.length)!, fate = this.#fate(phase, index);
    if (fate === undefined) void this.#writer.write({ data });
    else if (fate === "dropped") this.#subscription.missed++;
    else this.dispatchEvent(new CustomEvent("peerdown", { detail: { reason: "timeout" } }));
  }
}

/** A publisher that gives what it publishes to `readers`. */
function publisherTo(readers: readonly Reader[]) {
  return Object.assign(new EventTarget(), {
    publish: (_topic: string, data: Uint8Array) => Promise.resolve(readers.forEach((reader) => reader.take(data))),
  });
}

/** Runs `fan_out` over these; the clock goes on by 10 ms whenever somebody looks at it. */
async function fanOut(readers: readonly Reader[], publisher: EventTarget = publisherTo(readers)) {
  let at = 0;
  const { positionals, flags } = parseArguments(["--duration", "1s", "--timeout", "20"]);
  const plan = planOf(new Settings({ positionals, flags }, {}));
  const run = {
    plan,
    crew: { edges: () => Promise.resolve([publisher, ...readers]) },
    clock: { now: () => at += 10, pause: () => new Promise<void>((resolve) => setTimeout(resolve)) },
    progress: new Progress(undefined),
    signal: new AbortController().signal,
    prefix: "bench.x",
  };
  const measured = await flood(run as unknown as BenchRun, "fan_out", readers.length);
  return { measured, line: lineOf(measured, plan), document: documentOf([measured], [], plan) };
}

Deno.test("bench: what was dropped for slow subscribers, and connections that were lost, are told beside the share", async () => {
  const whole = await fanOut([new Reader(FINE), new Reader(FINE)]);
  assert.deepEqual([whole.measured.errors, whole.measured.losses], [0, { dropped: 0, late: 0, connections: 0 }]);
  assert.match(whole.line, /errors 0 %$/);
  const worse: Fate = (phase, index) => phase === 1 || index > 20 ? undefined : index < 20 ? "dropped" : "lost";
  const { measured, line, document } = await fanOut([new Reader(worse), new Reader(FINE)]);
  const { sent, received, losses } = measured;
  assert.deepEqual([sent - received, losses], [21, { dropped: 20, late: 0, connections: 1, reason: "timeout" }]);
  assert.match(
    line,
    /errors [\d.]+ % {2}20 dropped at the gateway for slow subscribers {2}1 connection lost \(timeout\)/,
  );
  assert.match(JSON.stringify(document), /"losses":\{"dropped":20,"late":0,"connections":1,"reason":"timeout"\}/);
});

Deno.test("bench: what the warm-up has lost is not of what is measured", async () => {
  const { measured } = await fanOut([new Reader((phase, index) => phase === 1 && index < 20 ? "dropped" : undefined)]);
  assert.deepEqual([measured.errors, measured.losses], [0, { dropped: 0, late: 0, connections: 0 }]);
});

/** A publisher whose gateway dies before event `last`: what it publishes then waits for it to be back, as in `Mesh`. */
class Deserted extends EventTarget {
  status = "connected";
  readonly #last: number;
  readonly #backAfterMs: number | undefined;
  #published = 0;

  constructor(last: number, backAfterMs?: number) {
    super();
    this.#last = last;
    this.#backAfterMs = backAfterMs;
  }

  publish(_topic: string, _data: Uint8Array, { signal }: { readonly signal: AbortSignal }): Promise<void> {
    if (++this.#published !== this.#last) return Promise.resolve();
    this.#become("degraded");
    return new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
      if (this.#backAfterMs === undefined) return;
      setTimeout(() => {
        this.#become("connected");
        resolve();
      }, this.#backAfterMs);
    });
  }

  #become(status: string): void {
    this.status = status;
    this.dispatchEvent(new CustomEvent("statuschange"));
  }
}

Deno.test("bench: a gateway that does not come back ends a flood, and one that does, does not", async () => {
  const text = "Cannot go on: the gateway must be back within 20 ms, and is not";
  await assert.rejects(fanOut([new Reader(FINE)], new Deserted(200)), { code: "unavailable", message: text });
  const { measured } = await fanOut([new Reader(FINE)], new Deserted(200, 0));
  assert.deepEqual([measured.received, measured.firstError], [0, undefined]);
});
