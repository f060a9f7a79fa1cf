/**
 * Being asked to leave: Ctrl-C, SIGTERM, the end of the terminal (SIGHUP), and the end of the process that started us for
 * a restart.
 *
 * @module
 */

import { MeshError } from "../../base/errors.ts";
import { EXIT } from "../failure.ts";
import { restartedBy } from "./restart.ts";

/** Signals of one kind within this time are one: a terminal's Ctrl-C reaches us, and our parent passes it on, ms. */
export const SAME_SIGNAL_MS = 500;
/** How long a process that was asked twice has for its last acts: others are told that it goes, ms. */
export const LAST_ACTS_MS = 500;
const PARENT_LOOK_MS = 1_000;
const LEAVE_SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM", "SIGHUP"];

/** Hears that the process should leave. */
export class Leaving {
  /** Aborted when asked for the first time; the reason is a `MeshError` with code `interrupted`. */
  readonly signal: AbortSignal;
  /** Resolves then. */
  readonly asked: Promise<void>;
  #failure: MeshError | undefined;
  readonly #abort = new AbortController();
  readonly #lastAt = new Map<string, number>();
  readonly #lastActs: (() => void | Promise<void>)[] = [];
  readonly #exit: (code: number) => void;

  /** `exit` ends the process. */
  constructor(exit: (code: number) => void) {
    this.#exit = exit;
    this.signal = this.#abort.signal;
    this.asked = new Promise((resolve) => this.signal.addEventListener("abort", () => resolve(), { once: true }));
  }

  /** Why it leaves, where nobody has asked for it: what the command rejects with then. */
  get failure(): MeshError | undefined {
    return this.#failure;
  }

  /** What is done before the process ends at once, because it was asked again while leaving: for 500 ms at most. */
  lastly(act: () => void | Promise<void>): void {
    this.#lastActs.push(act);
  }

  /** There is no use in staying. */
  fail(error: MeshError): void {
    if (this.signal.aborted) return;
    this.#failure = error;
    this.#abort.abort(error);
  }

  /** Takes a signal, or another reason to leave, that came at `now`, ms. */
  hear(name: string, now: number): void {
    const last = this.#lastAt.get(name) ?? -Infinity;
    if (now - last < SAME_SIGNAL_MS) return;
    this.#lastAt.set(name, now);
    if (!this.signal.aborted) {
      return this.#abort.abort(new MeshError("interrupted", `Cannot finish: the process was told to leave by ${name}`));
    }
    void this.#end();
  }

  async #end(): Promise<void> {
    const enough = new Promise<void>((resolve) => setTimeout(resolve, LAST_ACTS_MS));
    const acts = this.#lastActs.splice(0).map(async (act) => await act());
    await Promise.race([Promise.allSettled(acts), enough]);
    this.#exit(EXIT.failed);
  }
}

/**
 * Runs a command that does one thing; told to leave, it rejects with code `interrupted`. `except` is a signal that means
 * something else to it.
 */
export async function interruptible(
  body: (leaving: Leaving) => Promise<number>,
  except?: Deno.Signal,
): Promise<number> {
  const leaving = new Leaving((code) => Deno.exit(code)), signals = LEAVE_SIGNALS.filter((name) => name !== except);
  const handlers = signals.map((name) => [name, () => leaving.hear(name, performance.now())] as const);
  for (const [name, handler] of handlers) Deno.addSignalListener(name, handler);
  const watch = restartedBy() === undefined ? undefined : setInterval(() => {
    if (restartedBy() !== undefined) return;
    clearInterval(watch);
    leaving.hear("its parent's end", performance.now());
  }, PARENT_LOOK_MS);
  try {
    const code = await body(leaving);
    if (leaving.failure !== undefined) throw leaving.failure;
    return code;
  } finally {
    clearInterval(watch);
    for (const [name, handler] of handlers) Deno.removeSignalListener(name, handler);
  }
}

/** Runs a command that stays until it is told to leave, which is its success. */
export async function staying(
  body: (leaving: Leaving) => Promise<number>,
  except?: Deno.Signal,
): Promise<number> {
  return await interruptible(async (leaving) => {
    try {
      return await body(leaving);
    } catch (error) {
      const { signal: { aborted, reason }, failure } = leaving;
      if (aborted && error === reason && failure === undefined) return EXIT.done;
      throw error;
    }
  }, except);
}
