/** `macula realm`: the realm in force. @module */

import { ValidationError } from "../../base/errors.ts";
import { looksLikeTicket, parseRealm, parseTicket } from "../../names/mod.ts";
import { openStateFolder } from "../../store/mod.ts";
import { print, toJson } from "../output.ts";
import type { Settings } from "../settings.ts";
import { namedTargets, readTicket } from "../target.ts";

/** Prints the realm that a command which attaches would use. */
export async function realm(settings: Settings): Promise<number> {
  const [action = "show"] = settings.positionals;
  if (action !== "show") {
    throw new ValidationError(`Cannot run macula realm ${action}: show is expected, got ${JSON.stringify(action)}`);
  }
  const name = settings.realm ?? await ticketRealm(settings) ?? parseRealm(settings.environment.text("MACULA_REALM"));
  await print(settings.has("json") ? toJson({ realm: name }) : name);
  return 0;
}

async function ticketRealm(settings: Settings): Promise<string | undefined> {
  const names = await namedTargets(settings), ticket = names.find((name) => looksLikeTicket(name));
  if (ticket !== undefined) return parseTicket(ticket).realm;
  if (names.length > 0) return undefined;
  const local = await readTicket(await openStateFolder(settings.stateDir, { lock: false }));
  return local === undefined ? undefined : parseTicket(local).realm;
}
