/** Link profiles: what is drawn has the distribution that is written down, and the same for the same seed. @module */

import assert from "node:assert/strict";
import { seededRandom } from "../../src/base/random.ts";
import { LINK_PROFILES, LinkPath, type Quantiles, sampleQuantiles } from "../../src/simulation/link_profile.ts";

const SAMPLES = 20_000;

Deno.test("quantiles come out as they are written down", () => {
  const random = seededRandom("quantiles"), quantiles: Quantiles = [10, 20, 30, 40, 90];
  const drawn = Array.from({ length: SAMPLES }, () => sampleQuantiles(quantiles, random)).sort((a, b) => a - b);
  for (const [part, expected] of [[0, 10], [0.25, 15], [0.5, 20], [0.9, 30], [0.99, 40]] as const) {
    const got = drawn[Math.floor(part * SAMPLES)]!;
    assert(Math.abs(got - expected) < 1.5, `${part}: ${got}, not ${expected}`);
  }
  assert(drawn[0]! >= 10 && drawn.at(-1)! <= 90);
});

for (const [name, profile] of Object.entries(LINK_PROFILES)) {
  Deno.test(`${name}: loss, copies and delays of datagrams; a stream loses nothing but time`, () => {
    const path = new LinkPath(profile, seededRandom(name));
    let lost = 0, doubled = 0, resent = 0;
    for (let i = 0; i < SAMPLES; i++) {
      const arrivals = path.datagram();
      if (arrivals.length === 0) lost++;
      if (arrivals.length === 2) doubled++;
      for (const delayMs of arrivals) assert(delayMs >= path.latencyMs);
      const delayMs = path.stream();
      assert(delayMs >= path.latencyMs && Number.isFinite(delayMs));
      if (delayMs > path.latencyMs + profile.jitterMs[4]) resent++;
    }
    const isNear = (count: number, part: number) => Math.abs(count / SAMPLES - part) <= 0.1 * part + 0.001;
    assert(isNear(lost, profile.loss), `lost ${lost}`);
    assert(isNear(doubled, profile.duplication * (1 - profile.loss)), `doubled ${doubled}`);
    assert(resent / SAMPLES <= 1.1 * profile.loss + 0.001, `sent again ${resent}`);
    if (profile.loss === 0) assert.equal(lost + resent, 0);
  });
}

Deno.test("what is larger takes longer, as the bandwidth says", () => {
  const profile = { ...LINK_PROFILES.lan, jitterMs: [0, 0, 0, 0, 0] as const, bytesPerSecond: 1_000 };
  const path = new LinkPath(profile, seededRandom("bandwidth"));
  assert(Math.abs(path.stream(500) - path.stream(0) - 500) < 1e-9);
});

Deno.test("the same seed gives the same delays, and another one others", () => {
  const delays = (seed: string) => {
    const path = new LinkPath(LINK_PROFILES.lossy, seededRandom(seed));
    return Array.from({ length: 100 }, () => [path.stream(), ...path.datagram()]);
  };
  assert.deepEqual(delays("one"), delays("one"));
  assert.notDeepEqual(delays("one"), delays("two"));
});
