/** Realms: the tenants of the mesh. @module */

import { ValidationError } from "../base/errors.ts";
import { nameFault } from "./topic.ts";

declare const realmBrand: unique symbol;

/** A realm: a reverse-DNS name such as `org.example.home`. Compared byte by byte, so case matters. */
export type Realm = string & { readonly [realmBrand]: true };

/** The realm that `text` names; throws `ValidationError` when it is not a reverse-DNS name. */
export function parseRealm(text: string): Realm {
  const fault = nameFault(text);
  if (fault !== undefined) throw new ValidationError(`Cannot use as a realm: ${fault}`);
  return text as Realm;
}

/** Whether `text` is a realm. */
export function isRealm(text: string): text is Realm {
  return nameFault(text) === undefined;
}
