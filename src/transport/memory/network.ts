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
import { MemoryConnection } from "./connection.ts";
import { outOfTimeRule } from "../validity.ts";
import { disproof } from "./leaf.ts";
import { type BoundListener, MemoryTransport } from "./memory_transport.ts";
import { Path } from "./path.ts";
import { Wire } from "./wire.ts";

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
  /** The same clock, for what is under way; where somebody wants to tell that from waiting. Default `timers`. */
  readonly deliveries?: Timers;
  /**
   * One-way, in milliseconds; 0 if absent. Drawn for each delivery; `chunk` is what of a stream goes with it. Whatever it
   * returns, a connection keeps its order.
   */
  readonly latencyMs?: (from: string, to: string, chunk?: Uint8Array) => number;
  /** When the copies of a datagram arrive, milliseconds from now: none where it is lost. Default one, by `latencyMs`. */
  readonly datagramMs?: (from: string, to: string, datagram: Uint8Array) => readonly number[];
  /** What differs from `TRANSPORT_LIMITS`. */
  readonly limits?: Partial<TransportLimits>;
}

interface Host {
  readonly name: string;
  readonly ports: Map<number, BoundListener>;
  /** Counts the processes that ran here. */
  lives: number;
  lastPort: number;
}

/** Hosts that reach each other by name, and the accidents that may happen between them. */
export class MemoryNetwork {
  readonly timers: Timers;
  readonly limits: TransportLimits;
  readonly #options: MemoryNetworkOptions;
  readonly #hosts = new Map<string, Host>();
  /** Directions in which nothing gets through. */
  readonly #cuts = new Set<string>();
  readonly #wires = new Set<Wire>();

  constructor(options: MemoryNetworkOptions) {
    this.#options = options;
    this.timers = options.timers;
    this.limits = { ...TRANSPORT_LIMITS, ...options.limits };
  }

  /** A transport of the host with this name, which is created with its first transport. */
  transport(hostname: string): Transport {
    if (!this.#hosts.has(hostname)) {
      this.#hosts.set(hostname, { name: hostname, ports: new Map(), lastPort: PORT_FIRST - 1, lives: 1 });
    }
    return new MemoryTransport({
      timers: this.timers,
      limits: this.limits,
      bind: (address, listener) => this.#bind(hostname, address, listener),
      unbind: (port, listener) => {
        const { ports } = this.#hosts.get(hostname)!;
        if (ports.get(port) === listener) ports.delete(port);
      },
      connect: (options) => this.#connect(hostname, options),
    });
  }

  /** Nothing gets from one host to the other any more; connections time out unless `heal` comes first. */
  cut(a: string, b: string): void {
    this.cutOneWay(a, b);
    this.cutOneWay(b, a);
  }

