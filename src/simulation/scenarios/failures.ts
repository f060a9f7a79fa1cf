/** Scenarios in which much breaks at once, and nobody may notice. @module */

import { compareDistance } from "../../names/mod.ts";
import { randomInteger } from "../../base/random.ts";
import type { Pending } from "../nodes/application.ts";
import type { Host } from "../nodes/host.ts";
import { coreOf } from "../nodes/passage.ts";
import type { Simulation } from "../simulation.ts";
import { begin, must, quantileOf, rounded, type Scenario, type ScenarioOptions } from "./scenario.ts";

/** Grows hubs that run nothing but the hash table, and puts records of theirs into it. */
function withRecords(
  options: ScenarioOptions,
  { records, ttlMs }: { readonly records: number; readonly ttlMs: number },
): { simulation: Simulation; procedures: string[] } {
  const { nodes = 200 } = options;
  const simulation = begin(options, { nodes, fidelity: "objects", cores: ["dht"], joinEveryMs: 50 });
  const hubs = simulation.grow(nodes);
  simulation.run(10_000);
  const procedures = Array.from({ length: records }, (_, i) => `record.number_${i}`);
  const stored = procedures.map((procedure, i) => hubs[i % hubs.length]!.app.register(procedure, { ttlMs }));
  for (const pending of stored) simulation.wait(pending);
  simulation.run(2_000);
  return { simulation, procedures };
}

function oneOf(simulation: Simulation, hosts: readonly Host[]): Host {
  return hosts[randomInteger(simulation.random, hosts.length)]!;
}

/** How many of the records are found, each from a random hub. */
function found(simulation: Simulation, procedures: readonly string[]): number {
  const hubs = simulation.hubs, asked = procedures.map((name) => oneOf(simulation, hubs).app.providers(name));
  return asked.filter((pending) => simulation.wait(pending).records.length === 1).length;
}

/** Half of all nodes die at once, those who made the records among them or not. */
const halfDies: Scenario = {
  name: "half-dies",
  about: "every record is found after half of the hubs have died at once",
  run(options) {
    const { simulation, procedures } = withRecords(options, { records: 100, ttlMs: 300_000 }), hubs = simulation.hubs;
    const dead = new Set<Host>();
    while (dead.size < hubs.length / 2) dead.add(oneOf(simulation, hubs));
    simulation.crash(...dead);
    simulation.run(1_000);
    const before = simulation.messages, after = found(simulation, procedures);
    const perLookup = rounded((simulation.messages - before) / procedures.length);
    options.print(
      `found ${after} of ${procedures.length} with ${dead.size} of ${hubs.length} dead, ${perLookup} messages each`,
    );
    must(simulation, after === procedures.length, `every record is found, got ${after} of ${procedures.length}`);
    return simulation.result;
  },
};

/** Short, so that little time passes until a record is renewed, ms. */
const TTL_MS = 40_000;

/** Any k/2 of those who hold a record crash. */
const holdersCrash: Scenario = {
  name: "holders-crash",
  about: "a record is found after any half of its holders have crashed: the nearest, the farthest, random ones",
  run(options) {
    const { simulation, procedures } = withRecords(options, { records: 6, ttlMs: TTL_MS });
    const choices = ["nearest", "farthest", "random"] as const;
    for (const [i, choice] of choices.entries()) {
      for (const procedure of procedures.slice(2 * i, 2 * i + 2)) {
        const key = simulation.hubs[0]!.app.providerRecord(procedure).key;
        const holders = simulation.hubs.filter((host) => holds(host, key)).sort((a, b) =>
          compareDistance(key, a.signer.nodeBytes, b.signer.nodeBytes)
        );
        must(simulation, holders.length >= 20, `${procedure} has 20 holders, got ${holders.length}`);
        if (choice === "farthest") holders.reverse();
        if (choice === "random") shuffle(simulation, holders);
        const dead = holders.slice(0, holders.length >> 1);
        simulation.crash(...dead);
        const { records } = simulation.wait(oneOf(simulation, simulation.hubs).app.providers(procedure));
        must(simulation, records.length === 1, `${procedure} is found without the ${choice} half of its holders`);
        for (const host of dead) {
          simulation.restart(host);
          const own = procedures[host.index];
          if (own !== undefined) host.app.register(own, { ttlMs: TTL_MS }); // a restarted application says again what it serves
        }
        simulation.run(TTL_MS); // until its publisher has renewed it, and all hold it again
      }
    }
    options.print(`found 6 of 6, each after half of its holders had crashed: ${choices.join(", ")}`);
    return simulation.result;
  },
};

