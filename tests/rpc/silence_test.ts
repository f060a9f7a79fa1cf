/** Providers that have a call and do not say a word: others are asked first, until it is known what has become of them. @module */

import assert from "node:assert/strict";
import { SILENT_AFTER_MS, SILENT_UNTIL_MS } from "../../src/rpc/liveness/silence.ts";
import { ALICE, Bench, BOB, CAROL, request, result } from "./bench.ts";

/** Bob and Carol serve `math.add` at a hub; Alice calls. */
function served(): { readonly bench: Bench; readonly next: () => string } {
  const bench = new Bench("hub");
  let calls = 0;
  bench.up("a", ALICE);
  bench.provider("b", BOB, "math.add");
  bench.provider("c", CAROL, "math.add");
  const next = () => {
    const [effect] = bench.received("a", request(++calls));
    return effect?.kind === "send" ? effect.to as string : effect?.kind ?? "nothing";
  };
  return { bench, next };
}

Deno.test("hub: who leaves a call without a word for a second is asked after the others", () => {
  const { bench, next } = served();
  assert.deepEqual([next(), next()], ["b", "c"]);
  bench.received("c", result(2, CAROL));
  bench.pass(SILENT_AFTER_MS - 1);
  assert.equal(next(), "b", "it may be about to answer");
  bench.pass(1);
  assert.deepEqual([next(), next(), next()], ["c", "c", "c"]);
  for (const call of [4, 5, 6]) bench.received("c", result(call, CAROL));
  bench.received("b", result(1));
  assert.deepEqual([next(), next()].sort(), ["b", "c"], "what it says puts it back among them");
});

Deno.test("hub: where all are silent each has its turn; a silence past the idle timeout is a handler's", () => {
  const { bench, next } = served();
  assert.deepEqual([next(), next()], ["b", "c"]);
  bench.pass(SILENT_AFTER_MS);
  assert.deepEqual([next(), next()], ["b", "c"]);
  bench.received("c", result(2, CAROL));
  assert.deepEqual([next(), next()], ["c", "c"]);
  bench.pass(SILENT_UNTIL_MS - SILENT_AFTER_MS);
  bench.received("c", result(4, CAROL));
  assert.deepEqual([next(), next()].sort(), ["b", "c"], "its link lives, or it would be gone by now");
});

Deno.test("hub: a cast goes past who is silent; a link that comes back is heard", () => {
  const { bench, next } = served(), cast = { kind: "cast", procedure: "math.add", args: Uint8Array.of(1) } as const;
  const cast1 = () =>
    bench.received("a", { ...cast, fromNode: ALICE, encoding: "json" }).map((one) => "to" in one && one.to);
  assert.equal(next(), "b");
  bench.pass(SILENT_AFTER_MS);
  assert.deepEqual([cast1(), cast1()], [["c"], ["c"]]);
  bench.down("b");
  bench.provider("b", BOB, "math.add");
  assert.deepEqual([cast1(), cast1()].flat().sort(), ["b", "c"]);
});
