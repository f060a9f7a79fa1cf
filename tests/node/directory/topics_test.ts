/** Which hubs want a topic: found under all its beginnings, remembered, and found anew when something changes. @module */

import assert from "node:assert/strict";
import { bytesKey } from "../../../src/base/bytes.ts";
import { seededRandom } from "../../../src/base/random.ts";
import { createIdentity, recordKey, signRecord, type VerifiedRecord } from "../../../src/identity/mod.ts";
import { parsePattern, parseRealm, parseTopic } from "../../../src/names/mod.ts";
import { RecordCache } from "../../../src/node/directory/record_cache.ts";
import { Topics } from "../../../src/node/directory/topics.ts";
import { ManualTimers } from "../../transport/manual_timers.ts";

const REALM = parseRealm("org.example.test"), TOPIC = parseTopic("a.b.c");

function interest(seed: string, pattern: string): VerifiedRecord {
  const identity = createIdentity(seededRandom(seed).bytes(32)), head = { realm: REALM, sequence: 1, expiresAt: 2 };
  return signRecord(identity, { kind: "interest", ...head, pattern: parsePattern(pattern) });
}

class Bench {
  readonly timers = new ManualTimers();
  /** What is in the hash table. */
  records: VerifiedRecord[] = [];
  lookups = 0;
  readonly said: string[] = [];
  isAlone = false;
  /** Lookups wait for this. */
  gate: Promise<void> = Promise.resolve();
  readonly cache: RecordCache;
  readonly topics: Topics;

  constructor() {
    const { timers } = this;
    const find = async (key: Uint8Array) => {
      this.lookups++;
      const found = this.records.filter((one) => bytesKey(one.key) === bytesKey(key));
      await this.gate;
      return { records: found, complete: true };
    };
    this.cache = new RecordCache({ timers, find, limits: { noneKeptMs: 60_000 } });
    this.topics = new Topics({
      realm: REALM,
      own: interest("own", "x").node,
      cache: this.cache,
      lookUpMs: 2_000,
      isAlone: () => this.isAlone,
      found: (topic, hubs) => void this.said.push(`${topic}: ${hubs.map((hub) => hub.slice(0, 4)).sort().join(" ")}`),
      outdated: (name) => void this.said.push(`outdated ${name}`),
    });
  }

  /** What is said within a moment of asking. */
  async ask(topic = TOPIC): Promise<string[]> {
    this.topics.ask(topic);
    await this.timers.run(0);
    return this.said.splice(0);
  }
}

function ids(...records: VerifiedRecord[]): string {
  return records.map(({ node }) => node.slice(0, 4)).sort().join(" ");
}

Deno.test("topics: interest is found under the topic and each of its beginnings, where it matches", async () => {
  const bench = new Bench(), wanted = ["a.b.c", "a.b.*", "a.**", "**", "*.b.c"].map((one, i) => interest(`${i}`, one));
  bench.records = [...wanted, interest("n", "a.b.*.d"), interest("m", "a.*.d"), interest("own", "a.b.c")];
  bench.records.push(interest("0", "*.*.c"));
  assert.deepEqual(await bench.ask(), [`a.b.c: ${ids(...wanted)}`], "each hub once, not ourselves");
  assert.equal(bench.lookups, 4, "a.b.c, a.b, a, and the empty one");
  bench.topics.ask(TOPIC);
  assert.deepEqual([bench.said.splice(0), bench.lookups], [[`a.b.c: ${ids(...wanted)}`], 4], "at once");
  assert.deepEqual(await bench.ask(parseTopic("a.b.x")), [`a.b.x: ${ids(...wanted.slice(1, 4))}`]);
  assert.equal(bench.lookups, 5, "only what is not known yet");
});

Deno.test("topics: that nobody wants it is remembered for a minute; a hub that knows no other does not look", async () => {
  const bench = new Bench();
  bench.isAlone = true;
  bench.topics.ask(TOPIC);
  assert.deepEqual([bench.said.splice(0), bench.lookups], [["a.b.c: "], 0]);
  bench.isAlone = false;
  await bench.ask();
  await bench.timers.run(59_000);
  bench.topics.ask(TOPIC);
  assert.deepEqual([bench.said.splice(0), bench.lookups], [["a.b.c: "], 4]);
});

Deno.test("topics: a change makes what is below it unknown, and a search that runs begin anew", async () => {
  const bench = new Bench(), one = interest("1", "a.b.*"), key = recordKey(REALM, "interest", "a.b");
  const change = () => {
    bench.cache.outdated(key);
    bench.topics.outdated(key);
  };
  change();
  assert.deepEqual(bench.said, [], "nobody has asked for it");
  await bench.ask();
  bench.records = [one];
  change();
  assert.deepEqual(bench.said.splice(0), ["outdated a.b"]);
  assert.deepEqual(await bench.ask(), [`a.b.c: ${ids(one)}`]);
  const gate = Promise.withResolvers<void>();
  bench.gate = gate.promise;
  change();
  bench.topics.ask(TOPIC);
  await bench.timers.run(0);
  bench.records = [];
  change();
  bench.topics.ask(TOPIC);
  gate.resolve();
  await bench.timers.run(0);
  assert.deepEqual(bench.said, ["outdated a.b", "outdated a.b", "a.b.c: "], "one answer, the new one");
});

Deno.test("topics: lookups that hang are not waited for", async () => {
  const bench = new Bench();
  bench.gate = new Promise(() => {});
  assert.deepEqual(await bench.ask(), []);
  await bench.timers.run(2_000);
  assert.deepEqual(bench.said, ["a.b.c: "]);
});
