/** `startGateway`: a gateway with the machine's own clock, randomness and network. @module */

import { ValidationError } from "../base/errors.ts";
import {
  checkIdentity,
  checkLabels,
  createIdentity,
  generateSeed,
  type Identity,
  isIpLiteral,
  type Labels,
} from "../identity/mod.ts";
import type { AuditSink } from "../link/admission/audit.ts";
import { type Admission, type Auth, hubGuard } from "../link/admission/guard.ts";
import { OutgoingBudget } from "../link/budget.ts";
import { formatEndpoint, isHostname, parseRealm } from "../names/mod.ts";
import type { LegacyOptions } from "../legacy/mod.ts";
import { GATEWAY_LIMITS, type GatewayLimits, hubSettings } from "../node/limits.ts";
import { type CommonOptions, type Logger, SILENT } from "../mesh/options.ts";
import { listeningRuntime, type Runtime } from "../node/runtime.ts";
import { FRAME_BYTES_MAX } from "../wire/mod.ts";
import type { Address, TlsIdentity } from "../transport/transport.ts";
import { BOOTSTRAP_MAX } from "./bootstrap.ts";
import { type CertificateStore, GatewayCertificate } from "./certificate.ts";
import { Gateway } from "./gateway.ts";

/** Options of `startGateway`. */
export interface StartGatewayOptions extends CommonOptions {
  /** The realm that it serves. */
  readonly realm: string;
  /** Who may join. Default `open` on a loopback address; on any other it must be said. */
  readonly admission?: Admission | undefined;
  /** By what the gateway shows that it belongs: with `credential` admission its own, with the role hub. */
  readonly auth?: Auth | undefined;
  /** Where it listens. Default 127.0.0.1:9443; port 0 is any free one. */
  readonly listen?: { readonly hostname?: string | undefined; readonly port?: number };
  /** The host that its ticket names. Default the one it listens on. */
  readonly hostname?: string | undefined;
  /** HTTP with `/health`, `/ready`, `/live` and the ticket, on the same host. Default off. */
  readonly http?: { readonly port: number } | undefined;
  /** Gateways of the realm to join: tickets and URLs. It stays linked with them; its own ticket is passed over. */
  readonly bootstrap?: readonly string[] | undefined;
  /** CAs (PEM) for gateways dialled by host name; default the system's. */
  readonly caCerts?: readonly string[] | undefined;
  /** Its key; default a fresh one in memory. */
  readonly identity?: Identity | undefined;
  /** What it says of itself in `members()`, `discover()` and its record: as those of `connect`. Default none. */
  readonly labels?: Labels | undefined;
  /** A certificate of a real CA, for those who know only the host name. Default one signed by its own key. */
  readonly tls?: TlsIdentity | undefined;
  /** Keeps the certificate over a restart. */
  readonly certificates?: CertificateStore | undefined;
  /** Bounds that differ from the defaults. */
  readonly limits?: Partial<GatewayLimits> | undefined;
  /**
   * Takes the audit log: who joined or was turned away, and what was refused to whom; at most 100 entries a second and
   * 10 of one node, with bursts of 1,000 and 100. Default nobody.
   */
  readonly audit?: AuditSink | undefined;
  /** Serves peers of Macula 0.20 too, within what is allowed; default: they are refused. The log says what it gives up. */
  readonly legacy?: LegacyOptions | undefined;
  /** Takes what the gateway has to say; default nobody. */
  readonly logger?: Logger | undefined;
  /**
   * Time, randomness and network; default the machine's. For tests.
   *
   * @internal
   */
  readonly runtime?: Runtime | undefined;
}

/** Defaults of `listen`. */
export const LISTEN_HOSTNAME = "127.0.0.1", LISTEN_PORT = 9443;

/** Nodes of Macula 0.20 send on more than one stream of a connection, and where each begins is not known before it is read. */
export const LEGACY_TRANSPORT = { bidiStreamsMax: 16 } as const;

/** Five hundred patterns in one message need 128 KiB. */
const FRAME_BYTES_LEAST = 256 << 10;

/** Addresses that only this machine reaches. */
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1)$/i;

/** What stands for all addresses of the machine. */
const WILDCARDS: ReadonlySet<string> = new Set(["0.0.0.0", "::"]);

/**
 * Starts a gateway, with what the options say and nothing else: environment and state folder are for the command
 * line. Rejects with `address_in_use`, `permission_denied`, or a `ValidationError`.
 *
 * @example A gateway inside a program
 * ```ts
 * import { startGateway } from "@macula/mesh";
 * import assert from "node:assert/strict";
 *
 * const listen = { hostname: "127.0.0.1", port: 0 }; // any free port
 * await using gateway = await startGateway({ realm: "org.example.home", listen, limits: { clientsMax: 100 } });
 * assert.match(gateway.ticket, /^macula1/);
 * assert.deepEqual(gateway.clients(), []);
 * ```
 */
