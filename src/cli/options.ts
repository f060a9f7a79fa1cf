/** The flags of the command line, in one table, and the parser that reads it. @module */

import { parseArgs } from "node:util";
import { ValidationError } from "../base/errors.ts";
import type { VariableName } from "../node/environment.ts";

/** One flag. */
export interface Option {
  readonly meaning: string;
  /** What stands for its value in help texts; without it the flag takes none. */
  readonly value?: string;
  /** One letter that means the same. */
  readonly short?: string;
  /** The commands that take it; without it all do. */
  readonly commands?: readonly string[];
  /** The variable that it wins over. */
  readonly variable?: VariableName;
  /** Whether it may be given several times; the values are joined with commas. */
  readonly many?: true;
}

/** Commands that attach to a hub. */
const CLIENTS: readonly string[] = ["peer", "join", "pub", "sub", "call", "serve", "ping", "bench", "stats"];
/** Commands that have an identity. */
const NODES: readonly string[] = ["gateway", ...CLIENTS, "key"];

/** All flags, by name. */
export const OPTIONS = {
  "gateway": { meaning: "run a gateway: the same as the command gateway", commands: ["gateway", "peer"] },
  "realm": {
    meaning: "the realm's name; default that of the ticket",
    value: "name",
    variable: "MACULA_REALM",
    commands: ["gateway", ...CLIENTS, "realm"],
  },
  "ticket": {
    meaning: "the hub to attach to, by its ticket; @file reads it from a file",
    value: "ticket",
    variable: "MACULA_BOOTSTRAP_PEERS",
    commands: [...CLIENTS, "realm"],
    many: true,
  },
  "url": {
    meaning: "the hub to attach to: https://host:port, or its HTTP address http://host:port",
    value: "url",
    variable: "MACULA_BOOTSTRAP_PEERS",
    commands: [...CLIENTS, "realm"],
    many: true,
  },
  "bootstrap": {
    meaning: "a gateway of the realm to join: its ticket, @file or URL",
    value: "ticket or URL",
    variable: "MACULA_BOOTSTRAP_PEERS",
    commands: ["gateway"],
    many: true,
  },
  "dial-only": {
    meaning: "dial nothing but these addresses",
    value: "host:port,…",
    commands: ["gateway", ...CLIENTS],
    many: true,
  },
  "listen": {
    meaning: "gateway: where it listens (UDP; HTTP binds the same host); peer: the address it dials from",
    value: "host:port",
    variable: "MACULA_LISTEN",
    commands: ["gateway", "peer", "join"],
  },
  "http-port": {
    meaning: "TCP port of health checks and ticket; 0 is off",
    value: "port",
    variable: "MACULA_HTTP_PORT",
    commands: ["gateway"],
  },
  "hostname": {
    meaning: "the host that the ticket names",
    value: "host",
    variable: "MACULA_HOSTNAME",
    commands: ["gateway"],
  },
  "state-dir": { meaning: "the state folder", value: "folder", variable: "MACULA_STATE_DIR" },
  "key": { meaning: "be the node of this key file", value: "file", commands: NODES },
  "admission": {
    meaning: "who may join: open, token or credential",
    value: "mode",
    variable: "MACULA_ADMISSION",
    commands: ["gateway"],
  },
  "realm-key": {
    meaning: "the realm's public key that credentials are checked with: 64 hexadecimal digits, or a file",
    value: "key",
    variable: "MACULA_REALM_KEY",
    commands: ["gateway", "realm"],
  },
  "audit-log": {
    meaning:
      "where it is written who joined or was refused what; off for nowhere; default audit.jsonl in the state folder",
    value: "file",
    variable: "MACULA_AUDIT_LOG",
    commands: ["gateway"],
  },
  "legacy": {
    meaning:
      "the gateway is one of Macula 0.20: it is named by --url, and proves nothing; --realm must be given, and right",
    commands: ["peer", "join", "pub", "sub", "call", "serve"],
  },
  "allow-legacy": {
    meaning: "serve peers of Macula 0.20 too: they prove nothing, and may do what --legacy-allow says, else everything",
    commands: ["gateway"],
  },
  "legacy-allow": {
    meaning: "what peers of Macula 0.20 may do: publish, subscribe, call or advertise, a colon, a pattern",
    value: "action:pattern,…",
    commands: ["gateway"],
    many: true,
  },
  "token": {
    meaning: "the realm's secret, where its admission is token; a variable shows it to fewer eyes",
    value: "token",
    variable: "MACULA_TOKEN",
    commands: ["gateway", ...CLIENTS],
  },
  "credential": {
    meaning: "what the realm lets this node do, as macula realm issue prints it",
    value: "credential",
    variable: "MACULA_CREDENTIAL",
    commands: ["gateway", ...CLIENTS],
  },
  "credential-file": {
    meaning: "the same from a file, which may be replaced by a newer one at any time",
    value: "file",
    variable: "MACULA_CREDENTIAL_FILE",
    commands: ["gateway", ...CLIENTS],
  },
  "node": { meaning: "realm issue: the node that it is for", value: "id", commands: ["realm"] },
  "role": { meaning: "realm issue: edge (default) or hub", value: "role", commands: ["realm"] },
  "publish": { meaning: "realm issue: topics it may publish to", value: "pattern,…", commands: ["realm"], many: true },
  "subscribe": {
    meaning: "realm issue: what it may subscribe to",
    value: "pattern,…",
    commands: ["realm"],
    many: true,
  },
  "call": { meaning: "realm issue: procedures it may call", value: "pattern,…", commands: ["realm"], many: true },
  "advertise": { meaning: "realm issue: procedures it may serve", value: "pattern,…", commands: ["realm"], many: true },
  "ttl": { meaning: "realm issue: how long it holds, as 12h; default 30d", value: "time", commands: ["realm"] },
  "host": {
    meaning: "cert check: the name that diallers know; default MACULA_HOSTNAME",
    value: "host",
    commands: ["cert"],
  },
  "browser": { meaning: "cert check: browsers must accept it by its hash", commands: ["cert"] },
  "timeout": {
    meaning: "longest wait for the connection (default 10000), and for an answer (default 5000)",
    value: "ms",
    commands: ["pub", "sub", "call", "serve", "ping", "bench", "stats"],
  },
  "count": { meaning: "end after so many", value: "n", short: "n", commands: ["sub", "ping"] },
  "qos": { meaning: "0, 1 or 2; default 0", value: "level", commands: ["pub"] },
  "retain": { meaning: "the gateway keeps it for who subscribes later; without <json>: deletes it", commands: ["pub"] },
  "strategy": {
    meaning: "which of several providers: local_first, round_robin, random, first or closest",
    value: "name",
    commands: ["call"],
  },
  "echo": { meaning: "answer with the arguments", commands: ["serve"] },
  "exec": { meaning: "answer with what this shell command prints", value: "command", commands: ["serve"] },
  "concurrency": {
    meaning: "calls that run at once; default 8 with --exec, else 1000",
    value: "n",
    commands: ["serve"],
  },
  "duration": {
    meaning: "how long each workload runs, 100ms to 60m; default 5s",
    value: "time",
    commands: ["bench"],
  },
  "rate": { meaning: "events per second of latency; default 1000", value: "n", commands: ["bench"] },
  "size": { meaning: "bytes of each body, 16 to 1000000; default 128", value: "bytes", commands: ["bench"] },
  "subscribers": { meaning: "connections that fan_out delivers to; default 10", value: "n", commands: ["bench"] },
  "in-flight": { meaning: "calls that wait at once in calls; default 64", value: "n", commands: ["bench"] },
  "slo": {
    meaning: 'what has to hold, as in "p99<5ms"; else the exit status is 1',
    value: "objective",
    commands: ["bench"],
    many: true,
  },
  "log-level": { meaning: "debug, info, warn, error or off", value: "level", variable: "MACULA_LOG_LEVEL" },
  "json": { meaning: "print JSON, log lines too" },
  "print-permissions": { meaning: "print the flags that `deno run` needs for exactly this, and end" },
  "help": { meaning: "print this, and end", short: "h" },
  "version": { meaning: "print the version, and end" },
} as const satisfies Readonly<Record<string, Option>>;

