/**
 * Sensors, a monitor and its operator, each a process of its own on any gateway.
 *
 *     deno run -A --unstable-net examples/sensors/main.ts --role monitor
 *     deno run -A --unstable-net examples/sensors/main.ts --role sensor --room kitchen
 *     deno run -A --unstable-net examples/sensors/main.ts --role operator --set kitchen=25
 *
 * @module
 */

import { parseArgs } from "node:util";
import { connect, type Mesh } from "@macula/mesh";
import { Dashboard } from "./dashboard.ts";
import { Monitor } from "./monitor.ts";
import { parseThreshold, runOperator } from "./operator.ts";
import { runSensor } from "./sensor.ts";
import { parseCelsius, parseRoom } from "./vocabulary.ts";

const USAGE = `\
Sensors that publish temperatures, a monitor that watches them, an operator that asks it.

  --role sensor|monitor|operator
  --ticket <ticket>    the gateway (default: MACULA_BOOTSTRAP_PEERS, else the gateway of this machine)
  --json               one JSON object a line
sensor
  --room <room>        where it hangs (default kitchen)
  --celsius <number>   where the temperature begins (default 21)
  --interval <ms>      time between two readings (default 1000)
  --count <n>          readings, then it ends (default: never)
operator
  --set <room>=<celsius>   sets a threshold; may be given several times
  --alarms <n>         waits for so many alarms (default 0)`;

const OPTIONS = {
  role: { type: "string" },
  ticket: { type: "string" },
  json: { type: "boolean", default: false },
  room: { type: "string", default: "kitchen" },
  celsius: { type: "string", default: "21" },
  interval: { type: "string", default: "1000" },
  count: { type: "string", default: "Infinity" },
  set: { type: "string", multiple: true, default: [] as string[] },
  alarms: { type: "string", default: "0" },
  help: { type: "boolean", default: false },
} as const;

if (import.meta.main) Deno.exit(await main(Deno.args));

/** Runs the program; returns its exit code. */
async function main(args: string[]): Promise<number> {
  let settings: ReturnType<typeof readSettings>;
  try {
    settings = readSettings(args);
  } catch (error) {
    console.error((error as Error).message);
    return 2;
  }
  if (settings.help) {
    console.log(USAGE);
    return 0;
  }
  const interrupted = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, () => interrupted.abort());
  try {
    await using mesh = await connect(settings.ticket, { signal: interrupted.signal });
    await run(mesh, settings, interrupted.signal);
    return 0;
  } catch (error) {
    if (interrupted.signal.aborted) return 0;
    console.error((error as Error).message);
    return 1;
  }
}

async function run(mesh: Mesh, settings: ReturnType<typeof readSettings>, signal: AbortSignal): Promise<void> {
  const tell = (type: string, data: object) => {
    console.log(settings.json ? JSON.stringify({ type, ...data }) : `${type} ${JSON.stringify(data)}`);
  };
  if (settings.role === "operator") return await runOperator(mesh, { ...settings, signal, tell });
  if (settings.role === "sensor") {
    const onReading = (reading: object) => tell("measured", reading), sensor = mesh.id.slice(0, 8);
    const readings = await runSensor(mesh, { ...settings, sensor, signal, onReading });
    return tell("done", { sensor, readings });
  }
  const dashboard = new Dashboard(settings.json);
  await using monitor = await Monitor.open(mesh, {
    onReading: (report) => dashboard.reading(report, () => monitor.latest()),
    onAlarm: (report) => dashboard.alarm(report),
  });
  signal.addEventListener("abort", () => void monitor[Symbol.asyncDispose](), { once: true });
  tell("ready", { node: mesh.id, realm: mesh.realm });
  await monitor.run();
}

/** The settings that the arguments mean; throws with the rule that one breaks. */
function readSettings(args: string[]) {
  const { values } = parseArgs({ args, options: OPTIONS, strict: true, allowPositionals: false });
  const { role, help, json, ticket } = values;
  if (!help && role !== "sensor" && role !== "monitor" && role !== "operator") {
    throw new Error(`Cannot use --role: sensor, monitor or operator is expected, got ${role ?? "nothing"}`);
  }
  return {
    role,
    help,
    json,
    ticket,
    room: parseRoom(values.room),
    celsius: parseCelsius(Number(values.celsius)),
    intervalMs: count(values.interval, "--interval", 1),
    count: values.count === "Infinity" ? Infinity : count(values.count, "--count", 1),
    thresholds: values.set.map(parseThreshold),
    alarms: count(values.alarms, "--alarms", 0),
  };
}

function count(text: string, flag: string, least: number): number {
  const value = Number(text);
  if (text !== "" && Number.isSafeInteger(value) && value >= least) return value;
  throw new Error(`Cannot use ${flag}: an integer of at least ${least} is expected, got ${JSON.stringify(text)}`);
}
