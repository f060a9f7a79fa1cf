/** The commands, in one table, and what `--help` says about them. @module */

import { ValidationError } from "../base/errors.ts";
import { ENVIRONMENT, type Variable } from "../node/environment.ts";
import { type Arguments, nearest, type Option, type OptionName, OPTIONS, takes } from "./options.ts";
import type { Settings } from "./settings.ts";

/** One command. */
export interface Command {
  readonly name: string;
  readonly aliases?: readonly string[];
  /** Its arguments, for help texts. */
  readonly usage: string;
  readonly summary: string;
  /** More about it, one paragraph an entry. */
  readonly details?: readonly string[];
  /** Fewest and most arguments. */
  readonly arguments: readonly [number, number];
  /** Whether it needs QUIC. */
  readonly network?: true;
  /** Loads it; what it then resolves with is the exit code. */
  readonly load: () => Promise<(settings: Settings) => Promise<number>>;
}

const DEFAULT_TARGET =
  "Without --ticket and --url it attaches to MACULA_BOOTSTRAP_PEERS, else to the gateway of this machine, by the ticket " +
  "in the state folder; while there is none yet, it waits 2 s for a gateway that is just being started.";
const FRESH_KEY = "It is a new node each time, unless --key says otherwise.";

/** All commands. */
export const COMMANDS: readonly Command[] = [
  {
    name: "gateway",
    usage: "",
    summary: "run a gateway",
    details: [
      "It prints its ticket, where it listens, and its pid. Ctrl-C drains and leaves, a second one leaves at once.",
      "Its key, its certificate and its ticket are in the state folder, which one gateway at a time may hold.",
      "With --bootstrap or MACULA_BOOTSTRAP_PEERS it joins other gateways of the realm, dials them for ever, and finds " +
      "the rest through them; its own ticket among them is passed over, so all may have the same list.",
      "With MACULA_TLS_CERTFILE, SIGHUP reads the certificate files again.",
    ],
    arguments: [0, 0],
    network: true,
    load: async () => (await import("./commands/gateway.ts")).gateway,
  },
  {
    name: "peer",
    usage: "",
    summary: "run an edge peer that stays attached; the same as macula alone",
    details: [
      "Without --ticket and --url it attaches to MACULA_BOOTSTRAP_PEERS, else to the gateway of this machine.",
      "Its key is in the folder peer of the state folder, so that a gateway and a peer of one machine are two nodes; " +
      "for several peers give each a --state-dir or a --key of its own.",
    ],
    arguments: [0, 0],
    network: true,
    load: async () => (await import("./commands/peer.ts")).peer,
  },
  {
    name: "join",
    usage: "<ticket or URL>",
    summary: "the same as peer, attached there",
    arguments: [1, 1],
    network: true,
    load: async () => (await import("./commands/peer.ts")).peer,
  },
  {
    name: "pub",
    aliases: ["publish"],
    usage: "<topic> [json]",
    summary: 'publish an event; - reads the JSON from standard input; prints {"id","recipients"}',
    details: [DEFAULT_TARGET, FRESH_KEY],
    arguments: [1, 2],
    network: true,
    load: async () => (await import("./commands/publish.ts")).publish,
  },
  {
    name: "sub",
    aliases: ["subscribe"],
    usage: "<pattern>",
    summary: "print events, one JSON line each; * is one segment, ** any number",
    details: [
      'A line has {"topic","data","publisher","id"}, and "retained":true if it was kept; bytes are {"base64"}.',
      DEFAULT_TARGET,
      FRESH_KEY,
    ],
    arguments: [1, 1],
    network: true,
    load: async () => (await import("./commands/subscribe.ts")).subscribe,
  },
  {
    name: "call",
    usage: "<procedure> [json]",
    summary: "call a procedure and print the result as JSON; - reads the JSON from standard input",
    details: [DEFAULT_TARGET, FRESH_KEY],
    arguments: [1, 2],
    network: true,
    load: async () => (await import("./commands/call.ts")).call,
  },
  {
    name: "serve",
    usage: "<procedure> (--echo | --exec <command>)",
    summary: "serve a procedure",
    details: [
      "With --exec the arguments are the command's standard input, as JSON; what it prints is the result, as JSON if it " +
      "is, else as text. A status other than 0 fails the call with the last line of its standard error. Giving up a " +
      "call ends the command and all that it started.",
      DEFAULT_TARGET,
      FRESH_KEY,
    ],
    arguments: [1, 1],
    network: true,
    load: async () => (await import("./commands/serve.ts")).serve,
  },
  {
    name: "ping",
    usage: "[node]",
    summary: "round trip to a node, default the hub",
    details: [DEFAULT_TARGET],
    arguments: [0, 1],
    network: true,
    load: async () => (await import("./commands/ping.ts")).ping,
  },
  {
    name: "bench",
    usage: "[events | fan_out | latency | call | calls …]",
    summary: "measure the mesh: throughput, fan-out, latency and calls, all or those named",
    details: [
      "events and fan_out publish as fast as back-pressure allows, to one connection and to --subscribers; latency " +
      "publishes --rate events per second by the clock, and counts from when each was due; call makes one call after " +
      "another, calls has --in-flight of them. The connections are this process's own: give it a core. Topics and " +
      "procedures begin with bench.",
      '--slo takes what has to hold, as in "p99<5ms", "calls.rate>1000/s", "errors<0.1%": a percentile, mean or max ' +
      "of durations, where what never came is longer than any; rate; errors. Without a workload in front a duration " +
      "is for latency and call, a rate for events, fan_out and calls. A miss is exit status 1 and one line.",
      DEFAULT_TARGET,
      FRESH_KEY,
    ],
    arguments: [0, 5],
    network: true,
    load: async () => (await import("./commands/bench/bench.ts")).bench,
  },
  {
    name: "stats",
    usage: "",
    summary: "the counters of the gateway, as JSON",
    details: [DEFAULT_TARGET],
    arguments: [0, 0],
    network: true,
    load: async () => (await import("./commands/stats.ts")).stats,
  },
  {
    name: "stop",
    usage: "",
    summary: "ask the gateway of this machine to drain and leave, and wait until it has",
    arguments: [0, 0],
    load: async () => (await import("./commands/stop.ts")).stop,
  },
  {
    name: "key",
    usage: "[show | new [file] | export-public]",
    summary: "show the node id, make a key file, or print the public key (PEM)",
    details: ["Without --key and a file name it is the gateway's key, in the state folder. A key is never replaced."],
    arguments: [0, 2],
    load: async () => (await import("./commands/key.ts")).key,
  },
  {
    name: "realm",
    usage: "[show | init | issue | inspect | revoke | export-public | token]",
    summary: "the realm in force, its key, and the credentials of its nodes",
    details: [
      "show: the realm that the other commands would use. init <name>: make the realm's key, in the state folder. " +
      "export-public: its public half, for gateways elsewhere.",
      "issue --node <id>: print a credential for that node. What no --publish, --subscribe, --call or --advertise names " +
      "it may not do. inspect <credential>: what it says and whether it holds. revoke <credential or its id>: from now " +
      "on it does not; the gateways of this state folder know within seconds. A credential may be given as @file.",
      "token: print a fresh secret for --admission token.",
    ],
    arguments: [0, 2],
    load: async () => (await import("./commands/realm.ts")).realm,
  },
  {
    name: "cert",
    usage: "[show | check] [certificate file] [key file]",
    summary: "show a certificate, or check it",
    details: [
      "Without a file it is that of MACULA_TLS_CERTFILE, else the one that the gateway of this machine issued itself.",
      "check prints what is wrong with it, a line each, and then exits 1: expired, not_yet_valid, wrong_host, authority " +
      "(marked as a CA), key_mismatch. What only browsers mind is a note, and with --browser a fault: " +
      "too_long_for_browsers, key_not_for_browsers.",
    ],
    arguments: [0, 3],
    load: async () => (await import("./commands/cert/cert.ts")).cert,
  },
  {
    name: "ticket",
    usage: "[inspect <ticket>]",
    summary: "print the ticket of this machine's gateway, or what a ticket says, as JSON",
    arguments: [0, 2],
    load: async () => (await import("./commands/ticket.ts")).ticket,
  },
  {
    name: "version",
    usage: "",
    summary: "print the version",
    arguments: [0, 0],
    load: async () => (await import("./output.ts")).printVersion,
  },
];

