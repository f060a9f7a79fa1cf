/** The table of a run, as Markdown that is also readable as it is. @module */

import { type SystemName, SYSTEMS } from "../system/catalogue.ts";
import type { Machine } from "./machine.ts";
import { type Goal, type Row, ROWS, type Unit } from "./rows.ts";
import { counted, FOREIGN_PERCENT_MAX, median, ratio, type Run, type Series, summarise } from "./statistics.ts";

/** Rounds that a figure to be quoted needs. */
const ROUNDS_MIN = 5;

/** Everything that a run leaves. */
export interface Results {
  readonly command: string;
  readonly at: string;
  readonly machine: Machine;
  /** Versions of what was measured, by name. */
  readonly versions: Readonly<Record<string, string>>;
  /** Whole rounds. */
  readonly rounds: number;
  /** Somebody ended it before the last one was whole. */
  readonly endedEarly: boolean;
  /** What every count was multiplied with. */
  readonly scale: number;
  /** Systems that could not be measured, with the cure. */
  readonly missing: readonly string[];
  readonly runs: readonly Run[];
}

/** The whole report. */
export function report(results: Results): string {
  const { runs, machine, missing } = results, systems = systemsOf(runs), remarks = remarksOf(results);
  const head = ["work", ...systems.map((name) => SYSTEMS[name].title), "goal"];
  const body = ROWS.filter(({ workload }) => runs.some((run) => run.workload === workload)).map((row) => [
    `${row.title}${row.unit === "per second" ? ", /s" : `, ${row.unit}`}`,
    ...systems.map((system) => cell(runs, row, system)),
    row.goals.flatMap((goal) => verdict(runs, row, goal) ?? []).join("; "),
  ]);
  const doubts = doubtsOf(results);
  const lines = [
    ...(doubts.length === 0 ? [] : [`**Provisional, not to be quoted**: ${doubts.join("; ")}.`, ""]),
    ...table([head, ...body]),
    "",
    `Median (min–max) of ${roundsText(results)}; **×** is ours as a multiple of that column within a round.`,
    `\`*\`: too few runs with at most ${FOREIGN_PERCENT_MAX} % of a core used by others; the figure is provisional.`,
    "",
    `- Machine: ${machine.model}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.system}`,
    `- Versions: ${Object.entries(results.versions).map(([name, version]) => `${name} ${version}`).join(", ")}`,
    `- Command: \`${results.command}\`, ${results.at}${results.scale === 1 ? "" : `, counts × ${results.scale}`}`,
    `- Others used ${foreign(runs)} % of a core (median; worst ${worst(runs)} %); speed of one core ${speeds(runs)}`,
    ...missing.map((text) => `- Not measured: ${text}`),
    ...remarks,
  ];
  return `${lines.join("\n")}\n`;
}

/** One figure of a system, and how many times it ours is. */
export function cell(runs: readonly Run[], row: Row, system: SystemName): string {
  const series: Series = { workload: row.workload, metric: row.metric, system };
  const summary = summarise(runs, series);
  if (summary === undefined) return runs.some((run) => isOf(run, series) && run.error !== undefined) ? "failed" : "";
  const write = (value: number) => format(value, row.unit);
  const text = `${write(summary.median)}${summary.clean ? "" : "*"} (${write(summary.min)}–${write(summary.max)})`;
  const times = system === "macula" ? undefined : ratio(runs, { ...series, system: "macula" }, series);
  return times === undefined ? text : `${text} **×${trimmed(times)}**`;
}

/** Whether a goal is reached; undefined where it cannot be said. */
export function verdict(runs: readonly Run[], row: Row, goal: Goal): string | undefined {
  const ours: Series = { workload: row.workload, metric: row.metric, system: "macula" };
  if (goal.kind === "limit") {
    const value = summarise(runs, ours)?.median;
    return value === undefined ? undefined : `≤ ${goal.value} ${row.unit} ${value <= goal.value ? "✓" : "✗"}`;
  }
  const other = goal.kind === "atMost" && goal.workload !== undefined ? goal.workload : row.workload;
  const times = ratio(runs, ours, { workload: other, metric: row.metric, system: goal.system });
  if (times === undefined) return undefined;
  const reached = goal.kind === "atLeast" ? times >= goal.times : times <= goal.times;
  const against = other === row.workload ? SYSTEMS[goal.system].title : "few";
  const shown = other === row.workload ? "" : ` (×${trimmed(times)})`;
  return `${goal.kind === "atLeast" ? "≥" : "≤"} ${goal.times} × ${against} ${reached ? "✓" : "✗"}${shown}`;
}

