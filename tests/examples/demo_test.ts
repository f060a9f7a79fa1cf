/** `deno task demo`, shortened. @module */

import assert from "node:assert/strict";
import { Program } from "./program.ts";

Deno.test("the demo shows a ticket, events and calls, and everybody leaves in order", async () => {
  await using demo = new Program("demo", "examples/demo.ts", "--seconds", "3");
  assert.equal(await demo.ended(), 0, demo.texts.join("\n"));
  await demo.text(/^gateway \| ticket macula1\S+$/);
  await demo.text(/^reader {2}\| demo\.kitchen\.measured \S+ °C \(event 2\)$/);
  await demo.text(/^reader {2}\| demo\.kitchen\.boil\(2\) took \S+ ms: 180 s$/);
  await demo.text(/^gateway \| an edge left, now there are 0$/);
  const [, received, published] = await demo.text(/^All right: (\d+) of (\d+) events arrived, .* exit codes 0 0 0$/);
  assert.equal(received, published);
  await using wrong = new Program("demo", "examples/demo.ts", "--seconds", "never");
  assert.equal(await wrong.ended(), 2);
  assert.deepEqual(wrong.texts, ["Cannot use --seconds: 2 to 3600 is expected, got NaN"]);
});
