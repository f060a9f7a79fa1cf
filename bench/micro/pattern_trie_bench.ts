/** Who wants a topic, among few and among many patterns. @module */

import { parsePattern, parseTopic } from "../../src/names/mod.ts";
import { PatternTrie } from "../../src/pubsub/pattern_trie.ts";

const TOPIC = parseTopic("sensor.kitchen.measured"), SHAPES = ["sensor.other$", "sensor.*.other$", "other$.**"];

for (const others of [10, 1_000, 100_000]) {
  const trie = new PatternTrie<number>();
  trie.add(parsePattern("sensor.*.measured"), -1);
  trie.add(parsePattern("sensor.**"), -2);
  trie.add(parsePattern(TOPIC), -3);
  for (let i = 0; i < others; i++) trie.add(parsePattern(SHAPES[i % 3]!.replace("$", String(i))), i);
  Deno.bench(`match 3 of ${others} patterns`, { group: "match", baseline: others === 10 }, () => {
    const { size } = trie.match(TOPIC, new Set());
    if (size !== 3) throw new Error(`Cannot measure: 3 matches are expected, got ${size}`);
  });
}

const changing = new PatternTrie<number>(), pattern = parsePattern("sensor.*.changed");
Deno.bench("add and remove a pattern", { group: "change" }, () => {
  changing.add(pattern, 1);
  changing.remove(pattern, 1);
});
