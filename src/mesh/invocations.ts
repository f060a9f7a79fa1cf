/** What a node serves: handlers, and their runs from an `invoke` of the RPC core to its `handled`. @module */

import { MeshError, TimeoutError, ValidationError } from "../base/errors.ts";
import { type Confirmation, UNCONFIRMED } from "../base/listing.ts";
import type { Failure } from "../base/protocol.ts";
import { NumberTable } from "../base/tables/number_table.ts";
import { type NodeId, nodeId } from "../identity/mod.ts";
import { parseProcedure } from "../names/mod.ts";
import type { InvocationId, Outcome, RegistrationId, RpcEvent } from "../rpc/messages.ts";
import { isTtl, TTL_RULE } from "../rpc/providers.ts";
import { failureOf, isOfRuntime, orThrow } from "./failure.ts";
import { decodePayload, encodePayload, type Payload, toJson } from "./payload.ts";
import { type CallContext, CONCURRENCY_DEFAULT, type Handler, type ServeOptions, Service } from "./service.ts";
import type { Node } from "../node/node.ts";

/** What a hub that does not say who keeps its record stands for: it knows. */
export const BY_HUB: Confirmation = { confirmed: 1, asked: 1 };

type Invoke = Extract<RpcEvent, { type: "invoke" }>;

/** The handlers of a node, and their runs. */
export class Invocations {
  readonly #node: () => Node;
  readonly #onBug: (procedure: string, error: unknown) => void;
  readonly #bodyBytesMax: () => number;
  readonly #handlers = new Map<RegistrationId, Handler>();
  readonly #services = new Map<RegistrationId, Service>();
  readonly #running = new NumberTable<Run>();
  /** Runs whose handlers have not begun. */
  readonly #starting: Invoke[] = [];
  readonly #idle: (() => void)[] = [];
  #registrations = 0;
  #ended = false;

  /** `onBug` is told of exceptions that callers are not told in full. */
  constructor(node: () => Node, bodyBytesMax: () => number, onBug: (procedure: string, error: unknown) => void) {
    this.#onBug = onBug;
    this.#node = node;
    this.#bodyBytesMax = bodyBytesMax;
  }

