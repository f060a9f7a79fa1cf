/** The rounds of a run: every workload with every system in turn, so that the machine's moods spread over all. @module */

import { type SystemName, SYSTEMS } from "../system/catalogue.ts";
import { quiet, speed } from "./machine.ts";
import { type BenchOptions, isChosen } from "./options.ts";
import { Stage } from "./stage.ts";
import type { Run } from "./statistics.ts";
import { type Workload, WORKLOADS } from "./workloads.ts";

/** Who cannot be measured here, with what to do about it; and who can. */
export function available(peers: boolean): { readonly systems: readonly SystemName[]; readonly missing: string[] } {
  const systems: SystemName[] = [], missing: string[] = [];
  for (const [name, { peer, broker, title }] of Object.entries(SYSTEMS)) {
    if (peer && !peers) continue;
    if (broker === undefined || exists(broker.program)) systems.push(name as SystemName);
    else missing.push(`${title}: there is no ${broker.program}; ${broker.install}`);
  }
  return { systems, missing };
}

/** What the rounds have found, and how many of them came to their end. */
export interface Rounds {
  readonly runs: readonly Run[];
  readonly whole: number;
}

/**
 * Measures everything that the options ask for; `tell` hears of each run as it ends. Once `signal` is aborted it
 * returns what it has, without the run that was going on: whoever aborts may have ended its processes, too.
 */
export async function runRounds(
  options: BenchOptions,
  tell: (run: Run) => void,
  signal: AbortSignal,
): Promise<Rounds> {
  const { systems } = available(options.peers), runs: Run[] = [];
  const workloads = WORKLOADS.filter(({ name }) => isChosen(name, options.only));
  for (let round = 1; round <= options.rounds; round++) {
    for (const workload of workloads) {
      const here = workload.systems.filter((name) => systems.includes(name));
      for (let i = 0; i < here.length; i++) {
        // Nobody comes first, or behind the same one, in each round.
        const system = here[(i + round - 1) % here.length]!;
        const run = await once(workload, system, round, { ...options, signal });
        if (signal.aborted) return { runs, whole: round - 1 };
        runs.push(run);
        tell(run);
      }
    }
  }
  return { runs, whole: options.rounds };
}

/** One run; a failure is told in it, also that `signal` was aborted. */
export async function once(
  workload: Workload,
  system: SystemName,
  round: number,
  options: BenchOptions & { readonly signal?: AbortSignal },
): Promise<Run> {
  await quiet(options.patienceMs, options.signal);
  const before = speed();
  const outcome = await bounded(workload, system, options).catch((error: unknown) => ({
    error: error instanceof Error ? error.message : String(error),
  }));
  return {
    round,
    workload: workload.name,
    system,
    at: new Date().toISOString(),
    speed: Math.round((before + speed()) / 2),
    ...outcome,
  };
}

/** One run, ended with all its processes when its time is over, or nobody wants it any more. */
async function bounded(
  workload: Workload,
  system: SystemName,
  { scale, limitMs, signal }: BenchOptions & { readonly signal?: AbortSignal },
) {
  signal?.throwIfAborted();
  await using stage = new Stage(system, scale);
  const over = Promise.withResolvers<never>(), giveUp = () => over.reject(signal?.reason);
  const timer = setTimeout(() => over.reject(new Error(`the run took longer than ${limitMs} ms`)), limitMs);
  signal?.addEventListener("abort", giveUp);
  const running = workload.run(stage);
  running.catch(() => {}); // when it is over before, the processes end under it
  try {
    return await Promise.race([running, over.promise]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", giveUp);
  }
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
