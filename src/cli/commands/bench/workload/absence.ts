/** A gateway that went and does not come back. @module */

import { MeshError } from "../../../../base/errors.ts";
import { systemTimers } from "../../../../node/runtime.ts";
import type { Mesh } from "../../../../mesh/mesh.ts";

/** Watches whether an edge has its hub. */
export class Absence implements Disposable {
  readonly #controller = new AbortController();
  readonly #edge: Mesh;
  readonly #msMax: number;
  #cancel: (() => void) | undefined;

  constructor(edge: Mesh, msMax: number) {
    this.#edge = edge;
    this.#msMax = msMax;
    edge.addEventListener("statuschange", this.#onStatus);
  }

  /** Aborted, with `unavailable`, once the edge has been without its hub for `msMax` milliseconds. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    this.#edge.removeEventListener("statuschange", this.#onStatus);
    this.#cancel?.();
  }

  readonly #onStatus = (): void => {
    if (this.#edge.status === "degraded") {
      this.#cancel ??= systemTimers().after(this.#msMax, () => {
        const text = `Cannot go on: the gateway must be back within ${this.#msMax} ms, and is not`;
        this.#controller.abort(new MeshError("unavailable", text));
      });
    } else {
      this.#cancel?.();
      this.#cancel = undefined;
    }
  };
}
