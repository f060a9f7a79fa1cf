/** A gateway: a hub run for others. @module */

import { sleep, within } from "../base/clock.ts";
import { toHex } from "../base/bytes.ts";
import { MeshError } from "../base/errors.ts";
import type { LegacyStats } from "../legacy/mod.ts";
import type { Established } from "../link/establish.ts";
import type { Self } from "../link/handshake.ts";
import { HUB_CAPABILITY, MESH_CAPABILITY } from "../link/handshake.ts";
import type { Link, LinkEnd } from "../link/link.ts";
import { formatEndpoint, formatTicket, parseRealm } from "../names/mod.ts";
import { fetchText } from "../node/runtime.ts";
import { Mesh, type MeshOptions } from "../mesh/mesh.ts";
import { DRAIN_MS, type DrainOptions, type LinkInfo, type MemberInfo, type Stats } from "../mesh/options.ts";
import { type NodeId, parseNodeId } from "../identity/mod.ts";
import type { Address, Listener, ListenOptions, TlsIdentity } from "../transport/transport.ts";
import { Bootstrap } from "./bootstrap.ts";
import type { GatewayCertificate } from "./certificate.ts";
import { diagnostics } from "./diagnostics.ts";
import { DISCOVERIES_MAX, discoveryProcedures, labelled } from "./discovery.ts";
import { type HealthServer, serveHealth } from "./health.ts";
import type { LegacyService } from "./legacy.ts";
import { OwnRecord } from "./own_record.ts";
import { VERSION } from "./version.ts";

/** What a gateway is made with. */
export interface GatewayOptions extends MeshOptions {
  readonly self: Self;
  readonly listen: Address;
  /** Hosts that the ticket names; the port is the bound one. */
  readonly hosts: readonly string[];
  readonly certificate: GatewayCertificate;
  /** Gateways to join: tickets and URLs. */
  readonly bootstrap: readonly string[];
  /** Whether the transport is this gateway's alone, to be let go with it. */
  readonly ownsTransport: boolean;
  /** Where HTTP is served; undefined: nowhere. */
  readonly http: Address | undefined;
  /** Serves peers of Macula 0.20; undefined: they are refused. */
  readonly legacy: LegacyService | undefined;
}

/** Counters of a gateway since the start. */
export interface GatewayStats extends Stats {
  /** Of peers of Macula 0.20, where they are served. */
  readonly legacy?: LegacyStats;
}

/** After a link to a gateway that we were told of we make ourselves known, and again when it has answered, ms. */
const JOIN_AGAIN_MS = 2_000;
/** How often a gateway that leaves looks whether the calls that it passes on are answered, ms. */
const PASSING_LOOK_MS = 20;
/** How long edges have to read that the gateway goes, ms. */
const LEAVE_MS = 5_000;

/** A hub with a public address. */
export class Gateway extends Mesh {
  readonly #options: GatewayOptions;
  readonly #record: OwnRecord;
  readonly #bootstrap: Bootstrap;
  #listener: Listener | undefined;
  #http: HealthServer | undefined;
  #ready = true;
  #cancelJoin: () => void = () => {};

