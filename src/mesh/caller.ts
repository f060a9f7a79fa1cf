/** From what an application calls to the request on the wire. @module */

import { checkDuration } from "../base/duration.ts";
import type { Clock } from "../base/clock.ts";
import { MeshError, TimeoutError, ValidationError } from "../base/errors.ts";
import type { Random } from "../base/random.ts";
import { type NodeId, nodeIdBytes, parseNodeId } from "../identity/mod.ts";
import { parseProcedure } from "../names/mod.ts";
import type { Outcome } from "../rpc/messages.ts";
import { HOPS_MAX } from "../rpc/options.ts";
import { STRATEGIES } from "../rpc/selection.ts";
import type { RpcRequest } from "../wire/mod.ts";
import { answered, untilAborted } from "./answer.ts";
import { exceptionOf, orThrow } from "./failure.ts";
import type { Node } from "../node/node.ts";
import { CALL_TIMEOUT_MS, type CallOptions } from "./options.ts";
import { decodePayload, encodePayload } from "./payload.ts";

/** A runtime's timers do not reach further: 2^31 - 1 ms, 24 days. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

/** A node to call, and the hub that it is attached to where that is another one. */
export interface CallTarget {
  readonly node: NodeId;
  readonly hub?: NodeId | undefined;
}

/** Reads a target: an id, or what `discover` gives; throws `ValidationError`. */
export function targetOf(target: string | { readonly node: string; readonly hub?: string | undefined }): CallTarget {
  if (typeof target === "string") return { node: parseNodeId(target) };
  const node = parseNodeId(target.node);
  return target.hub === undefined ? { node } : { node, hub: parseNodeId(target.hub) };
}

/** What a caller is made with. */
export interface CallerOptions {
  readonly node: () => Node;
  /** This node's id, 32 bytes. */
  readonly self: Uint8Array;
  readonly random: Random;
  readonly clock: Clock;
  /** Throws where the mesh was closed, by which links are lost too, or the signal is aborted. */
  readonly mustBeOpen: (what: string, signal?: AbortSignal) => void;
  /** Largest body that the link takes now, bytes. */
  readonly bodyBytesMax: () => number;
}

/** Calls for one application. */
export class Caller {
  readonly #options: CallerOptions;

  constructor(options: CallerOptions) {
    this.#options = options;
  }

  /** Calls a procedure, of one node if `target` is given: see `Mesh.call`. */
  async call<Result>(
    target: CallTarget | undefined,
    procedure: string,
    args: unknown,
    options: CallOptions,
  ): Promise<Result> {
    const { mustBeOpen } = this.#options, { strategy = "local_first", signal } = options;
    mustBeOpen("call", signal);
    const node = this.#options.node(), request = this.#request(target, procedure, args, options);
    const asked = node.rpc<Outcome>({ type: "call", request, timeoutMs: request.deadlineMs!, strategy });
    try {
      // One promise is waited for, and in one place: several would cost as much as the rest of what is done here.
      const outcome = await (signal === undefined ? asked.answer : answered(node, "rpc", asked, signal));
      const { result, encoding } = outcome;
      return decodePayload(result, encoding) as Result;
    } catch (failure) {
      const error = signal === undefined ? exceptionOf(failure) : failure;
      if (error instanceof MeshError && error.code === "connection_lost") mustBeOpen("call");
      throw error;
    }
  }

  /** What is sent; throws `ValidationError`. */
  #request(target: CallTarget | undefined, procedure: string, args: unknown, options: CallOptions): RpcRequest {
    const { self, random } = this.#options, bodyBytesMax = this.#options.bodyBytesMax();
    const { timeout = CALL_TIMEOUT_MS, strategy = "local_first", hops } = options;
    checkDuration(`call ${procedure}`, "timeout", timeout);
    if (!STRATEGIES.includes(strategy)) {
      throw new ValidationError(
        `Cannot call ${procedure}: strategy is one of ${STRATEGIES.join(", ")}, got ${JSON.stringify(strategy)}`,
      );
    }
    if (hops !== undefined && !(Number.isInteger(hops) && hops >= 0 && hops <= HOPS_MAX)) {
      throw new ValidationError(`Cannot call ${procedure}: hops is an integer from 0 to ${HOPS_MAX}, got ${hops}`);
    }
    const name = parseProcedure(procedure),
      { bytes, encoding } = encodePayload(args, `call ${procedure}`, bodyBytesMax);
    // In full, as the decoder makes it: what handles requests meets one hidden class.
    const request: { readonly [K in keyof Required<RpcRequest>]: RpcRequest[K] | undefined } = {
      kind: "rpcRequest",
      args: bytes,
      fromEndpoint: undefined,
      fromNode: self,
      procedure: name,
      realm: undefined,
      requestId: random.bytes(16),
      targetNode: target && nodeIdBytes(target.node),
      timestamp: undefined,
      type: undefined,
      deadlineMs: Math.min(Math.ceil(timeout), TIMEOUT_MS_MAX),
      encoding,
      strategy: strategy === "local_first" ? undefined : strategy,
      hopsLeft: hops,
      targetHub: target?.hub && nodeIdBytes(target.hub),
      claimed: undefined,
      frame: undefined,
    };
    return request as RpcRequest;
  }

  /** Round trip to a node, ms: see `Mesh.ping`. */
  async ping(id: NodeId, { timeout = CALL_TIMEOUT_MS, signal }: CallOptions): Promise<number> {
    checkDuration(`ping ${id}`, "timeout", timeout);
    const { clock } = this.#options, link = this.#options.node().links.ofNode(id), before = clock.now();
    const late = () => new TimeoutError(`Cannot ping ${id}: an answer must come within ${timeout} ms, got none`);
    if (link === undefined) await this.call({ node: id }, "_mesh.ping", null, { timeout, signal });
    else await untilAborted(link.ping(timeout, late), signal);
    return clock.now() - before;
  }

  /** Calls a procedure without waiting for an answer: see `Mesh.cast`. */
  async cast(procedure: string, args: unknown): Promise<void> {
    const fromNode = this.#options.self, bodyBytesMax = this.#options.bodyBytesMax(), name = parseProcedure(procedure);
    const { bytes, encoding } = encodePayload(args, `cast ${procedure}`, bodyBytesMax);
    const cast = { kind: "cast", procedure: name, args: bytes, encoding, fromNode } as const;
    await orThrow(this.#options.node().rpc<void>({ type: "cast", cast }).answer);
  }
}
