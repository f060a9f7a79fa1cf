/** The edges of a bench: several connections of one process to the hub that the settings name. @module */

import type { Mesh } from "../../../mesh/mesh.ts";
import { attach, oneShotLogger } from "../../session.ts";
import type { Settings } from "../../settings.ts";

/** Edges that attach at once. */
const ATTACHING_MAX = 16;

/** Attaches edges, and closes them all. */
export class Crew implements AsyncDisposable {
  readonly #settings: Settings;
  readonly #signal: AbortSignal;
  readonly #edges: Mesh[] = [];

  constructor(settings: Settings, signal: AbortSignal) {
    this.#settings = settings;
    this.#signal = signal;
    signal.addEventListener("abort", () => void this.#close(), { once: true }); // what waits for a gateway gives up
  }

  /** Edges that are attached; those of earlier workloads are used again. Rejects as `connect` does. */
  async edges(count: number): Promise<readonly Mesh[]> {
    while (this.#edges.length < count) {
      const length = Math.min(ATTACHING_MAX, count - this.#edges.length);
      const attached = await Promise.allSettled(Array.from({ length }, () => this.#attach()));
      for (const one of attached) if (one.status === "fulfilled") this.#edges.push(one.value);
      const failed = attached.find((one) => one.status === "rejected");
      if (failed !== undefined) throw failed.reason;
    }
    return this.#edges.slice(0, count);
  }

  /** Ends all of them. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }

  async #close(): Promise<void> {
    await Promise.all(this.#edges.map((edge) => edge.close()));
  }

  async #attach(): Promise<Mesh> {
    const settings = this.#settings;
    // Each on a port of its own, as programs are: what a system keeps for one socket (208 KiB on Linux) is soon too little
    // for what a gateway sends to hundreds, and of what is lost there QUIC sends less and less, until connections time out.
    return await attach(settings, { logger: oneShotLogger(settings), signal: this.#signal });
  }
}
