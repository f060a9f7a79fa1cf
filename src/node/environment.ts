/** The environment variables, in one table; the original's names where the meaning is the same. @module */

import { ValidationError } from "../base/errors.ts";
import { parseRealm, type Realm } from "../names/mod.ts";

/** Variables by name, as they are set. */
export type Values = Readonly<Record<string, string | undefined>>;

/** One variable. */
export interface Variable {
  readonly meaning: string;
  /** What holds when it is not set. */
  readonly standard?: string;
  /** Other names that are accepted. */
  readonly aliases?: readonly string[];
}

/** All variables, by name. */
export const ENVIRONMENT = {
  MACULA_REALM: { meaning: "the realm's name", standard: "org.example.mesh" },
  MACULA_MODE: { meaning: "gateway or peer: what `macula` without a command runs", standard: "peer" },
  MACULA_LISTEN: { meaning: "address where a gateway binds; HTTP binds the same host", standard: "127.0.0.1" },
  MACULA_QUIC_PORT: { meaning: "UDP port of a gateway", standard: "9443", aliases: ["MACULA_PORT"] },
  MACULA_HOSTNAME: { meaning: "host that a gateway advertises" },
  MACULA_BOOTSTRAP_PEERS: {
    meaning: "comma list of tickets or URLs to attach to",
    aliases: ["MACULA_BOOTSTRAP_REGISTRY"],
  },
  MACULA_HTTP_PORT: { meaning: "TCP port of a gateway's HTTP; 0 is off", standard: "8080", aliases: ["HEALTH_PORT"] },
  MACULA_ADMISSION: {
    meaning: "who may join a gateway's realm: open, token or credential; open only where it listens on loopback",
  },
  MACULA_REALM_KEY: { meaning: "the realm's public key for a gateway: 64 hexadecimal digits, or a file" },
  MACULA_TOKEN: { meaning: "the realm's secret, where its admission is token" },
  MACULA_CREDENTIAL: { meaning: "what the realm lets this node do" },
  MACULA_CREDENTIAL_FILE: { meaning: "file that holds it, and that may be replaced by a newer one" },
  MACULA_AUDIT_LOG: { meaning: "file for a gateway's audit log (JSON lines), or off", standard: "audit.jsonl" },
  MACULA_TLS_CERTFILE: { meaning: "certificate chain (PEM) for those who know a gateway by its host name" },
  MACULA_TLS_KEYFILE: { meaning: "private key (PEM) of that certificate" },
  MACULA_TLS_CACERTFILE: { meaning: "CAs (PEM) for gateways dialled by host name" },
  MACULA_STATE_DIR: { meaning: "folder of the key and the ticket", standard: "$XDG_STATE_HOME/macula" },
  MACULA_LOG_LEVEL: { meaning: "debug, info, warn, error or off", standard: "info" },
} as const satisfies Record<string, Variable>;

/** A variable's name. */
export type VariableName = keyof typeof ENVIRONMENT;

/** Names of the original that mean something else here, with what to set instead. */
const RENAMED: Readonly<Record<string, string>> = { GATEWAY_REALM: "MACULA_REALM" };

/** Every name that is asked for: the variables, their other names, and those that are refused. */
export const VARIABLES_READ: readonly string[] = [
  ...Object.entries(ENVIRONMENT).flatMap(([name, { aliases = [] }]: [string, Variable]) => [name, ...aliases]),
  ...Object.keys(RENAMED),
];

/** Reads variables. */
export interface Environment {
  /** The value, or undefined; an empty one counts as not set. */
  get(name: VariableName): string | undefined;
  /** The value or its default. */
  text(name: VariableName): string;
  /** The value or its default, as a port. */
  port(name: VariableName): number;
  /** The realm, where it is set. */
  realm(): Realm | undefined;
  /** What it was set by: a flag, another name of the variable, or the variable itself. For errors. */
  named(name: VariableName): string;
}

/** What stands for a variable where a flag was given: the flag, as it is typed. */
export type FlagNames = ReadonlyMap<VariableName, string>;

/** What `parse` makes of a setting; its `ValidationError` then begins with what the setting was made by. */
export function setting<T>(named: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof ValidationError)) throw error;
    throw new ValidationError(`Cannot use ${named}: ${error.message.replace(/^Cannot [^:]*: /, "")}`);
  }
}

/** Reads from `values`; throws `ValidationError` where a name of the original is set that has a new name. */
export function readEnvironment(values: Values, flags: FlagNames = new Map()): Environment {
  for (const [old, name] of Object.entries(RENAMED)) {
    if (values[old]) throw new ValidationError(`Cannot use ${old}: set ${name} instead`);
  }
  const source = (name: VariableName) => {
    const { aliases = [] }: Variable = ENVIRONMENT[name];
    return [name, ...aliases].find((one) => (values[one]?.trim() ?? "") !== "");
  };
  const get = (name: VariableName) => {
    const found = source(name);
    return found === undefined ? undefined : values[found]?.trim(); // Deno makes an error, caught but dear, for no name
  };
  const named = (name: VariableName) => flags.get(name) ?? source(name) ?? name;
  const text = (name: VariableName) => get(name) ?? (ENVIRONMENT[name] as Variable).standard ?? "";
  return {
    get,
    text,
    port(name) {
      const value = text(name);
      if (!/^\d{1,5}$/.test(value) || Number(value) > 65_535) {
        throw new ValidationError(
          `Cannot use ${named(name)}: a port from 0 to 65535 is expected, got ${JSON.stringify(value)}`,
        );
      }
      return Number(value);
    },
    realm() {
      const value = get("MACULA_REALM");
      return value === undefined ? undefined : setting(named("MACULA_REALM"), () => parseRealm(value));
    },
    named,
  };
}
