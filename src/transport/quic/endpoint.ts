/** One UDP port that listens and dials. @module */

import type { Address, ListenOptions, TlsIdentity, TransportLimits } from "../transport.ts";
import { MeshError } from "../../base/errors.ts";
import { isIpLiteral } from "../../identity/certificate.ts";
import { plainAddress } from "./connection.ts";
import { listenError, quicMissing, tlsError } from "./failure.ts";

/** The application protocol: peers that speak another one are refused by TLS. */
export const ALPN = "macula";

/** Options of Deno's QUIC that both ends of a connection set. */
export function quicOptions(limits: TransportLimits): Deno.QuicTransportOptions & { alpnProtocols: string[] } {
  return {
    alpnProtocols: [ALPN],
    maxConcurrentBidirectionalStreams: limits.bidiStreamsMax,
    maxConcurrentUnidirectionalStreams: limits.sendStreamsMax,
    maxIdleTimeout: limits.idleTimeoutMs,
    keepAliveInterval: limits.keepAliveMs,
  };
}

/** Who is asked about newcomers and gets those that completed TLS. */
type Acceptor = Pick<ListenOptions, "admit" | "onFailed"> & {
  /** Before it settles nobody is accepted. */
  readonly entropy: Promise<void>;
  accepted(connection: Deno.QuicConn): void;
};

/** A bound UDP port. It stays bound until it is closed and collected: keep one for the life of a process. */
export class Endpoint {
  /** The bound address. */
  readonly address: Address;
  readonly native: Deno.QuicEndpoint;
  readonly #limits: TransportLimits;
  /** All that ever listened here: a collected one would take the server's configuration with it. */
  readonly #listeners: Deno.QuicListener[] = [];
  /** The certificate that newcomers are shown. */
  #shown: TlsIdentity | undefined;
  #acceptor: Acceptor | undefined;
  /** Newcomers in TLS. */
  #handshaking = 0;

  private constructor(native: Deno.QuicEndpoint, limits: TransportLimits) {
    this.native = native;
    this.#limits = limits;
    this.address = plainAddress(native.addr);
  }

  /** Binds an IP literal; throws a `MeshError` (`address_in_use`, `address_unavailable`, `permission_denied`, …). */
  static bind(address: Address, limits: TransportLimits): Endpoint {
    if (typeof Deno.QuicEndpoint !== "function") throw quicMissing();
    let native: Deno.QuicEndpoint;
    try {
      native = new Deno.QuicEndpoint(address);
    } catch (cause) {
      throw listenError(address, cause);
    }
    return new Endpoint(native, limits);
  }

  /** Whether someone listens here. */
  get isListening(): boolean {
    return this.#acceptor !== undefined;
  }

  /** Starts to accept; throws a `ValidationError` for a certificate that TLS does not take. */
  listen(tls: TlsIdentity, acceptor: Acceptor): void {
    const isFirst = this.#listeners.length === 0;
    this.replaceTls(tls);
    this.#acceptor = acceptor;
    if (isFirst) void this.#acceptAll();
  }

  /** Shows another certificate from the next handshake on; throws at the bound of how many there may have been. */
  replaceTls(tls: TlsIdentity): void {
    const { certificatesMax } = this.#limits;
    if (tls.cert === this.#shown?.cert && tls.key === this.#shown.key) return;
    if (this.#listeners.length >= certificatesMax) {
      throw new MeshError(
        "too_many_certificates",
        `Cannot replace a certificate: a port shows at most ${certificatesMax} until its process is started again`,
      );
    }
    try {
      this.#listeners.push(this.native.listen({ cert: tls.cert, key: tls.key, ...quicOptions(this.#limits) }));
      this.#shown = tls;
    } catch (cause) {
      throw tlsError(cause);
    }
  }

  /** Accepts no more; what was accepted stays, and the port stays bound for dialling. */
  stop(): void {
    if (!this.#acceptor) return;
    this.#acceptor = this.#shown = undefined;
    this.#listeners.at(-1)?.stop();
  }

  /** Ends its connections and stops accepting. */
  close(): void {
    this.#acceptor = undefined;
    this.native.close();
  }

  /** Whether a dial to this IP can leave from here. */
  reaches(ip: string): boolean {
    const { hostname } = this.address;
    if (hostname === "::") return true;
    if (hostname.includes(":") !== ip.includes(":")) return false;
    return hostname === "0.0.0.0" || isLoopback(hostname) === isLoopback(ip);
  }

  /**
   * One loop for the life of the endpoint: every listener of it draws from the same queue, and `accept()` without options
   * uses the newest certificate and its limits. Nothing is awaited in the loop but the next newcomer.
   */
  async #acceptAll(): Promise<void> {
    const source = this.#listeners[0]!;
    for (;;) {
      let incoming: Deno.QuicIncoming;
      try {
        incoming = await source.incoming();
      } catch {
        return; // the endpoint was closed
      }
      const acceptor = this.#acceptor;
      if (acceptor && acceptor.admit?.(this.#handshaking) !== false) void this.#accept(incoming, acceptor);
      else refuse(incoming);
    }
  }

  async #accept(incoming: Deno.QuicIncoming, acceptor: Acceptor): Promise<void> {
    let connection: Deno.QuicConn;
    this.#handshaking++;
    try {
      await acceptor.entropy;
      connection = await incoming.accept();
    } catch {
      if (this.#acceptor === acceptor) acceptor.onFailed?.();
      return; // it gets no further, and nobody else is concerned
    } finally {
      this.#handshaking--;
    }
    if (this.#acceptor === acceptor) return acceptor.accepted(connection);
    connection.closed.catch(() => {});
    connection.close({ closeCode: 0, reason: "no longer listening" });
  }
}

function refuse(incoming: Deno.QuicIncoming): void {
  try {
    incoming.refuse();
  } catch {
    // it is gone already
  }
}

/** Whether an IP literal is this machine itself. */
function isLoopback(ip: string): boolean {
  return isIpLiteral(ip) && (ip === "::1" || ip.startsWith("127."));
}
