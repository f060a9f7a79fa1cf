/**
 * A network of nodes in one process, on a virtual clock, replayable from a seed. It carries out what happens in the order
 * of its time, and at one time in the order in which it was entered.
 *
 * @module
 */

import { MeshError } from "../base/errors.ts";
import type { Peer, Role } from "../base/protocol.ts";
import { type Random, randomInteger, seededRandom } from "../base/random.ts";
import { Agenda } from "./agenda.ts";
import { type Checker, SimulationFailure } from "./checkers/checker.ts";
import { standardCheckers } from "./checkers/standard.ts";
import { quantised, SkewedClock, START_MS } from "./clock.ts";
import { makeCores } from "./nodes/cores.ts";
import { describeStep, fingerprint } from "./description.ts";
import { HistoryHash, LatestSteps } from "./history.ts";
import type { Pending } from "./nodes/application.ts";
import { Host } from "./nodes/host.ts";
import { IDLE_MS } from "./nodes/host_links.ts";
import { ListedMint, type Mint, SignedMint } from "./nodes/mint.ts";
import { type Cut, Network } from "./network.ts";
import { type AnyMessage, byReference, byWire, type CoreName, coreOf, type Passage } from "./nodes/passage.ts";
import { type Settings, settingsOf, type SimulationOptions } from "./settings.ts";
import type { AnyEffect, AnyInput, LinkEnd, Participant, Step, World } from "./nodes/world.ts";

type Happening =
  | { readonly type: "message"; readonly end: LinkEnd; readonly message: AnyMessage; readonly isTampered: boolean }
  | {
    readonly type: "timer";
    readonly host: Participant;
    readonly epoch: number;
    readonly core: CoreName;
    readonly timer: unknown;
  }
  | { readonly type: "action"; readonly label: string; readonly action: () => void };

const SECOND_MS = 1_000;
/** How long `wait` waits for an answer, ms of virtual time: longer than every deadline of a core. */
const ANSWER_MS_MAX = 120_000;
/** After which the last that came has joined, ms. */
const SETTLE_MS = 30_000;

/** A running simulation. */
export class Simulation implements World, Disposable, AsyncDisposable {
  readonly settings: Settings;
  readonly network: Network;
  readonly mint: Mint;
  readonly passage: Passage;
  readonly random: Random;
  /** Every node that ever was, by the order of its coming. */
  readonly hosts: Host[] = [];
  now: number = START_MS;
  /** Happenings so far. */
  steps = 0;
  /** Messages that have arrived. */
  messages = 0;
  /** Messages that disappear although their links are sound; to be replaced by who wants that. */
  loses: ((from: Participant, to: Participant, message: AnyMessage) => boolean) | undefined;
  readonly #agenda = new Agenda<Happening>();
  readonly #byNode = new Map<string, Host>();
  readonly #checkers: readonly Checker[];
  readonly #stepCheckers: readonly Checker[];
  readonly #history = new HistoryHash();
  readonly #latest = new LatestSteps<Step>();
  #nextSecond: number = START_MS + SECOND_MS;
  #linkNames = 0;
  #isClosed = false;

  /** Use {@linkcode simulate}. */
  constructor(options: SimulationOptions) {
    this.settings = settingsOf(options);
    const { seed, profiles, fidelity } = this.settings;
    this.random = seededRandom(seed);
    this.network = new Network(this.random.fork("network"), profiles);
    this.mint = fidelity === "wire" ? new SignedMint() : new ListedMint();
    this.passage = fidelity === "wire" ? byWire() : byReference(this.mint);
    this.#checkers = options.checkers ?? standardCheckers({ ...this.settings, mint: this.mint });
    this.#stepCheckers = this.#checkers.filter(({ step }) => step !== undefined);
  }

  /** The hubs that are alive. */
  get hubs(): Host[] {
    return this.hosts.filter(({ isAlive, role }) => isAlive && role === "hub");
  }

  /** The edges that are alive. */
  get edges(): Host[] {
    return this.hosts.filter(({ isAlive, role }) => isAlive && role === "edge");
  }

  /** A hash over all that has happened so far, 32 hex digits. */
  get result(): string {
    return this.#history.hex;
  }

  /** Virtual time since the start, ms. */
  get elapsedMs(): number {
    return this.now - START_MS;
  }

  // Nodes

