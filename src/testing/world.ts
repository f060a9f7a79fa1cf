/** A whole mesh in one process and in virtual time: real gateways and edges on a network in memory. @module */

import type { Timers } from "../base/clock.ts";
import { ValidationError } from "../base/errors.ts";
import { type Random, seededRandom } from "../base/random.ts";
import { connect } from "../edge/connect.ts";
import type { Gateway } from "../gateway/gateway.ts";
import { startGateway } from "../gateway/start.ts";
import { createIdentity, type Identity } from "../identity/mod.ts";
import type { Mesh } from "../mesh/mesh.ts";
import type { Runtime } from "../node/runtime.ts";
import { issueMemoryLeaf, MemoryNetwork } from "../transport/memory/mod.ts";
import { Conditions, linkProfile } from "./conditions.ts";
import { certificateDisk } from "./disk.ts";
import { Driver } from "./driver.ts";
import { History } from "./history.ts";
import type {
  PartitionOptions,
  PlaceOptions,
  RestartOptions,
  SimulateMeshOptions,
  WaitOptions,
  WorldConnectOptions,
  WorldGatewayOptions,
} from "./options.ts";
import { watchOperations } from "./operations.ts";
import { VirtualClock } from "./virtual_clock.ts";

/** Where a node runs, and how it is started again. */
interface Place {
  readonly name: string;
  readonly start: () => Promise<Mesh>;
  readonly forget: () => void;
}

/** Default of `within`, virtual ms. */
export const UNTIL_MS = 60_000, RUN_MS = 600_000;
/** How often an asynchronous condition is looked at, virtual ms. */
const LOOK_MS = 100;
/** All nodes of a world have left after so many virtual ms. */
const CLOSE_MS = 300_000;
/** What a node says that its process holds, bytes: the same on every machine. */
const MEMORY_BYTES = 1 << 26;
const EVENTS_MAX = 10_000_000;
const REALM = "org.example.test";
const PORT = 9443;
/** So many gateways one more is told of, as an operator would; it finds the others by itself. */
const BOOTSTRAPS = 3;
/** So much of each list an error shows. */
const SHOWN_MAX = 5;

/** Starts a mesh in memory: see {@link World}. Rejects with `ValidationError` on options that make no sense. */
export async function simulateMesh(options: SimulateMeshOptions = {}): Promise<World> {
  const { gateways = 1 } = options;
  if (!Number.isInteger(gateways) || gateways < 0) {
    throw new ValidationError(`Cannot simulate a mesh: gateways is an integer from 0, got ${gateways}`);
  }
  const world = new World(options);
  try {
    for (let i = 0; i < gateways; i++) await world.startGateway();
  } catch (error) {
    await world[Symbol.asyncDispose]();
    throw error;
  }
  return world;
}

/**
 * Gateways and edges in one process: the real ones, on a network in memory, on a virtual clock. Time moves by itself
 * while something is on its way or an operation is open, so `await mesh.call(…)` just works and takes no real time;
 * otherwise it stands still until the test lets it pass (`advance`, `until`, `run`). Disposing it closes all nodes.
 */
export class World implements AsyncDisposable {
  /** From which everything was drawn. */
  readonly seed: string;
  /** Virtual time, for the timers of the application under test. They do not keep time moving by themselves. */
  readonly clock: Timers;
  readonly #options: SimulateMeshOptions;
  readonly #clock: VirtualClock;
  readonly #driver: Driver;
  readonly #random: Random;
  readonly #history = new History();
  readonly #conditions: Conditions;
  readonly #network: MemoryNetwork;
  readonly #gateways: Gateway[] = [];
  readonly #places = new Map<Mesh, Place>();
  #names = { gateway: 0, edge: 0 };
  #cuts: (readonly [from: string, to: string])[] = [];
  #closing: Promise<void> | undefined;

