/** `macula ticket`: the ticket of this machine's gateway, or what one says. @module */

import { toBase64 } from "../../base/bytes.ts";
import { MeshError, ValidationError } from "../../base/errors.ts";
import { nodeIdOf } from "../../identity/mod.ts";
import { formatEndpoint, parseTicket } from "../../names/mod.ts";
import { openStateFolder } from "../../store/mod.ts";
import { print, toJson } from "../output.ts";
import type { Settings } from "../settings.ts";
import { fileTicket } from "../target.ts";

/** Prints the ticket in the state folder, or the parts of a given one. */
export async function ticket(settings: Settings): Promise<number> {
  const [action, text] = settings.positionals;
  if (action === undefined) {
    const local = await ownTicket(settings);
    await print(settings.has("json") ? toJson({ ticket: local }) : local);
    return 0;
  }
  if (action !== "inspect") {
    throw new ValidationError(`Cannot run macula ticket ${action}: inspect <ticket> is expected`);
  }
  const inspected = text?.startsWith("@") ? await fileTicket(text.slice(1)) : text ?? await ownTicket(settings);
  const { realm, publicKey, addresses } = parseTicket(inspected);
  await print(toJson({
    realm,
    id: nodeIdOf(publicKey),
    publicKey: toBase64(publicKey),
    addresses: addresses.map((address) => formatEndpoint(address)),
  }));
  return 0;
}

async function ownTicket(settings: Settings): Promise<string> {
  const folder = await openStateFolder(settings.stateDir, { lock: false }), text = await folder.readTicket();
  if (text !== undefined) return text;
  throw new MeshError(
    "no_ticket",
    `Cannot show a ticket: no gateway has left one in ${folder.path}; start one with macula gateway`,
  );
}
