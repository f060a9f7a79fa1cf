/** The command line, from arguments to an exit code. @module */

import { ValidationError } from "../base/errors.ts";
import { commandHelp, commandOf, helpText } from "./commands.ts";
import { EXIT, exitCodeOf, failureText } from "./failure.ts";
import { parseArguments } from "./options.ts";
import { print, printVersion, say } from "./output.ts";
import { needsRestart, restart, shellWord } from "./process/restart.ts";
import { environmentValues, modeOf, Settings } from "./settings.ts";

/** Runs the program with the arguments of the process, and ends the process. */
export async function main(): Promise<never> {
  const fail = (error: unknown) => {
    tell(error, Deno.args);
    Deno.exit(EXIT.failed);
  };
  // A bug of ours: loud, but in one line.
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    fail(event.reason);
  });
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    fail(event.error);
  });
  Deno.exit(await run(Deno.args));
}

/** Runs a command and resolves with the exit code; what went wrong is on standard error then. */
export async function run(args: readonly string[]): Promise<number> {
  try {
    return await dispatch(args);
  } catch (error) {
    tell(error, args);
    return exitCodeOf(error);
  }
}

async function dispatch(args: readonly string[]): Promise<number> {
  const typed = parseArguments(args), values = environmentValues();
  if (typed.flags.has("help") && typed.positionals.length === 0 && !typed.flags.has("gateway")) {
    await print(helpText());
    return EXIT.done;
  }
  const asksVersion = typed.flags.has("version") && typed.positionals.length === 0;
  const { command, given } = commandOf(typed, () => asksVersion ? "version" : modeOf(values));
  if (typed.flags.has("help")) {
    await print(commandHelp(command));
    return EXIT.done;
  }
  const settings = new Settings(given, values);
  if (typed.flags.has("version")) return await printVersion(settings);
  settings.logLevel("info"); // a wrong one is told before anything happens
  if (typed.flags.has("print-permissions")) {
    const { permissionFlags } = await import("./process/permissions.ts");
    const flags = await permissionFlags(command.name, settings);
    // Patterns stay as they are: who splits the line at its blanks gets what deno takes.
    await print(flags.map((flag) => /[\s'"$`\\]/.test(flag) ? shellWord(flag) : flag).join(" "));
    return EXIT.done;
  }
  if (command.network && needsRestart()) {
    const { permissionFlags, UNSCOPED_FLAGS } = await import("./process/permissions.ts");
    return await restart(args, () => permissionFlags(command.name, settings).catch(() => UNSCOPED_FLAGS));
  }
  const start = await command.load();
  return await start(settings);
}

function tell(error: unknown, args: readonly string[]): void {
  const text = failureText(error, { stack: wantsStacks(args) });
  if (text !== undefined) say(text);
}

function wantsStacks(args: readonly string[]): boolean {
  try {
    const { flags } = parseArguments(args);
    return (flags.get("log-level") ?? environmentValues().MACULA_LOG_LEVEL)?.toLowerCase() === "debug";
  } catch (error) {
    if (error instanceof ValidationError) return false;
    throw error;
  }
}
