/** Credentials as they are typed: the token itself, or `@file`. @module */

import { ValidationError } from "../../base/errors.ts";
import { readWhole } from "../../store/mod.ts";

/** The token that an argument is or names. */
export async function credentialArgument(argument: string): Promise<string> {
  return argument.startsWith("@") ? await credentialFile(argument.slice(1)) : argument.trim();
}

/** The token in a file. */
export async function credentialFile(path: string): Promise<string> {
  const text = await readWhole(path);
  if (text !== undefined) return text.trim();
  throw new ValidationError(`Cannot read the credential: there is no file ${path}`);
}
