/** An application on a simulated node: events, calls, records and lookups as their users see them. @module */

import { fromUtf8, utf8 } from "../../base/bytes.ts";
import type { Failure } from "../../base/protocol.ts";
import type { NodesFound, RecordsFound, Stored } from "../../dht/mod.ts";
import type { InterestRecord, ProviderRecord } from "../../identity/mod.ts";
import { recordKey } from "../../identity/mod.ts";
import { parsePattern, parseProcedure, parseTopic } from "../../names/mod.ts";
import type { PubsubEvent } from "../../pubsub/messages.ts";
import type { Outcome as CallOutcome, RpcEvent } from "../../rpc/messages.ts";
import { REALM } from "./mint.ts";
import type { CoreName } from "./passage.ts";
import type { AnyCommand, Outcome, Participant, World } from "./world.ts";

/** An event that has arrived. */
export interface Delivered {
  readonly topic: string;
  readonly data: unknown;
  /** Virtual time, ms. */
  readonly at: number;
  /** How long it was on its way, ms of virtual time. */
  readonly latencyMs: number;
}

/** A question that may be answered later. */
export interface Pending<T> {
  /** Virtual time, ms. */
  readonly askedAt: number;
  /** Undefined as long as there is none. */
  readonly outcome: { readonly value: T } | { readonly error: Failure } | undefined;
  /** Virtual time, ms; undefined as long as there is none. */
  readonly answeredAt: number | undefined;
}

/** What serves calls: its value, or what it throws, is the answer. */
export type Handler = (args: never) => unknown;

/** How a call is made. */
export interface CallSettings {
  /** Virtual time. Default 5,000. */
  readonly timeoutMs?: number;
  /** Only of this node. */
  readonly target?: Participant;
  /** How often it may be passed on from hub to hub. */
  readonly hops?: number;
}

const CALL_TIMEOUT_MS = 5_000;

/** What an application asks of its node. */
export class Application {
  readonly #host: Participant;
  readonly #world: World;
  readonly #subscriptions = new Map<number, Delivered[]>();
  readonly #handlers = new Map<number, { readonly handler: Handler; readonly takesMs: number }>();
  #ids = 0;

  constructor(host: Participant, world: World) {
    this.#host = host;
    this.#world = world;
    host.listener.pubsub = (event) => this.#onEvent(event);
    host.listener.rpc = (event) => this.#onInvoke(event);
  }

