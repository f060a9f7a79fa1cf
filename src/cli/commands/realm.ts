/** `macula realm`: the realm in force, its key, and what it lets nodes do. @module */

import { ValidationError } from "../../base/errors.ts";
import type { OptionName } from "../options.ts";
import type { Settings } from "../settings.ts";

/** One of its actions. */
interface Action {
  readonly usage: string;
  /** How many arguments it takes after its name. */
  readonly arguments: 0 | 1;
  readonly flags: readonly OptionName[];
  readonly load: () => Promise<(settings: Settings) => Promise<number>>;
}

const SHOW_FLAGS: readonly OptionName[] = ["realm", "ticket", "url"];
const ACTIONS: Readonly<Record<string, Action>> = {
  "show": {
    usage: "show",
    arguments: 0,
    flags: SHOW_FLAGS,
    load: async () => (await import("./realm/show.ts")).show,
  },
  "init": { usage: "init <name>", arguments: 1, flags: [], load: async () => (await import("./realm/init.ts")).init },
  "issue": {
    usage: "issue --node <id>",
    arguments: 0,
    flags: ["node", "role", "publish", "subscribe", "call", "advertise", "ttl"],
    load: async () => (await import("./realm/issue.ts")).issue,
  },
  "inspect": {
    usage: "inspect <credential>",
    arguments: 1,
    flags: ["realm-key"],
    load: async () => (await import("./realm/inspect.ts")).inspect,
  },
  "revoke": {
    usage: "revoke <credential or its id>",
    arguments: 1,
    flags: [],
    load: async () => (await import("./realm/revoke.ts")).revokeCredential,
  },
  "export-public": {
    usage: "export-public",
    arguments: 0,
    flags: [],
    load: async () => (await import("./realm/show.ts")).exportPublic,
  },
  "token": { usage: "token", arguments: 0, flags: [], load: async () => (await import("./realm/token.ts")).token },
};
/** Those that any of them takes; the rest every command takes. */
const OWN_FLAGS: ReadonlySet<OptionName> = new Set(Object.values(ACTIONS).flatMap(({ flags }) => flags));

/** Runs one of the actions; without a word it shows the realm. */
export async function realm(settings: Settings): Promise<number> {
  const [name = "show", ...rest] = settings.positionals;
  const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
  if (action === undefined) {
    const names = Object.keys(ACTIONS).join(", ");
    throw new ValidationError(`Cannot run macula realm ${name}: one of ${names} is expected`);
  }
  if (rest.length !== action.arguments) {
    const got = rest.length === 0 ? "no argument" : `${rest.length} argument${rest.length === 1 ? "" : "s"}`;
    throw new ValidationError(
      `Cannot run macula realm ${name}: it is used as "macula realm ${action.usage}", got ${got}`,
    );
  }
  for (const flag of OWN_FLAGS) {
    if (!settings.has(flag) || action.flags.includes(flag)) continue;
    throw new ValidationError(`Cannot use --${flag} with realm ${name}: it is not for this`);
  }
  return await (await action.load())(settings);
}
