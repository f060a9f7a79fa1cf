/**
 * What a link needs from a network: connections that carry ordered byte streams and datagrams, encrypted, to an end
 * whose identity TLS has proven. Implemented by `quic/` (Deno's QUIC) and `memory/` (in one process); one conformance
 * suite checks both.
 *
 * @module
 */

import { MeshError } from "../base/errors.ts";

/** Where a node listens. */
export interface Address {
  /** A host name or an IP literal, IPv6 without brackets. */
  readonly hostname: string;
  /** UDP or TCP. */
  readonly port: number;
}

/** What TLS must prove about the other end before a connection counts as dialled. There is no "nothing". */
export type Expectation =
  /** It holds the Ed25519 key `publicKey` (32 bytes). */
  | { readonly kind: "key"; readonly publicKey: Uint8Array }
  /** Its certificate has one of these SHA-256 hashes. */
  | { readonly kind: "hash"; readonly hashes: readonly Uint8Array[] }
  /** It has a certificate for the dialled host name, from a system CA or one of `caCerts` (PEM). */
  | { readonly kind: "name"; readonly caCerts?: readonly string[] };

/** A certificate chain and its private key, PEM. */
export interface TlsIdentity {
  /** The chain, the leaf first. */
  readonly cert: string;
  /** PKCS#8. */
  readonly key: string;
}

/** Where something is, for people: `host:port`, IPv6 in brackets. */
export function formatAddress(address: Address): string {
  return address.hostname.includes(":")
    ? `[${address.hostname}]:${address.port}`
    : `${address.hostname}:${address.port}`;
}

/**
 * Two half-closable directions. Closing `writable` is a FIN; it does not wait until the peer has anything. Cancelling
 * `readable` makes the peer's writes fail. Aborting `writable` looks to the reader like a FIN (Deno cannot send a reset),
 * so whoever needs whole messages must see their ends in the bytes. When the connection ends, pending reads and writes
 * fail, also reads of what had arrived.
 */
export interface BidiStream {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
}

/** Why a connection ended. */
export interface CloseReason {
  /** `local` and `remote`: someone called `close`; `timeout`: the peer vanished; `error`: anything else. */
  readonly by: "local" | "remote" | "timeout" | "error";
  readonly code: number;
  readonly text: string;
}

/** One connection. */
export interface Connection {
  /** Where the other end was seen. */
  readonly remote: Address;
  /**
   * Opens a stream; waits while the peer's limit is reached. Streams of one kind reach the peer in the order of opening,
   * each with the first byte (or the end) of itself or of a later one: who opens several must not leave a first one
   * silent. The peer tells of room by eighths of its limit, rounded up: of 8 streams two must end before a ninth opens.
   * Rejects with a `ClosedError` when the connection has ended.
   */
  openBidi(): Promise<BidiStream>;
  /** Opens a stream in one direction, likewise. */
  openSend(): Promise<WritableStream<Uint8Array>>;
  /** Streams that the peer opened; ends with the connection, it may be with an error. */
  readonly incomingBidi: ReadableStream<BidiStream>;
  /** One-way streams that the peer opened; ends likewise. */
  readonly incomingSend: ReadableStream<ReadableStream<Uint8Array>>;
  /** Largest datagram in bytes. */
  readonly datagramBytesMax: number;
  /** Hands over a datagram; it may be lost. Rejects when it is too large or the connection is gone. */
  sendDatagram(bytes: Uint8Array): Promise<void>;
  /** The next datagram, or `undefined` when the connection has ended. */
  receiveDatagram(): Promise<Uint8Array | undefined>;
  /** Ends the connection at once: what the peer has not acknowledged is lost. Idempotent. */
  close(code: number, text: string): void;
  /** Resolves when the connection has ended, and never rejects. */
  readonly closed: Promise<CloseReason>;
}