/** The command that was typed, and what it gets; `mode` is what runs where none was. Throws `ValidationError`. */
export function commandOf({ positionals, flags }: Arguments, mode: () => string): {
  readonly command: Command;
  readonly given: Arguments;
} {
  const [word, ...rest] = positionals;
  const name = nameOf(word, flags.has("gateway"), mode);
  const command = COMMANDS.find((one) => one.name === name || one.aliases?.includes(name));
  if (command === undefined) {
    const meant = nearest(name, ["start", ...COMMANDS.flatMap((one) => [one.name, ...one.aliases ?? []])]);
    const cure = meant === undefined ? "macula --help lists them" : `did you mean macula ${meant}?`;
    throw new ValidationError(`Cannot run ${JSON.stringify(name.slice(0, 40))}: there is no such command; ${cure}`);
  }
  const help = flags.has("help") || flags.has("version");
  for (const flag of help ? [] : flags.keys()) if (!takes(command.name, flag)) throw misplaced(command, flag);
  const [fewest, most] = command.arguments;
  if (!help && (rest.length < fewest || rest.length > most)) {
    const usage = `macula ${command.name} ${command.usage}`.trim();
    throw new ValidationError(
      `Cannot run macula ${command.name}: it is used as "${usage}", got ${counted(rest.length)}`,
    );
  }
  if (command.name !== "join" || help) return { command, given: { positionals: rest, flags } };
  const ticket = [flags.get("ticket"), ...rest].filter((one) => one !== undefined).join(",");
  return { command, given: { positionals: [], flags: new Map([...flags, ["ticket", ticket]]) } };
}

