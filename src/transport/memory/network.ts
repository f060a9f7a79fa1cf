/** A network in one process. @module */

import { sleep, type Timers } from "../../base/clock.ts";
import { MeshError } from "../../base/errors.ts";
import {
  type Address,
  DialError,
  type DialFailure,
  type DialOptions,
  formatAddress,
  type Transport,
  TRANSPORT_LIMITS,
  type TransportLimits,
} from "../transport.ts";
import { type EndOptions, MemoryConnection } from "./connection.ts";
import { disproof } from "./leaf.ts";
import { type BoundListener, MemoryTransport } from "./memory_transport.ts";
import { Path } from "./path.ts";

/** The dynamic ports of RFC 6335 section 6. */
const PORT_FIRST = 49_152;
const PORTS = 65_536 - PORT_FIRST;
/** Names by which a host listens on and dials itself. */
const OWN_NAMES: readonly string[] = ["localhost", "127.0.0.1", "::1"];
const ANY_NAMES: readonly string[] = ["0.0.0.0", "::"];

/** How a memory network behaves. */
export interface MemoryNetworkOptions {
  /** All its time; a virtual clock makes it deterministic. */
  readonly timers: Timers;
  /** One-way, in milliseconds; 0 if absent. Whatever it returns, a connection keeps its order. */
  readonly latencyMs?: (from: string, to: string) => number;
  /** Whether a datagram is lost; none is if absent. */
  readonly losesDatagram?: (from: string, to: string, datagram: Uint8Array) => boolean;
  /** What differs from `TRANSPORT_LIMITS`. */
  readonly limits?: Partial<TransportLimits>;
}

/** A live connection between two hosts. */
interface Wire {
  readonly hosts: readonly [string, string];
  readonly ends: readonly [MemoryConnection, MemoryConnection];
  readonly paths: readonly [Path, Path];
}

interface Host {
  readonly name: string;
  readonly ports: Map<number, BoundListener>;
  lastPort: number;
}

/** Hosts that reach each other by name, and the accidents that may happen between them. */
export class MemoryNetwork {
  readonly timers: Timers;
  readonly limits: TransportLimits;
  readonly #options: MemoryNetworkOptions;
  readonly #hosts = new Map<string, Host>();
  readonly #cuts = new Map<string, symbol>();
  readonly #wires = new Set<Wire>();

  constructor(options: MemoryNetworkOptions) {
    this.#options = options;
    this.timers = options.timers;
    this.limits = { ...TRANSPORT_LIMITS, ...options.limits };
  }

  /** A transport of the host with this name, which is created with its first transport. */
  transport(hostname: string): Transport {
    if (!this.#hosts.has(hostname)) {
      this.#hosts.set(hostname, { name: hostname, ports: new Map(), lastPort: PORT_FIRST - 1 });
    }
    return new MemoryTransport({
      timers: this.timers,
      limits: this.limits,
      bind: (address, listener) => this.#bind(hostname, address, listener),
      unbind: (port) => void this.#hosts.get(hostname)!.ports.delete(port),
      connect: (options) => this.#connect(hostname, options),
    });
  }

