/** What a command runs with: its arguments, its flags, and the environment, over which flags win. @module */

import { ValidationError } from "../base/errors.ts";
import { isHostname } from "../names/mod.ts";
import { type Environment, readEnvironment, type VariableName, VARIABLES_READ } from "../node/environment.ts";
import { defaultStateDir } from "../store/mod.ts";
import { type Arguments, type Option, type OptionName, OPTIONS } from "./options.ts";

/** How much is logged, least first. */
export const LOG_LEVELS = ["off", "error", "warn", "info", "debug"] as const;
/** One of them. */
export type LogLevel = typeof LOG_LEVELS[number];

/** A host and a port; port 0 is any free one. */
export interface ListenAddress {
  readonly hostname: string;
  readonly port: number;
}

/** The settings of one command. */
export class Settings {
  /** Its arguments. */
  readonly positionals: readonly string[];
  /** The environment, as the flags leave it. */
  readonly environment: Environment;
  readonly #flags: ReadonlyMap<OptionName, string>;

  /** `positionals` without the command; `values` is the environment. Throws `ValidationError` on what cannot be right. */
  constructor(
    { positionals, flags }: Arguments,
    values: Readonly<Record<string, string | undefined>> = environmentValues(),
  ) {
    this.positionals = positionals;
    this.#flags = flags;
    const merged: Record<string, string | undefined> = { ...values }, names = new Map<VariableName, string>();
    for (const [name, value] of flags) {
      const { variable }: Option = OPTIONS[name];
      if (variable === undefined || name === "listen") continue;
      merged[variable] = value;
      names.set(variable, `--${name}`);
    }
    this.environment = readEnvironment(merged, names);
  }

  /** Whether a flag was given. */
  has(name: OptionName): boolean {
    return this.#flags.has(name);
  }

  /** A flag's value. */
  text(name: OptionName): string | undefined {
    return this.#flags.get(name);
  }

  /** A flag's value as a whole number. */
  integer(name: OptionName, least: number, most: number = Number.MAX_SAFE_INTEGER): number | undefined {
    const text = this.#flags.get(name);
    if (text === undefined) return undefined;
    const value = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
    if (value >= least && value <= most) return value;
    const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
    throw new ValidationError(`Cannot use --${name}: a whole number ${range} is expected, got ${JSON.stringify(text)}`);
  }

  /** A flag's value, one of a list. */
  choice<Choice extends string>(name: OptionName, choices: readonly Choice[]): Choice | undefined {
    const text = this.#flags.get(name);
    if (text === undefined) return undefined;
    return chosen(`--${name}`, text, choices);
  }

  /** A variable's value, or that of the flag which wins over it, one of a list. */
  choiceOf<Choice extends string>(name: VariableName, choices: readonly Choice[]): Choice | undefined {
    const text = this.environment.get(name)?.toLowerCase();
    return text === undefined ? undefined : chosen(this.environment.named(name), text, choices);
  }

  /** The realm that was asked for, which a ticket must be of: by a flag, or by the environment where no flag names a hub. */
  get realm(): string | undefined {
    const isAsked = this.has("realm") || !this.has("ticket") && !this.has("url");
    return isAsked ? this.environment.realm() : undefined;
  }

  /** Where state is kept. */
  get stateDir(): string {
    const named = this.environment.get("MACULA_STATE_DIR");
    return named ?? defaultStateDir(permittedVariable);
  }

  /** Where a peer keeps its key: not where a gateway of the same machine does. */
  get peerDir(): string {
    return `${this.stateDir.replace(/\/+$/, "")}/peer`;
  }

  /** How much is logged; `standard` holds where nobody said. */
  logLevel(standard: LogLevel): LogLevel {
    const text = this.environment.get("MACULA_LOG_LEVEL");
    if (text === undefined) return standard;
    return chosen(this.environment.named("MACULA_LOG_LEVEL"), text.toLowerCase(), LOG_LEVELS);
  }

  /** Where a gateway listens. */
  get listen(): ListenAddress {
    const { environment } = this, flag = this.#flags.get("listen");
    const asked: Partial<ListenAddress> = flag === undefined ? {} : parseListen(flag);
    const hostname = asked.hostname ?? environment.text("MACULA_LISTEN").replace(/^\[(.*)\]$/, "$1");
    if (!isHostname(hostname)) {
      throw new ValidationError(
        `Cannot use MACULA_LISTEN: a host name or an IP address is expected, got ${JSON.stringify(hostname)}`,
      );
    }
    return { hostname, port: asked.port ?? environment.port("MACULA_QUIC_PORT") };
  }

  /** Where a gateway serves HTTP; 0 is off. */
  get httpPort(): number {
    return this.integer("http-port", 0, 65_535) ?? this.environment.port("MACULA_HTTP_PORT");
  }
}

/** What `macula` without a command runs: `gateway` or `peer`. */
export function modeOf(values: Readonly<Record<string, string | undefined>>): string {
  return chosen("MACULA_MODE", readEnvironment(values).text("MACULA_MODE").toLowerCase(), ["gateway", "peer"]);
}

/** The variables that this program reads. One that may not be read is not set: asking would stop at a prompt. */
export function environmentValues(): Readonly<Record<string, string | undefined>> {
  const permitted = VARIABLES_READ.filter(isPermitted);
  return Object.fromEntries(permitted.map((name) => [name, Deno.env.get(name)]));
}

/** Reads a variable; throws `Deno.errors.NotCapable` where it may not. */
export function permittedVariable(name: string): string | undefined {
  if (!isPermitted(name)) throw new Deno.errors.NotCapable(`may not read ${name}`);
  return Deno.env.get(name);
}

/** Reads `host:port`, `:port` or `host`, IPv6 in brackets; port 0 is any free one. */
export function parseListen(text: string): Partial<ListenAddress> {
  const [, ipv6, name, digits] = /^(?:\[([^\]]*:[^\]]*)\]|([^:[\]]*))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const hostname = ipv6 ?? name, port = digits === undefined ? undefined : Number(digits);
  const wrong = hostname === undefined || (hostname !== "" && !isHostname(hostname)) || (port ?? 0) > 65_535;
  if (wrong || (hostname === "" && port === undefined)) {
    throw new ValidationError(
      `Cannot use --listen: host:port is expected, IPv6 in brackets, got ${JSON.stringify(text.slice(0, 100))}`,
    );
  }
  return { ...(hostname === "" ? {} : { hostname }), ...(port === undefined ? {} : { port }) };
}

function isPermitted(variable: string): boolean {
  return Deno.permissions.querySync({ name: "env", variable }).state === "granted";
}

function chosen<Choice extends string>(what: string, text: string, choices: readonly Choice[]): Choice {
  const found = choices.find((choice) => choice === text);
  if (found !== undefined) return found;
  throw new ValidationError(
    `Cannot use ${what}: one of ${choices.join(", ")} is expected, got ${JSON.stringify(text.slice(0, 100))}`,
  );
}
