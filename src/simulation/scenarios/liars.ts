/** Attacks on lookups: each tenth node lies from its first message on, and honest lookups succeed all the same. @module */

import { randomInteger } from "../../base/random.ts";
import type { Contact } from "../../dht/mod.ts";
import { compareDistance } from "../../names/mod.ts";
import type { Host } from "../nodes/host.ts";
import { nodeStatement } from "../nodes/mint.ts";
import type { AnyMessage } from "../nodes/passage.ts";
import type { Simulation } from "../simulation.ts";
import { begin, must, rounded, type Scenario, type ScenarioOptions } from "./scenario.ts";

/** Of so many one is a liar. */
const ONE_OF = 10;
const LOOKUPS_MAX = 200;
/** What must succeed, of all. */
const SUCCESS_MIN = 0.95;
/** In a larger mesh the rules of `checkers/` are not looked at: that takes far longer than all else together. */
const CHECKED_MAX = 200;
/** Nodes in a reply. */
const NAMED = 20;

/** Whom a liar names, given what it was asked for. */
type Lie = (target: Uint8Array, simulation: Simulation, liars: readonly Host[]) => readonly Contact[];

/** The attacks on lookups. */
export const LIARS: readonly Scenario[] = [
  {
    name: "liars-clique",
    about: "10 % of the nodes name only each other, and hide all records",
    run: (options) =>
      run(
        options,
        (target, _, liars) =>
          liars.map(({ record }) => record).sort((a, b) => compareDistance(target, a.nodeBytes, b.nodeBytes)).slice(
            0,
            NAMED,
          ),
      ),
  },
  {
    name: "liars-nonsense",
    about: "10 % of the nodes name nodes that there are not, and hide all records",
    run: (options) =>
      run(options, (_, { mint, random, now }) =>
        Array.from({ length: NAMED }, () => {
          const signer = mint.signer(random);
          return nodeStatement(signer, { role: "hub", address: "https://nobody.example:9443", now, ttlMs: 3_600_000 });
        })),
  },
];

function run(options: ScenarioOptions, lie: Lie): string {
  const { nodes = 200, print } = options;
  const checkers = nodes > CHECKED_MAX ? [] : undefined;
  const simulation = begin(options, { nodes, cores: ["dht"], fidelity: "objects" }, checkers);
  const liars: Host[] = [], lookups = Math.min(nodes, LOOKUPS_MAX);
  for (let i = 0; i < nodes; i++) {
    const host = simulation.add();
    if (i % ONE_OF === ONE_OF / 2) {
      liars.push(host);
      host.tamper = (message) => lied(message, host.asked === undefined ? [] : lie(host.asked, simulation, liars));
    }
    simulation.run(simulation.settings.joinEveryMs);
  }
  simulation.run(30_000);
  const honest = simulation.hubs.filter(({ tamper }) => tamper === undefined);
  const oneOf = () => honest[randomInteger(simulation.random, honest.length)]!;
  const stored = Array.from(
    { length: lookups },
    (_, i) => honest[i % honest.length]!.app.register(`liars.number_${i}`),
  );
  for (const pending of stored) simulation.wait(pending);
  let nodesFound = 0, recordsFound = 0, queries = 0;
  for (let i = 0; i < lookups; i++) {
    const target = simulation.random.bytes(32), from = oneOf(), found = simulation.wait(from.app.nodes(target));
    const closest = honest.filter((one) => one !== from).reduce((best, one) =>
      compareDistance(target, one.signer.nodeBytes, best.signer.nodeBytes) < 0 ? one : best
    );
    if (found.nodes.some(({ node }) => node === closest.signer.node)) nodesFound++;
    queries += found.queries;
    if (simulation.wait(oneOf().app.providers(`liars.number_${i}`)).records.length === 1) recordsFound++;
  }
  const [ofNodes, ofRecords] = [nodesFound / lookups, recordsFound / lookups];
  print(
    `${nodes} nodes, ${liars.length} of them liars: ${
      rounded(100 * ofNodes)
    } % of ${lookups} lookups find the closest ` +
      `honest node, ${rounded(100 * ofRecords)} % the record; ${rounded(queries / lookups)} queries a lookup`,
  );
  must(
    simulation,
    ofNodes >= SUCCESS_MIN,
    `${100 * SUCCESS_MIN} % of the lookups find the closest node, got ${ofNodes}`,
  );
  must(simulation, ofRecords >= SUCCESS_MIN, `${100 * SUCCESS_MIN} % of the lookups find the record, got ${ofRecords}`);
  return simulation.result;
}

function lied(message: AnyMessage, nodes: readonly Contact[]): AnyMessage {
  if (message.kind === "findNodeReply") return { ...message, nodes };
  if (message.kind === "findValueReply") return { ...message, nodes, records: [] };
  return message;
}
