/** What the chat tells its user: one line on the terminal, or one JSON object with `--json`. @module */

import type { Message, User } from "./vocabulary.ts";

/** Something that the user should know. */
export type ChatEvent =
  | { readonly type: "ready"; readonly name: string; readonly node: string; readonly realm: string }
  | { readonly type: "status"; readonly status: string }
  | { readonly type: "joined"; readonly room: string; readonly users: readonly User[] }
  | { readonly type: "left"; readonly room: string }
  | PresenceChange
  | (Message & { readonly type: "message"; readonly room: string; readonly own: boolean })
  | (User & { readonly type: "typing"; readonly room: string })
  | (User & { readonly type: "direct"; readonly text: string })
  | (User & { readonly type: "direct_sent"; readonly text: string })
  | { readonly type: "who"; readonly room: string; readonly users: readonly User[] }
  | { readonly type: "history"; readonly room: string; readonly messages: readonly Message[] }
  | (User & FileFacts & { readonly type: "offer"; readonly room: string; readonly own: boolean })
  | (FileFacts & { readonly type: "progress"; readonly done: number })
  | (FileFacts & { readonly type: "received"; readonly path: string; readonly resumedAt: number })
  | { readonly type: "help"; readonly text: string }
  | { readonly type: "error"; readonly text: string }
  | { readonly type: "bye" };

/** Somebody came or went; `gone`: nothing was heard for too long. */
export interface PresenceChange extends User {
  readonly type: "presence";
  readonly room: string;
  readonly change: "join" | "leave" | "gone";
}

/** What is told about a file. */
export interface FileFacts {
  /** SHA-256, 64 hexadecimal digits; the first eight name the file in `/get`. */
  readonly sha256: string;
  readonly title: string;
  readonly bytes: number;
}

/** Takes what is told. */
export type Tell = (event: ChatEvent) => void;

/** An event as a line for people. */
export function asText(event: ChatEvent): string {
  switch (event.type) {
    case "ready":
      return `You are ${event.name} (${short(event.node)}) in the realm ${event.realm}. /help tells what you can do.`;
    case "status":
      return event.status === "connected" ? "* connected again" : `* ${event.status}: trying to get back`;
    case "joined":
      return `* you are in #${event.room} with ${names(event.users)}`;
    case "left":
      return `* you left #${event.room}`;
    case "presence":
      return `* ${event.name} ${{ join: "joined", leave: "left", gone: "is gone from" }[event.change]} #${event.room}`;
    case "message":
      return `${clock(event.at)} #${event.room} ${event.name}: ${event.text}`;
    case "typing":
      return `* ${event.name} is writing in #${event.room} …`;
    case "direct":
      return `[${event.name} → you] ${event.text}`;
    case "direct_sent":
      return `[you → ${event.name}] ${event.text}`;
    case "who":
      return `* in #${event.room}: ${names(event.users)}`;
    case "history":
      return [
        `* the last messages in #${event.room}:`,
        ...event.messages.map(({ at, name, text }) => `  ${clock(at)} ${name}: ${text}`),
      ].join("\n");
    case "offer":
      return event.own
        ? `* you offer ${event.title} (${event.bytes} bytes) in #${event.room}`
        : `* ${event.name} offers ${event.title} (${event.bytes} bytes) in #${event.room}: /get ${short(event.sha256)}`;
    case "progress":
      return `* ${event.title}: ${Math.floor(event.done / event.bytes * 100)} %`;
    case "received":
      return `* ${event.title} is here, its hash is right: ${event.path}`;
    case "help":
    case "error":
      return event.type === "error" ? `! ${event.text}` : event.text;
    case "bye":
      return "* bye";
  }
}

/** The first digits of an id. */
export function short(id: string): string {
  return id.slice(0, 8);
}

function names(users: readonly User[]): string {
  if (users.length === 0) return "nobody";
  return users.map(({ name, node }) => {
    const several = users.filter((other) => other.name === name).length > 1;
    return several ? `${name}#${short(node)}` : name;
  }).join(", ");
}

function clock(at: number): string {
  return new Date(at).toTimeString().slice(0, 8);
}
