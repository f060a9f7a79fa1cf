/**
 * Attacks on records, each with real keys and signatures. The attacker is a member of the mesh that sends what it likes;
 * the rules of `checkers/` hold all the time, and at the end honest nodes must find what was really said.
 *
 * @module
 */

import { recordKey, type VerifiedRecord } from "../../identity/mod.ts";
import type { Pattern } from "../../names/mod.ts";
import type { Host } from "../nodes/host.ts";
import { REALM } from "../nodes/mint.ts";
import type { Simulation } from "../simulation.ts";
import type { SimulationOptions } from "../settings.ts";
import { begin, must, type Scenario, type ScenarioOptions } from "./scenario.ts";

const PROCEDURE = "attack.target";
/** Honest nodes that look. */
const LOOKS = 10;

interface Scene {
  readonly simulation: Simulation;
  readonly attacker: Host;
  readonly victim: Host;
}

function scenario(
  name: string,
  about: string,
  course: (scene: Scene) => void,
  settings: SimulationOptions = {},
): Scenario {
  return {
    name,
    about,
    run(options) {
      const scene = open(options, settings);
      course(scene);
      options.print(`${name}: refused, and honest nodes find what was really said`);
      return scene.simulation.result;
    },
  };
}

function open(options: ScenarioOptions, settings: SimulationOptions): Scene {
  const { nodes = 40 } = options,
    simulation = begin(options, { nodes, cores: ["dht"], joinEveryMs: 100, ...settings });
  const [_, victim, attacker] = simulation.grow(nodes);
  simulation.run(20_000);
  return { simulation, victim: victim!, attacker: attacker! };
}

/** The attacker asks everyone to keep a record. */
function storeEverywhere({ simulation, attacker }: Scene, record: VerifiedRecord, key = record.key): void {
  for (const hub of simulation.hubs) {
    if (hub !== attacker) {
      attacker.inject(hub, { kind: "store", key, requestId: 1_000_000, record, refusal: undefined });
    }
  }
  simulation.run(5_000);
}

/** Honest nodes find these sequences under the procedure, and nothing else. */
function mustFind({ simulation, attacker }: Scene, procedure: string, expected: readonly VerifiedRecord[]): void {
  const honest = simulation.hubs.filter((hub) => hub !== attacker).slice(-LOOKS);
  for (const hub of honest) {
    const { records } = simulation.wait(hub.app.providers(procedure));
    const wanted = expected.map(({ node, sequence }) => `${node} ${sequence}`).sort();
    const got = records.map(({ node, sequence }) => `${node} ${sequence}`).sort();
    must(simulation, got.join() === wanted.join(), `node ${hub.index} finds what was really said about ${procedure}`);
  }
}

/** A statement as if by the victim, signed by the attacker. */
function forged({ attacker, victim }: Scene): VerifiedRecord {
  const own = attacker.app.providerRecord(PROCEDURE, { ageMs: -1_000 }), { publicKey } = victim.record;
  const body = own.signed.body.slice(), at = indexOf(body, own.publicKey);
  body.set(publicKey, at);
  const { node, nodeBytes } = victim.signer;
  return { ...own, node, nodeBytes, publicKey, signed: { body, signature: own.signed.signature } };
}

function indexOf(bytes: Uint8Array, part: Uint8Array): number {
  for (let i = 0; i + part.length <= bytes.length; i++) {
    if (part.every((byte, j) => bytes[i + j] === byte)) return i;
  }
  throw new RangeError("Cannot forge the record: its body must hold the signer's key, got none");
}

/** Publishes as the victim, and waits until it is kept. */
function publish({ simulation, victim }: Scene, procedure = PROCEDURE): VerifiedRecord {
  const record = victim.app.providerRecord(procedure);
  simulation.wait(victim.app.publishRecord(record));
  return record;
}

