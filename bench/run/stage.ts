/** One run of one workload with one system: its processes, and what they use. @module */

import { sharedClock } from "../role/clock.ts";
import type { Answer, RoleName, RoleSettings } from "../role/roles.ts";
import { type SystemEntry, type SystemName, SYSTEMS } from "../system/catalogue.ts";
import { Child, startRole } from "./child.ts";
import { Meter } from "./machine.ts";

/** How long a broker of another program has to open its port, ms. */
const BROKER_MS = 5_000;
const LOOK_MS = 20;

/** Where a workload sets up its processes. */
export class Stage implements AsyncDisposable {
  readonly system: SystemEntry;
  /** ms on the scale of the processes. */
  readonly now: () => number;
  readonly #name: SystemName;
  readonly #scale: number;
  readonly #folder: string;
  readonly #children: Child[] = [];
  #hub: Child | undefined;

  /** `scale` multiplies every count. */
  constructor(name: SystemName, scale: number) {
    this.#name = name;
    this.system = SYSTEMS[name];
    this.#scale = scale;
    this.#folder = Deno.makeTempDirSync({ prefix: "macula-bench-" });
    this.now = sharedClock();
  }

  /** How many events or calls this run has, of `usual`. */
  count(usual: number): number {
    return Math.max(20, Math.round(usual * this.#scale * this.system.share));
  }

  /** How many of something that does not depend on the system's speed. */
  scaled(usual: number): number {
    return Math.max(10, Math.round(usual * this.#scale));
  }

  /** The hub's process id; NaN where there is no hub of its own. */
  get hubPid(): number {
    return this.#hub?.pid ?? NaN;
  }

  /** Starts the hub or broker; returns its address, undefined where the system has none. */
  async hub(options: { readonly gc?: boolean } = {}): Promise<string | undefined> {
    const { broker, hubless } = this.system;
    if (hubless) return undefined;
    if (broker === undefined) {
      const { child, address } = await this.#start({ role: "hub" }, options.gc);
      this.#hub = child;
      return address;
    }
    const port = freePort();
    const child = new Child(broker.program, broker.arguments(port, this.#folder), this.#folder);
    this.#children.push(child);
    this.#hub = child;
    await opened(port, child);
    return String(port);
  }

  /** Starts a process and waits until it is ready. */
  async role(
    role: RoleName,
    settings: { readonly address?: string | undefined; readonly connections?: number } = {},
  ): Promise<Child & { readonly address?: string }> {
    const { address, ...rest } = settings;
    const { child, address: own } = await this.#start({ role, ...rest, ...(address === undefined ? {} : { address }) });
    return own === undefined ? child : Object.assign(child, { address: own });
  }

  /** Has the hub give back memory, where it can. */
  async collect(): Promise<void> {
    if (this.system.broker === undefined) await this.#hub?.ask({ name: "collect" });
  }

  /** Ends the hub, so that another can be started. */
  async endHub(): Promise<void> {
    await this.#hub?.kill();
  }

  /** Waits until the system's overlay stands. */
  async settle(): Promise<void> {
    await delay(this.system.settleMs);
  }

  /** Measures what all processes use from now on. */
  meter(): Meter {
    return new Meter(() => this.#children.map(({ pid }) => pid));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#children.map((child) => child.kill()));
    await Deno.remove(this.#folder, { recursive: true });
  }

  async #start(
    settings: Omit<RoleSettings, "system" | "folder">,
    gc = false,
  ): Promise<{ child: Child; address: string | undefined }> {
    const child = startRole({ system: this.#name, folder: this.#folder, ...settings }, { peer: this.system.peer, gc });
    this.#children.push(child);
    return { child, address: textOf(await child.next(), "address") };
  }
}

/** Waits so many ms. */
export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A number in an answer; throws where there is none. */
export function numberOf(answer: Answer, name: string): number {
  const value = answer[name];
  if (typeof value === "number") return value;
  throw new Error(`Cannot read an answer: a number is expected as ${name}, got ${JSON.stringify(answer)}`);
}

function textOf(answer: Answer, name: string): string | undefined {
  const value = answer[name];
  return typeof value === "string" ? value : undefined;
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function opened(port: number, child: Child): Promise<void> {
  for (let waitedMs = 0;; waitedMs += LOOK_MS) {
    if (child.gone !== undefined) throw child.gone;
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch (error) {
      if (waitedMs >= BROKER_MS) throw error;
      await delay(LOOK_MS);
    }
  }
}