  /** A new node; without `tickets` it begins with that of a random hub, if there is one. */
  add(role: Role = "hub", tickets: readonly Host[] = this.#someTickets()): Host {
    const { skewMs, driftPpm, cores, dht, make } = this.settings, index = this.hosts.length;
    const random = this.random.fork(`node ${index}`), between = (most: number) => most * (2 * random.number() - 1);
    const clock = new SkewedClock({ skewMs: between(skewMs), driftPpm: between(driftPpm) });
    const host = new Host({
      index,
      role,
      access: this.network.newAccess(),
      random,
      clock,
      makeChecker: () => make.checker?.(this.mint.checker()) ?? this.mint.checker(),
      makeCores: (one) => makeCores(one, { names: cores, dht, make }),
    }, this);
    this.hosts.push(host);
    this.#byNode.set(host.signer.node, host);
    this.#history.addText(role);
    host.start({ tickets });
    return host;
  }

  /** New hubs, one after the other; time goes on between them. */
  grow(count: number, { everyMs = this.settings.joinEveryMs }: { readonly everyMs?: number } = {}): Host[] {
    return Array.from({ length: count }, () => {
      const host = this.add();
      this.run(everyMs);
      return host;
    });
  }

  /** Nodes stop at once; those linked with them notice after the idle timeout. */
  crash(...hosts: readonly Host[]): void {
    for (const host of hosts) host.crash();
  }

  /** A node that has stopped lives again: with its key, or, for `keepsState: false`, as somebody new. */
  restart(host: Host, { keepsState = true }: { readonly keepsState?: boolean } = {}): void {
    if (host.isAlive) throw new Error(`Cannot restart node ${host.index}: it must have stopped, but it is alive`);
    this.#byNode.delete(host.signer.node);
    const tickets = host.tickets.length > 0 ? host.tickets : this.#someTickets();
    host.start({ tickets, keepsState });
    this.#byNode.set(host.signer.node, host);
  }

