/** Gateways and edges on a memory network in virtual time, by the public functions. @module */

import { seededRandom } from "../../src/base/random.ts";
import type { Gateway } from "../../src/gateway/gateway.ts";
import { startGateway, type StartGatewayOptions } from "../../src/gateway/start.ts";
import { createIdentity } from "../../src/identity/mod.ts";
import { connect, type ConnectOptions } from "../../src/edge/connect.ts";
import type { Mesh } from "../../src/mesh/mesh.ts";
import type { Runtime } from "../../src/node/runtime.ts";
import { issueMemoryLeaf, MemoryNetwork, type MemoryNetworkOptions } from "../../src/transport/memory/mod.ts";
import { passing } from "../link/world.ts";
import { ManualTimers } from "../transport/manual_timers.ts";

export const REALM = "org.example.test";

/** A network. Disposing it closes everything that was started in it. */
export class World implements AsyncDisposable {
  readonly timers = new ManualTimers();
  readonly network: MemoryNetwork;
  readonly #open: Mesh[] = [];
  #hosts = 0;

  constructor(options: Partial<MemoryNetworkOptions> = {}) {
    this.network = new MemoryNetwork({ timers: this.timers, ...options });
  }

  runtime(hostname: string): Runtime {
    const transport = this.network.transport(hostname), random = seededRandom(hostname);
    return { timers: this.timers, random, transport, certify: issueMemoryLeaf };
  }

  /** A gateway on the host `gate`, always the same node there. */
  async gateway(options: Partial<StartGatewayOptions> = {}, hostname = "gate"): Promise<Gateway> {
    const listen = { hostname, port: 9443 }, identity = createIdentity(seededRandom(hostname).bytes(32));
    const shared = {
      realm: REALM,
      listen,
      identity,
      runtime: this.runtime(hostname),
      admission: { mode: "open" },
    } as const;
    const started = await startGateway({ ...shared, ...options });
    this.#open.push(started);
    return started;
  }

  /** An edge on a host of its own. */
  async edge(target: string | readonly string[], options: ConnectOptions = {}, hostname?: string): Promise<Mesh> {
    const runtime = this.runtime(hostname ?? `edge${++this.#hosts}`);
    const mesh = await this.passing(connect(target, { runtime, ...options }));
    this.#open.push(mesh);
    return mesh;
  }

  /** Waits for a promise while virtual time passes. */
  passing<T>(promise: Promise<T>, ms?: number): Promise<T> {
    return passing(this.timers, promise, ms);
  }

  /** Lets virtual time pass. */
  run(ms: number): Promise<void> {
    return this.timers.run(ms);
  }

  /** Kills a gateway: its port is free and its links are silent, as after SIGKILL, until they time out. */
  async kill(gateway: Gateway, hostname = "gate"): Promise<void> {
    for (let i = 1; i <= this.#hosts; i++) this.network.cut(hostname, `edge${i}`);
    this.#open.splice(this.#open.indexOf(gateway), 1);
    await this.passing(gateway.close());
    await this.run(16_000);
    for (let i = 1; i <= this.#hosts; i++) this.network.heal(hostname, `edge${i}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.passing(Promise.all(this.#open.map((mesh) => mesh.close())));
  }
}

/** The next `count` things of an iterable, which is left open. */
export async function take<T>(iterable: AsyncIterable<T>, count: number): Promise<T[]> {
  const iterator = iterable[Symbol.asyncIterator](), taken: T[] = [];
  while (taken.length < count) {
    const { value, done } = await iterator.next();
    if (done) throw new Error(`Expected ${count}, got ${taken.length} and the end`);
    taken.push(value);
  }
  return taken;
}

/** The changes of a mesh's status from now on. */
export function statuses(mesh: Mesh): string[] {
  const seen: string[] = [];
  mesh.addEventListener("statuschange", (event) => void seen.push((event as CustomEvent).detail.to));
  return seen;
}