/** A flag's name, without dashes. */
export type OptionName = keyof typeof OPTIONS;

/** What was typed. */
export interface Arguments {
  /** Without the flags. */
  readonly positionals: readonly string[];
  /** What was given; a flag without a value has an empty one. */
  readonly flags: ReadonlyMap<OptionName, string>;
}

/** Reads what was typed; throws `ValidationError` that names the flag and the nearest cure. */
export function parseArguments(args: readonly string[]): Arguments {
  const options: Record<string, { type: "string" | "boolean"; short?: string; multiple: boolean }> = {};
  for (const [name, { value, short }] of Object.entries(OPTIONS) as [string, Option][]) {
    options[name] = {
      type: value === undefined ? "boolean" : "string",
      multiple: true,
      ...(short === undefined ? {} : { short }),
    };
  }
  const { tokens } = parseArgs({ args: [...args], options, allowPositionals: true, strict: false, tokens: true });
  const positionals: string[] = [], flags = new Map<OptionName, string>();
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    const name = knownName(token.name, token.rawName), option: Option = OPTIONS[name];
    const value = valueOf(name, option, token);
    const before = flags.get(name);
    flags.set(name, option.many && before !== undefined ? `${before},${value}` : value);
  }
  return { positionals, flags };
}

/** Whether a command takes a flag. */
export function takes(command: string, name: OptionName): boolean {
  const { commands }: Option = OPTIONS[name];
  return commands === undefined || commands.includes(command);
}

/** The name in `names` that was most likely meant; undefined where none is near. */
export function nearest(text: string, names: Iterable<string>): string | undefined {
  let best: string | undefined, least = Math.min(3, Math.ceil(text.length / 2));
  for (const name of names) {
    const edits = name.startsWith(text) && text.length >= 3 ? 1 : distance(text, name);
    if (edits < least) [best, least] = [name, edits];
  }
  return best;
}

function knownName(name: string, rawName: string): OptionName {
  if (name in OPTIONS) return name as OptionName;
  const meant = nearest(name, Object.keys(OPTIONS));
  const cure = /^-\d/.test(rawName)
    ? "put -- before a value that begins with a dash"
    : meant === undefined
    ? "macula --help lists them"
    : `did you mean --${meant}?`;
  throw new ValidationError(`Cannot use ${rawName}: there is no such flag; ${cure}`);
}

function valueOf(
  name: OptionName,
  option: Option,
  token: { readonly value?: string | undefined; readonly inlineValue?: boolean | undefined },
): string {
  const { value, inlineValue = false } = token;
  if (option.value === undefined) {
    if (value !== undefined) throw new ValidationError(`Cannot use --${name}: it takes no value, got "${value}"`);
    return "";
  }
  const missing = value === undefined || value === "" || (!inlineValue && value.startsWith("--"));
  if (missing) {
    throw new ValidationError(`Cannot use --${name}: a value is expected, as in --${name} <${option.value}>`);
  }
  return value;
}

/** Levenshtein's: single letters to insert, delete or replace. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}
