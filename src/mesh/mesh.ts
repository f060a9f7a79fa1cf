/**
 * The public handle of a node: publish, subscribe, call, serve. Network trouble is a status here, not an exception:
 * subscriptions and services come back by themselves; only `close()` closes.
 *
 * @module
 */

import type { Confirmation } from "../base/listing.ts";
import { checkDuration } from "../base/duration.ts";
import { ClosedError, TimeoutError, ValidationError } from "../base/errors.ts";
import { within } from "../base/clock.ts";
import type { Peer } from "../base/protocol.ts";
import { type NodeId, parseNodeId } from "../identity/mod.ts";
import type { Self } from "../link/handshake.ts";
import type { Link, LinkEnd } from "../link/link.ts";
import { formatEndpoint, parsePattern, parseProcedure, parseTopic } from "../names/mod.ts";
import type { PubsubEvent } from "../pubsub/messages.ts";
import type { RpcEvent } from "../rpc/messages.ts";
import { untilAborted } from "./answer.ts";
import { Caller, targetOf } from "./caller.ts";
import { Subscriptions } from "./delivery/subscriptions.ts";
import { errorOf, orThrow } from "./failure.ts";
import { MeshEvents } from "./mesh_events.ts";
import { BY_HUB, Invocations } from "./invocations.ts";
import { Node } from "../node/node.ts";
import type { NodeOptions } from "../node/limits.ts";
import {
  type CallOptions,
  type CommonOptions,
  type DiscoverOptions,
  DRAIN_MS,
  type DrainOptions,
  type LinkInfo,
  linkInfo,
  type Logger,
  type MemberInfo,
  type ProviderInfo,
  type Published,
  type PublishOptions,
  type Stats,
  statsOf,
  type Status,
} from "./options.ts";
import { Publisher } from "./publisher.ts";
import type { Runtime } from "../node/runtime.ts";
import type { AdvertiseOptions, Handler, ServeOptions, Service } from "./service.ts";
import { type SubscribeOptions, Subscription } from "./subscription.ts";

/** Room for the fields of a message beside its body, bytes. */
const ENVELOPE_BYTES = 1_024;
/** How long a mesh that is closed waits for the hub to confirm what it was told, ms. */
const LAST_WORDS_MS = 5_000;

/** What a mesh handle is made with. */
export interface MeshOptions extends Omit<NodeOptions, "listener"> {
  /** @internal */
  readonly logger: Logger;
}

/** A node, as its application holds it. */
export class Mesh extends MeshEvents implements AsyncDisposable {
  /** @internal The runtime, for subclasses. */
  protected readonly runtime: Runtime;
  /** @internal */
  protected readonly self: Self;
  /** @internal */
  protected readonly node: Node;
  /** @internal */
  protected readonly logger: Logger;
  readonly #invocations: Invocations;
  readonly #subscriptions = new Subscriptions();
  readonly #startedAt: number;
  readonly #publisher: Publisher;
  readonly #caller: Caller;
  #status: Status = "connecting";
  #closing: Promise<void> | undefined;

