/** `macula call`: call a procedure. @module */

import { parseProcedure } from "../../names/mod.ts";
import { STRATEGIES } from "../../rpc/selection.ts";
import { jsonArgument } from "../json_argument.ts";
import { print, toJson } from "../output.ts";
import { interruptible } from "../process/signals.ts";
import { answerTimeout, attach, oneShotLogger } from "../session.ts";
import type { Settings } from "../settings.ts";

/** Calls a procedure and prints its result. */
export async function call(settings: Settings): Promise<number> {
  const [procedure = "", text = "null"] = settings.positionals, strategy = settings.choice("strategy", STRATEGIES);
  const timeout = answerTimeout(settings);
  parseProcedure(procedure);
  const args = await jsonArgument(text, `call ${procedure}`);
  return await interruptible(async ({ signal }) => {
    await using mesh = await attach(settings, { logger: oneShotLogger(settings), signal });
    const options = { timeout, signal, ...(strategy === undefined ? {} : { strategy }) };
    await print(toJson(await mesh.call(procedure, args, options)));
    return 0;
  });
}
