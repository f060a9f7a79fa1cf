/** Every micro-benchmark runs, and measures what it says: each checks its own outcome. @module */

import assert from "node:assert/strict";

const FOLDER = new URL("../../bench/micro/", import.meta.url);

/** A benchmark, and how often it is run here: once where each run makes its own world and takes its time. */
interface Benchmark {
  readonly run: () => unknown;
  readonly times: number;
}

/** What a file registers with `Deno.bench`, which does nothing under test. */
async function registered(url: URL): Promise<Map<string, Benchmark>> {
  const found = new Map<string, Benchmark>(), { bench } = Deno;
  const register = (name: string, { n }: { n?: number }, run: () => unknown) =>
    void found.set(name, { run, times: n === undefined ? 2 : 1 });
  Deno.bench = register as unknown as typeof Deno.bench;
  try {
    await import(url.href);
  } finally {
    Deno.bench = bench;
  }
  return found;
}

Deno.test({
  name: "every micro-benchmark runs and finds what it expects",
  sanitizeOps: false, // fake links read from streams that never end
  sanitizeResources: false,
  async fn(t) {
    const files = [...Deno.readDirSync(FOLDER)].map(({ name }) => name).filter((name) => name.endsWith("_bench.ts"));
    const readme = await Deno.readTextFile(new URL("../README.md", FOLDER));
    const described = [...readme.matchAll(/^\| `(\w+_bench\.ts)`/gm)].map(([, name]) => name);
    assert.deepEqual(files.sort(), described.sort(), "bench/README.md says what each is");
    for (const file of files) {
      await t.step(file, async () => {
        const benches = await registered(new URL(file, FOLDER));
        assert.ok(benches.size >= 2, `${file} has benchmarks`);
        for (const { run, times } of benches.values()) for (let i = 0; i < times; i++) await run();
      });
    }
  },
});
