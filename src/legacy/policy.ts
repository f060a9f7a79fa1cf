/** What peers of the original may do at a gateway. @module */

import { ValidationError } from "../base/errors.ts";
import { type Action, ACTIONS, type Rights } from "../identity/mod.ts";
import { contains, matches, parsePattern, type Pattern, type Topic } from "../names/mod.ts";

/** Serving peers of the original: all that they may do unless `allow` says less. */
export interface LegacyOptions {
  /** Entries as `publish:sensor.**`; the actions are publish, subscribe, call and advertise. What is not said is not allowed. */
  readonly allow?: readonly string[] | undefined;
}

/** Most entries: each message may be held against all of them. */
export const ALLOW_MAX = 256;

const EVERYTHING: readonly string[] = ACTIONS.map((action) => `${action}:**`);

/** The rights that a list of entries gives; throws `ValidationError`. */
export function parseAllow(allow: readonly string[] = EVERYTHING): Rights {
  const rights = { publish: [], subscribe: [], call: [], advertise: [] } as Record<Action, Pattern[]>;
  if (allow.length > ALLOW_MAX) {
    throw new ValidationError(`Cannot allow legacy peers: at most ${ALLOW_MAX} entries, got ${allow.length}`);
  }
  for (const entry of allow) {
    const colon = entry.indexOf(":"), action = ACTIONS.find((one) => one === entry.slice(0, colon));
    if (colon < 0 || action === undefined) {
      throw new ValidationError(
        `Cannot allow legacy peers: an entry is ${ACTIONS.join(", ")}, a colon and a pattern, got ${
          JSON.stringify(entry.slice(0, 80))
        }`,
      );
    }
    rights[action].push(parsePattern(entry.slice(colon + 1)));
  }
  return rights;
}

/** Whether `rights` allow an action on a name as the original takes it: any text is a topic, a pattern or a procedure there. */
export function may(rights: Rights, action: Action, name: string): boolean {
  return rights[action].some((allowed) =>
    action === "subscribe" ? contains(allowed, name as Pattern) : matches(allowed, name as Topic)
  );
}
