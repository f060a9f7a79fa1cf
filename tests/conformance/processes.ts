/** Processes as the system sees them. @module */

/** Whether a process runs; one that has ended and that nobody has buried yet does not, where the system tells. */
export function isAlive(pid: number): boolean {
  try {
    Deno.kill(pid, "SIGCONT"); // does nothing to one that runs
  } catch {
    return false;
  }
  if (stat("self") === undefined) return true; // this system does not tell
  const state = stat(`${pid}`);
  return state !== undefined && !/\) [ZX] /.test(state);
}

function stat(process: string): string | undefined {
  try {
    return Deno.readTextFileSync(`/proc/${process}/stat`);
  } catch {
    return undefined;
  }
}