  /** Wants events; they are added to the list as they arrive. `ready` is answered when the hub knows. */
  subscribe(pattern: string): { readonly events: readonly Delivered[]; readonly ready: Pending<void> } {
    const subscription = ++this.#ids, events: Delivered[] = [];
    this.#subscriptions.set(subscription, events);
    const command = { type: "subscribe", subscription, pattern: parsePattern(pattern) } as const;
    return { events, ready: this.#command("pubsub", command) };
  }

  /** Publishes; answered when the hub has taken it. `retain`: it is kept for who subscribes later. */
  publish(
    topic: string,
    data: unknown,
    { retain = false }: { readonly retain?: boolean } = {},
  ): Pending<{ readonly recipients: number }> {
    const { random, signer, wallMs } = this.#host;
    const publish = {
      kind: "publish",
      topic: parseTopic(topic),
      payload: utf8(JSON.stringify({ sentAt: this.#world.now, data })),
      qos: 0,
      retain,
      messageId: random.bytes(16),
      publisher: signer.nodeBytes,
      encoding: "json",
      at: Math.floor(wallMs),
      acknowledge: true,
    } as const;
    return this.#command("pubsub", { type: "publish", publish });
  }

  /** Serves a procedure; an answer takes `takesMs` of virtual time. Answered when the hub knows. */
  serve(procedure: string, handler: Handler, { takesMs = 0 }: { readonly takesMs?: number } = {}): Pending<void> {
    const registration = ++this.#ids;
    this.#handlers.set(registration, { handler, takesMs });
    return this.#command("rpc", {
      type: "advertise",
      registration,
      procedure: parseProcedure(procedure),
      concurrency: CONCURRENCY,
    });
  }

  /** Calls a procedure, of a certain node where `target` is given. */
  call(
    procedure: string,
    args: unknown,
    { timeoutMs = CALL_TIMEOUT_MS, target, hops }: CallSettings = {},
  ): Pending<unknown> {
    const { random, signer } = this.#host, pending = new Answer<unknown>(this.#world.now);
    const request = {
      kind: "rpcRequest",
      requestId: random.bytes(16),
      procedure: parseProcedure(procedure),
      args: utf8(JSON.stringify(args)),
      fromNode: signer.nodeBytes,
      deadlineMs: timeoutMs,
      encoding: "json",
      ...target === undefined ? {} : { targetNode: target.signer.nodeBytes },
      ...hops === undefined ? {} : { hopsLeft: hops },
    } as const;
    this.#host.command("rpc", { type: "call", request, timeoutMs, strategy: "local_first" }, (outcome) => {
      if ("error" in outcome) return pending.settle(outcome, this.#world.now);
      pending.settle({ value: JSON.parse(fromUtf8((outcome.value as CallOutcome).result)) }, this.#world.now);
    });
    return pending;
  }

  /** Puts a record into the hash table that says who serves a procedure, and keeps it alive. */
  register(procedure: string, options: { readonly ttlMs?: number } = {}): Pending<Stored> {
    return this.publishRecord(this.providerRecord(procedure, options));
  }

  /** A record that says so, made `ageMs` ago, not published. */
  providerRecord(procedure: string, { ttlMs = 300_000, ageMs = 0 } = {}): ProviderRecord {
    const sequence = Math.floor(this.#host.wallMs) - ageMs;
    const statement = { kind: "provider", realm: REALM, procedure: parseProcedure(procedure), sequence } as const;
    return this.#host.signer.sign({ ...statement, expiresAt: sequence + ttlMs });
  }

  /** Puts a record into the hash table, and keeps it alive. */
  publishRecord(record: ProviderRecord | InterestRecord): Pending<Stored> {
    this.#host.published.set(`${record.kind} ${record.name}`, record);
    return this.#command("dht", { type: "publish", record });
  }

  /** Puts a record into the hash table that says that an earlier one does not hold any more. */
  withdrawRecord(record: ProviderRecord): Pending<Stored> {
    this.#host.published.delete(`${record.kind} ${record.name}`);
    return this.#command("dht", { type: "withdraw", record });
  }

  /** The records under a key. */
  records(key: Uint8Array): Pending<RecordsFound> {
    return this.#command("dht", { type: "findValue", key });
  }

  /** The records of those who serve a procedure. */
  providers(procedure: string): Pending<RecordsFound> {
    return this.records(recordKey(REALM, "provider", procedure));
  }

  /** The nodes closest to an id. */
  nodes(target: Uint8Array): Pending<NodesFound> {
    return this.#command("dht", { type: "findNode", target });
  }

  #command<T>(core: CoreName, command: AnyCommand): Pending<T> {
    const pending = new Answer<T>(this.#world.now);
    this.#host.command(core, command, (outcome) => pending.settle(outcome, this.#world.now));
    return pending;
  }

  #onEvent(event: PubsubEvent): void {
    if (event.type !== "delivered") return;
    const { sentAt, data } = JSON.parse(fromUtf8(event.publish.payload));
    const at = this.#world.now, delivered = { topic: event.publish.topic, data, at, latencyMs: at - sentAt };
    for (const subscription of event.subscriptions) this.#subscriptions.get(subscription)?.push(delivered);
  }

  #onInvoke(event: RpcEvent): void {
    if (event.type !== "invoke") return;
    const served = this.#handlers.get(event.registration), { epoch } = this.#host;
    if (served === undefined) return;
    const outcome = outcomeOf(served.handler, event.args);
    this.#world.at(this.#world.now + served.takesMs, "handled", () => {
      if (this.#host.epoch !== epoch) return;
      this.#host.tell("rpc", { type: "handled", invocation: event.invocation, outcome });
    });
  }
}

/** Calls that one handler runs at once. */
const CONCURRENCY = 1_000;

class Answer<T> implements Pending<T> {
  readonly askedAt: number;
  outcome: { readonly value: T } | { readonly error: Failure } | undefined;
  answeredAt: number | undefined;

  constructor(askedAt: number) {
    this.askedAt = askedAt;
  }

  settle(outcome: Outcome, at: number): void {
    this.outcome = outcome as { readonly value: T } | { readonly error: Failure };
    this.answeredAt = at;
  }
}

function outcomeOf(handler: Handler, args: Uint8Array): CallOutcome | Failure {
  try {
    const value = handler(JSON.parse(fromUtf8(args)) as never);
    return { result: utf8(JSON.stringify(value ?? null)), encoding: "json" };
  } catch (error) {
    return { code: "handler_error", text: error instanceof Error ? error.message : String(error) };
  }
}