function holds(host: Host, key: Uint8Array): boolean {
  for (const record of host.hashTable?.records.all() ?? []) {
    if (compareDistance(key, record.key, key) === 0 && record.expiresAt > host.wallMs) return true;
  }
  return false;
}

function shuffle<T>(simulation: Simulation, list: T[]): void {
  for (let i = list.length - 1; i > 0; i--) {
    const j = randomInteger(simulation.random, i + 1);
    [list[i], list[j]] = [list[j]!, list[i]!];
  }
}

/** How long events and calls take, with the hash table and without. */
const dhtHangs: Scenario = {
  name: "dht-hangs",
  about: "events and calls keep their latency while every query of the hash table hangs",
  run(options) {
    const { nodes = 6, print } = options, simulation = begin(options, { nodes, edges: 3 * nodes, profile: "cellular" });
    simulation.grow(nodes);
    const hubs = simulation.hubs, edges = hubs.flatMap((hub) => [1, 2, 3].map(() => simulation.add("edge", [hub])));
    simulation.run(10_000);
    for (const [i, edge] of edges.entries()) {
      simulation.wait(edge.app.serve(`hang.${i}`, (n: number) => n + 1));
      simulation.wait(edge.app.subscribe(`hang.event.${i}`).ready);
    }
    const inbox = edges.map((edge) => edge.app.subscribe("hang.events").events);
    simulation.run(5_000);
    const sound = measure(simulation, edges, inbox);
    simulation.loses = (_, __, message) => coreOf(message) === "dht";
    const pending = hubs.map((hub) => hub.app.nodes(simulation.random.bytes(32)));
    const hanging = measure(simulation, edges, inbox);
    const answers = pending.map((one) => simulation.outcomeOf(one));
    print("             median ms    p99 ms");
    for (const what of ["events", "calls"] as const) {
      for (const [when, latencies] of [["sound", sound], ["hanging", hanging]] as const) {
        const [median, p99] = [0.5, 0.99].map((part) => rounded(quantileOf(latencies[what], part), 0).padStart(9));
        print(`${what} ${when.padEnd(8)}${median} ${p99}`);
      }
      const before = quantileOf(sound[what], 0.5), now = quantileOf(hanging[what], 0.5);
      must(simulation, hanging[what].length === sound[what].length, `all ${what} arrive, got ${hanging[what].length}`);
      must(simulation, now <= 1.2 * before + 5, `${what} take ${before} ms, with a hanging table ${now} ms`);
      const worst = Math.max(...hanging[what]);
      must(simulation, worst <= Math.max(...sound[what]) + 1_000, `the slowest of the ${what} took ${worst} ms`);
    }
    const stuck = answers.every((one) => "error" in one || one.value.hops === 0);
    must(simulation, stuck, "no lookup comes through while the table hangs");
    return simulation.result;
  },
};

const ROUNDS = 20;

/** Events to all, and calls to edges of other hubs that have been called before. */
function measure(
  simulation: Simulation,
  edges: readonly Host[],
  inbox: readonly (readonly { readonly latencyMs: number }[])[],
): { events: number[]; calls: number[] } {
  const before = inbox.map(({ length }) => length), calls: Pending<unknown>[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, edge] of edges.entries()) {
      if (i % 6 === round % 6) edge.app.publish("hang.events", round);
      calls.push(edge.app.call(`hang.${(i + 1) % edges.length}`, round));
    }
    simulation.run(1_000);
  }
  simulation.run(5_000);
  const events = inbox.flatMap((list, i) => list.slice(before[i]).map(({ latencyMs }) => latencyMs));
  const answered = calls.filter(({ outcome }) => outcome !== undefined && "value" in outcome);
  return { events, calls: answered.map(({ answeredAt, askedAt }) => answeredAt! - askedAt) };
}

/** The scenarios of this file. */
export const FAILURES: readonly Scenario[] = [halfDies, holdersCrash, dhtHangs];