export async function startGateway(options: StartGatewayOptions): Promise<Gateway> {
  const { listen = {}, http, bootstrap = [], logger = SILENT, signal } = options;
  signal?.throwIfAborted();
  const labels = checkLabels("start a gateway", options.labels);
  const runtime = options.runtime ?? listeningRuntime(options.legacy && LEGACY_TRANSPORT),
    realm = parseRealm(options.realm);
  const address = { hostname: listen.hostname ?? LISTEN_HOSTNAME, port: listen.port ?? LISTEN_PORT };
  const limits = { ...GATEWAY_LIMITS, ...options.limits };
  checkBounds(limits, bootstrap);
  checkAddress("listen", address);
  if (http !== undefined) checkAddress("http", { ...address, port: http.port });
  const admission = options.admission ?? defaultAdmission(address.hostname);
  const host = options.hostname ?? (WILDCARDS.has(address.hostname) ? LISTEN_HOSTNAME : address.hostname);
  if (options.hostname === undefined && WILDCARDS.has(address.hostname)) {
    logger.warn("the ticket names 127.0.0.1 only: set the host that others reach", { cure: "MACULA_HOSTNAME" });
  }
  const identity = options.identity ?? createIdentity(generateSeed(runtime.random));
  checkIdentity("start a gateway", identity);
  const guard = hubGuard(admission, options.auth, { identity, realm, now: runtime.timers.now() });
  const certificate = await GatewayCertificate.open({
    identity,
    realm,
    hosts: [host, ...(isIpLiteral(host) ? [] : ["localhost"])],
    timers: runtime.timers,
    store: options.certificates,
    certify: runtime.certify,
    given: options.tls,
  });
  const endpoint = `https://${formatEndpoint({ hostname: host, port: address.port })}`;
  const self = { identity, realm, role: "hub", endpoint, labels, guard } as const;
  const gateway = new Gateway({
    self,
    runtime,
    logger,
    audit: options.audit && auditing(options.audit, logger),
    budget: new OutgoingBudget(runtime.outgoingBytesMax),
    ...hubSettings(limits),
    reach: { caCerts: options.caCerts },
    bootstrap,
    listen: address,
    hosts: [host],
    certificate,
    // What few gateways serve does not hold up the start of the others.
    legacy: options.legacy &&
      (await import("./legacy.ts")).openLegacyGate(options.legacy, { self, runtime, logger, limits }),
    ownsTransport: options.runtime === undefined,
    http: http === undefined ? undefined : { hostname: address.hostname, port: http.port },
  });
  await gateway.open();
  signal?.addEventListener("abort", () => void gateway.close(), { once: true });
  return gateway;
}

function checkBounds(limits: GatewayLimits, bootstrap: readonly string[]): void {
  for (const [name, value] of Object.entries(limits)) {
    if (!Object.hasOwn(GATEWAY_LIMITS, name)) {
      const names = Object.keys(GATEWAY_LIMITS).join(", ");
      throw new ValidationError(`Cannot start a gateway: limits has ${names}, got ${name}`);
    }
    if (!(Number.isInteger(value) && value > 0)) {
      throw new ValidationError(`Cannot start a gateway: limits.${name} is a positive integer, got ${value}`);
    }
  }
  if (limits.frameBytesMax < FRAME_BYTES_LEAST || limits.frameBytesMax > FRAME_BYTES_MAX) {
    throw new ValidationError(
      `Cannot start a gateway: limits.frameBytesMax is ${FRAME_BYTES_LEAST} to ${FRAME_BYTES_MAX}, got ${limits.frameBytesMax}`,
    );
  }
  if (bootstrap.length > BOOTSTRAP_MAX) {
    throw new ValidationError(
      `Cannot start a gateway: bootstrap names at most ${BOOTSTRAP_MAX} gateways, got ${bootstrap.length}`,
    );
  }
}

function checkAddress(option: string, { hostname, port }: Address): void {
  if (typeof hostname !== "string" || !isHostname(hostname)) {
    throw new ValidationError(
      `Cannot start a gateway: ${option}.hostname is a host name or an IP address, got ${JSON.stringify(hostname)}`,
    );
  }
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return;
  throw new ValidationError(`Cannot start a gateway: ${option}.port is an integer from 0 to 65535, got ${port}`);
}

/** What reaches beyond this machine is not open by accident. */
function defaultAdmission(hostname: string): Admission {
  if (LOOPBACK.test(hostname)) return { mode: "open" };
  throw new ValidationError(
    `Cannot start a gateway: on an address that others reach it must be said who may join, got ${hostname} and no ` +
      "admission; choose --admission credential (macula realm init), token (macula realm token) or open (everybody)",
  );
}

/** A sink that fails costs an entry, no link. */
function auditing(audit: AuditSink, logger: Logger): AuditSink {
  return (entry) => {
    try {
      audit(entry);
    } catch (error) {
      logger.error("cannot write to the audit log", { text: String(error) });
    }
  };
}
