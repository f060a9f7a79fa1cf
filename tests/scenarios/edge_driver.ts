/** Drives an edge that runs in a process of its own as if it were here: what the scenarios use of a `Mesh`. @module */

import {
  type CallOptions,
  type Confirmation,
  type Handler,
  type LinkInfo,
  type Mesh,
  MeshError,
  NoProviderError,
  type ProviderInfo,
  TimeoutError,
} from "../../mod.ts";
import { soon } from "../conformance/deadline.ts";

/** An exception in words. */
export interface Told {
  readonly name: string;
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
}

type Wish =
  | { readonly type: "ping"; readonly node: string }
  | { readonly type: "call"; readonly procedure: string; readonly args: unknown; readonly options?: CallOptions }
  | { readonly type: "discover"; readonly procedure: string; readonly options?: { readonly fresh?: boolean } }
  | { readonly type: "advertise"; readonly service: number; readonly procedure: string; readonly options?: object }
  | { readonly type: "unadvertise"; readonly service: number }
  | { readonly type: "handled"; readonly invocation: number; readonly result: unknown }
  | { readonly type: "failed"; readonly invocation: number; readonly text: string };

/** A line to the process. */
export type ToEdge = Wish & { readonly number: number };

/** A line from it. */
export type FromEdge =
  | { readonly type: "state"; readonly id: string; readonly status: Mesh["status"]; readonly links: LinkInfo[] }
  | { readonly type: "result"; readonly number: number; readonly result: unknown }
  | { readonly type: "error"; readonly number: number; readonly error: Told }
  | {
    readonly type: "invoked";
    readonly invocation: number;
    readonly service: number;
    readonly args: unknown;
    readonly caller: string;
  }
  | { readonly type: "aborted"; readonly invocation: number; readonly error: Told };

/** A running process. */
export class EdgeProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  readonly #handlers = new Map<number, Handler>();
  readonly #running = new Map<number, AbortController>();
  readonly #attached = Promise.withResolvers<void>();
  readonly #read: Promise<void>;
  #state: Extract<FromEdge, { type: "state" }> | undefined;
  #numbers = 0;

  private constructor(ticket: string) {
    const url = new URL("./edge_process.ts", import.meta.url).pathname;
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--unstable-net", "--no-check", url, ticket],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#read = this.#readAll();
  }

  /** Starts one, and waits until it is attached. */
  static async start(ticket: string): Promise<EdgeProcess> {
    const edge = new EdgeProcess(ticket);
    try {
      await soon(edge.#attached.promise, "an attached edge");
    } catch (error) {
      await edge[Symbol.asyncDispose]();
      throw error;
    }
    return edge;
  }

  get id(): string {
    return this.#state!.id;
  }

  get status(): Mesh["status"] {
    return this.#state!.status;
  }

  links(): LinkInfo[] {
    return this.#state!.links;
  }

  async ping(node: string): Promise<number> {
    return await this.#ask({ type: "ping", node }) as number;
  }

  async call(procedure: string, args?: unknown, options: CallOptions = {}): Promise<unknown> {
    return await this.#ask({ type: "call", procedure, args, options });
  }

  async discover(procedure: string, options: { fresh?: boolean } = {}): Promise<ProviderInfo[]> {
    return await this.#ask({ type: "discover", procedure, options }) as ProviderInfo[];
  }

  async advertise(procedure: string, handler: Handler, options: object = {}) {
    const service = ++this.#numbers;
    this.#handlers.set(service, handler);
    const confirmation = await this.#ask({ type: "advertise", service, procedure, options }) as Confirmation;
    const close = async () => void await this.#ask({ type: "unadvertise", service });
    return { procedure, confirmation, close, [Symbol.asyncDispose]: close };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await soon(this.#child.status, "the end of an edge");
    await this.#read;
    await this.#input.abort().catch(() => {});
  }

  async #ask(wish: Wish): Promise<unknown> {
    const number = ++this.#numbers, waiting = Promise.withResolvers<unknown>();
    this.#waiting.set(number, waiting);
    await this.#input.write(new TextEncoder().encode(`${JSON.stringify({ ...wish, number })}\n`));
    return await soon(waiting.promise, `an answer to ${wish.type}`).finally(() => this.#waiting.delete(number));
  }

  async #readAll(): Promise<void> {
    let rest = "";
    for await (const text of this.#child.stdout.pipeThrough(new TextDecoderStream() as never)) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) this.#take(JSON.parse(line) as FromEdge);
    }
    this.#attached.reject(new Error("The process ended before it was attached"));
    this.#attached.promise.catch(() => {});
  }

  #take(message: FromEdge): void {
    switch (message.type) {
      case "state":
        this.#state = message;
        return this.#attached.resolve();
      case "result":
        return this.#waiting.get(message.number)?.resolve(message.result);
      case "error":
        return this.#waiting.get(message.number)?.reject(raised(message.error));
      case "aborted":
        return this.#running.get(message.invocation)?.abort(raised(message.error));
      case "invoked":
        void this.#run(message);
    }
  }

  /** Never rejects. */
  async #run({ invocation, service, args, caller }: Extract<FromEdge, { type: "invoked" }>): Promise<void> {
    const controller = new AbortController(), { signal } = controller;
    this.#running.set(invocation, controller);
    const context = { caller, signal, procedure: "", timeLeft: undefined } as never;
    const outcome = await Promise.resolve().then(() => this.#handlers.get(service)!(args, context)).then(
      (result): Wish => ({ type: "handled", invocation, result }),
      (error): Wish => ({ type: "failed", invocation, text: String(error) }),
    );
    this.#running.delete(invocation);
    await this.#ask(outcome).catch(() => {}); // the process may be gone
  }
}

function raised({ name, code, message, retryable }: Told): Error {
  if (name === "NoProviderError") return new NoProviderError(message);
  if (name === "TimeoutError") return new TimeoutError(message);
  return new MeshError(code, message, { retryable });
}