  /** Cuts `from` off from `to`, in one direction or in both; links between them end after the idle timeout. */
  partition(from: readonly Host[], to: readonly Host[], { oneWay = false }: { readonly oneWay?: boolean } = {}): Cut[] {
    const cuts = [this.network.cut(from, to), ...oneWay ? [] : [this.network.cut(to, from)]];
    this.at(this.now + IDLE_MS, "idle", () => this.#endCutLinks(cuts, [...from, ...to]));
    return cuts;
  }

  /** Ends a partition: what was held back arrives. */
  heal(cuts: readonly Cut[]): void {
    for (const cut of cuts) this.network.heal(cut);
    for (const { links, isAlive } of this.hosts) if (isAlive) links.resume();
  }

  // Time

  /** Lets virtual time pass. */
  run(ms: number): void {
    const end = this.now + quantised(ms);
    while (this.#agenda.nextAt <= end) this.step();
    this.#seconds(end);
    this.now = end;
  }

  /** Lets time pass until something holds; false where it does not within so many ms. */
  runUntil(holds: () => boolean, withinMs: number): boolean {
    const end = this.now + quantised(withinMs);
    while (!holds()) {
      if (this.#agenda.nextAt > end) return false;
      this.step();
    }
    return true;
  }

  /** Lets time pass until there is an answer; throws `MeshError` where it is a failure. */
  wait<T>(pending: Pending<T>): T {
    const outcome = this.outcomeOf(pending);
    if ("value" in outcome) return outcome.value;
    throw new MeshError(outcome.error.code, outcome.error.text);
  }

  /** The same, with the failure as a value. */
  outcomeOf<T>(pending: Pending<T>): NonNullable<Pending<T>["outcome"]> {
    if (this.runUntil(() => pending.outcome !== undefined, ANSWER_MS_MAX)) return pending.outcome!;
    return this.fail(`a command must be answered within ${ANSWER_MS_MAX} ms`);
  }

  /** Carries out what is next. */
  step(): void {
    if (this.#isClosed) throw new Error("Cannot step: the simulation must be open, but it was closed");
    const { nextAt } = this.#agenda;
    this.#seconds(nextAt);
    const happening = this.#agenda.take();
    if (happening === undefined) return;
    this.now = Math.max(this.now, nextAt);
    this.steps++;
    this.#history.addLong((this.now - START_MS) * 1024);
    switch (happening.type) {
      case "message": {
        const { end, message, isTampered } = happening;
        if (!end.isUp) return;
        this.messages++;
        this.#history.add(end.host.index);
        this.#history.add(fingerprint(message));
        return end.host.receive(end, message, isTampered);
      }
      case "timer": {
        const { host, epoch, core, timer } = happening;
        if (host.epoch !== epoch) return;
        this.#history.add(host.index);
        return host.due(core, timer);
      }
      case "action":
        this.#history.addText(happening.label);
        return happening.action();
    }
  }

  /** Ends the simulation: nothing happens any more. */
  close(): void {
    this.#isClosed = true;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  /** A rule does not hold: throws `SimulationFailure`. */
  fail(rule: string): never {
    const history = this.#latest.all.map((step) => describeStep(step));
    throw new SimulationFailure(rule, { seed: this.settings.seed, step: this.steps, history });
  }

  // The world of the nodes

  get linksMax(): number {
    return this.settings.linksMax;
  }

  hostOf(node: string): Host | undefined {
    return this.#byNode.get(node);
  }

  linkName(other: Participant): Peer {
    return this.settings.linkIds ? `link ${++this.#linkNames}` : other.signer.node;
  }

  at(time: number, label: string, action: () => void): void {
    this.#agenda.add(quantised(time), { type: "action", label, action });
  }

  arrives(time: number, end: LinkEnd, message: AnyMessage, isTampered: boolean): void {
    this.#agenda.add(time, { type: "message", end, message, isTampered });
  }

  timer(time: number, host: Participant, core: CoreName, timer: unknown): void {
    this.#agenda.add(time, { type: "timer", host, epoch: host.epoch, core, timer });
  }

  isLost(from: Participant, to: Participant, message: AnyMessage): boolean {
    return this.loses !== undefined && this.loses(from, to, message);
  }

  isUnreliable(message: AnyMessage): boolean {
    return this.settings.unreliable && coreOf(message) === "dht";
  }

  stepped(host: Participant, core: CoreName, input: AnyInput, effects: readonly AnyEffect[]): void {
    const step: Step = { at: this.now, host, core, input, effects };
    this.#latest.add(step);
    for (const checker of this.#stepCheckers) {
      const wrong = checker.step!(step);
      if (wrong !== undefined) this.fail(`${checker.name}: ${wrong}`);
    }
  }

  // Inside

  /** Looks at everything once a second, before what happens after it. */
  #seconds(until: number): void {
    while (this.#nextSecond <= until && this.#nextSecond < Infinity) {
      if (until === Infinity) return;
      this.now = Math.max(this.now, this.#nextSecond);
      this.#nextSecond += SECOND_MS;
      for (const checker of this.#checkers) {
        const wrong = checker.second?.(this.hosts, this.now);
        if (wrong !== undefined) this.fail(`${checker.name}: ${wrong}`);
      }
    }
  }

  #someTickets(): Host[] {
    const { length } = this.hosts;
    for (let i = 0; i < 2 * length; i++) { // most are alive, honest hubs
      const host = this.hosts[randomInteger(this.random, length)]!;
      if (host.isAlive && host.role === "hub" && host.tamper === undefined) return [host];
    }
    return this.hubs.slice(0, 1);
  }

  #endCutLinks(cuts: readonly Cut[], hosts: readonly Host[]): void {
    if (!cuts.some((cut) => this.network.has(cut))) return; // it has healed in time
    for (const { links } of hosts) {
      for (const end of [...links.ends.values()]) {
        const other = end.other.host;
        if (!this.network.isCut(end.host, other) && !this.network.isCut(other, end.host)) continue;
        end.other.host.links.lost(end.other, "timed_out");
        links.lost(end, "timed_out");
      }
    }
  }
}

/**
 * Begins a simulation with hubs that have joined each other and edges that are attached to them.
 *
 * ```ts
 * import { simulate } from "@macula/mesh/testing";
 * import assert from "node:assert/strict";
 *
 * using simulation = simulate({ seed: "one", nodes: 5, edges: 2, profile: "cellular" });
 * const [a, b] = simulation.edges;
 * simulation.wait(a!.app.serve("math.double", (n: number) => 2 * n));
 * assert.equal(simulation.wait(b!.app.call("math.double", 21)), 42);
 * ```
 */
export function simulate(options: SimulationOptions = {}): Simulation {
  const simulation = new Simulation(options), { nodes, edges } = simulation.settings;
  simulation.grow(nodes);
  for (let i = 0; i < edges; i++) simulation.add("edge");
  if (nodes + edges > 0) simulation.run(SETTLE_MS);
  return simulation;
}