  /** Use `startGateway`. */
  constructor(options: GatewayOptions) {
    super({ ...options, strangers: options.legacy?.gate });
    this.#options = options;
    const { self: { identity }, runtime, logger, certificate, bootstrap: names, reach } = options;
    this.#record = new OwnRecord({
      identity,
      realm: parseRealm(this.realm),
      timers: runtime.timers,
      says: () => ({
        endpoints: this.#addresses().map((address) => `https://${formatEndpoint(address)}`),
        capabilities: [MESH_CAPABILITY, HUB_CAPABILITY],
        certificates: [certificate.hash],
        labels: new Map(Object.entries(options.self.labels ?? {})),
        credential: options.self.guard?.credential(),
      }),
      onRecord: (record) => this.node.introduce(record),
    });
    this.#bootstrap = new Bootstrap({
      self: options.self,
      ...runtime,
      random: runtime.random.fork("bootstrap"),
      caCerts: reach?.caCerts,
      names,
      fetchText,
      logger,
      isLinked: (node) => this.node.links.to(node) !== undefined,
      onKnown: (node) => this.node.reach.keep(node),
      onEstablished: (established) => this.#joined(established),
    });
    const ask = (hub: NodeId, procedure: string, args: unknown, timeout: number) =>
      this.callTo(hub, procedure, args, { timeout });
    options.legacy?.serve(this.node, { ...options, address: () => this.#addresses()[0]!, ask });
    for (const [procedure, handler] of Object.entries(options.legacy?.procedures ?? {})) this.serve(procedure, handler);
    const procedures = diagnostics({
      id: this.id,
      realm: this.realm,
      uptimeMs: () => this.stats().uptime,
      now: () => this.runtime.timers.now(),
      version: VERSION,
      memoryBytes: this.runtime.memoryBytes ?? (() => Deno.memoryUsage().rss),
    });
    for (const [procedure, handler] of Object.entries(procedures)) this.serve(procedure, handler, { unlisted: true });
    this.serve("_mesh.members", () => this.#members());
    const discovery = discoveryProcedures({
      self: options.self,
      node: this.node,
      ask,
    });
    for (const [procedure, handler] of Object.entries(discovery)) {
      this.serve(procedure, handler, { concurrency: DISCOVERIES_MAX });
    }
    this.serve("_mesh.stats", () => this.stats());
  }

  /** Listens; rejects with `address_in_use` and what else keeps it from it. */
  async open(): Promise<void> {
    const { listen: address, certificate, http, hosts } = this.#options;
    const names = answeredNames([...hosts, address.hostname]);
    try {
      this.#listener = await this.#listen({
        address,
        tls: certificate.tls,
        admit: (handshaking) => this.node.links.admits(handshaking),
        onConnection: (connection) => void this.node.links.accept(connection, names),
        onFailed: () => this.node.trust.turnedAway("tls_failed", {}),
      });
      if (http !== undefined) {
        this.#http = serveHealth({
          ready: () => this.#ready && this.status === "connected",
          uptimeMs: () => this.stats().uptime,
          card: () => this.#card(),
        }, http);
      }
    } catch (error) {
      await this.close();
      throw error;
    }
    certificate.watch((tls) => this.#showTls(tls), (error) => {
      this.logger.error("cannot replace the certificate", { text: (error as Error).message });
    });
    this.#record.renew();
    this.#bootstrap.start();
    this.setStatus("connected");
  }

  /** The ticket with which others reach this gateway. */
  override get ticket(): string {
    const { publicKey } = this.self.identity;
    return formatTicket({ realm: parseRealm(this.realm), publicKey, addresses: this.#addresses() });
  }

  /** Where it listens. */
  get address(): Address {
    return this.#listener?.address ?? this.#options.listen;
  }

  /** Where it serves HTTP. */
  get httpAddress(): Address | undefined {
    return this.#http?.address;
  }

  /** The counters since the start. */
  override stats(): GatewayStats {
    const stats = super.stats(), legacy = this.#options?.legacy?.gate.stats();
    return legacy === undefined ? stats : { ...stats, legacy };
  }

  /** The edges that are attached. */
  clients(): LinkInfo[] {
    return this.links().filter((link) => link.role === "edge");
  }

  /** Ends every link of a node, telling it why; it may come back. Returns how many links there were. */
  disconnect(node: string, reason = "disconnected"): number {
    const id = parseNodeId(node), links = this.node.links.all().filter((link) => link.peer.node === id);
    for (const link of links) link.breakOff("disconnected", reason);
    return links.length;
  }

  /**
   * Looks again at what may have changed: ends the links of nodes whose credential has been revoked, and shows a fresh
   * credential of its own where there is one. Returns how many links ended.
   */
  recheck(): number {
    this.node.trust.sessions.present();
    return this.node.trust.recheck();
  }

  /** Says on `/ready` whether traffic should be sent here. */
  setReady(ready: boolean): void {
    this.#ready = ready;
  }

  /**
   * Shows another certificate from the next handshake on, where it was started with one (`tls`); live links stay. Throws
   * `ValidationError` and keeps the old one where certificate and key cannot be used.
   */
  replaceTls(tls: TlsIdentity): void {
    this.#listener?.replaceTls(tls);
    this.#options.certificate.replace(tls);
    this.#record.renew();
  }

  /** Tells the edges to go elsewhere, finishes the calls that it serves or passes on, and closes. */
  override async drain(options: DrainOptions = {}): Promise<void> {
    this.#ready = false;
    const withinMs = options.timeout ?? DRAIN_MS;
    for (const link of this.node.links.all()) link.send({ kind: "goingAway", reason: "shutdown", withinMs }, "control");
    await super.drain(options);
  }

  /** @internal Calls that came later are their edges' risk: these were told. */
  protected override async finished(): Promise<void> {
    const { timers } = this.runtime, at = timers.now();
    await super.finished();
    while (this.node.hasCallsBefore(at)) await sleep(timers, PASSING_LOOK_MS);
  }

  /** @internal */
  protected override linkDown(link: Link, end: LinkEnd): void {
    super.linkDown(link, end);
    if (this.node.links.to(link.peer.node) === undefined) this.#bootstrap.unlinked(link.peer.node);
  }

  /** @internal */
  protected override async closing(): Promise<void> {
    this.#ready = false;
    this.#bootstrap.close();
    this.#cancelJoin();
    this.#record.close();
    this.node.reach.close();
    this.#options.certificate.close();
    await this.#listener?.close();
    const late = () => new MeshError("timeout", "HTTP clients that do not leave");
    if (this.#http !== undefined) {
      await within(this.runtime.timers, LEAVE_MS, this.#http.close(), late).catch(() => {});
    }
  }

  async #listen(options: ListenOptions): Promise<Listener> {
    try {
      return await this.runtime.transport.listen(options);
    } catch (error) {
      if (!(error instanceof MeshError) || error.code !== "address_in_use") throw error;
      const cure = "free it, or choose another with --listen or MACULA_QUIC_PORT";
      throw new MeshError(error.code, `${error.message}; ${cure}`, { cause: error });
    }
  }

  /** @internal */
  protected override async closed(): Promise<void> {
    await this.#options.legacy?.gate.close();
    if (this.#options.ownsTransport) await this.runtime.transport.close();
  }

  #addresses(): readonly Address[] {
    const port = this.#listener?.address.port ?? this.#options.listen.port;
    return this.#options.hosts.map((hostname) => ({ hostname, port }));
  }

  #showTls(tls: TlsIdentity): void {
    this.#listener?.replaceTls(tls);
    this.#record.renew();
  }

  /** The core makes us known by itself while it knows nobody; who links two meshes asks it to. */
  #joined(established: Established): void {
    const join = () => this.node.dht({ type: "join" }).answer.catch(() => {});
    this.node.links.add(established);
    if (this.node.hashTable?.routingTable !== 0) join();
    this.#cancelJoin();
    this.#cancelJoin = this.runtime.timers.after(JOIN_AGAIN_MS, join);
  }

  #card(): Readonly<Record<string, unknown>> {
    const { certificate } = this.#options;
    return {
      ticket: this.ticket,
      id: this.id,
      realm: this.realm,
      version: VERSION,
      protocols: ["macula/1"],
      certificates: [{ algorithm: "sha-256", value: toHex(certificate.hash), notAfter: certificate.notAfter }],
    };
  }

  #members(): MemberInfo[] {
    const seen = new Map<string, MemberInfo>([[this.id, { node: this.id, role: "hub", ...labelled(this.self) }]]);
    for (const { peer } of this.node.links.all()) {
      seen.set(peer.node, { node: peer.node, role: peer.role, ...labelled(peer) });
    }
    return [...seen.values()];
  }
}

/** Host names that a dialler may have used. */
function answeredNames(hosts: readonly string[]): ReadonlySet<string> {
  const names = hosts.map((host) => host.toLowerCase());
  const local = names.some((name) => ["127.0.0.1", "::1", "localhost", "0.0.0.0", "::"].includes(name));
  return new Set(local ? [...names, "localhost", "127.0.0.1", "::1"] : names);
}
