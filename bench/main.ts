/**
 * `deno task bench`: ours, the bare limit and, with `--peers`, what users would pick instead, measured side by side.
 * `bench/README.md` says how to read it.
 *
 * @module
 */

import { describeMachine } from "./run/machine.ts";
import { type BenchOptions, HELP, parseOptions } from "./run/options.ts";
import { report, type Results } from "./run/report.ts";
import { available, runRounds } from "./run/rounds.ts";
import type { Run } from "./run/statistics.ts";
import { versionsOf } from "./run/versions.ts";
import { WORKLOADS } from "./run/workloads.ts";

const USAGE_EXIT_CODE = 2;
/** 128 and the number of SIGINT, as shells have it. */
const INTERRUPTED_EXIT_CODE = 130;

/** Runs a command line; returns the exit code. */
async function main(args: readonly string[]): Promise<number> {
  let options;
  try {
    options = parseOptions(args);
    if (typeof options === "object") checkWritable(options);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return USAGE_EXIT_CODE;
  }
  if (options === "help") return print(HELP);
  if (options === "list") return print(WORKLOADS.map(({ name }) => `${name}\n`).join(""));
  const { systems, missing } = available(options.peers);
  for (const text of missing) console.error(`not measured: ${text}`);
  const command = ["deno task bench", ...args].join(" "), at = new Date().toISOString();
  const interrupted = new AbortController();
  Deno.addSignalListener("SIGINT", () => interrupted.abort());
  const tell = (run: Run) => console.error(progress(run, options.rounds));
  const { runs, whole } = await runRounds(options, tell, interrupted.signal);
  const results: Results = {
    command,
    at,
    machine: describeMachine(),
    versions: versionsOf(systems),
    rounds: whole,
    endedEarly: interrupted.signal.aborted,
    scale: options.scale,
    missing,
    runs,
  };
  if (runs.length === 0) {
    console.error("nothing was measured");
    return INTERRUPTED_EXIT_CODE;
  }
  const text = report(results);
  console.log(text);
  if (options.json !== undefined) await Deno.writeTextFile(options.json, `${JSON.stringify(results, null, 1)}\n`);
  if (options.results !== undefined) {
    await Deno.writeTextFile(options.results, `# Results\n\nHow to read this: \`bench/README.md\`.\n\n${text}`);
  }
  if (interrupted.signal.aborted) return INTERRUPTED_EXIT_CODE;
  return runs.some(({ system, error }) => system === "macula" && error !== undefined) ? 1 : 0;
}

/** Where a file cannot be written, that is known before an hour of measuring. */
function checkWritable({ json, results }: BenchOptions): void {
  for (const [flag, path] of Object.entries({ json, results })) {
    if (path === undefined) continue;
    try {
      Deno.openSync(path, { create: true, append: true }).close();
    } catch (error) {
      throw new RangeError(`Cannot use --${flag}: a file that can be written is expected, got ${path} (${error})`);
    }
  }
}

function print(text: string): number {
  console.log(text.trimEnd());
  return 0;
}

function progress({ round, workload, system, values, lost, foreignPercent, error }: Run, rounds: number): string {
  const head = `${round}/${rounds} ${workload.padEnd(15)} ${system.padEnd(9)}`;
  if (values === undefined) return `${head} failed: ${error?.split("\n")[0]}`;
  const figures = Object.entries(values).map(([name, value]) => `${name} ${Number(value.toPrecision(4))}`).join(", ");
  return `${head} ${figures}${lost ? `, LOST ${lost}` : ""} (others ${foreignPercent} %)`;
}

Deno.exit(await main(Deno.args));
