/**
 * What Deno's errors mean. Its QUIC reports failures as plain `Error`s with quinn's and rustls' sentences: this is the
 * only place that reads them, and `tests/transport/quic_failure_test.ts` pins them.
 *
 * @module
 */

import { MeshError, ValidationError } from "../../base/errors.ts";
import { type OutOfTime, outOfTimeRule } from "../validity.ts";
import {
  type Address,
  type CloseReason,
  DialError,
  type DialFailure,
  type Expectation,
  formatAddress,
} from "../transport.ts";

/** TLS alerts, RFC 8446 section 6: as our side raised them about the other's certificate. */
const ALERT_CERTIFICATE_EXPIRED = 45;
const ALERT_NO_APPLICATION_PROTOCOL = 120;

/** Why a dial failed, from what `connectQuic` threw. */
export function dialFailure(error: unknown): DialFailure {
  const text = messageOf(error);
  const handshake = /^(aborted by peer: )?the cryptographic handshake failed: error (\d+)/.exec(text);
  if (handshake) {
    if (Number(handshake[2]) === ALERT_NO_APPLICATION_PROTOCOL || handshake[1]) return "refused";
    return Number(handshake[2]) === ALERT_CERTIFICATE_EXPIRED ? "certificate_not_valid_now" : "untrusted";
  }
  if (/^(aborted|closed) by peer/.test(text)) return "refused";
  if (/^(endpoint stopping|closed)$/.test(text)) return "aborted";
  if (/lookup address/.test(text)) return "unknown_host";
  return "unreachable";
}

/** The error that a user gets for a failed dial. */
export function dialError(address: Address, cause: unknown, expected?: Expectation["kind"]): MeshError {
  if (cause instanceof MeshError) return cause;
  if (cause instanceof Deno.errors.NotCapable) return permissionDenied("dial", address, cause);
  const code = dialFailure(cause), outOfTime = outOfTimeOf(messageOf(cause));
  if (code === "certificate_not_valid_now" && outOfTime !== undefined) {
    return new DialError(code, `Cannot dial ${formatAddress(address)}: ${outOfTimeRule(outOfTime)}`, { cause });
  }
  if (messageOf(cause).includes("CaUsedAsEndEntity")) return new DialError(code, caAsServer(address), { cause });
  const cure = code === "untrusted" && expected === "name" ? `; ${KNOWN_BY_NAME}` : "";
  const text = `Cannot dial ${formatAddress(address)}: ${RULES[code]}, got ${messageOf(cause)}${cure}`;
  return new DialError(code, text, { cause });
}

/** A gateway without a certificate of a CA is known by its key, which a ticket holds. */
const KNOWN_BY_NAME = "dial it by its ticket, or name the CA of its certificate (MACULA_TLS_CACERTFILE)";

/** What rustls says of a certificate out of its time: in full with an authority, in one word with a hash. */
function outOfTimeOf(text: string): OutOfTime | undefined {
  const [, seconds, which, boundary] =
    /verification time (\d+) \(UNIX\), but certificate is not valid (after|before) (\d+)/.exec(text) ?? [];
  if (seconds !== undefined) {
    return { hasEnded: which === "after", boundary: Number(boundary) * 1_000, now: Number(seconds) * 1_000 };
  }
  const [, word] = /invalid peer certificate: (Expired|NotValidYet)$/.exec(text) ?? [];
  return word === undefined ? undefined : { hasEnded: word === "Expired", now: Date.now() };
}

/** Macula 0.20 makes such certificates; no list of CAs helps, and Deno has one flag for it. */
function caAsServer(address: Address): string {
  return `Cannot dial ${
    formatAddress(address)
  }: its certificate is that of a CA, which may not stand for a host; give ` +
    "the gateway a proper one (MACULA_TLS_CERTFILE, MACULA_TLS_KEYFILE), or, for this host alone and unverified, run " +
    `deno with --unsafely-ignore-certificate-errors=${address.hostname}`;
}

const RULES: Record<DialFailure, string> = {
  unreachable: "a node must answer there",
  unknown_host: "the host name must have an address",
  untrusted: "the other end must prove who it is",
  certificate_not_valid_now: "its certificate must be valid at this time (check the clocks of both machines)",
  refused: "the other end must accept connections",
  aborted: "the transport must be open",
};

/** The error that a user gets when an address could not be bound or listened on. */
export function listenError(address: Address, cause: unknown): MeshError {
  if (cause instanceof MeshError) return cause;
  const where = formatAddress(address);
  if (cause instanceof Deno.errors.AddrInUse) {
    return new MeshError(
      "address_in_use",
      `Cannot listen on ${where}: UDP port ${address.port} must be free, got ${messageOf(cause)}`,
      { cause },
    );
  }
  if (cause instanceof Deno.errors.NotCapable) return permissionDenied("listen on", address, cause);
  return new MeshError(
    "address_unavailable",
    `Cannot listen on ${where}: it must be an address of this machine, got ${messageOf(cause)}`,
    { cause },
  );
}

/** The error for a certificate and key that TLS does not take. */
export function tlsError(cause: unknown): ValidationError {
  return new ValidationError(
    `Cannot listen: certificate and key must be PEM and belong together, got ${messageOf(cause)}`,
  );
}

/** Why a connection ended, from what its `closed` rejected with. */
export function closeReason(error: unknown): CloseReason {
  const text = messageOf(error);
  return { by: text === "timed out" ? "timeout" : "error", code: 0, text };
}

/** The error for a runtime without QUIC. */
export function quicMissing(): MeshError {
  return new MeshError(
    "quic_missing",
    "Cannot use QUIC: Deno.QuicEndpoint must exist, got none. " +
      'Run deno with --unstable-net, or put "unstable": ["net"] in deno.json',
  );
}

function permissionDenied(verb: string, address: Address, cause: Error): MeshError {
  const where = formatAddress(address);
  return new MeshError(
    "permission_denied",
    `Cannot ${verb} ${where}: the network permission is needed, got ${messageOf(cause)}. ` +
      `Run deno with --allow-net, or --allow-net=${where}`,
    { cause },
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