/** The attacks on records. */
export const ATTACKS: readonly Scenario[] = [
  scenario("forged-record", "a statement as if by another node, with a signature of one's own", (scene) => {
    const record = publish(scene);
    storeEverywhere(scene, forged(scene));
    mustFind(scene, PROCEDURE, [record]);
  }),
  scenario("replayed-record", "an older statement of a node again, also after it was withdrawn", (scene) => {
    const { simulation, victim } = scene, old = publish(scene);
    simulation.run(2_000);
    const fresh = publish(scene);
    storeEverywhere(scene, old);
    mustFind(scene, PROCEDURE, [fresh]);
    const { kind, procedure, realm } = victim.app.providerRecord(PROCEDURE), sequence = Math.floor(victim.wallMs);
    const statement = { kind, procedure, realm, sequence, expiresAt: sequence + 300_000, withdrawn: true } as const;
    simulation.wait(victim.app.withdrawRecord(victim.signer.sign(statement)));
    storeEverywhere(scene, fresh);
    mustFind(scene, PROCEDURE, []);
  }),
  scenario("foreign-key", "a genuine record under a key where it does not belong", (scene) => {
    const record = publish(scene), own = scene.attacker.app.providerRecord("attack.other");
    storeEverywhere(scene, own, record.key);
    mustFind(scene, PROCEDURE, [record]);
  }),
  scenario("expired-record", "records that have expired, or would not for too long", (scene) => {
    const { attacker, simulation } = scene, brief = attacker.app.providerRecord(PROCEDURE, { ttlMs: 60_000 });
    storeEverywhere(scene, brief);
    mustFind(scene, PROCEDURE, [brief]);
    simulation.run(60_000);
    storeEverywhere(scene, brief);
    storeEverywhere(scene, attacker.app.providerRecord(PROCEDURE, { ttlMs: 3_600_000 }));
    mustFind(scene, PROCEDURE, []);
  }),
  scenario("flood", "more records by one node than all holders together keep", flood, {
    fidelity: "objects",
    dht: { recordsPerKeyMax: 50, recordsPerNodeMax: 100, recordsMax: 1_000 },
  }),
];

/** Records of the attacker: under keys of their own, and under the one that others need. */
const FLOOD = 300;

function flood(scene: Scene): void {
  const { simulation, attacker } = scene, key = recordKey(REALM, "interest", "flood");
  for (let i = 0; i < FLOOD; i++) {
    const sequence = Math.floor(attacker.wallMs), times = { sequence, expiresAt: sequence + 300_000 };
    const pattern = `flood.*.number_${i}` as Pattern;
    const records = [
      attacker.app.providerRecord(`flood.number_${i}`),
      attacker.signer.sign({ kind: "interest", realm: REALM, pattern, ...times }),
    ];
    for (const hub of simulation.hubs) {
      if (hub === attacker) continue;
      for (const record of records) {
        attacker.inject(hub, { kind: "store", key: record.key, requestId: undefined, record, refusal: undefined });
      }
    }
    simulation.run(20);
  }
  simulation.run(5_000);
  for (const hub of simulation.hubs) {
    const own = [...hub.hashTable!.records.all()].filter(({ node }) => node === attacker.signer.node);
    must(simulation, own.length <= 100, `a holder keeps at most 100 records of one node, got ${own.length}`);
  }
  mustFind(scene, PROCEDURE, []);
  mustFind(scene, PROCEDURE, [publish(scene)]);
  const honest = simulation.hubs.filter((hub) => hub !== attacker).slice(0, LOOKS);
  for (const hub of honest) {
    const sequence = Math.floor(hub.wallMs), times = { sequence, expiresAt: sequence + 300_000 };
    const record = hub.signer.sign({ kind: "interest", realm: REALM, pattern: "flood.*" as Pattern, ...times });
    simulation.wait(hub.app.publishRecord(record));
  }
  for (const hub of honest) {
    const { records } = simulation.wait(hub.app.records(key)), nodes = new Set(records.map(({ node }) => node));
    must(
      simulation,
      honest.every(({ signer }) => nodes.has(signer.node)),
      `node ${hub.index} finds all honest interests`,
    );
  }
}