  /**
   * Nothing gets from one host to the other any more, while the way back is open. The end that hears nothing times out
   * first; the other one when that has fallen silent.
   */
  cutOneWay(from: string, to: string): void {
    const key = direction(from, to);
    if (this.#cuts.has(key)) return;
    this.#cuts.add(key);
    for (const wire of this.#wires) wire.cut(from, to);
  }

  /** Takes cuts back, both ways: what was under way on streams arrives. */
  heal(a: string, b: string): void {
    for (const [from, to] of [[a, b], [b, a]] as const) {
      if (this.#cuts.delete(direction(from, to))) { for (const wire of this.#wires) wire.heal(from, to); }
    }
  }

  /** Whether nothing gets from one host to the other. */
  isCut(from: string, to: string): boolean {
    return this.#cuts.has(direction(from, to));
  }

  /**
   * The process on a host dies without a word: its ports are free, its connections are gone, and those at their other
   * ends notice when they time out. Its transports are of no use any more; the host may get another one.
   */
  crash(hostname: string): void {
    const host = this.#hosts.get(hostname);
    if (host === undefined) return;
    host.ports.clear();
    host.lives++;
    for (const wire of this.#wires) wire.crash(hostname);
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

  async #connect(
    from: string,
    { address, expect, bidiStreamsMax = this.limits.bidiStreamsMax }: DialOptions,
  ): Promise<MemoryConnection> {
    const fail = (code: DialFailure, rule: string) =>
      new DialError(code, `Cannot dial ${formatAddress(address)}: ${rule}`);
    const to = OWN_NAMES.includes(address.hostname) ? from : address.hostname;
    const host = this.#hosts.get(to);
    if (!host) throw fail("unknown_host", "the host name must have an address, got none");
    const source = this.#hosts.get(from)!, { lives } = source;
    await this.#trip(from, to);
    const listener = host.ports.get(address.port);
    if (!listener) throw fail("unreachable", "a node must answer there, got no answer");
    if (listener.admit?.(listener.handshaking) === false) {
      throw fail("refused", "the other end must accept connections, got a refusal");
    }
    const { leaf } = listener, now = this.timers.now(), failure = disproof(leaf, expect, address.hostname, now);
    await this.#inTls(listener, this.#trip(to, from));
    if (failure) listener.onFailed?.();
    if (source.lives !== lives) await new Promise(() => {}); // who dialled has crashed
    if (failure === "untrusted") throw fail(failure, "the other end must prove who it is, got another certificate");
    if (failure) {
      const hasEnded = now > leaf.notAfter, boundary = hasEnded ? leaf.notAfter : leaf.notBefore;
      throw fail(failure, outOfTimeRule({ hasEnded, boundary, now }));
    }
    if (host.ports.get(address.port) !== listener) throw fail("unreachable", "a node must answer there, got no answer");
    const [near, far] = this.#wire(from, to, address.port, bidiStreamsMax);
    listener.adopt(far);
    listener.onConnection(far);
    return near;
  }

  /** Counts a newcomer at its listener until it arrives, or is given up there: a trip may last for ever. */
  async #inTls(listener: BoundListener, trip: Promise<void>): Promise<void> {
    let counts = true;
    const leave = () => {
      if (counts) listener.handshaking--;
      counts = false;
    };
    listener.handshaking++;
    const cancel = this.timers.after(this.limits.idleTimeoutMs, leave);
    try {
      await trip;
    } finally {
      cancel();
      leave();
    }
  }

  #wire(from: string, to: string, port: number, bidiStreamsMax: number): readonly [MemoryConnection, MemoryConnection] {
    const forth = this.#path(from, to), back = this.#path(to, from), { limits, timers } = this;
    const ends = MemoryConnection.pair(
      {
        remote: { hostname: to, port },
        path: forth,
        limits: { ...limits, bidiStreamsMax },
        datagramMs: this.#datagramMs(from, to),
      },
      {
        remote: { hostname: from, port: freePort(this.#hosts.get(from)!) ?? PORT_FIRST },
        path: back,
        limits,
        datagramMs: this.#datagramMs(to, from),
      },
    );
    const { idleTimeoutMs } = limits;
    const wire = new Wire({ hosts: [from, to], ends, paths: [forth, back], timers, idleTimeoutMs });
    this.#wires.add(wire);
    void wire.ended.then(() => this.#wires.delete(wire));
    return ends;
  }

  get #deliveries(): Timers {
    return this.#options.deliveries ?? this.timers;
  }

  #latencyMs(from: string, to: string, chunk?: Uint8Array): number {
    return this.#options.latencyMs?.(from, to, chunk) ?? 0;
  }

  #datagramMs(from: string, to: string): (datagram: Uint8Array) => readonly number[] {
    const { datagramMs } = this.#options;
    return (datagram) => datagramMs?.(from, to, datagram) ?? [this.#latencyMs(from, to, datagram)];
  }

  #path(from: string, to: string): Path {
    return new Path({
      timers: this.#deliveries,
      latencyMs: (chunk) => this.#latencyMs(from, to, chunk),
      isCut: () => this.isCut(from, to),
    });
  }

  async #trip(from: string, to: string): Promise<void> {
    const latencyMs = this.#latencyMs(from, to);
    if (latencyMs > 0) await sleep(this.#deliveries, latencyMs);
    if (this.isCut(from, to)) await new Promise(() => {});
  }
}

function freePort(host: Host): number | undefined {
  for (let tries = 0; tries < PORTS; tries++) {
    host.lastPort = PORT_FIRST + (host.lastPort + 1 - PORT_FIRST) % PORTS;
    if (!host.ports.has(host.lastPort)) return host.lastPort;
  }
  return undefined;
}

function direction(from: string, to: string): string {
  return `${from}\n${to}`;
}
