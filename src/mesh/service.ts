/** A served procedure as the application holds it. @module */

import type { Confirmation } from "../base/listing.ts";
import type { NodeId } from "../identity/mod.ts";

/** What a handler gets beside the arguments. */
export interface CallContext {
  /**
   * Aborted when the caller gave up, its time is over, or it is gone; the reason is a `MeshError` with code `aborted`,
   * `timeout` (a `TimeoutError`), `caller_gone` or `closed` (this node's mesh was).
   */
  readonly signal: AbortSignal;
  /** Who calls, as the hub has proven, unless `proof` is `claimed`. */
  readonly caller: NodeId;
  /**
   * By what that is known: `link`, the word of the hub that the caller is attached to; `hub`, that of another hub; `claimed`,
   * by nothing but its own word: a peer of Macula 0.20.
   */
  readonly proof: "claimed" | "link" | "hub";
  /** The name by which it was called. */
  readonly procedure: string;
  /** Time left for the answer, ms; undefined where nobody waits (a cast). */
  readonly timeLeft: number | undefined;
}

/** Serves calls: returns the result, or throws; the caller gets the `code` and `message` of what was thrown. */
// deno-lint-ignore no-explicit-any
export type Handler<Args = any, Result = unknown> = (args: Args, context: CallContext) => Result | Promise<Result>;

/** Options of `advertise`. */
export interface AdvertiseOptions {
  /** Calls that run at once; more are handed to other providers or refused as `overloaded`. Default 1,000. */
  readonly concurrency?: number | undefined;
  /** For those who `discover` the procedure: a JSON object. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  /**
   * How long gateways believe, without word from the gateway that states it, that it is served there, ms: 60,000 to
   * 540,000. Of several providers at one gateway the shortest counts. Default 300,000. While it is served it is renewed.
   * A gateway of Macula 0.20 is always told 300 s.
   */
  readonly ttl?: number | undefined;
  /** Stops serving when aborted. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of what a node serves by itself. */
export interface ServeOptions extends AdvertiseOptions {
  /** Served to who asks this hub; other hubs are not told. */
  readonly unlisted?: boolean | undefined;
}

/** Default of `concurrency`. */
export const CONCURRENCY_DEFAULT = 1_000;

/**
 * A procedure that is being served. It survives reconnects.
 *
 * @example A handler that stops when nobody waits any more
 * ```ts
 * import { connect, startGateway, TimeoutError } from "@macula/mesh";
 * import assert from "node:assert/strict";
 *
 * await using gateway = await startGateway({ realm: "org.example.home", listen: { port: 0 } });
 * await using mesh = await connect(gateway.ticket);
 * await using service = await mesh.advertise("report.build", (_args, { signal }) =>
 *   new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason))), { concurrency: 4 });
 * assert.equal(service.procedure, "report.build");
 * await assert.rejects(mesh.call("report.build", {}, { timeout: 50 }), TimeoutError);
 * ```
 */
export class Service implements AsyncDisposable {
  /** Its name. */
  readonly procedure: string;
  readonly #confirmed: () => Confirmation;
  readonly #close: () => Promise<void>;
  #closing: Promise<void> | undefined;

  /** Made by `Mesh.advertise`. */
  constructor(procedure: string, confirmed: () => Confirmation, close: () => Promise<void>) {
    this.procedure = procedure;
    this.#confirmed = confirmed;
    this.#close = close;
  }

  /**
   * How many of the nodes that are to keep the hub's record of it have done so when `advertise` resolved. Some that
   * cannot be reached are not a failure: the hub serves its own edges in any case, and tells the mesh again.
   */
  get confirmation(): Confirmation {
    return this.#confirmed();
  }

  /** Stops serving; calls that run already are finished. Idempotent. */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  /** The same as `close()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