  /** What is served. */
  services(): Service[] {
    return [...this.#services.values()];
  }

  /** Serves a procedure; `ready` settles when the hub knows, or refuses. */
  serve(procedure: string, handler: Handler, options: ServeOptions): { service: Service; ready: Promise<void> } {
    const { concurrency = CONCURRENCY_DEFAULT, metadata, ttl, unlisted } = options;
    const registration = ++this.#registrations;
    let confirmation = UNCONFIRMED;
    if (!Number.isInteger(concurrency) || concurrency < 1) {
      throw new ValidationError(`Cannot advertise: concurrency is a positive integer, got ${concurrency}`);
    }
    if (ttl !== undefined && !isTtl(ttl)) throw new ValidationError(`Cannot advertise: ${TTL_RULE}, got ${ttl}`);
    if (typeof handler !== "function") {
      throw new ValidationError(`Cannot advertise: the handler is a function, got ${typeof handler}`);
    }
    const described = metadata === undefined ? {} : { metadata: toJson(metadata, "advertise") };
    const service = new Service(procedure, () => confirmation, async () => {
      this.#services.delete(registration);
      if (this.#ended) return;
      await orThrow(this.#node().rpc<void>({ type: "unadvertise", registration }).answer);
      this.#handlers.delete(registration);
    });
    this.#services.set(registration, service);
    this.#handlers.set(registration, handler);
    const { answer } = this.#node().rpc<Confirmation | undefined>({
      type: "advertise",
      registration,
      procedure: parseProcedure(procedure),
      concurrency,
      ...described,
      ...(ttl === undefined ? {} : { ttlMs: ttl }),
      ...(unlisted === undefined ? {} : { unlisted }),
    });
    const ready = orThrow(answer).then((known) => void (confirmation = known ?? BY_HUB));
    return { service, ready };
  }

  /** Stops serving; resolves when the hub knows, or will not. */
  async withdraw(): Promise<void> {
    await Promise.allSettled(this.services().map((service) => service.close()));
  }

  /** Resolves when nothing runs. */
  idle(): Promise<void> {
    return this.#running.size === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve));
  }

  /** The end: tells every running handler to stop. */
  end(reason: () => Error): void {
    this.#ended = true;
    for (const run of this.#running.values()) run.abort(reason());
  }

  /** Nobody waits for this run any more. */
  abort(invocation: InvocationId, reason: string): void {
    const text = `The caller does not wait any more: ${reason}`;
    this.#running.get(invocation)?.abort(reason === "timeout" ? new TimeoutError(text) : new MeshError(reason, text));
  }

  /** Runs a handler, once the node is done with what it does now. */
  run(event: Invoke): void {
    this.#running.set(event.invocation, new Run(event));
    if (this.#starting.push(event) === 1) queueMicrotask(() => this.#start());
  }

  /** All that have come in a turn: a promise for each would cost as much as to answer it. */
  #start(): void {
    for (const event of this.#starting.splice(0)) this.#begin(event, this.#running.get(event.invocation)!);
  }

  /** Where a handler answers at once there is nothing to wait for. */
  #begin(event: Invoke, run: Run): void {
    const { registration, procedure, args, encoding } = event, handler = this.#handlers.get(registration);
    let result: unknown;
    try {
      if (handler === undefined) {
        throw new MeshError("no_handler", `Cannot call ${procedure}: it is not served any more`);
      }
      result = handler(decodePayload(this.#own(args, event), encoding), run);
      if (isThenable(result)) {
        return void Promise.resolve(result).then((value) => this.#returned(event, value), (error) => {
          this.#threw(event, error);
        });
      }
    } catch (error) {
      return this.#threw(event, error);
    }
    this.#returned(event, result);
  }

  #returned(event: Invoke, value: unknown): void {
    let payload: Payload;
    try {
      payload = encodePayload(value, `answer ${event.procedure}`, this.#bodyBytesMax());
    } catch (error) {
      return this.#threw(event, error);
    }
    const { bytes, encoding } = payload;
    this.#handled(event.invocation, { result: encoding === "bytes" ? this.#own(bytes, event) : bytes, encoding });
  }

  /** Bytes that go from this application to itself: whoever gave them may write to them afterwards. */
  #own(bytes: Uint8Array, { from }: Invoke): Uint8Array {
    return from === undefined ? this.#node().slab.copy(bytes) : bytes;
  }

  #threw({ invocation, procedure }: Invoke, error: unknown): void {
    if (isOfRuntime(error)) this.#onBug(procedure, error);
    this.#handled(invocation, failureOf(error));
  }

  #handled(invocation: InvocationId, outcome: Outcome | Failure): void {
    this.#running.delete(invocation);
    this.#node().handled(invocation, outcome);
    if (this.#running.size > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}

/** What a handler gets beside the arguments. Few look at the signal or the caller: they are made for those that do. */
class Run implements CallContext {
  readonly #caller: Uint8Array;
  readonly proof: CallContext["proof"];
  readonly procedure: string;
  readonly timeLeft: number | undefined;
  #controller: AbortController | undefined;
  #aborted: { readonly reason: unknown } | undefined;

  constructor({ procedure, proof = "link", deadlineMs, caller }: Invoke) {
    this.#caller = caller;
    this.procedure = procedure;
    this.proof = proof;
    this.timeLeft = deadlineMs;
  }

  get caller(): NodeId {
    return nodeId(this.#caller);
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted !== undefined) this.#controller.abort(this.#aborted.reason);
    }
    return this.#controller.signal;
  }

  /**
   * Nobody waits any more. Not for handlers.
   *
   * @internal
   */
  abort(reason: unknown): void {
    this.#aborted ??= { reason };
    this.#controller?.abort(reason);
  }
}

function isThenable(value: unknown): boolean {
  return typeof (value as { then?: unknown } | null | undefined)?.then === "function";
}