  /** Nothing gets from one host to the other any more; connections time out unless `heal` comes first. */
  cut(a: string, b: string): void {
    const cut = Symbol();
    this.#cuts.set(pairKey(a, b), cut);
    this.timers.after(this.limits.idleTimeoutMs, () => {
      if (this.#cuts.get(pairKey(a, b)) !== cut) return;
      const reason = { by: "timeout", code: 0, text: "timed out" } as const;
      for (const wire of this.#wiresBetween(a, b)) for (const end of wire.ends) end.end(reason);
    });
  }

  /** Takes a cut back: what was under way arrives. */
  heal(a: string, b: string): void {
    if (!this.#cuts.delete(pairKey(a, b))) return;
    for (const wire of this.#wiresBetween(a, b)) for (const path of wire.paths) path.resume();
  }

  #bind(hostname: string, address: Address, listener: BoundListener): number {
    const host = this.#hosts.get(hostname)!;
    const where = formatAddress(address);
    if (![hostname, ...OWN_NAMES, ...ANY_NAMES].includes(address.hostname)) {
      throw new MeshError("address_unavailable", `Cannot listen on ${where}: it must be an address of ${hostname}`);
    }
    const port = address.port === 0 ? freePort(host) : address.port;
    if (port === undefined || host.ports.has(port)) {
      throw new MeshError("address_in_use", `Cannot listen on ${where}: the port must be free, got one in use`);
    }
    host.ports.set(port, listener);
    return port;
  }

  async #connect(from: string, { address, expect }: DialOptions): Promise<MemoryConnection> {
    const fail = (code: DialFailure, rule: string) =>
      new DialError(code, `Cannot dial ${formatAddress(address)}: ${rule}`);
    const to = OWN_NAMES.includes(address.hostname) ? from : address.hostname;
    const host = this.#hosts.get(to);
    if (!host) throw fail("unknown_host", "the host name must have an address, got none");
    await this.#trip(from, to);
    const listener = host.ports.get(address.port);
    if (!listener) throw fail("unreachable", "a node must answer there, got no answer");
    if (listener.admit?.(0) === false) throw fail("refused", "the other end must accept connections, got a refusal");
    const failure = disproof(listener.leaf, expect, address.hostname, this.timers.now());
    await this.#trip(to, from);
    if (failure === "untrusted") throw fail(failure, "the other end must prove who it is, got another certificate");
    if (failure) throw fail(failure, "its certificate must be valid at this time (check the clocks of both machines)");
    if (host.ports.get(address.port) !== listener) throw fail("unreachable", "a node must answer there, got no answer");
    const [near, far] = this.#wire(from, to, address.port);
    listener.adopt(far);
    listener.onConnection(far);
    return near;
  }

  #wire(from: string, to: string, port: number): readonly [MemoryConnection, MemoryConnection] {
    const forth = this.#path(from, to), back = this.#path(to, from);
    const loses = (a: string, b: string): EndOptions["loses"] => (datagram) =>
      this.#options.losesDatagram?.(a, b, datagram) ?? false;
    const ends = MemoryConnection.pair(
      { remote: { hostname: to, port }, path: forth, limits: this.limits, loses: loses(from, to) },
      {
        remote: { hostname: from, port: freePort(this.#hosts.get(from)!) ?? PORT_FIRST },
        path: back,
        limits: this.limits,
        loses: loses(to, from),
      },
    );
    const wire: Wire = { hosts: [from, to], ends, paths: [forth, back] };
    this.#wires.add(wire);
    void Promise.all(ends.map((end) => end.closed)).then(() => this.#wires.delete(wire));
    return ends;
  }

  #path(from: string, to: string): Path {
    return new Path({
      timers: this.timers,
      latencyMs: () => this.#options.latencyMs?.(from, to) ?? 0,
      isCut: () => this.#cuts.has(pairKey(from, to)),
    });
  }

  async #trip(from: string, to: string): Promise<void> {
    const latencyMs = this.#options.latencyMs?.(from, to) ?? 0;
    if (latencyMs > 0) await sleep(this.timers, latencyMs);
    if (this.#cuts.has(pairKey(from, to))) await new Promise(() => {});
  }

  #wiresBetween(a: string, b: string): Wire[] {
    const key = pairKey(a, b);
    return [...this.#wires].filter((wire) => pairKey(...wire.hosts) === key);
  }
}

function freePort(host: Host): number | undefined {
  for (let tries = 0; tries < PORTS; tries++) {
    host.lastPort = PORT_FIRST + (host.lastPort + 1 - PORT_FIRST) % PORTS;
    if (!host.ports.has(host.lastPort)) return host.lastPort;
  }
  return undefined;
}

function pairKey(a: string, b: string): string {
  return a < b ? `${a}\n${b}` : `${b}\n${a}`;
}
