/** A gateway: a hub run for others. @module */

import { within } from "../base/clock.ts";
import { toHex } from "../base/bytes.ts";
import { MeshError } from "../base/errors.ts";
import type { Self } from "../link/handshake.ts";
import type { Link } from "../link/link.ts";
import { formatTicket, parseRealm, parseTopic } from "../names/mod.ts";
import { Mesh, type MeshOptions } from "../mesh/mesh.ts";
import type { LinkInfo, MemberInfo, ProviderInfo } from "../mesh/options.ts";
import { nodeId, parseNodeId } from "../identity/mod.ts";
import type { Provider } from "../rpc/messages.ts";
import type { Address, Listener, ListenOptions, TlsIdentity } from "../transport/transport.ts";
import type { GatewayCertificate } from "./certificate.ts";
import { diagnostics } from "./diagnostics.ts";
import { type HealthServer, serveHealth } from "./health.ts";
import { VERSION } from "./version.ts";

/** What a gateway is made with. */
export interface GatewayOptions extends MeshOptions {
  readonly self: Self;
  readonly listen: Address;
  /** Hosts that the ticket names; the port is the bound one. */
  readonly hosts: readonly string[];
  readonly certificate: GatewayCertificate;
  /** Whether the transport is this gateway's alone, to be let go with it. */
  readonly ownsTransport: boolean;
  /** Where HTTP is served; undefined: nowhere. */
  readonly http: Address | undefined;
}

/** How long edges have to read that the gateway goes, ms. */
const LEAVE_MS = 5_000;

/** A hub with a public address. */
export class Gateway extends Mesh {
  readonly #options: GatewayOptions;
  #listener: Listener | undefined;
  #http: HealthServer | undefined;
  #ready = true;

  /** Use `startGateway`. */
  constructor(options: GatewayOptions) {
    super(options);
    this.#options = options;
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
    this.serve("_mesh.providers", (args: { procedure?: unknown }) => this.#providers(String(args?.procedure)));
    this.serve("_mesh.subscribers", (args: { topic?: unknown }) => this.#subscribers(String(args?.topic)));
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
    certificate.watch((tls) => this.#listener?.replaceTls(tls), (error) => {
      this.logger.error("cannot replace the certificate", { text: String(error) });
    });
    this.setStatus("connected");
  }

  /** The ticket with which others reach this gateway. */
  override get ticket(): string {
    const port = this.#listener?.address.port ?? this.#options.listen.port;
    const addresses = this.#options.hosts.map((hostname) => ({ hostname, port }));
    return formatTicket({ realm: parseRealm(this.realm), publicKey: this.self.identity.publicKey, addresses });
  }

  /** Where it listens. */
  get address(): Address {
    return this.#listener?.address ?? this.#options.listen;
  }

  /** Where it serves HTTP. */
  get httpAddress(): Address | undefined {
    return this.#http?.address;
  }

  /** The edges that are attached. */
  clients(): LinkInfo[] {
    return this.links().filter((link) => this.node.links.get(link.id)?.dialled === false);
  }

  /** Ends every link of a node, telling it why; it may come back. Returns how many links there were. */
  disconnect(node: string, reason = "disconnected"): number {
    const id = parseNodeId(node), links = this.node.links.all().filter((link) => link.peer.node === id);
    for (const link of links) link.breakOff("disconnected", reason);
    return links.length;
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
  }

  /** Tells the edges to go elsewhere, finishes what runs, and closes. */
  override async drain(options: { timeout?: number } = {}): Promise<void> {
    this.#ready = false;
    const withinMs = options.timeout ?? 10_000;
    for (const link of this.node.links.all()) link.send({ kind: "goingAway", reason: "shutdown", withinMs }, "control");
    await super.drain(options);
  }

  /** @internal */
  protected override async closing(): Promise<void> {
    this.#ready = false;
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
    if (this.#options.ownsTransport) await this.runtime.transport.close();
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
    const seen = new Map<string, MemberInfo>([[this.id, { node: this.id, role: "hub" }]]);
    for (const { peer } of this.node.links.all()) seen.set(peer.node, { node: peer.node, role: peer.role });
    return [...seen.values()];
  }

  async #providers(procedure: string): Promise<ProviderInfo[]> {
    const providers = await this.node.rpc<Provider[]>({ type: "providers", procedure }).answer;
    return providers.map(({ node, metadata }) => ({
      node: nodeId(node),
      ...(metadata === undefined ? {} : { metadata: JSON.parse(metadata) }),
    }));
  }

  async #subscribers(topic: string): Promise<string[]> {
    const command = { type: "audience", topic: parseTopic(topic) } as const;
    const { links, own } = await this.node.pubsub<{ links: string[]; own: boolean }>(command).answer;
    const nodes = links.map((id) => this.node.links.get(id)).filter((link): link is Link => link !== undefined);
    return [...new Set([...own ? [this.id] : [], ...nodes.map((link) => link.peer.node)])];
  }
}

/** Host names that a dialler may have used. */
function answeredNames(hosts: readonly string[]): ReadonlySet<string> {
  const names = hosts.map((host) => host.toLowerCase());
  const local = names.some((name) => ["127.0.0.1", "::1", "localhost", "0.0.0.0", "::"].includes(name));
  return new Set(local ? [...names, "localhost", "127.0.0.1", "::1"] : names);
}
