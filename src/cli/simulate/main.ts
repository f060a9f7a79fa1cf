/**
 * `deno task simulate`: runs a scenario of the simulator and prints its report. The last line is `result` and a hash of
 * all that has happened: the same seed gives the same on every machine. Without `--seed` one is drawn.
 *
 * @module
 */

import process from "node:process";
import { parseArgs } from "node:util";
import { scenarioOf, SCENARIOS } from "../../simulation/scenarios/scenarios.ts";
import { SimulationFailure } from "../../simulation/checkers/checker.ts";

const USAGE = `deno task simulate [--scenario name] [--seed n] [--nodes n] [--minutes n] [--cost]

Scenarios:
${SCENARIOS.map(({ name, about }) => `  ${name.padEnd(20)} ${about}`).join("\n")}`;

/** Runs what the arguments say; returns the exit code: 0 all rules hold, 1 one does not, 2 usage. */
export function simulateCommand(args: readonly string[], print: (line: string) => void): number {
  try {
    const { values } = parseArgs({ args: [...args], options: OPTIONS });
    if (values.help === true) {
      print(USAGE);
      return 0;
    }
    const scenario = scenarioOf(values.scenario ?? "swarm");
    const seed = values.seed ?? String(crypto.getRandomValues(new Uint32Array(1))[0]);
    const nodes = numberOf("nodes", values.nodes), minutes = numberOf("minutes", values.minutes);
    const started = performance.now();
    print(`seed ${seed}`);
    print(`scenario ${scenario.name}`);
    const result = scenario.run({ seed, nodes, minutes, print }), { user, system } = process.cpuUsage();
    const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`, mebibytes = process.resourceUsage().maxRSS / 1_024;
    if (values.cost === true) {
      print(
        `cost ${seconds(performance.now() - started)}, ${seconds((user + system) / 1_000)} of CPU, ${
          mebibytes.toFixed(0)
        } MiB`,
      );
    }
    print(`result ${result}`);
    return 0;
  } catch (error) {
    if (error instanceof SimulationFailure) {
      for (const line of error.history) print(`  ${line}`);
      print(error.message);
      return 1;
    }
    if (error instanceof TypeError || error instanceof RangeError) {
      print(error.message);
      return 2;
    }
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

function numberOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new RangeError(`Cannot simulate: --${name} is a number over 0, got ${JSON.stringify(text)}`);
}

if (import.meta.main) Deno.exit(simulateCommand(Deno.args, (line) => console.log(line)));