/** Options of one dial. */
export interface DialOptions {
  readonly address: Address;
  readonly expect: Expectation;
  /** Counts from when the dial's turn comes: dials beyond `dialsInFlightMax` wait. */
  readonly timeoutMs?: number;
  /** Two-way streams that the other end may have open on this connection; default that of the limits. */
  readonly bidiStreamsMax?: number;
  readonly signal?: AbortSignal;
}

/** Options of listening. */
export interface ListenOptions {
  readonly address: Address;
  readonly tls: TlsIdentity;
  /** Called for each connection that completed TLS. */
  readonly onConnection: (connection: Connection) => void;
  /** Asked before TLS, with how many are in TLS now: `false` refuses the newcomer at once. */
  readonly admit?: (handshaking: number) => boolean;
  /** Told of each newcomer that came to nothing in TLS: it left, fell silent, or did not believe our certificate. */
  readonly onFailed?: () => void;
}

/** A place where connections arrive. */
export interface Listener {
  /** Where it really listens: the port is the bound one, also when 0 was asked for. */
  readonly address: Address;
  /** Uses another certificate from the next handshake on; live connections stay. Throws and keeps the old one if unusable. */
  replaceTls(tls: TlsIdentity): void;
  /** Stops listening; live connections stay. Idempotent. */
  close(): Promise<void>;
}

/** A network. */
export interface Transport {
  /**
   * Connects, or rejects with a `DialError`; where the environment itself forbids it, with a `MeshError` with code
   * `quic_missing` or `permission_denied`.
   */
  dial(options: DialOptions): Promise<Connection>;
  /**
   * Listens, or rejects with a `MeshError` with code `address_in_use`, `address_unavailable`, `quic_missing` or
   * `permission_denied`, or with a `ValidationError` for a certificate that it cannot use.
   */
  listen(options: ListenOptions): Promise<Listener>;
  /** Lets go of what the transport itself holds; its connections end. */
  close(): Promise<void>;
}

/** Limits that both ends of a connection set. */
export interface TransportLimits {
  /** Two-way and one-way streams that a peer may have open. */
  readonly bidiStreamsMax: number;
  readonly sendStreamsMax: number;
  /** Silence after which a connection has ended, at most that of the other end. */
  readonly idleTimeoutMs: number;
  readonly keepAliveMs: number;
  readonly dialTimeoutMs: number;
  readonly dialsInFlightMax: number;
  /** Certificates that one listening port may have shown since it was bound. */
  readonly certificatesMax: number;
}

/** The defaults. */
export const TRANSPORT_LIMITS: TransportLimits = {
  bidiStreamsMax: 4,
  sendStreamsMax: 8,
  idleTimeoutMs: 15_000,
  /** With the idle timeout it says when a peer that vanished is noticed: after 15 to 18 s. */
  keepAliveMs: 3_000,
  dialTimeoutMs: 5_000,
  /** More at once overrun the UDP buffer (measured: 191 of 1,000 fail). */
  dialsInFlightMax: 32,
  /** Deno holds 12.5 KiB for each (measured), and none can be let go of: 50 MiB, or 70 years of rotations. */
  certificatesMax: 4_096,
};

/** Why a dial failed. */
export type DialFailure =
  /** Nothing answered in time. */
  | "unreachable"
  /** The host name has no address. */
  | "unknown_host"
  /** The other end could not prove what was expected of it. */
  | "untrusted"
  /** Its certificate is not valid now: expired, or one of the clocks is wrong. */
  | "certificate_not_valid_now"
  /** It refused the connection before TLS, or speaks another protocol. */
  | "refused"
  /** The caller gave up (`cause` is the signal's reason) or closed the transport. */
  | "aborted";

/** A dial that failed; `code` is `unreachable`, `untrusted`, …; never retryable when the proof failed. */
export class DialError extends MeshError {
  /** Why. */
  declare readonly code: DialFailure;

  /** `message` is one sentence for a person. */
  constructor(code: DialFailure, message: string, options: { cause?: unknown } = {}) {
    super(code, message, {
      retryable: code === "unreachable" || code === "unknown_host" || code === "refused",
      ...options,
    });
  }
}
