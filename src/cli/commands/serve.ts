/** `macula serve`: serve a procedure until told to leave. @module */

import { ValidationError } from "../../base/errors.ts";
import { parseProcedure } from "../../names/mod.ts";
import type { Handler } from "../../mesh/service.ts";
import { say } from "../output.ts";
import { Executor } from "../process/exec.ts";
import { type Leaving, staying } from "../process/signals.ts";
import { attach, stayingLogger } from "../session.ts";
import type { Settings } from "../settings.ts";

/** Commands that run at once, unless the user says otherwise. */
const EXEC_CONCURRENCY = 8;

/** Serves a procedure: with its arguments, or with what a shell command makes of them. */
export async function serve(settings: Settings): Promise<number> {
  return await staying((leaving) => run(settings, leaving));
}

async function run(settings: Settings, leaving: Leaving): Promise<number> {
  const procedure = parseProcedure(settings.positionals[0] ?? ""), command = settings.text("exec");
  if (settings.has("echo") === (command !== undefined)) {
    throw new ValidationError(`Cannot serve ${procedure}: one of --echo and --exec <command> is expected`);
  }
  const logger = stayingLogger(settings);
  const concurrency = settings.integer("concurrency", 1) ?? (command === undefined ? undefined : EXEC_CONCURRENCY);
  const executor = command === undefined ? undefined : new Executor(command, logger);
  const handler: Handler = executor?.handle ?? ((args) => args);
  leaving.lastly(() => executor?.kill());
  const mesh = await attach(settings, { logger, leaving });
  try {
    await mesh.advertise(procedure, handler, concurrency === undefined ? {} : { concurrency });
    say(`ready serving ${procedure} in ${mesh.realm}`);
    await leaving.asked;
    if (leaving.failure === undefined) say("draining: Ctrl-C again leaves at once");
    await mesh.drain();
  } finally {
    await mesh.close();
    await executor?.close();
  }
  return 0;
}
