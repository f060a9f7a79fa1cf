/** A log of lines: appended over restarts, for its owner alone, never larger than twice its bound. @module */

import assert from "node:assert/strict";
import { LineLog } from "../../src/store/line_log.ts";

Deno.test("lines are appended, and a full log becomes its own predecessor", async () => {
  const folder = await Deno.makeTempDir({ prefix: "macula-log-" }), path = `${folder}/audit.jsonl`;
  const lines = async (name: string) => (await Deno.readTextFile(name)).split("\n").slice(0, -1);
  try {
    {
      using log = LineLog.open(path, 64);
      log.write("one");
    }
    if (Deno.build.os !== "windows") assert.equal((await Deno.stat(path)).mode! & 0o777, 0o600);
    using log = LineLog.open(path, 64);
    log.write("two");
    assert.deepEqual(await lines(path), ["one", "two"]);
    for (let i = 0; i < 1_000; i++) log.write(`line ${i}`);
    const sizes = await Promise.all([path, `${path}.1`].map(async (name) => (await Deno.stat(name)).size));
    assert(sizes.every((size) => size <= 64), `${sizes}`);
    const kept = [...await lines(`${path}.1`), ...await lines(path)];
    assert.equal(kept.at(-1), "line 999");
    assert.deepEqual(kept, Array.from({ length: kept.length }, (_, i) => `line ${1_000 - kept.length + i}`));
    log.write("x".repeat(100));
    assert.deepEqual(await lines(path), ["x".repeat(100)], "a line above the bound has a file of its own");
    assert.throws(() => LineLog.open(`${folder}/none/a`), {
      code: "state_unavailable",
      message: /Cannot write .*none/,
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
