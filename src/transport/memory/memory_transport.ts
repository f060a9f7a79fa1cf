/** The transport of one host of a memory network. @module */

import type { Timers } from "../../base/clock.ts";
import { ClosedError } from "../../base/errors.ts";
import { Permits } from "../permits.ts";
import { race } from "../race.ts";
import {
  type Address,
  type Connection,
  DialError,
  type DialOptions,
  formatAddress,
  type Listener,
  type ListenOptions,
  type Transport,
  type TransportLimits,
} from "../transport.ts";
import type { MemoryConnection } from "./connection.ts";
import { type MemoryLeaf, parseMemoryLeaf } from "./leaf.ts";

/** What is bound to a port. */
export interface BoundListener {
  leaf: MemoryLeaf;
  readonly onConnection: ListenOptions["onConnection"];
  readonly admit: ListenOptions["admit"];
  readonly onFailed: ListenOptions["onFailed"];
  /** Newcomers that were admitted and have not arrived. */
  handshaking: number;
  /** Takes note of a connection that arrived. */
  readonly adopt: (connection: MemoryConnection) => void;
}

/** One host's place in a network. */
export interface HostPlace {
  readonly timers: Timers;
  readonly limits: TransportLimits;
  /** Binds a port and returns it; throws a `MeshError` (`address_in_use`, `address_unavailable`). */
  bind(address: Address, listener: BoundListener): number;
  /** Frees a port that `bind` returned, unless somebody else has it by now. */
  unbind(port: number, listener: BoundListener): void;
  /** One attempt to connect; hangs while the hosts are cut apart. Rejects with a `DialError`. */
  connect(options: DialOptions): Promise<MemoryConnection>;
}

/** Made by `MemoryNetwork.transport`. */
export class MemoryTransport implements Transport {
  readonly #host: HostPlace;
  readonly #dials: Permits;
  readonly #listeners = new Set<Listener>();
  readonly #connections = new Set<MemoryConnection>();
  readonly #closing = new AbortController();

  constructor(host: HostPlace) {
    this.#host = host;
    this.#dials = new Permits(host.limits.dialsInFlightMax);
  }

  async dial(options: DialOptions): Promise<Connection> {
    const { address, timeoutMs = this.#host.limits.dialTimeoutMs } = options;
    const { signal: closing } = this.#closing;
    const signal = options.signal ? AbortSignal.any([options.signal, closing]) : closing;
    const gaveUp = (why: string) =>
      why === "aborted"
        ? new DialError("aborted", `Cannot dial ${formatAddress(address)}: the caller gave up`, {
          cause: signal.reason,
        })
        : new DialError(
          "unreachable",
          `Cannot dial ${formatAddress(address)}: a node must answer there, got no answer`,
        );
    const release = await this.#dials.acquire(signal).catch(() => Promise.reject(gaveUp("aborted")));
    try {
      const connection = await race([options], {
        timers: this.#host.timers,
        staggerMs: timeoutMs,
        timeoutMs,
        signal,
        attempt: () => this.#host.connect(options),
        discard: (late) => late.close(0, ""),
        failed: (why, errors) => errors[0] ?? gaveUp(why),
      });
      return this.#adopt(connection);
    } finally {
      release();
    }
  }

  async listen({ address, tls, onConnection, admit, onFailed }: ListenOptions): Promise<Listener> {
    if (this.#closing.signal.aborted) {
      throw new ClosedError("Cannot listen: the transport must be open, got a closed one");
    }
    const adopt = (connection: MemoryConnection) => void this.#adopt(connection);
    const bound: BoundListener = {
      leaf: parseMemoryLeaf(tls.cert),
      onConnection,
      admit,
      onFailed,
      adopt,
      handshaking: 0,
    };
    const port = this.#host.bind(address, bound);
    let isOpen = true;
    const listener: Listener = {
      address: { hostname: address.hostname, port },
      replaceTls: (next) => {
        if (!isOpen) throw new ClosedError("Cannot replace a certificate: the listener must be open, got a closed one");
        bound.leaf = parseMemoryLeaf(next.cert);
      },
      close: () => {
        if (isOpen) this.#host.unbind(port, bound);
        isOpen = false;
        this.#listeners.delete(listener);
        return Promise.resolve();
      },
    };
    this.#listeners.add(listener);
    return listener;
  }

  async close(): Promise<void> {
    this.#closing.abort(new ClosedError("Cannot dial: the transport must be open, got a closed one"));
    for (const listener of this.#listeners) await listener.close();
    for (const connection of this.#connections) connection.close(0, "");
  }

  #adopt(connection: MemoryConnection): MemoryConnection {
    this.#connections.add(connection);
    void connection.closed.then(() => this.#connections.delete(connection));
    return connection;
  }
}