/** Why the figures are not to be quoted; empty for an honest run. */
export function doubtsOf({ rounds, endedEarly, scale, runs }: Results): string[] {
  const cells = systemsOf(runs).flatMap((system) =>
    ROWS.map(({ workload, metric }) => summarise(runs, { workload, metric, system })).filter((one) => one !== undefined)
  );
  const disturbed = cells.filter(({ clean }) => !clean).length;
  return [
    ...(endedEarly ? ["ended early"] : []),
    ...(rounds < ROUNDS_MIN ? [`${rounds} of ${ROUNDS_MIN} rounds that are due`] : []),
    ...(scale < 1 ? [`counts × ${scale}`] : []),
    ...(disturbed > 0 ? [`others used the machine during ${disturbed} of ${cells.length} figures (marked \`*\`)`] : []),
  ];
}

function roundsText({ rounds, endedEarly }: Results): string {
  const whole = `${rounds} interleaved ${rounds === 1 ? "round" : "rounds"}`;
  return endedEarly ? `${whole} and a part of one` : whole;
}

function systemsOf(runs: readonly Run[]): SystemName[] {
  return (Object.keys(SYSTEMS) as SystemName[]).filter((name) => runs.some(({ system }) => system === name));
}

/** What must be known beside the figures: failures, losses, changes of order. */
function remarksOf({ runs }: Results): string[] {
  const remarks: string[] = [], seen = new Set<string>();
  for (const run of runs) {
    const key = `${run.workload}, ${SYSTEMS[run.system].title}`;
    if (seen.has(key)) continue;
    seen.add(key);
    const same = runs.filter((other) => isOf(other, run)), failed = same.filter(({ error }) => error !== undefined);
    const lost = same.reduce((sum, { lost = 0 }) => sum + lost, 0);
    const displaced = same.reduce((sum, { displaced = 0 }) => sum + displaced, 0);
    if (lost > 0) remarks.push(`- ${key}: ${lost} events lost in ${same.length} runs`);
    if (displaced > 0) remarks.push(`- ${key}: ${displaced} events out of order in ${same.length} runs`);
    if (failed.length > 0) {
      remarks.push(`- ${key}: ${failed.length} of ${same.length} runs failed: ${failed[0]!.error!.split("\n")[0]}`);
    }
  }
  return remarks;
}

function isOf(run: Run, { workload, system }: Omit<Series, "metric">): boolean {
  return run.workload === workload && run.system === system;
}

function full(runs: readonly Run[]) {
  return systemsOf(runs).flatMap((system) =>
    [...new Set(runs.map(({ workload }) => workload))].flatMap((workload) => counted(runs, { workload, system }))
  );
}

function foreign(runs: readonly Run[]): string {
  return trimmed(median(full(runs).map(({ foreignPercent }) => foreignPercent)));
}

function worst(runs: readonly Run[]): string {
  return trimmed(Math.max(...full(runs).map(({ foreignPercent }) => foreignPercent)));
}

function speeds(runs: readonly Run[]): string {
  const speeds = runs.map(({ speed }) => speed);
  return `${median(speeds).toFixed(0)} (${Math.min(...speeds)}–${Math.max(...speeds)}) passes/s`;
}

function format(value: number, unit: Unit): string {
  if (unit === "per second" && value >= 1e6) return `${(value / 1e6).toFixed(2)} M`;
  if (unit === "per second" && value >= 1e4) return `${Math.round(value / 1e3)} k`;
  if (unit === "per second" && value >= 1e3) return `${(value / 1e3).toFixed(1)} k`;
  return trimmed(value);
}

/** Three digits are what such figures are good for. */
function trimmed(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (value >= 100) return String(Math.round(value));
  return value.toFixed(value >= 10 ? 1 : 2).replace(/\.?0+$/, "");
}

/** Markdown, its columns aligned. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) => `| ${row.map((text, column) => text.padEnd(widths[column]!)).join(" | ")} |`;
  const [head, ...body] = rows;
  return [line(head!), `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...body.map(line)];
}
