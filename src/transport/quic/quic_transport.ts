/** The mesh's transport over Deno's QUIC. @module */

import { equalBytes } from "../../base/bytes.ts";
import { bundledTimers } from "../../base/timers/bundled_timers.ts";
import type { Timers } from "../../base/clock.ts";
import { ClosedError, MeshError } from "../../base/errors.ts";
import { authorityOf, isIpLiteral, serverNameOf } from "../../identity/certificate.ts";
import { nodeIdOf } from "../../identity/node_id.ts";
import { Permits } from "../permits.ts";
import { race } from "../race.ts";
import {
  type Address,
  type Connection,
  DialError,
  type DialFailure,
  type DialOptions,
  type Expectation,
  formatAddress,
  type Listener,
  type ListenOptions,
  type Transport,
  TRANSPORT_LIMITS,
  type TransportLimits,
} from "../transport.ts";
import { QuicConnection } from "./connection.ts";
import { Endpoint, quicOptions } from "./endpoint.ts";
import { gatherEntropy } from "./entropy.ts";
import { dialError, quicMissing } from "./failure.ts";
import { resolve } from "./resolve.ts";

/** RFC 8305 section 5. */
const STAGGER_MS = 250;

/** Options of a QUIC transport. */
export interface QuicTransportOptions {
  /** Where dials leave from when nobody listens: an IP literal, by default any address of both families. */
  readonly hostname?: string;
  /** 0, the default, is any free port. */
  readonly port?: number;
  /** What differs from `TRANSPORT_LIMITS`. */
  readonly limits?: Partial<TransportLimits>;
}

/** A transport over Deno's QUIC; binds nothing before it is used. Its `dial` and `listen` need `--unstable-net`. */
export function createQuicTransport(options: QuicTransportOptions = {}): Transport {
  return new QuicTransport(options);
}

