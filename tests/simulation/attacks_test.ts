/** Attacks: each is refused, and would not be by a core or a verification that leaves out one rule. @module */

import assert from "node:assert/strict";
import { DHT_DEFAULTS, DhtCore, type DhtInput } from "../../src/dht/mod.ts";
import { fromUtf8 } from "../../src/base/bytes.ts";
import { nodeIdOf, proven, type VerifiedRecord } from "../../src/identity/mod.ts";
import type { Procedure, Realm } from "../../src/names/mod.ts";
import { decodeValue, type SignedRecord, type ValueMap } from "../../src/wire/mod.ts";
import { SimulationFailure } from "../../src/simulation/checkers/checker.ts";
import type { CoreMakers } from "../../src/simulation/nodes/cores.ts";
import { scenarioOf } from "../../src/simulation/scenarios/scenarios.ts";

const NODES = 16;

function run(name: string, make?: CoreMakers, nodes = NODES): string[] {
  const lines: string[] = [];
  scenarioOf(name).run({ seed: "1", nodes, print: (line) => void lines.push(line), ...make && { make } });
  return lines;
}

function fails(name: string, make: CoreMakers, rule: RegExp): void {
  assert.throws(() => run(name, make), (error) => {
    assert(error instanceof SimulationFailure, String(error));
    assert.match(error.message, rule);
    return true;
  });
}

/** A hub that keeps a record as if it were another one. */
function keeping(change: (record: VerifiedRecord, key: Uint8Array, now: number) => VerifiedRecord): CoreMakers {
  return {
    dht: (options) => {
      const core = new DhtCore(options);
      return Object.assign(core, {
        handle: (input: DhtInput, now: number) => {
          if (input.kind !== "received" || input.message.kind !== "store") {
            return DhtCore.prototype.handle.call(core, input, now);
          }
          const { message } = input;
          if (message.record === undefined || message.record.kind === "node") {
            return DhtCore.prototype.handle.call(core, input, now);
          }
          const record = change(message.record, message.key, now);
          return DhtCore.prototype.handle.call(core, { ...input, message: { ...message, record } }, now);
        },
      });
    },
  };
}

Deno.test("attack: a forged record, and a verification that believes everything", () => {
  run("forged-record");
  const believes: CoreMakers = {
    checker: (sound) => ({
      ...sound,
      verify: (signed, claims) => {
        const verdict = sound.verify(signed, claims);
        return "code" in verdict && verdict.code === "bad_signature" ? unchecked(signed) : verdict;
      },
    }),
  };
  fails("forged-record", believes, /never made|finds what was really said/);
});

/** What a provider's record says, without a look at its signature. */
function unchecked(signed: SignedRecord): VerifiedRecord {
  const body = decodeValue(signed.body) as ValueMap, publicKey = body.get("public_key") as Uint8Array;
  const textOf = (name: string) => fromUtf8(body.get(name) as Uint8Array);
  const statement = {
    kind: "provider",
    realm: textOf("realm") as Realm,
    procedure: textOf("procedure") as Procedure,
    sequence: body.get("sequence") as number,
    expiresAt: body.get("expires_at") as number,
  } as const;
  return proven(statement, { node: nodeIdOf(publicKey), publicKey, signed });
}

Deno.test("attack: an older record again, and holders that take what comes last", () => {
  run("replayed-record");
  fails(
    "replayed-record",
    keeping((record, _, now) => ({ ...record, sequence: now })),
    /never made|went back|finds what/,
  );
});

Deno.test("attack: a record under a foreign key, and holders that put it where they are told", () => {
  run("foreign-key");
  const believes: CoreMakers = {
    ...keeping((record, key) => ({ ...record, key })),
    checker: (sound) => ({ ...sound, verify: (signed, { key: _, ...claims }) => sound.verify(signed, claims) }),
  };
  fails("foreign-key", believes, /another key|finds what was really said/);
});

Deno.test("attack: records that have expired or live too long, and holders without a look at the clock", () => {
  run("expired-record");
  const later = keeping((record, _, now) => ({ ...record, expiresAt: now + 300_000 }));
  const believes: CoreMakers = {
    ...later,
    checker: (sound) => ({
      ...sound,
      verify: (signed, claims) => sound.verify(signed, { ...claims, now: 1_750_000_040_000 }),
    }),
  };
  fails("expired-record", believes, /never made|finds what was really said/);
});

Deno.test("attack: a flood, and holders without bounds for one node", () => {
  run("flood");
  const { recordsPerNodeMax, recordsPerKeyMax } = DHT_DEFAULTS;
  fails(
    "flood",
    { dht: (options) => new DhtCore({ ...options, recordsPerNodeMax, recordsPerKeyMax }) },
    /holds too many|at most 100 records of one node/,
  );
});

Deno.test("attack: 10 % liars, and lookups that go one way only", () => {
  for (const name of ["liars-clique", "liars-nonsense"]) {
    assert.match(run(name, undefined, 60)[1]!, /^60 nodes, 6 of them liars/);
  }
  const gullible: CoreMakers = {
    dht: (options) =>
      new DhtCore({ ...options, paths: 1, joinPaths: 1, closestCount: 4, pathClosestCount: 4, parallel: 1 }),
  };
  assert.throws(() => run("liars-clique", gullible, 150), SimulationFailure);
});
