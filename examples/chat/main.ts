/**
 * A chat in the terminal, without a chat server: the gateway only passes on events and calls.
 *
 *     deno run -A --unstable-net examples/chat/main.ts --name ann --room lobby --ticket macula1…
 *
 * @module
 */

import { parseArgs } from "node:util";
import { connect } from "@macula/mesh";
import { Chat } from "./chat.ts";
import { HELP, parseCommand } from "./command.ts";
import { Terminal } from "./terminal.ts";
import { parseName, parseRoom } from "./vocabulary.ts";

const USAGE = `\
A chat in the terminal.

  --name <name>        what others call you (default guest)
  --room <room>        the first room (default lobby)
  --ticket <ticket>    the gateway (default: MACULA_BOOTSTRAP_PEERS, else the gateway of this machine)
  --script <file>      commands from a file instead of the keyboard; exit code 1 when one failed
  --json               one JSON object for each event
  --downloads <folder> where files go (default ./downloads)
  --accept             fetch every offered file without being asked
  --file-max <bytes>   largest file (default 16777216)
  --beat <ms>          time between two signs of life (default 2000)

${HELP}`;

const OPTIONS = {
  name: { type: "string", default: "guest" },
  room: { type: "string", default: "lobby" },
  ticket: { type: "string" },
  script: { type: "string" },
  json: { type: "boolean", default: false },
  downloads: { type: "string", default: "./downloads" },
  accept: { type: "boolean", default: false },
  "file-max": { type: "string", default: String(16 << 20) },
  beat: { type: "string", default: "2000" },
  help: { type: "boolean", default: false },
} as const;

if (import.meta.main) Deno.exit(await main(Deno.args));

/** Runs the program; returns its exit code. */
async function main(args: string[]): Promise<number> {
  let settings: ReturnType<typeof readSettings>;
  try {
    settings = readSettings(args);
  } catch (error) {
    console.error((error as Error).message);
    return 2;
  }
  if (settings.help) {
    console.log(USAGE);
    return 0;
  }
  const terminal = new Terminal(settings);
  try {
    return await run(settings, terminal) ? 0 : 1;
  } catch (error) {
    console.error((error as Error).message);
    return 1;
  } finally {
    terminal.close();
  }
}

/** Chats until the end; returns whether a script went well. */
async function run(settings: ReturnType<typeof readSettings>, terminal: Terminal): Promise<boolean> {
  const { ticket, room, script } = settings;
  await using mesh = await connect(ticket);
  const chat = await Chat.open(mesh, { ...settings, tell: (event) => terminal.show(event) });
  await chat.join(room);
  terminal.whenTyping(() => void chat.typing().catch(() => {}));
  const interrupted = Promise.withResolvers<"quit">();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => interrupted.resolve("quit"));
  }
  let failed = false;
  const lines = terminal.lines();
  for (;;) {
    const next = await Promise.race([lines.next(), interrupted.promise]);
    if (next === "quit" || next.done) break;
    try {
      const performed = perform(next.value, chat, terminal);
      if (await Promise.race([performed, interrupted.promise]) === "quit") break;
    } catch (error) {
      failed = true;
      terminal.show({ type: "error", text: (error as Error).message });
    }
  }
  await chat.close();
  terminal.show({ type: "bye" });
  return script === undefined || !failed;
}

async function perform(line: string, chat: Chat, terminal: Terminal): Promise<"quit" | void> {
  const command = parseCommand(line);
  switch (command.do) {
    case "say":
      return await chat.say(command.text);
    case "join":
      return await chat.join(command.room);
    case "leave":
    case "who":
    case "history":
      return await chat[command.do](command.room);
    case "dm":
      return await chat.direct(command.to, command.text);
    case "send":
      return await chat.send(command.path);
    case "get":
      return await chat.get(command.file);
    case "wait":
      return await terminal.seen(command.event, command.count, command.seconds);
    case "typing":
      return await chat.typing();
    case "help":
      return terminal.show({ type: "help", text: HELP });
    case "quit":
      return "quit";
    case "nothing":
      return;
  }
}

/** The settings that the arguments mean; throws with the rule that one breaks. */
function readSettings(args: string[]) {
  const { values } = parseArgs({ args, options: OPTIONS, strict: true, allowPositionals: false });
  return {
    ...values,
    ticket: values.ticket,
    script: values.script,
    name: parseName(values.name),
    room: parseRoom(values.room),
    folder: values.downloads,
    beatMs: count(values.beat, "--beat", 50),
    fileBytesMax: count(values["file-max"], "--file-max", 1),
  };
}

function count(text: string, flag: string, least: number): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new Error(`Cannot use ${flag}: an integer of at least ${least} is expected, got ${text}`);
}
