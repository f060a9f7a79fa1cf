/**
 * What a node needs of the world: time, randomness, a network. `denoRuntime` is the real one; tests and the simulator
 * bring their own.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import { MeshError, ValidationError } from "../base/errors.ts";
import { bundledTimers } from "../base/timers/bundled_timers.ts";
import type { Timers } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import type { issueLeaf } from "../identity/mod.ts";
import { OUTGOING_BYTES_MAX } from "../link/budget.ts";
import type { Transport, TransportLimits } from "../transport/transport.ts";
import type { Environment, Values } from "./environment.ts";
import type { StateFolder, WatchedFile, WatchOptions } from "../store/mod.ts";
import { createQuicTransport } from "../transport/quic/mod.ts";

/** Time, randomness and a network. */
export interface Runtime {
  readonly timers: Timers;
  readonly random: Random;
  readonly transport: Transport;
  /** Issues a gateway's certificate; default that of `identity/`. For networks with certificates of their own kind. */
  readonly certify?: typeof issueLeaf;
  /** The environment variables; default the machine's, as far as they may be read. */
  readonly environment?: Values;
  /** How much all outgoing queues of a node may hold, bytes; default `OUTGOING_BYTES_MAX`. */
  readonly outgoingBytesMax?: number;
  /** What this process holds now, bytes; default what the system says. */
  readonly memoryBytes?: () => number;
}

/** The machine's clock, randomness, memory and network; `transport` is QUIC on the port of all edges by default. */
export function denoRuntime(transport?: Transport): Runtime {
  return transport === undefined ? edgeRuntime ??= runtimeOf(createQuicTransport()) : runtimeOf(transport);
}

// Process-wide: all edges of a process dial from one UDP port, as an endpoint's port is not free again before
// the garbage collector has come by (DESIGN section 11). So they also wait behind one timer.
let edgeRuntime: Runtime | undefined;

function runtimeOf(transport: Transport): Runtime {
  return { timers: systemTimers(), random: systemRandom(), transport, outgoingBytesMax: memoryShare() };
}

/** A quarter of the memory, where we may know it: all outgoing queues of a node may hold so much, bytes. */
function memoryShare(): number {
  const { state } = Deno.permissions.querySync({ name: "sys", kind: "systemMemoryInfo" });
  return state === "granted" ? Math.min(OUTGOING_BYTES_MAX, Deno.systemMemoryInfo().total / 4) : OUTGOING_BYTES_MAX;
}

/** Wall time that never runs back: a monotonic clock on top of the wall time at the start. */
export function systemTimers(): Timers {
  const origin = performance.timeOrigin, now = () => origin + performance.now();
  let lookedAt = NaN, found = 0;
  return bundledTimers({
    now,
    // `Date.now` takes a fifth of the time, but may run back: it only says whether to look again.
    recent() {
      const wall = Date.now();
      if (wall === lookedAt) return found;
      lookedAt = wall;
      return found = now();
    },
    after(ms, action) {
      const timer = setTimeout(action, ms);
      return () => clearTimeout(timer);
    },
    turn: () => new Promise<void>((resolve) => void setImmediate(resolve)),
  });
}

/** Ids are short and many: one call of the system gives the bytes of 256 of them. */
const POOL_BYTES = 4_096;

/** The system's random numbers, fit for keys. */
export function systemRandom(): Random {
  let pool = new Uint8Array(0), taken = 0;
  const random: Random = {
    bytes(length) {
      if (length > POOL_BYTES / 16) return crypto.getRandomValues(new Uint8Array(length));
      if (taken + length > pool.length) {
        pool = crypto.getRandomValues(new Uint8Array(POOL_BYTES));
        taken = 0;
      }
      return pool.subarray(taken, taken += length); // given away once: a pool is never filled again
    },
    number: () => crypto.getRandomValues(new Uint32Array(1))[0]! / 0x1_0000_0000,
    fork: () => random, // what nobody can foresee needs no stream of its own
  };
  return random;
}

/** The environment, as far as it may be read. */
export function systemEnvironment(): Values {
  return new Proxy({}, {
    get(_, name) {
      if (typeof name !== "string") return undefined;
      try {
        return Deno.env.get(name);
      } catch {
        return undefined; // a variable that may not be read is not set
      }
    },
  });
}

/** The text that a gateway of this machine shows over HTTP. */
export async function fetchText(url: string): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(5_000), redirect: "error" });
  const text = await response.text();
  if (!response.ok) throw new MeshError("unreachable", `it answered ${response.status}`, { retryable: true });
  return text;
}

/** The ticket that a local gateway left in the state folder that the variables name; undefined where there is none. */
export async function localTicket(values: Values): Promise<string | undefined> {
  return await (await stateFolder(values)).readTicket();
}

/** The key of this machine's node in the state folder that the variables name; no text where there is none. */
export async function localKey(values: Values): Promise<{ readonly path: string; readonly text: string | undefined }> {
  const folder = await stateFolder(values);
  return { path: folder.keyPath, text: await folder.readKey() };
}

/** A program that is told all by its options starts without the files' code. */
const store = () => import("../store/mod.ts");

async function stateFolder(values: Values): Promise<StateFolder> {
  const { defaultStateDir, openStateFolder } = await store();
  return await openStateFolder(defaultStateDir((name) => values[name]), { lock: false });
}

/** What a file says, read again when it changes. */
export async function watchText<T>(path: string, options: Omit<WatchOptions<T>, "path">): Promise<WatchedFile<T>> {
  const { WatchedFile } = await store();
  return await WatchedFile.open({ ...options, path });
}

/** Certificates of CAs, from the PEM file that the environment names; undefined where it names none. */
export async function readCaCerts(environment: Environment): Promise<readonly string[] | undefined> {
  const path = environment.get("MACULA_TLS_CACERTFILE");
  if (path === undefined) return undefined;
  const text = await (await store()).readWhole(path);
  if (text === undefined) throw new ValidationError(`Cannot use MACULA_TLS_CACERTFILE: there is no file ${path}`);
  return [text];
}

/** A runtime of its own port, with transport limits that differ from the defaults: for a gateway, which listens and dials there. */
export function listeningRuntime(limits: Partial<TransportLimits> = {}): Runtime {
  return denoRuntime(createQuicTransport({ limits }));
}
