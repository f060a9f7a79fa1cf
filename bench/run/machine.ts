/** The machine: what it is, how fast it is now, and who else uses it. On another system than Linux: nothing of that. @module */

/** /proc counts in ticks of 10 ms. */
const TICK_MS = 10;
/** A machine is quiet while others use less than this of one core, percent. */
const QUIET_PERCENT = 20;
const LOOK_MS = 1_000;
/** Words that the speed test goes through: 64 KiB. */
const SPEED_WORDS = 1 << 14;
const SPEED_MS = 60;

/** What the figures were taken on. */
export interface Machine {
  readonly model: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly deno: string;
}

/** Describes this machine. */
export function describeMachine(): Machine {
  const model = /model name\s*:\s*(.+)/.exec(readOrEmpty("/proc/cpuinfo"))?.[1] ?? Deno.build.arch;
  return {
    model,
    cores: navigator.hardwareConcurrency,
    memoryGiB: Math.round(Deno.systemMemoryInfo().total / 2 ** 30),
    system: `${Deno.build.os} ${Deno.osRelease()}`,
    deno: Deno.version.deno,
  };
}

/** CPU time of one process, all its threads, ms. */
export function cpuMs(pid: number): number {
  const fields = readOrEmpty(`/proc/${pid}/stat`).split(") ")[1]?.split(" ");
  return fields === undefined ? 0 : (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** Memory of one process that is in RAM, KiB. */
export function residentKiB(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readOrEmpty(`/proc/${pid}/status`))?.[1] ?? NaN);
}

/** CPU time of all cores that was not idle since the start, ms. */
export function busyMs(): number {
  const [user, nice, system, , , irq, softirq, steal] = readOrEmpty("/proc/stat").split("\n")[0]!.trim().split(/\s+/)
    .slice(1).map(Number);
  return ((user ?? 0) + (nice ?? 0) + (system ?? 0) + (irq ?? 0) + (softirq ?? 0) + (steal ?? 0)) * TICK_MS;
}

/** Waits until nobody uses the machine, at most `patienceMs`, and no longer than `signal` wants; says whether it is so. */
export async function quiet(patienceMs: number, signal?: AbortSignal): Promise<boolean> {
  for (let waitedMs = 0; waitedMs < patienceMs && signal?.aborted !== true; waitedMs += LOOK_MS) {
    const before = busyMs();
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    if (busyMs() - before < LOOK_MS * QUIET_PERCENT / 100) return true;
  }
  return false;
}

/** How fast one core is now, passes over a fixed loop per second: virtual machines drift without any visible load. */
export function speed(): number {
  const cells = new Uint32Array(SPEED_WORDS), start = performance.now();
  let passes = 0;
  while (performance.now() - start < SPEED_MS) {
    let x = passes | 1;
    for (let i = 0; i < cells.length; i++) {
      x = Math.imul(x ^ cells[i]!, 0x9e3779b1) + i | 0;
      cells[i] = x;
    }
    passes++;
  }
  return Math.round(passes / (performance.now() - start) * 1_000);
}

/** Measures from now on what these processes, also those that are started later, and everybody else use. */
export class Meter {
  readonly #startedAt = performance.now();
  readonly #busy = busyMs();
  readonly #pids: () => readonly number[];
  readonly #before: ReadonlyMap<number, number>;

  constructor(pids: () => readonly number[]) {
    this.#pids = pids;
    this.#before = new Map([Deno.pid, ...pids()].map((pid) => [pid, cpuMs(pid)]));
  }

  /** CPU time of one of the processes so far, ms. */
  usedMs(pid: number): number {
    return cpuMs(pid) - (this.#before.get(pid) ?? 0);
  }

  /** What everybody else used, percent of one core. */
  foreignPercent(): number {
    const ours = [...new Set([Deno.pid, ...this.#pids()])].reduce((sum, pid) => sum + this.usedMs(pid), 0);
    const foreign = Math.max(0, busyMs() - this.#busy - ours);
    return Math.round(foreign / Math.max(1, performance.now() - this.#startedAt) * 1_000) / 10;
  }
}

function readOrEmpty(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}