  /** Use `connect` or `startGateway`. */
  constructor(options: MeshOptions) {
    super();
    const { runtime, self, logger, limits } = options;
    this.runtime = runtime;
    this.self = self;
    this.logger = logger;
    this.#startedAt = runtime.timers.now();
    const shared = {
      node: () => this.node,
      self: self.identity.idBytes,
      clock: runtime.timers,
      random: runtime.random.fork("application"),
      mustBeOpen: (what: string, signal?: AbortSignal) => this.#mustBeOpen(what, signal),
      bodyBytesMax: () => (this.uplink()?.frameBytesMax ?? limits.frameBytesMax) - ENVELOPE_BYTES,
    };
    this.#publisher = new Publisher({ ...shared, signer: self, uplink: () => this.uplink() });
    this.#caller = new Caller(shared);
    this.#invocations = new Invocations(shared.node, shared.bodyBytesMax, (procedure, error) => {
      logger.error("a handler failed", { procedure, error: error instanceof Error ? error.stack : String(error) });
    });
    this.node = new Node({
      ...options,
      listener: {
        pubsub: (event) => this.#onPubsub(event),
        hasRoom: (ids, count) => this.#subscriptions.hasRoom(ids, count),
        rpc: (event) => this.#onRpc(event),
        dht: ({ type, record }) => logger.debug("record", { type, kind: record.kind, node: record.node }),
        linkUp: (link) => this.linkUp(link),
        linkDown: (link, end) => this.linkDown(link, end),
        goingAway: (link, reason) => this.goingAway(link, reason),
        refused: (failure) => this.tell("refused", failure),
      },
    });
    this.serve("_mesh.ping", () => ({ id: self.identity.id }));
  }

  /** This node's id: 64 hexadecimal digits. */
  get id(): NodeId {
    return this.self.identity.id;
  }

  /** The realm this node belongs to. */
  get realm(): string {
    return this.self.realm;
  }

  /** Where it stands with the network; changes are told as `statuschange` events. */
  get status(): Status {
    return this.#status;
  }

  /** A ticket with which others reach the hub; undefined until it is known. */
  get ticket(): string | undefined {
    return undefined;
  }

  /**
   * Publishes an event: a JSON value, or a `Uint8Array` as it is. At QoS 0 it resolves when the event is in the link's
   * queue, and waits only while that is over 256 KiB. Rejects with `ValidationError`, `RefusedError`, `TimeoutError`
   * (acknowledgement), or `unavailable` when there is no link and the backlog is full.
   */
  publish(topic: string, data: unknown, options: PublishOptions = {}): Promise<Published> {
    return this.#publisher.publish(topic, data, options);
  }

  /**
   * Subscribes to a pattern: `*` is one segment, `**` zero or more. Events arrive from when `ready` has resolved.
   * Throws `ValidationError` at once on a bad pattern.
   */
  subscribe<T = unknown>(pattern: string, options: SubscribeOptions = {}): Subscription<T> {
    this.#mustBeOpen("subscribe", options.signal);
    const wanted = parsePattern(options.match === "prefix" ? `${pattern}.**` : pattern),
      id = this.#subscriptions.nextId();
    const { promise: ready, resolve, reject } = Promise.withResolvers<Confirmation>();
    const subscription = new Subscription<T>(wanted, ready, options, {
      drained: (one) => this.node.relief.drained(one),
      overflowed: (one) => this.tell("slowconsumer", { pattern: one.pattern }),
      closed: async () => {
        this.#subscriptions.delete(id);
        if (this.#status === "closed") return;
        await orThrow(this.node.pubsub<void>({ type: "unsubscribe", subscription: id }).answer);
      },
    });
    this.#subscriptions.add(id, subscription as Subscription<unknown>);
    const { answer } = this.node.pubsub<Confirmation>({ type: "subscribe", subscription: id, pattern: wanted });
    orThrow(answer).then((confirmation) => resolve(confirmation ?? BY_HUB), reject);
    return subscription;
  }

  /**
   * Calls a procedure. Rejects with `NoProviderError` at once when nobody serves it (after 4 s with `unavailable` when
   * too few of the gateways that would know have answered), `TimeoutError` when no answer came in time, `RemoteError`
   * with the handler's code and message, or the signal's reason: the handler is told of both.
   */
  call<Result = unknown>(procedure: string, args?: unknown, options: CallOptions = {}): Promise<Result> {
    return this.#caller.call<Result>(undefined, procedure, args, options);
  }

  /**
   * Calls a procedure of one node: a hub, an edge of one's own hub, or, with what `discover` gives, an edge of another
   * hub. Rejects with `node_unreachable` when it is not there, `no_handler` when it does not serve it.
   */
  async callTo<Result = unknown>(
    node: string | { readonly node: string; readonly hub?: string | undefined },
    procedure: string,
    args?: unknown,
    options: CallOptions = {},
  ): Promise<Result> {
    return await this.#caller.call<Result>(targetOf(node), procedure, args, options);
  }

  /** Calls a procedure without waiting for an answer, and without knowing whether anybody got it. */
  async cast(procedure: string, args?: unknown, options: CommonOptions = {}): Promise<void> {
    this.#mustBeOpen("cast", options.signal);
    await this.#caller.cast(procedure, args);
  }

  /**
   * Serves a procedure; resolves when the hub knows and has told the mesh, for which it waits 3 s at most: see
   * `Service.confirmation`. Several providers of one name share the calls. Rejects when the hub refuses, or when the
   * service is closed before; nodes that cannot be reached are no reason.
   */
  async advertise(procedure: string, handler: Handler, options: AdvertiseOptions = {}): Promise<Service> {
    const { signal } = options, name = parseProcedure(procedure);
    this.#mustBeOpen("advertise", signal);
    if (name.startsWith("_mesh.")) {
      throw new ValidationError(`Cannot advertise: names under _mesh. are the mesh's own, got ${name}`);
    }
    const { service, ready } = this.serve(name, handler, options);
    const stop = () => void service.close().catch(() => {});
    signal?.addEventListener("abort", stop, { once: true });
    try {
      await ready;
    } catch (error) {
      await service.close();
      signal?.throwIfAborted();
      throw error;
    }
    return service;
  }

  /** Who serves a procedure, at all hubs: each that is known to is asked now, and left out if it does not answer. */
  async discover(procedure: string, options: DiscoverOptions = {}): Promise<ProviderInfo[]> {
    const { fresh } = options;
    return await this.call<ProviderInfo[]>("_mesh.providers", { procedure: parseProcedure(procedure), fresh }, options);
  }

  /** Which nodes want events of this topic, at all hubs: as `discover`. */
  async discoverSubscribers(topic: string, options: DiscoverOptions = {}): Promise<NodeId[]> {
    return await this.call<NodeId[]>("_mesh.subscribers", { topic: parseTopic(topic), fresh: options.fresh }, options);
  }

  /** Round trip to a node, ms. Rejects with `TimeoutError` or `node_unreachable`. */
  async ping(node: string, options: CallOptions = {}): Promise<number> {
    this.#mustBeOpen("ping", options.signal);
    return await this.#caller.ping(parseNodeId(node), options);
  }

  /** All nodes that the hub sees. */
  async members(options: CallOptions = {}): Promise<MemberInfo[]> {
    return await this.call<MemberInfo[]>("_mesh.members", null, options);
  }

  /** This node's links. */
  links(): LinkInfo[] {
    return this.node.links.all().map(linkInfo);
  }

  /** This node's subscriptions. */
  subscriptions(): Subscription<unknown>[] {
    return this.#subscriptions.all();
  }

  /** What this node serves. */
  services(): Service[] {
    return this.#invocations.services().filter(({ procedure }) => !procedure.startsWith("_mesh."));
  }

  /** Counters since the start. */
  stats(): Stats {
    const uptime = Math.round(this.runtime.timers.now() - this.#startedAt), services = this.services().length;
    return statsOf(this.node, { unconfirmed: this.#publisher.unconfirmed, services, uptime });
  }

  /**
   * Leaves in order: takes no new work, finishes the calls it serves (at most `timeout` ms, default 10,000), then
   * closes. Aborted, it closes at once and rejects with the signal's reason.
   */
  async drain({ timeout = DRAIN_MS, signal }: DrainOptions = {}): Promise<void> {
    checkDuration("drain", "timeout", timeout, 0);
    if (this.#closing !== undefined) return await this.#closing;
    this.setStatus("draining");
    const finished = this.#invocations.withdraw().then(() => this.finished());
    const late = () => new TimeoutError("Cannot wait longer for running calls");
    try {
      await untilAborted(within(this.runtime.timers, timeout, finished, late).catch(() => {}), signal);
    } finally {
      await this.close();
    }
  }

  /** Ends everything, after what was accepted has been delivered. Idempotent. */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  /** The same as `close()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  // For subclasses

  /** @internal The link that publishes go to; undefined at a hub, and without one. */
  protected uplink(): Link | undefined {
    return undefined;
  }

  /** @internal */
  protected linkUp(link: Link): void {
    this.logger.debug("link up", { node: link.peer.node, remote: formatEndpoint(link.remote) });
    this.tell("peerup", { node: link.peer.node });
  }

  /** @internal The hub has answered for all interests, or all procedures, that there were when its link came up. */
  protected restored(_what: "pubsub" | "rpc", _hub: Peer): void {}

  /** @internal */
  protected linkDown(link: Link, end: LinkEnd): void {
    this.logger.debug("link down", { node: link.peer.node, code: end.code, text: end.text });
    this.tell("peerdown", { node: link.peer.node, reason: end.code });
  }

  /** @internal */
  protected goingAway(link: Link, reason: string): void {
    this.logger.info("the hub is going away", { node: link.peer.node, reason });
  }

  /** @internal Resolves when no call that would be lost with this node is running. */
  protected finished(): Promise<void> {
    return this.#invocations.idle();
  }

  /** @internal Ends what a subclass added; called before the links are closed. */
  protected async closing(): Promise<void> {}

  /** Lets go of what a subclass holds; called when the links are closed. */
  protected async closed(): Promise<void> {}

  /** @internal Changes the status; tells those who listen. */
  protected setStatus(status: Status): void {
    const before = this.#status;
    if (before === status || before === "closed" || before === "draining" && status !== "closed") return;
    this.#status = status;
    this.logger.debug("status", { from: before, to: status });
    this.tell("statuschange", { from: before, to: status });
  }

  /** @internal Registers a handler, also under the mesh's own names. */
  protected serve(
    procedure: string,
    handler: Handler,
    options: ServeOptions = {},
  ): { readonly service: Service; readonly ready: Promise<void> } {
    return this.#invocations.serve(procedure, handler, options);
  }

  #onPubsub(event: PubsubEvent): void {
    switch (event.type) {
      case "burst":
        return this.#subscriptions.deliverBurst(event);
      case "delivered": {
        const { trust, slab, relief } = this.node;
        return this.#subscriptions.deliver(event, relief, trust.speaker, slab);
      }
      case "missed":
        for (const subscription of this.#subscriptions.all()) subscription.lost(event.count);
        return this.tell("slowconsumer", { missed: event.count });
      case "restored":
        return this.restored("pubsub", event.hub);
      case "interestRefused":
        return this.#subscriptions.get(event.subscription)?.fail(errorOf(event));
    }
  }

  #onRpc(event: RpcEvent): void {
    switch (event.type) {
      case "invoke":
        return this.#invocations.run(event);
      case "abort":
        return this.#invocations.abort(event.invocation, event.reason);
      case "restored":
        return this.restored("rpc", event.hub);
      case "registrationRefused":
        return this.logger.error("the hub refuses a procedure", { code: event.code, text: event.text });
    }
  }

  async #close(): Promise<void> {
    this.setStatus("draining");
    await this.closing();
    const late = () => new TimeoutError("Cannot wait longer for acknowledgements");
    if (this.uplink()?.open) {
      await within(this.runtime.timers, LAST_WORDS_MS, this.#publisher.idle(), late).catch(() => {});
    }
    await Promise.all(this.node.links.all().map((link) => link.close("closed by its application")));
    this.setStatus("closed");
    const text = "Cannot wait any longer: the mesh was closed";
    this.node.abandonAll({ code: "closed", text });
    this.#invocations.end(() => new ClosedError(text));
    await Promise.all(this.#subscriptions.all().map((subscription) => subscription.close()));
    await this.closed();
  }

  #mustBeOpen(what: string, signal: AbortSignal | undefined): void {
    signal?.throwIfAborted();
    if (this.#closing !== undefined) throw new ClosedError(`Cannot ${what}: the mesh was closed`);
  }
}
