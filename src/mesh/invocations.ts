/** What a node serves: handlers, and their runs from an `invoke` of the RPC core to its `handled`. @module */

import { MeshError, TimeoutError, ValidationError } from "../base/errors.ts";
import { type Confirmation, UNCONFIRMED } from "../base/listing.ts";
import type { Failure } from "../base/protocol.ts";
import { nodeId } from "../identity/mod.ts";
import { parseProcedure } from "../names/mod.ts";
import type { InvocationId, Outcome, RegistrationId, RpcEvent } from "../rpc/messages.ts";
import { failureOf, isOfRuntime, orThrow } from "./failure.ts";
import { decodePayload, encodePayload, ownBytes, toJson } from "./payload.ts";
import { CONCURRENCY_DEFAULT, type Handler, type ServeOptions, Service } from "./service.ts";
import type { Node } from "../node/node.ts";

/** What a hub that does not say who keeps its record stands for: it knows. */
export const BY_HUB: Confirmation = { confirmed: 1, asked: 1 };

/** The handlers of a node, and their runs. */
export class Invocations {
  readonly #node: () => Node;
  readonly #onBug: (procedure: string, error: unknown) => void;
  readonly #bodyBytesMax: () => number;
  readonly #handlers = new Map<RegistrationId, Handler>();
  readonly #services = new Map<RegistrationId, Service>();
  readonly #running = new Map<InvocationId, AbortController>();
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
    const { concurrency = CONCURRENCY_DEFAULT, metadata, unlisted } = options, registration = ++this.#registrations;
    let confirmation = UNCONFIRMED;
    if (!Number.isInteger(concurrency) || concurrency < 1) {
      throw new ValidationError(`Cannot advertise: concurrency is a positive integer, got ${concurrency}`);
    }
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
  end(reason: unknown): void {
    this.#ended = true;
    for (const controller of this.#running.values()) controller.abort(reason);
  }

  /** Nobody waits for this run any more. */
  abort(invocation: InvocationId, reason: string): void {
    const text = `The caller does not wait any more: ${reason}`;
    this.#running.get(invocation)?.abort(reason === "timeout" ? new TimeoutError(text) : new MeshError(reason, text));
  }

  /** Runs a handler. */
  run(event: Extract<RpcEvent, { type: "invoke" }>): void {
    const { invocation, procedure, registration, deadlineMs: timeLeft } = event;
    const handler = this.#handlers.get(registration), controller = new AbortController();
    const args = decodePayload(ownBytes(event.args, event.encoding), event.encoding), caller = nodeId(event.caller);
    this.#running.set(invocation, controller);
    const { proof = "link" } = event, context = { signal: controller.signal, caller, proof, procedure, timeLeft };
    Promise.resolve()
      .then(() => {
        if (handler === undefined) {
          throw new MeshError("no_handler", `Cannot call ${procedure}: it is not served any more`);
        }
        return handler(args, context);
      })
      .then((result) => {
        const { bytes, encoding } = encodePayload(result, `answer ${procedure}`, this.#bodyBytesMax());
        return { result: bytes, encoding };
      })
      .catch((error) => {
        if (isOfRuntime(error)) this.#onBug(procedure, error);
        return failureOf(error);
      })
      .then((outcome) => this.#handled(invocation, outcome));
  }

  #handled(invocation: InvocationId, outcome: Outcome | Failure): void {
    this.#running.delete(invocation);
    this.#node().handled(invocation, outcome);
    if (this.#running.size > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
