/** Races between addresses, and permits, in virtual time. @module */

import assert from "node:assert/strict";
import { interleave } from "../../src/transport/quic/resolve.ts";
import { Permits } from "../../src/transport/permits.ts";
import { race } from "../../src/transport/race.ts";
import { ManualTimers } from "./manual_timers.ts";

/** Runs a race whose ways do what their name says after some time; gives its log. */
async function raced(
  ways: string[],
  ms: number,
  signal?: AbortSignal,
): Promise<{ log: string[]; timers: ManualTimers }> {
  const timers = new ManualTimers(), start = timers.now(), log: string[] = [];
  const note = (text: string) => void log.push(`${timers.now() - start} ${text}`);
  race(ways, {
    timers,
    staggerMs: 250,
    timeoutMs: 1000,
    signal,
    attempt(way) {
      note(`try ${way}`);
      const [what, afterMs] = way.split(" ");
      return new Promise<string>((resolve, reject) => {
        if (what !== "hang") timers.after(Number(afterMs), () => what === "good" ? resolve(way) : reject(way));
      });
    },
    discard: (way) => note(`discard ${way}`),
    failed: (why, errors) => `${why}: ${errors.join(", ")}`,
  }).then((way) => note(`won ${way}`), (error) => note(`lost ${error}`));
  await timers.run(ms);
  return { log, timers };
}

Deno.test("the first way wins alone if it is quick", async () => {
  const { log, timers } = await raced(["good 249", "good 1"], 2000);
  assert.deepEqual(log, ["0 try good 249", "249 won good 249"]);
  assert.equal(timers.outstanding, 0);
});

Deno.test("a slow way gets company, and who comes late is discarded", async () => {
  const { log } = await raced(["good 400", "good 50", "good 1"], 2000);
  assert.deepEqual(log, ["0 try good 400", "250 try good 50", "300 won good 50", "400 discard good 400"]);
});

Deno.test("a failed way gives way at once; all failures are told in order", async () => {
  const { log, timers } = await raced(["bad 10", "bad 20", "bad 5"], 2000);
  assert.deepEqual(log, [
    "0 try bad 10",
    "10 try bad 20",
    "30 try bad 5",
    "35 lost all: bad 10, bad 20, bad 5",
  ]);
  assert.equal(timers.outstanding, 0);
});

Deno.test("silence ends with the time, and says what failed until then", async () => {
  const { log } = await raced(["hang", "bad 1", "hang"], 2000);
  assert.deepEqual(log.at(-1), "1000 lost timeout: bad 1");
  assert.deepEqual((await raced([], 10)).log, ["0 lost all: "]);
});

Deno.test("an aborted race ends at once", async () => {
  const giveUp = new AbortController();
  const running = raced(["hang"], 0, giveUp.signal);
  giveUp.abort();
  const { log, timers } = await running;
  assert.deepEqual(log, ["0 try hang", "0 lost aborted: "]);
  assert.equal(timers.outstanding, 0);
  assert.deepEqual((await raced(["good 1"], 10, AbortSignal.abort())).log, ["0 lost aborted: "]);
});

Deno.test("families take turns, the first choice leads", () => {
  for (
    const [given, expected] of [
      [[], []],
      [["::1", "::2", "1.1.1.1", "::1"], ["::1", "1.1.1.1", "::2"]],
      [["1.1.1.1", "2.2.2.2", "3.3.3.3", "::1"], ["1.1.1.1", "::1", "2.2.2.2", "3.3.3.3"]],
    ] as const
  ) assert.deepEqual(interleave(given), expected);
});

Deno.test("permits go round in the order of asking", async () => {
  const permits = new Permits(2), log: number[] = [];
  const first = await permits.acquire(), second = await permits.acquire();
  const giveUp = new AbortController();
  const waiting = [3, 4, 5].map((n) =>
    permits.acquire(n === 4 ? giveUp.signal : undefined).then((release) => (log.push(n), release), () => undefined)
  );
  giveUp.abort();
  assert.equal(await waiting[1], undefined);
  first();
  first();
  (await waiting[0]!)!();
  await waiting[2];
  assert.deepEqual(log, [3, 5]);
  const late = permits.acquire();
  permits.close(() => new Error("closed"));
  await assert.rejects(late, /closed/);
  await assert.rejects(permits.acquire(), /closed/);
  second();
});
