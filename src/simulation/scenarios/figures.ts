/** Figures of the hash table: success, hops, messages and storage, with and without churn, and how soon a newcomer is found. @module */

import { randomInteger } from "../../base/random.ts";
import type { NodesFound, RecordsFound } from "../../dht/mod.ts";
import { prefixOf } from "../../names/distance.ts";
import { compareDistance } from "../../names/mod.ts";
import type { Pending } from "../nodes/application.ts";
import type { Host } from "../nodes/host.ts";
import type { Simulation } from "../simulation.ts";
import { begin, must, quantileOf, rounded, type Scenario, type ScenarioOptions } from "./scenario.ts";

const MINUTE_MS = 60_000;
/** A node counts as there after so long, ms: the time to join. */
const SETTLED_MS = 10_000;
/** Of all nodes that are replaced each minute. */
const CHURN = 0.1;
/** Of all nodes that publish a record. */
const PUBLISHERS = 0.1;
/** Between two that join at the beginning, ms: 10,000 are there after 100 s. */
const JOIN_EVERY_MS = 10;

/** Scenarios that measure. */
export const FIGURES: readonly Scenario[] = [
  {
    name: "lookups",
    about: "one lookup per node and minute, in a mesh that stays as it is",
    run: (options) => measure(options, { churn: 0, successMin: 0.999 }),
  },
  {
    name: "churn",
    about: "the same, with 10 % of the nodes replaced each minute",
    run: (options) => measure(options, { churn: CHURN, successMin: 0.99 }),
  },
  { name: "joining", about: "how soon a newcomer is found by others", run: joining },
];

interface Asked {
  readonly pending: Pending<NodesFound | RecordsFound>;
  /** The closest node, as it was when asked; undefined for a record. */
  readonly closest: Host | undefined;
}

/** What came of lookups. */
class Tally {
  readonly hops: number[] = [];
  nodes = 0;
  nodesFound = 0;
  records = 0;
  recordsFound = 0;
  queries = 0;

  add({ pending: { outcome }, closest }: Asked): void {
    const value = outcome !== undefined && "value" in outcome ? outcome.value : undefined;
    if (closest === undefined) {
      this.records++;
      if (value !== undefined && "records" in value && value.records.length === 1) this.recordsFound++;
    } else if (closest.isAlive) { // else nobody can tell
      this.nodes++;
      const isNamed = value !== undefined && "nodes" in value &&
        value.nodes.some(({ node }) => node === closest.signer.node);
      if (isNamed) this.nodesFound++; // before it only who came since
    }
    if (value === undefined) return;
    this.hops.push(value.hops);
    this.queries += value.queries;
  }

  get success(): number {
    return (this.nodesFound + this.recordsFound) / Math.max(1, this.nodes + this.records);
  }
}

/** A mesh under load. */
class Load {
  readonly simulation: Simulation;
  readonly tally = new Tally();
  readonly #bornAt = new Map<Host, number>();
  /** Who publishes; the record is named after the node's index. */
  #publishers: Host[] = [];
  #living: Host[] = [];
  /** The first 32 bits of their ids, in the same order: ten thousand are compared for each lookup. */
  readonly #prefixes: number[] = [];
  #asked: Asked[] = [];

