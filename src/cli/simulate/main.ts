/**
 * `deno task simulate`: runs a scenario of the simulator and prints its report. The last line is `result` and a hash of
 * all that has happened: the same seed gives the same on every machine. Without `--seed` one is drawn.
 *
 * @module
 */

import process from "node:process";
import { parseArgs } from "node:util";
import { scenarioOf, SCENARIOS } from "../../simulation/scenarios/scenarios.ts";
import type { Scenario } from "../../simulation/scenarios/scenario.ts";
import { SimulationFailure } from "../../simulation/checkers/checker.ts";

const USAGE = `deno task simulate [--scenario name] [--seed n] [--nodes n] [--minutes n] [--cost]

Scenarios:
${SCENARIOS.map(({ name, about }) => `  ${name.padEnd(20)} ${about}`).join("\n")}`;

/** Where the report goes, and what is wrong with the arguments. */
export interface SimulateOutput {
  print(line: string): void;
  complain(line: string): void;
}

/** Runs what the arguments say; returns the exit code: 0 all rules hold, 1 one does not, 2 usage. */
export function simulateCommand(args: readonly string[], { print, complain }: SimulateOutput): number {
  const asked = parsed(args);
  if (typeof asked === "string") {
    complain(asked);
    return 2;
  }
  if (asked.help) {
    print(USAGE);
    return 0;
  }
  try {
    run(asked, print);
    return 0;
  } catch (error) {
    if (!(error instanceof SimulationFailure)) throw error;
    for (const line of error.history) print(`  ${line}`);
    print(error.message);
    return 1;
  }
}

interface Asked {
  readonly help: boolean;
  readonly scenario: Scenario;
  readonly seed: string;
  readonly nodes: number | undefined;
  readonly minutes: number | undefined;
  readonly cost: boolean;
}

function run({ scenario, seed, nodes, minutes, cost }: Asked, print: (line: string) => void): void {
  const started = performance.now();
  print(`seed ${seed}`);
  print(`scenario ${scenario.name}`);
  const result = scenario.run({ seed, nodes, minutes, print });
  if (cost) print(`cost ${costSince(started)}`);
  print(`result ${result}`);
}

function costSince(started: number): string {
  const { user, system } = process.cpuUsage(), mebibytes = process.resourceUsage().maxRSS / 1_024;
  const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
  return `${seconds(performance.now() - started)}, ${seconds((user + system) / 1_000)} of CPU, ${
    mebibytes.toFixed(0)
  } MiB`;
}

/** What is asked for, or in one line why it cannot be. */
function parsed(args: readonly string[]): Asked | string {
  try {
    const { values } = parseArgs({ args: [...args], options: OPTIONS });
    return {
      help: values.help === true,
      scenario: scenarioOf(values.scenario ?? "swarm"),
      seed: values.seed ?? String(crypto.getRandomValues(new Uint32Array(1))[0]),
      nodes: numberOf("nodes", values.nodes, Number.isInteger),
      minutes: numberOf("minutes", values.minutes, Number.isFinite),
      cost: values.cost === true,
    };
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) return error.message.replaceAll("\n", " ");
    throw error;
  }
}

const OPTIONS = {
  seed: { type: "string" },
  nodes: { type: "string" },
  minutes: { type: "string" },
  scenario: { type: "string" },
  cost: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

function numberOf(
  name: "nodes" | "minutes",
  text: string | undefined,
  isRight: (value: number) => boolean,
): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text), kind = name === "nodes" ? "a whole number" : "a number";
  if (isRight(value) && value > 0) return value;
  throw new RangeError(`Cannot simulate: --${name} is ${kind} over 0, got ${JSON.stringify(text)}`);
}

if (import.meta.main) Deno.exit(simulateCommand(Deno.args, { print: console.log, complain: console.error }));