function nameOf(word: string | undefined, gateway: boolean, mode: () => string): string {
  if (word === undefined || word === "start") return gateway ? "gateway" : mode();
  if (gateway && word !== "gateway") {
    throw new ValidationError(`Cannot use --gateway with ${word}: it starts a gateway, alone or after start`);
  }
  return word;
}

function misplaced(command: Command, flag: OptionName): ValidationError {
  const { commands = [] }: Option = OPTIONS[flag];
  return new ValidationError(`Cannot use --${flag} with ${command.name}: it is for ${commands.join(", ")}`);
}

function counted(length: number): string {
  return length === 0 ? "no argument" : length === 1 ? "1 argument" : `${length} arguments`;
}

/** What `macula --help` prints. */
export function helpText(): string {
  const commands = COMMANDS.map(({ name, usage, summary }) => [`${name} ${usage}`.trim(), summary] as const);
  const variables = Object.entries(ENVIRONMENT).map(([name, { meaning, standard }]: [string, Variable]) =>
    [name, standard === undefined ? meaning : `${meaning} (default ${standard})`] as const
  );
  return [
    "A mesh network for applications at the edge.",
    "",
    "  macula <command> [arguments] [flags]",
    "  macula             what MACULA_MODE says: a gateway, or (default) a peer",
    "  macula --gateway   a gateway",
    "",
    "Commands (start is the same as macula alone, publish and subscribe are pub and sub):",
    ...table(commands),
    "",
    "Flags, which win over the environment (macula <command> --help lists those of a command):",
    ...table(flagRows(() => true)),
    "",
    "Environment:",
    ...table(variables),
    "",
    "Exit status: 0 done, 1 failed, 2 wrong usage, 3 nobody answered in time or at all, 4 refused.",
  ].join("\n");
}

/** What `macula <command> --help` prints. */
export function commandHelp(command: Command): string {
  const { name, aliases = [], usage, summary, details = [] } = command;
  return [
    `macula ${name} ${usage}`.trim(),
    "",
    ...wrapped(`${summary[0]!.toUpperCase()}${summary.slice(1)}.`),
    ...aliases.length > 0 ? [`Also: macula ${aliases.join(", macula ")}.`] : [],
    ...details.flatMap((text) => ["", ...wrapped(text)]),
    "",
    "Flags:",
    ...table(flagRows((flag) => takes(name, flag))),
  ].join("\n");
}

const TEXT_COLUMNS = 100;

function flagRows(wanted: (flag: OptionName) => boolean): (readonly [string, string])[] {
  return (Object.entries(OPTIONS) as [OptionName, Option][]).filter(([name]) => wanted(name)).map(([name, option]) => {
    const { value, short, meaning, variable } = option;
    const flag = `${short === undefined ? "" : `-${short}, `}--${name}${value === undefined ? "" : ` <${value}>`}`;
    return [flag, variable === undefined ? meaning : `${meaning} [${variable}]`] as const;
  });
}

function table(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.min(28, Math.max(...rows.map(([head]) => head.length)));
  return rows.flatMap(([head, text]) => {
    const [first = "", ...more] = wrapped(text, TEXT_COLUMNS - width - 4), margin = " ".repeat(width + 4);
    const start = head.length > width ? [`  ${head}`, `${margin}${first}`] : [`  ${head.padEnd(width)}  ${first}`];
    return [...start, ...more.map((line) => margin + line)];
  });
}

function wrapped(text: string, columns = TEXT_COLUMNS): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < columns) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
