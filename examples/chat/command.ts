/** What the user types: a text for the room, or a command. @module */

/** A line, understood. */
export type Command =
  | { readonly do: "say"; readonly text: string }
  | { readonly do: "join"; readonly room: string }
  | { readonly do: "leave" | "who" | "history"; readonly room: string | undefined }
  | { readonly do: "dm"; readonly to: string; readonly text: string }
  | { readonly do: "send"; readonly path: string }
  | { readonly do: "get"; readonly file: string }
  | { readonly do: "wait"; readonly event: string; readonly count: number; readonly seconds: number }
  | { readonly do: "typing" | "help" | "quit" | "nothing" };

/** What can be typed. */
export const HELP = `\
  <text>               say it in the current room (//… to begin with a slash)
  /join <room>         enter a room, or turn to it        /leave [room]
  /who [room]          who is there                       /history [room]  the last ten messages
  /dm <name> <text>    a message for one user; <name>#<digits of the id> where several have the name
  /send <path>         offer a file to the room           /get <digits>    fetch an offered file
  /typing              tell that you are writing          /quit
  /wait <event> [count] [seconds]   for scripts: until so many events of this type were seen`;

/** Default of `/wait`, s. */
const WAIT_SECONDS = 10;

/** Understands a line; throws with the right form when it cannot. */
export function parseCommand(line: string): Command {
  const text = line.trim();
  if (text === "") return { do: "nothing" };
  if (!text.startsWith("/")) return { do: "say", text };
  if (text.startsWith("//")) return { do: "say", text: text.slice(1) };
  const [, name = "", rest = ""] = /^\/(\S*)\s*(.*)$/s.exec(text)!, words = rest === "" ? [] : rest.split(/\s+/);
  switch (name) {
    case "join":
      return { do: name, room: need(words[0], "/join <room>") };
    case "leave":
    case "who":
    case "history":
      return { do: name, room: words[0] };
    case "dm": {
      const [, to, said] = /^(\S+)\s+(.+)$/s.exec(rest) ?? [];
      return { do: name, to: need(to, "/dm <name> <text>"), text: need(said, "/dm <name> <text>") };
    }
    case "send":
      return { do: name, path: need(rest || undefined, "/send <path>") };
    case "get":
      return { do: name, file: need(words[0], "/get <digits>") };
    case "wait":
      return parseWait(words);
    case "typing":
    case "help":
    case "quit":
      return { do: name };
    default:
      throw new Error(`There is no command /${name}: /help tells which there are`);
  }
}

function parseWait([event, count = "1", seconds = String(WAIT_SECONDS)]: string[]): Command {
  const form = "/wait <event> [count] [seconds]";
  if (!(Number(count) > 0 && Number(seconds) > 0)) throw new Error(`Cannot understand: ${form} is expected`);
  return { do: "wait", event: need(event, form), count: Number(count), seconds: Number(seconds) };
}

function need(word: string | undefined, form: string): string {
  if (word !== undefined) return word;
  throw new Error(`Cannot understand: ${form} is expected`);
}