class QuicTransport implements Transport {
  readonly #options: QuicTransportOptions;
  readonly #limits: TransportLimits;
  readonly #dials: Permits;
  readonly #timers = bundledTimers(MACHINE);
  readonly #connections = new Set<QuicConnection>();
  readonly #listening: Endpoint[] = [];
  /** Where dials leave from; `null`: the permission to bind is missing, and each dial binds its own port. */
  #dialling: Endpoint | null | undefined;
  /** What TLS must prove of the key that was dialled last: programs dial the same few nodes again and again. */
  #ofLastKey: { readonly publicKey: Uint8Array; readonly proof: TlsOptions } | undefined;
  /** Set by the first dial or listener. */
  #entropy: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: QuicTransportOptions) {
    this.#options = options;
    this.#limits = { ...TRANSPORT_LIMITS, ...options.limits };
    this.#dials = new Permits(this.#limits.dialsInFlightMax);
  }

  async dial(options: DialOptions): Promise<Connection> {
    const { address, expect, signal, timeoutMs = this.#limits.dialTimeoutMs } = options;
    const { bidiStreamsMax = this.#limits.bidiStreamsMax } = options, limits = { ...this.#limits, bidiStreamsMax };
    if (typeof Deno.QuicEndpoint !== "function") throw quicMissing();
    const proof = this.#proof(address, expect);
    const release = await this.#dials.acquire(signal).catch((cause) => {
      throw cause instanceof DialError ? cause : gaveUp(address, "aborted", cause);
    });
    const entropy = this.#gatherEntropy();
    try {
      const deadline = this.#timers.now() + timeoutMs;
      const run = <Way, Result>(
        ways: readonly Way[],
        attempt: (way: Way) => Promise<Result>,
        discard: (result: Result) => void,
      ) =>
        race(ways, {
          timers: this.#timers,
          staggerMs: STAGGER_MS,
          timeoutMs: deadline - this.#timers.now(),
          signal,
          attempt,
          discard,
          failed: (why, errors) =>
            why === "all" ? worst(address, errors) : gaveUp(address, why, signal?.reason, errors),
        });
      const ips = isIpLiteral(address.hostname) ? [address.hostname] : await run([address], resolve, () => {});
      await entropy;
      const connect = (ip: string) =>
        this.#connect({ ...address, hostname: ip }, address, { ...quicOptions(limits), ...proof });
      return this.#adopt(await run(ips, connect, discard));
    } finally {
      await entropy; // where a dial fails before it came to that: it leaves nothing behind
      release();
    }
  }

  async listen({ address, tls, admit, onConnection, onFailed }: ListenOptions): Promise<Listener> {
    this.#assertOpen("listen");
    const entropy = this.#gatherEntropy(), endpoint = await this.#bind(address);
    endpoint.listen(tls, {
      entropy,
      ...(admit && { admit }),
      ...(onFailed && { onFailed }),
      accepted: (native) => onConnection(this.#adopt(native)),
    });
    if (!this.#listening.includes(endpoint)) this.#listening.push(endpoint);
    let isOpen = true;
    return {
      address: endpoint.address,
      replaceTls: (next) => {
        if (!isOpen) throw new ClosedError("Cannot replace a certificate: the listener must be open, got a closed one");
        endpoint.replaceTls(next);
      },
      close: () => {
        if (isOpen) endpoint.stop();
        isOpen = false;
        return Promise.resolve();
      },
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#dials.close(() => new DialError("aborted", "Cannot dial: the transport must be open, got a closed one"));
    const ended = [...this.#connections].map((connection) => {
      connection.close(0, "");
      return connection.closed;
    });
    await Promise.all([...ended, this.#entropy]);
    for (const endpoint of this.#listening.splice(0)) endpoint.close();
    this.#dialling?.close();
    this.#dialling = undefined;
  }

  /** A port that listened before and is free again stays bound, so it is taken up; others are bound. */
  async #bind(address: Address): Promise<Endpoint> {
    const [ip = address.hostname] = await resolve(address).catch((cause) => {
      throw new MeshError("address_unavailable", `Cannot listen on ${formatAddress(address)}: unknown host`, { cause });
    });
    this.#assertOpen("listen");
    const known = this.#listening.find((endpoint) =>
      !endpoint.isListening && endpoint.address.hostname === ip && endpoint.address.port === address.port
    );
    return known ?? Endpoint.bind({ hostname: ip, port: address.port }, this.#limits);
  }

  async #connect(to: Address, asked: Address, { kind, ...quic }: ConnectOptions): Promise<Deno.QuicConn> {
    const options = { ...quic, port: to.port, ...this.#from(to.hostname) };
    try {
      return await Deno.connectQuic({ ...options, hostname: to.hostname });
    } catch (cause) {
      // A permission that names the host does not cover its addresses.
      if (!(cause instanceof Deno.errors.NotCapable) || to.hostname === asked.hostname) {
        throw dialError(asked, cause, kind);
      }
    }
    try {
      return await Deno.connectQuic({ ...options, hostname: asked.hostname });
    } catch (cause) {
      throw dialError(asked, cause, kind);
    }
  }

  #proof(address: Address, expect: Expectation): TlsOptions {
    if (expect.kind !== "key") return tlsOptions(address, expect);
    const { publicKey } = expect, last = this.#ofLastKey;
    if (last !== undefined && equalBytes(last.publicKey, publicKey)) return last.proof;
    const proof = tlsOptions(address, expect);
    this.#ofLastKey = { publicKey: publicKey.slice(), proof };
    return proof;
  }

  /** The endpoint for a dial: one that listens, so that both directions share a port, else the one for dialling. */
  #from(ip: string): { endpoint?: Deno.QuicEndpoint } {
    this.#assertOpen("dial");
    const listening = this.#listening.find((endpoint) => endpoint.reaches(ip));
    if (listening) return { endpoint: listening.native };
    if (this.#dialling === undefined) this.#dialling = this.#bindForDialling();
    return this.#dialling ? { endpoint: this.#dialling.native } : {};
  }

  #bindForDialling(): Endpoint | null {
    const { hostname, port = 0 } = this.#options;
    if (hostname !== undefined) return Endpoint.bind({ hostname, port }, this.#limits);
    try {
      return Endpoint.bind({ hostname: "::", port }, this.#limits);
    } catch (error) {
      const { code } = error as MeshError;
      if (code === "permission_denied" && port === 0) return null;
      if (code !== "address_unavailable") throw error;
      return Endpoint.bind({ hostname: "0.0.0.0", port }, this.#limits); // a machine without IPv6
    }
  }

  #adopt(native: Deno.QuicConn): QuicConnection {
    const connection = new QuicConnection(native);
    this.#connections.add(connection);
    void connection.closed.then(() => this.#connections.delete(connection));
    if (this.#isClosed) connection.close(0, "");
    return connection;
  }

  #gatherEntropy(): Promise<void> {
    return this.#entropy ??= gatherEntropy();
  }

  #assertOpen(verb: string): void {
    if (this.#isClosed) throw new ClosedError(`Cannot ${verb}: the transport must be open, got a closed one`);
  }
}

const MACHINE: Timers = {
  now: () => performance.now(),
  after(ms, action) {
    const timer = setTimeout(action, ms);
    return () => clearTimeout(timer);
  },
};

/** The options of `connectQuic` that say what TLS must prove; its types lack the hashes. */
interface TlsOptions {
  readonly kind: Expectation["kind"];
  readonly serverName: string;
  readonly caCerts?: string[];
  readonly serverCertificateHashes?: { algorithm: "sha-256"; value: Uint8Array }[];
}

/** Those that do not depend on which address of the host is tried. */
type ConnectOptions = ReturnType<typeof quicOptions> & TlsOptions;

function tlsOptions(address: Address, expect: Expectation): TlsOptions {
  const { kind } = expect;
  switch (expect.kind) {
    case "key":
      return { kind, serverName: serverNameOf(nodeIdOf(expect.publicKey)), caCerts: [authorityOf(expect.publicKey)] };
    case "hash":
      return {
        kind,
        serverName: address.hostname,
        serverCertificateHashes: expect.hashes.map((value) => ({ algorithm: "sha-256", value })),
      };
    case "name":
      return { kind, serverName: address.hostname, caCerts: [...expect.caCerts ?? []] };
  }
}

/** A connection that came after its race was decided. */
function discard(late: Deno.QuicConn): void {
  late.closed.catch(() => {});
  late.close();
}

/** What says most: a proof that failed before a silence. */
function worst(address: Address, errors: readonly unknown[]): unknown {
  const order: readonly string[] = ["certificate_not_valid_now", "untrusted", "refused"] satisfies DialFailure[];
  for (const code of order) {
    const found = errors.find((error) => error instanceof MeshError && error.code === code);
    if (found) return found;
  }
  return errors[0] ?? gaveUp(address, "timeout");
}

function gaveUp(
  address: Address,
  why: "timeout" | "aborted",
  cause?: unknown,
  errors: readonly unknown[] = [],
): unknown {
  const where = formatAddress(address);
  if (why === "aborted") return new DialError("aborted", `Cannot dial ${where}: the caller gave up`, { cause });
  if (errors.length > 0) return worst(address, errors);
  return new DialError("unreachable", `Cannot dial ${where}: a node must answer there in time, got no answer`);
}
