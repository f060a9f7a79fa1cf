/** How long things take between the hosts of a world. @module */

import assert from "node:assert/strict";
import { seededRandom } from "../../src/base/random.ts";
import { LINK_PROFILES, type LinkProfile } from "../../src/simulation/link_profile.ts";
import { Conditions, linkProfile } from "../../src/testing/conditions.ts";
import { History } from "../../src/testing/history.ts";

const FIXED: LinkProfile = {
  latencyMs: [10, 10, 10, 10, 10],
  jitterMs: [0, 0, 0, 0, 0],
  loss: 0,
  duplication: 0,
  reordering: 0,
  bytesPerSecond: 1_000,
};

function conditions(profiles: Readonly<Record<string, LinkProfile>>) {
  const history = new History(), clock = { now: () => 0 };
  const made = new Conditions({ random: seededRandom("conditions"), clock, history });
  for (const [name, profile] of Object.entries(profiles)) made.join(name, profile);
  return { made, history };
}

Deno.test("conditions: the slower of two connections decides, slowness and size come on top", () => {
  const { made } = conditions({ a: LINK_PROFILES.lan, b: FIXED, c: LINK_PROFILES.lan });
  assert.equal(made.latencyMs("a", "b"), 10);
  assert.equal(made.latencyMs("b", "a", new Uint8Array(100)), 110);
  made.slow("a", 1_000);
  assert.equal(made.latencyMs("a", "b"), 1_010);
  assert.equal(made.latencyMs("b", "a"), 1_010);
  assert(made.latencyMs("b", "c") < 20);
  made.slow("a", 0);
  assert.deepEqual(made.datagramMs("a", "b", new Uint8Array(10)), [20]);
});

Deno.test("conditions: datagrams get lost and doubled as the profile says", () => {
  const lossy = { ...FIXED, loss: 0.5, duplication: 0.5 }, { made } = conditions({ a: lossy, b: lossy });
  const copies = [0, 0, 0];
  for (let i = 0; i < 4_000; i++) copies[made.datagramMs("a", "b", new Uint8Array(1)).length]!++;
  const [lost, once, twice] = copies.map((count) => count / 4_000) as [number, number, number];
  assert(Math.abs(lost - 0.5) < 0.05, `lost ${lost}`);
  assert(Math.abs(once - 0.25) < 0.05, `once ${once}`);
  assert(Math.abs(twice - 0.25) < 0.05, `twice ${twice}`);
});

Deno.test("conditions: history notes who, when, how long, and every byte", () => {
  const note = (from: string, to: string, bytes: number[]) => {
    const { made, history } = conditions({ a: FIXED, b: FIXED });
    made.latencyMs(from, to, Uint8Array.from(bytes));
    return history.hash;
  };
  const hashes = [note("a", "b", [1, 2]), note("b", "a", [1, 2]), note("a", "b", [2, 1]), note("a", "b", [1, 2, 0])];
  assert.equal(new Set(hashes).size, hashes.length);
  assert.equal(note("a", "b", [1, 2]), hashes[0]);
  assert.match(hashes[0]!, /^[0-9a-f]{16}$/);
});

Deno.test("conditions: profiles by name", () => {
  assert.equal(linkProfile("wifi"), LINK_PROFILES.wifi);
  assert.equal(linkProfile(FIXED), FIXED);
  assert.throws(() => linkProfile("toString" as "lan"), { code: "invalid" });
});