  /** Use `simulateMesh`. */
  constructor(options: SimulateMeshOptions) {
    const { seed = 1, eventsMax = EVENTS_MAX } = options;
    this.#options = options;
    this.seed = String(seed);
    this.#random = seededRandom(this.seed);
    this.clock = this.#clock = new VirtualClock(() => this.#driver.nudge());
    this.#driver = new Driver(this.#clock, { eventsMax, describe: () => this.describe() });
    this.#conditions = new Conditions({
      random: this.#random.fork("network"),
      clock: this.#clock,
      history: this.#history,
    });
    this.#network = new MemoryNetwork({
      timers: this.#clock,
      deliveries: this.#clock.underWay,
      latencyMs: (from, to, chunk) => this.#conditions.latencyMs(from, to, chunk),
      datagramMs: (from, to, datagram) => this.#conditions.datagramMs(from, to, datagram),
    });
    linkProfile(options.profile ?? "lan");
  }

  /** The gateways, in the order of their start; one that was started again is in its old place. */
  get gateways(): readonly Gateway[] {
    return this.#gateways;
  }

  /** Virtual wall time, ms. */
  get now(): number {
    return this.#clock.now();
  }

  /** What was sent in this world so far, and when, as 16 hexadecimal digits: two runs that were the same have the same. */
  get fingerprint(): string {
    return this.#history.hash;
  }

  /** How much was sent in this world so far. */
  get events(): number {
    return this.#history.events;
  }

  /** Starts one more gateway. */
  async startGateway(options: WorldGatewayOptions = {}): Promise<Gateway> {
    const { name = `gateway-${this.#names.gateway++}`, profile, skew, ...rest } = options;
    const { realm = REALM, admission = { mode: "open" }, limits, logger } = this.#options,
      { certificates, forget } = certificateDisk();
    const key = this.#join(name, profile), { identity = key } = options;
    const listen = { hostname: name, port: PORT };
    let last: Gateway | undefined;
    const start = async () => {
      const gateway = await startGateway({
        realm,
        admission,
        limits,
        logger,
        certificates,
        bootstrap: this.#ticketsBut(identity),
        ...rest,
        identity,
        listen,
        runtime: this.#runtime(name, skew),
      });
      if (last === undefined) this.#gateways.push(gateway);
      else this.#gateways[this.#gateways.indexOf(last)] = gateway;
      return last = gateway;
    };
    return await this.#settle({ name, start, forget }) as Gateway;
  }

  /** Attaches one more edge, on a host of its own. Rejects as `connect` does. */
  async connect(options: WorldConnectOptions = {}): Promise<Mesh> {
    const { name = `edge-${this.#names.edge++}`, profile, skew, to = this.#gateways.slice(0, 1), ...rest } = options;
    const gateways = Array.isArray(to) ? to as readonly Gateway[] : [to as Gateway];
    const key = this.#join(name, profile), { identity = key } = options, { logger } = this.#options;
    const tickets = gateways.map((gateway) => gateway.ticket);
    const start = () => connect(tickets, { logger, ...rest, identity, runtime: this.#runtime(name, skew) });
    return await this.#settle({ name, start, forget() {} });
  }

  // Time

  /** Lets `ms` milliseconds pass. */
  advance(ms: number): Promise<void> {
    if (!(ms >= 0 && ms < Infinity)) {
      return Promise.reject(new ValidationError(`Cannot advance: milliseconds from 0 are expected, got ${ms}`));
    }
    return this.#driver.advance(ms);
  }

  /**
   * Lets time pass until `condition` holds: it is looked at whenever something has happened, or, where it is
   * asynchronous, every 100 ms. Rejects with a `TimeoutError` that says what is going on after `within` ms of virtual time
   * (default 60,000), and at once when nothing is left that could happen.
   */
  async until(
    condition: () => boolean | Promise<boolean>,
    { within = UNTIL_MS, what = textOf(condition) }: WaitOptions = {},
  ): Promise<void> {
    const startedAt = this.now, endAt = startedAt + within;
    let holds = condition();
    if (typeof holds === "boolean") return await this.#driver.until(what, within, condition as () => boolean);
    while (!await holds) {
      if (this.now >= endAt) throw this.#driver.late(what, startedAt, `${within} ms are over`);
      await this.#driver.advance(Math.min(LOOK_MS, endAt - this.now));
      holds = condition();
    }
  }

  /**
   * Runs a part of a test while time passes, whatever that waits for: events, timers, other promises of this world.
   * Rejects as `body` does, or with a `TimeoutError` after `within` ms of virtual time (default 600,000).
   */
  async run<T>(body: () => Promise<T>, { within = RUN_MS, what = textOf(body) }: WaitOptions = {}): Promise<T> {
    return await this.#driver.run(what, within, body());
  }

  /** Time stands still until `promise` has settled: for what really takes time, as a file, a hash, a fetch. */
  outside<T>(promise: Promise<T>): Promise<T> {
    return this.#driver.outside(promise);
  }

  // Accidents

  /**
   * Cuts nodes off from others, by default from all others that there are now; with `oneWay` nothing gets from `some` to
   * `others`, while the way back is open. Links notice when they hear nothing for 15 s.
   */
  partition(
    some: Mesh | readonly Mesh[],
    others?: Mesh | readonly Mesh[],
    { oneWay = false }: PartitionOptions = {},
  ): void {
    const from = this.#hostsOf(some);
    const to = others === undefined
      ? [...this.#places.values()].map(({ name }) => name).filter((name) => !from.includes(name))
      : this.#hostsOf(others);
    for (const a of from) {
      for (const b of to) {
        if (a === b) continue;
        this.#cut(a, b);
        if (!oneWay) this.#cut(b, a);
      }
    }
  }

  /** Takes all partitions back, or those between two groups: what was on its way arrives. */
  heal(some?: Mesh | readonly Mesh[], others?: Mesh | readonly Mesh[]): void {
    const a = some && this.#hostsOf(some), b = others && this.#hostsOf(others);
    const isBetween = (from: string, to: string) => (a?.includes(from) ?? true) && (b?.includes(to) ?? true);
    const healed = this.#cuts.filter(([from, to]) => isBetween(from, to) || isBetween(to, from));
    this.#cuts = this.#cuts.filter((cut) => !healed.includes(cut));
    for (const [from, to] of healed) this.#network.heal(from, to);
  }

  /**
   * Ends a node's process without a word to anybody; what waits on its handle is rejected. Its peers notice when their
   * links time out, after 15 s.
   */
  async crash(node: Mesh): Promise<void> {
    const { name } = this.#placeOf(node), closing = node.close();
    this.#network.crash(name);
    await closing;
  }

  /**
   * Starts a node again that has crashed or was closed, on its host and with its key, and returns its new handle. What
   * its application had set up is for the application to set up again. With `state: "lost"` nothing is left of what it
   * had kept beside the key.
   */
  async restart<T extends Mesh>(node: T, { state = "kept" }: RestartOptions = {}): Promise<T> {
    const place = this.#placeOf(node);
    if (node.status !== "closed") {
      throw new ValidationError(
        `Cannot restart ${place.name}: it must have crashed or been closed, got ${node.status}`,
      );
    }
    if (state === "lost") place.forget();
    const started = await this.#place(place);
    this.#places.delete(node);
    return started as T;
  }

  /** From now on everything takes a node so much longer, ms; 0 takes it back. */
  slow(node: Mesh, ms: number): void {
    this.#conditions.slow(this.#placeOf(node).name, ms);
  }

  /** What is going on, in one line: for the message of a failed test. */
  describe(): string {
    const clock = this.#clock, { operations, heldBack } = this.#driver, { pending, wanted, nextAt } = clock;
    const next = nextAt === Infinity ? "" : `, the next in ${Math.ceil(nextAt - clock.now())} ms`;
    const nodes = [...this.#places].filter(([mesh]) => mesh.status !== "connected")
      .map(([mesh, { name }]) => `${name} is ${mesh.status}`);
    return [
      `${pending} timers${next}`,
      `${wanted} messages on their way`,
      `${[...this.#places.keys()].reduce((sum, mesh) => sum + mesh.links().length, 0)} ends of links`,
      ...some("open", operations.map(({ what, since }) => `${what} for ${Math.round(clock.now() - since)} ms`)),
      ...some("nodes", nodes),
      ...some("cut", this.#cuts.map(([from, to]) => `${from} to ${to}`)),
      ...(heldBack > 0 ? [`time is held back by ${heldBack} promises outside`] : []),
    ].join("; ");
  }

  /** Takes all partitions back and closes all nodes, edges first. Idempotent. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#driver.letGo();
    this.heal();
    const all = [...this.#places.keys()], gateways = new Set<Mesh>(this.#gateways);
    const closing = async () => {
      await Promise.all(all.filter((mesh) => !gateways.has(mesh)).map((mesh) => mesh.close()));
      await Promise.all(this.#gateways.map((gateway) => gateway.close()));
    };
    try {
      await this.#driver.run("all nodes to close", CLOSE_MS, closing());
    } finally {
      await this.#driver.close();
    }
  }

  /** For the first time. */
  async #settle(place: Place): Promise<Mesh> {
    try {
      return await this.#place(place);
    } catch (error) {
      this.#conditions.leave(place.name);
      throw error;
    }
  }

  async #place(place: Place): Promise<Mesh> {
    const mesh = await this.#driver.operation(`start of ${place.name}`, place.start());
    watchOperations(this.#driver, mesh, place.name);
    this.#places.set(mesh, place);
    return mesh;
  }

  /** A new host, and the key of the node on it. */
  #join(name: string, profile: PlaceOptions["profile"]): Identity {
    this.#conditions.join(name, linkProfile(profile ?? this.#options.profile ?? "lan"));
    return createIdentity(this.#random.fork(`key of ${name}`).bytes(32));
  }

  #ticketsBut({ id }: Identity): string[] {
    return this.#gateways.filter((gateway) => gateway.id !== id).slice(0, BOOTSTRAPS).map(({ ticket }) => ticket);
  }

  #runtime(name: string, skewMs = 0): Runtime {
    const clock = this.#clock;
    return {
      timers: {
        now: () => clock.now() + skewMs,
        after: (ms, action) => clock.after(ms, action),
        turn: () => clock.turn(),
      },
      random: this.#random.fork(name),
      transport: this.#network.transport(name),
      certify: issueMemoryLeaf,
      environment: {},
      memoryBytes: () => MEMORY_BYTES,
    };
  }

  #placeOf(node: Mesh): Place {
    const place = this.#places.get(node);
    if (place === undefined) {
      throw new ValidationError(`Cannot use a node: it must be one of this world, and not started again since`);
    }
    return place;
  }

  #hostsOf(nodes: Mesh | readonly Mesh[]): string[] {
    return [nodes].flat().map((node) => this.#placeOf(node as Mesh).name);
  }

  #cut(from: string, to: string): void {
    if (this.#network.isCut(from, to)) return;
    this.#cuts.push([from, to]);
    this.#network.cutOneWay(from, to);
  }
}

function some(title: string, texts: readonly string[]): string[] {
  if (texts.length === 0) return [];
  const more = texts.length > SHOWN_MAX ? ` and ${texts.length - SHOWN_MAX} more` : "";
  return [`${title}: ${texts.slice(0, SHOWN_MAX).join(", ")}${more}`];
}

/** A function as it is written, shortened: it says what a test waits for. */
function textOf(body: () => unknown): string {
  const text = String(body).replace(/^(async)?\s*\(\)\s*=>\s*/, "").replace(/\s+/g, " ");
  return text.length > 100 ? `${text.slice(0, 99)}…` : text;
}
