/** The command line of `deno task bench`. @module */

import { parseArgs } from "node:util";
import { WORKLOADS } from "./workloads.ts";

/** What is measured, and how often. */
export interface BenchOptions {
  readonly rounds: number;
  /** Workloads, by name or its beginning followed by `*`; empty: all. */
  readonly only: readonly string[];
  readonly peers: boolean;
  /** What every count is multiplied with. */
  readonly scale: number;
  /** How long to wait for a quiet machine before each run, ms. */
  readonly patienceMs: number;
  /** Longest time for one run, ms. */
  readonly limitMs: number;
  /** A file for everything that was measured. */
  readonly json?: string;
  /** A file for the table. */
  readonly results?: string;
}

/** What `--help` prints. */
export const HELP = `deno task bench [options]

  --peers            NATS, mosquitto and js-libp2p too
  --rounds <n>       interleaved rounds (5; with --quick 3)
  --only <names>     comma list of workloads; the last character may be *
  --quick            a tenth of the counts, three rounds: to see that all works, not to quote
  --scale <x>        multiplies every count (1)
  --patience <s>     longest wait for a quiet machine before each run (15)
  --limit <s>        longest time for one run (90)
  --json <file>      keep everything that was measured
  --results <file>   write the table there too (bench/RESULTS.md)
  --list             name the workloads
`;

const FLAGS = {
  peers: { type: "boolean" },
  rounds: { type: "string" },
  only: { type: "string" },
  quick: { type: "boolean" },
  scale: { type: "string" },
  patience: { type: "string" },
  limit: { type: "string" },
  json: { type: "string" },
  results: { type: "string" },
  list: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

/** Reads the command line; `help` and `list` are asked for instead of a run. Throws `TypeError` and `RangeError`. */
export function parseOptions(args: readonly string[]): BenchOptions | "help" | "list" {
  const { values } = parseArgs({ args: [...args], options: FLAGS, strict: true, allowPositionals: false });
  if (values.help) return "help";
  if (values.list) return "list";
  const { quick = false, json, results } = values;
  const only = values.only?.split(",").map((name) => name.trim()).filter((name) => name !== "") ?? [];
  const unknown = only.find((one) => !WORKLOADS.some(({ name }) => isChosen(name, [one])));
  if (unknown !== undefined || values.only !== undefined && only.length === 0) {
    throw new RangeError(`Cannot use --only: names that --list has are expected, got ${unknown ?? "none"}`);
  }
  return {
    rounds: positive("rounds", values.rounds, quick ? 3 : 5, true),
    only,
    peers: values.peers ?? false,
    scale: positive("scale", values.scale, quick ? 0.1 : 1),
    patienceMs: 1_000 * positive("patience", values.patience, 15, false, 0),
    limitMs: 1_000 * positive("limit", values.limit, 90),
    ...(json === undefined ? {} : { json }),
    ...(results === undefined ? {} : { results }),
  };
}

/** Whether a workload is asked for. */
export function isChosen(name: string, only: readonly string[]): boolean {
  if (only.length === 0) return true;
  return only.some((one) => one.endsWith("*") ? name.startsWith(one.slice(0, -1)) : one === name);
}

function positive(name: string, text: string | undefined, standard: number, whole = false, least?: number): number {
  if (text === undefined) return standard;
  const value = Number(text), fits = least === undefined ? value > 0 : value >= least;
  if (text.trim() !== "" && Number.isFinite(value) && fits && (!whole || Number.isInteger(value))) return value;
  throw new RangeError(`Cannot use --${name}: a positive ${whole ? "integer" : "number"} is expected, got ${text}`);
}
