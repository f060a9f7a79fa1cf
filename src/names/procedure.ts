/** Procedures: what can be called. @module */

import { ValidationError } from "../base/errors.ts";
import { nameFault } from "./topic.ts";

declare const procedureBrand: unique symbol;

/** A procedure's name that keeps the rule of topics: 255 bytes, 32 segments `[A-Za-z0-9_-]+` joined by dots. */
export type Procedure = string & { readonly [procedureBrand]: true };

/** The procedure that `text` names; throws `ValidationError` when it breaks the rule. */
export function parseProcedure(text: string): Procedure {
  const fault = nameFault(text);
  if (fault !== undefined) throw new ValidationError(`Cannot use as a procedure: ${fault}`);
  return text as Procedure;
}

/** Whether `text` is a procedure's name. */
export function isProcedure(text: string): text is Procedure {
  return nameFault(text) === undefined;
}

/** What every node that was admitted may call: without it nobody could be found or reached. */
const FOR_EVERYBODY: ReadonlySet<string> = new Set(["_mesh.ping", "_mesh.providers", "_mesh.subscribers"]);

/** Whether a call needs no right: the mesh's own procedures that tell who is there, and nothing of a gateway's inside. */
export function isForEverybody(procedure: string): boolean {
  return FOR_EVERYBODY.has(procedure);
}
