/**
 * Swarm testing (Groce and others, 2012): settings, faults and what the nodes do are drawn from the seed, and the rules
 * of `checkers/` must hold whatever comes.
 *
 * @module
 */

import { type Random, randomInteger } from "../../base/random.ts";
import type { Host } from "../nodes/host.ts";
import type { Cut } from "../network.ts";
import { drawSettings } from "../settings.ts";
import { Simulation } from "../simulation.ts";
import { must, type Scenario } from "./scenario.ts";

/** How often each kind of thing happens; each is drawn anew, and may be 0. */
const DEEDS = {
  publish: 20,
  call: 20,
  lookUp: 10,
  register: 5,
  find: 10,
  subscribe: 5,
  serve: 3,
  crash: 1,
  restart: 2,
  leave: 1,
  join: 2,
  cut: 1,
  heal: 2,
  slowDown: 1,
} as const;
type Deed = keyof typeof DEEDS;

/** The scenario that runs where none is named. */
export const SWARM: Scenario = {
  name: "swarm",
  about: "settings, faults and deeds drawn from the seed; all rules hold",
  run({ seed, nodes, minutes = 2, print, make }) {
    const drawn = new Swarm(seed, nodes, make);
    print(`settings ${JSON.stringify(drawn.settings)}`);
    const { simulation } = drawn;
    drawn.act(minutes * 60_000);
    drawn.calm();
    print(
      `${simulation.steps} steps, ${simulation.messages} messages, ${drawn.done} deeds, ${simulation.hosts.length} nodes`,
    );
    return simulation.result;
  },
};

/** A simulation and what is done to it. */
class Swarm {
  readonly simulation: Simulation;
  readonly settings: Record<string, unknown>;
  done = 0;
  readonly #random: Random;
  readonly #weights: readonly (readonly [Deed, number])[];
  readonly #cuts: Cut[][] = [];
  readonly #nodesMax: number;

  constructor(seed: string, nodes: number | undefined, make: ConstructorParameters<typeof Simulation>[0]["make"]) {
    const random = this.#random = (new Simulation({ seed, nodes: 0 })).random.fork("swarm");
    const drawn = drawSettings(random), options = nodes === undefined ? drawn : { ...drawn, nodes };
    this.#weights = (Object.entries(DEEDS) as [Deed, number][])
      .map(([deed, most]) => [deed, random.number() < 0.2 ? 0 : most * random.number()] as const);
    const deeds = Object.fromEntries(this.#weights.map(([deed, weight]) => [deed, Number(weight.toFixed(2))]));
    this.settings = { ...options, deeds };
    this.simulation = new Simulation({ ...options, seed, ...make === undefined ? {} : { make } });
    this.#nodesMax = 2 * (options.nodes + options.edges);
    this.simulation.grow(options.nodes);
    for (let i = 0; i < options.edges; i++) this.simulation.add("edge");
    this.simulation.run(2_000);
  }

  /** Does something every now and then for so long. */
  act(ms: number): void {
    const end = this.simulation.now + ms;
    while (this.simulation.now < end) {
      this.#do(this.#draw());
      this.done++;
      this.simulation.run(randomInteger(this.#random, 400));
    }
  }

  /** Ends all faults; then everything must work again. */
  calm(): void {
    const { simulation } = this;
    for (const cuts of this.#cuts.splice(0)) simulation.heal(cuts);
    for (const host of simulation.hosts) host.slowMs = 0;
    if (simulation.hubs.length === 0) return;
    simulation.run(180_000); // whoever was cut off has dialled again, and whoever was dead is forgotten
    for (const edge of simulation.edges) {
      const isServed = [...edge.links.ends.values()].some(({ other }) => other.host.isAlive);
      const hasHub = edge.tickets.some(({ isAlive }) => isAlive);
      must(simulation, isServed || !hasHub, `edge ${edge.index} is attached again`);
    }
    const pending = simulation.hubs.map((hub) => hub.app.nodes(hub.signer.nodeBytes));
    for (const one of pending) simulation.outcomeOf(one);
  }

  #draw(): Deed {
    const total = this.#weights.reduce((sum, [_, weight]) => sum + weight, 0);
    let left = this.#random.number() * total;
    for (const [deed, weight] of this.#weights) if ((left -= weight) < 0) return deed;
    return "publish";
  }

  #one(hosts: readonly Host[]): Host | undefined {
    return hosts[randomInteger(this.#random, Math.max(1, hosts.length))];
  }

  #do(deed: Deed): void {
    const { simulation } = this, random = this.#random, alive = simulation.hosts.filter(({ isAlive }) => isAlive);
    const host = this.#one(alive), topic = `swarm.${randomInteger(random, 5)}`;
    switch (deed) {
      case "publish":
        return void host?.app.publish(topic, this.done);
      case "call":
        return void host?.app.call(topic, this.done, { timeoutMs: 100 + randomInteger(random, 5_000) });
      case "lookUp":
        return void host?.app.nodes(random.bytes(32));
      case "register":
        return void host?.app.register(topic);
      case "find":
        return void host?.app.providers(topic);
      case "subscribe":
        return void host?.app.subscribe(random.number() < 0.3 ? "swarm.*" : topic);
      case "serve":
        return void host?.app.serve(topic, (n: number) => n, { takesMs: randomInteger(random, 500) });
      default:
        return this.#harm(deed, alive);
    }
  }

  #harm(deed: Deed, alive: readonly Host[]): void {
    const { simulation } = this, random = this.#random, victim = this.#one(alive);
    switch (deed) {
      case "crash":
        return victim?.crash();
      case "leave":
        return victim?.leave();
      case "restart": {
        const dead = this.#one(simulation.hosts.filter(({ isAlive }) => !isAlive));
        if (dead !== undefined) simulation.restart(dead, { keepsState: random.number() < 0.5 });
        return;
      }
      case "join":
        if (simulation.hosts.length < this.#nodesMax) simulation.add(random.number() < 0.5 ? "hub" : "edge");
        return;
      case "cut": {
        const some = alive.filter(() => random.number() < 0.3), others = alive.filter((one) => !some.includes(one));
        this.#cuts.push(simulation.partition(some, others, { oneWay: random.number() < 0.3 }));
        return;
      }
      case "heal": {
        const cuts = this.#cuts.shift();
        if (cuts !== undefined) simulation.heal(cuts);
        return;
      }
      case "slowDown":
        if (victim !== undefined) victim.slowMs = randomInteger(random, 300);
        return;
    }
  }
}
