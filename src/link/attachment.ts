/**
 * Keeps an edge attached to one hub: dials the targets in turn, and again when the link is lost, with back-off and
 * full jitter (Brooker, "Exponential backoff and jitter", AWS 2015), for ever.
 *
 * @module
 */

import type { Address, DialError } from "../transport/transport.ts";
import { MeshError, RefusedError } from "../base/errors.ts";
import type { Established } from "./establish.ts";
import { type Dialler, dialTarget, type Target } from "./reach/dial.ts";

export type { Target };

/** First and longest delay between attempts. */
export const RECONNECT_MIN_MS = 250, RECONNECT_MAX_MS = 30_000;
/** A link that lasted so long was a good one. */
const LASTING_MS = 10_000;

/** What an attachment is made with. */
export interface AttachmentOptions extends Dialler {
  /** Asked before each round: addresses and tickets may have changed. */
  readonly targets: () => Promise<readonly Target[]> | readonly Target[];
  /** A hub has welcomed us. */
  readonly onEstablished: (established: Established) => void;
  /** A round failed; the next one begins in `retryMs`. */
  readonly onFailure: (error: MeshError, retryMs: number) => void;
}

/** Keeps dialling until it is closed. */
export class Attachment {
  readonly #options: AttachmentOptions;
  readonly #abort = new AbortController();
  #failures = 0;
  #establishedAt = -Infinity;
  #running = false;
  #towards: Address | undefined;
  #cancelRetry: () => void = () => {};

  constructor(options: AttachmentOptions) {
    this.#options = options;
  }

  /** Where it dials, or has dialled last. */
  get towards(): Address | undefined {
    return this.#towards;
  }

  /** Dials now, unless it does already: at the start, and when the link was lost. */
  wake(): void {
    if (this.#running || this.#abort.signal.aborted) return;
    this.#running = true;
    this.#cancelRetry();
    this.#round();
  }

  /**
   * Dials a little later, as the link was lost: so that thousands of edges of one hub do not come at once. A link that
   * did not last counts as a failure: a hub that welcomes and leaves is not dialled without end.
   */
  wakeSoon(): void {
    if (this.#options.timers.now() - this.#establishedAt >= LASTING_MS) this.#failures = 0;
    this.#retry();
  }

  /** Dials no more until it is woken. */
  rest(): void {
    this.#cancelRetry();
  }

  /** Stops for good. */
  close(): void {
    this.#cancelRetry();
    this.#abort.abort("closed"); // without a reason Deno makes an error with a stack of each
  }

  async #round(): Promise<void> {
    const { onEstablished, onFailure, timers } = this.#options,
      dialler = { ...this.#options, signal: this.#abort.signal };
    let last: MeshError | undefined;
    try {
      for (const target of await this.#options.targets()) {
        for (const address of target.addresses) {
          this.#towards = address;
          const result = await dialTarget(target, address, dialler).catch((error) => asMeshError(error));
          if (this.#abort.signal.aborted) {
            if (!(result instanceof MeshError)) result.connection.close(0, "normal");
            return;
          }
          if (result instanceof MeshError) {
            if (last === undefined || isFinal(last)) last = result; // another target may take us yet: a refusal is not the end
            continue;
          }
          this.#establishedAt = timers.now();
          this.#running = false;
          return onEstablished(result);
        }
      }
    } catch (error) {
      last = asMeshError(error);
    }
    this.#running = false;
    if (this.#abort.signal.aborted) return;
    const nowhere = () =>
      new MeshError("unavailable", "Cannot connect: there is nothing to connect to", { retryable: true });
    onFailure(last ?? nowhere(), this.#retry());
  }

  /** Dials again after a while, which it returns in ms. */
  #retry(): number {
    const { timers, random } = this.#options;
    const limitMs = Math.min(RECONNECT_MAX_MS, RECONNECT_MIN_MS * 2 ** Math.min(this.#failures++, 10));
    const retryMs = random.number() * limitMs;
    this.#cancelRetry();
    this.#cancelRetry = timers.after(retryMs, () => this.wake());
    return retryMs;
  }
}

/** Whether dialling again cannot help: the other end said no, or is not who it should be. */
export function isFinal(error: MeshError): boolean {
  return error instanceof RefusedError && !error.retryable ||
    (error as DialError).code === "untrusted" || error.code === "invalid" || error.code === "permission_denied" ||
    error.code === "quic_missing";
}

function asMeshError(error: unknown): MeshError {
  if (error instanceof MeshError) return error;
  return new MeshError("unavailable", `Cannot connect: ${error instanceof Error ? error.message : error}`, {
    retryable: true,
    cause: error,
  });
}