  constructor(options: ScenarioOptions) {
    const { nodes = 1_000 } = options;
    this.simulation = begin(options, { nodes, cores: ["dht"], fidelity: "objects", linkIds: false }, []);
    for (let i = 0; i < nodes; i++) {
      this.join();
      this.simulation.run(JOIN_EVERY_MS);
    }
    this.simulation.run(30_000);
    for (const host of this.#living) if (host.index % (1 / PUBLISHERS) === 0) this.#publish(host);
    this.simulation.run(30_000);
  }

  get living(): readonly Host[] {
    return this.#living;
  }

  join(): Host {
    const host = this.simulation.add();
    this.#living.push(host);
    this.#prefixes.push(prefixOf(host.signer.nodeBytes));
    this.#bornAt.set(host, this.simulation.now);
    return host;
  }

  /** One crashes, and a new one comes in its place. */
  replace(): void {
    const at = randomInteger(this.simulation.random, this.#living.length), gone = this.#living[at]!;
    this.#living[at] = this.#living.at(-1)!;
    this.#living.pop();
    this.#prefixes[at] = this.#prefixes.at(-1)!;
    this.#prefixes.pop();
    gone.crash();
    const fresh = this.join(), publishes = this.#publishers.indexOf(gone);
    if (publishes < 0) return;
    this.#publishers.splice(publishes, 1);
    this.#publish(fresh);
  }

  /** A random settled node looks for a random id, or for a record whose publisher is settled. */
  look(forRecord: boolean): void {
    const { simulation } = this, from = this.#settled(this.#living);
    if (from === undefined) return;
    const publisher = forRecord ? this.#settled(this.#publishers) : undefined;
    if (publisher !== undefined) {
      const pending = from.app.providers(`figures.number_${publisher.index}`);
      this.#asked.push({ pending, closest: undefined });
    } else {
      const target = simulation.random.bytes(32);
      this.#asked.push({ pending: from.app.nodes(target), closest: this.#closestTo(target, from) });
    }
    if (this.#asked.length > 2 * this.#living.length + 1_000) this.count();
  }

  /** Takes stock of what was answered. */
  count(): void {
    const answered = this.#asked.filter(({ pending }) => pending.outcome !== undefined);
    for (const one of answered) this.tally.add(one);
    this.#asked = this.#asked.filter(({ pending }) => pending.outcome === undefined);
  }

  #publish(host: Host): void {
    this.#publishers.push(host);
    host.app.register(`figures.number_${host.index}`);
  }

  #settled(hosts: readonly Host[]): Host | undefined {
    const { simulation } = this;
    for (let i = 0; i < 20; i++) {
      const host = hosts[randomInteger(simulation.random, hosts.length)];
      if (host !== undefined && simulation.now - this.#bornAt.get(host)! >= 2 * SETTLED_MS) return host;
    }
    return undefined;
  }

  #closestTo(target: Uint8Array, from: Host): Host {
    let best: Host | undefined, least = Infinity;
    const { now } = this.simulation, prefix = prefixOf(target), prefixes = this.#prefixes;
    for (let i = 0; i < prefixes.length; i++) {
      const distance = (prefixes[i]! ^ prefix) >>> 0;
      if (distance > least) continue;
      const host = this.#living[i]!, { nodeBytes } = host.signer;
      if (host === from || now - this.#bornAt.get(host)! < SETTLED_MS) continue;
      if (distance === least && compareDistance(target, nodeBytes, best!.signer.nodeBytes) > 0) continue;
      best = host;
      least = distance;
    }
    return best!;
  }
}

function measure(
  options: ScenarioOptions,
  { churn, successMin }: { readonly churn: number; readonly successMin: number },
): string {
  const { nodes = 1_000, minutes = 2, print } = options, load = new Load(options), { simulation, tally } = load;
  const before = simulation.messages, everyMs = MINUTE_MS / nodes, end = simulation.now + minutes * MINUTE_MS;
  for (let i = 0, due = 0; simulation.now < end; i++) {
    load.look(i % 2 === 1);
    for (due += churn; due >= 1; due--) load.replace();
    simulation.run(everyMs);
  }
  const messages = simulation.messages - before;
  simulation.run(45_000);
  load.count();
  report(load, { churn, messages, minutes, print });
  const lookups = tally.nodes + tally.records, part = rounded(100 * tally.success, 3);
  must(simulation, tally.success >= successMin, `${100 * successMin} % of ${lookups} lookups succeed, got ${part} %`);
  const most = Math.log2(nodes) / 2, median = quantileOf(tally.hops, 0.5);
  must(simulation, median <= most, `the median of hops is at most ${rounded(most)}, got ${median}`);
  return simulation.result;
}

function report(
  { tally, living }: Load,
  { churn, messages, minutes, print }: { churn: number; messages: number; minutes: number; print(line: string): void },
): void {
  const { hops, nodes, records } = tally, lookups = nodes + records;
  const held = living.map((host) => host.hashTable!.records), tables = living.map((host) => host.hashTable!.table.size);
  const mean = (values: readonly number[]) => rounded(values.reduce((sum, one) => sum + one, 0) / values.length);
  const line = (what: string, value: string) => print(`  ${what.padEnd(34)} ${value}`);
  print(`${living.length} nodes, ${minutes} min, ${100 * churn} % replaced per minute`);
  line("lookups", `${lookups}`);
  line("success", `${rounded(100 * tally.success, 3)} %`);
  line("  for nodes", `${rounded(100 * tally.nodesFound / nodes, 3)} % of ${nodes}`);
  line("  for records", `${rounded(100 * tally.recordsFound / records, 3)} % of ${records}`);
  line("hops, median and p99", `${quantileOf(hops, 0.5)}, ${quantileOf(hops, 0.99)}`);
  line("queries per lookup", rounded(tally.queries / lookups));
  line("messages per lookup, upkeep with it", rounded(messages / lookups));
  line(
    "records per node, mean and most",
    `${mean(held.map(({ size }) => size))}, ${Math.max(...held.map(({ size }) => size))}`,
  );
  line("bytes of records per node, mean", mean(held.map(({ bytes }) => bytes)));
  line("known nodes per node, mean", mean(tables));
  line("links per node, mean", mean(living.map(({ links }) => links.ends.size)));
}

const NEWCOMERS = 20, OTHERS = 10, POLL_MS = 250, FOUND_WITHIN_MS = 60_000;

function joining(options: ScenarioOptions): string {
  const { print, nodes = 1_000 } = options, load = new Load(options), { simulation } = load, times: number[] = [];
  for (let i = 0; i < NEWCOMERS; i++) {
    const others = load.living.slice(0, OTHERS), newcomer = load.join(), { now } = simulation;
    const { nodeBytes, node } = newcomer.signer;
    let found: boolean;
    do {
      simulation.run(POLL_MS);
      const asked = others.map(({ app }) => app.nodes(nodeBytes));
      found = asked.every((pending) => simulation.wait(pending).nodes[0]?.node === node);
    } while (!found && simulation.now - now < FOUND_WITHIN_MS);
    must(simulation, found, `a newcomer is found by ${OTHERS} others within ${FOUND_WITHIN_MS} ms`);
    times.push(simulation.now - now);
  }
  const [median, most] = [quantileOf(times, 0.5), Math.max(...times)].map((ms) => rounded(ms / 1_000));
  print(
    `${nodes} nodes: a newcomer is found by ${OTHERS} others after ${median} s (median of ${NEWCOMERS}), ${most} s at most`,
  );
  return simulation.result;
}
