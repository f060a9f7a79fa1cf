/**
 * What the users say to each other: topics, procedures, and what each payload must look like. Whatever comes from
 * somebody else goes through a `read…` function once; what does not fit is `undefined` and is ignored.
 *
 * | name | what |
 * |---|---|
 * | topic `chat.<room>.message` | somebody said something |
 * | topic `chat.<room>.presence` | somebody joined, is still here, or left |
 * | topic `chat.<room>.typing` | somebody is writing |
 * | topic `chat.<room>.file` | somebody offers a file |
 * | procedure `chat.<room>.who` | who is in the room; every member serves it |
 * | procedure `chat.<room>.history` | the last messages; every member serves it |
 * | procedure `chat.direct` | a message for one user, called on that user's node |
 * | procedure `chat.chunk` | a piece of an offered file, called on the node that offered it |
 *
 * @module
 */

/** A direct message, called on the user's node. Its metadata, `{ name }`, is the directory of all users. */
export const DIRECT = "chat.direct";
/** A piece of an offered file, called on the node that offered it. */
export const CHUNK = "chat.chunk";

/** Longest text of a message, in UTF-16 units. */
export const TEXT_LENGTH_MAX = 4_000;
/** Longest name of a user or a file, in UTF-16 units. */
export const NAME_LENGTH_MAX = 64;
/** Length of a piece of a file, bytes: below the 64 KiB over which a frame gets a stream of its own. */
export const CHUNK_BYTES = 32 << 10;

/** Kinds of events in a room; the last segment of the topic. */
export type NoticeKind = "message" | "presence" | "typing" | "file";

/** Somebody, as others know them. The name is a claim; the node is proven. */
export interface User {
  readonly name: string;
  /** 64 hexadecimal digits. */
  readonly node: string;
}

/** A user in a room, and how long ago something was heard, ms. */
export interface Presence extends User {
  readonly age: number;
}

/** A message as it is kept. */
export interface Message extends User {
  readonly id: string;
  readonly text: string;
  /** The sender's clock, ms. */
  readonly at: number;
}

/** A file that somebody offers. */
export interface Offer {
  /** SHA-256, 64 hexadecimal digits: the file's id, too. */
  readonly sha256: string;
  readonly title: string;
  readonly bytes: number;
}

/** What an event of a room says. */
export type Notice =
  | { readonly kind: "message"; readonly name: string; readonly text: string }
  | { readonly kind: "presence"; readonly name: string; readonly change: "join" | "here" | "leave" }
  | { readonly kind: "typing"; readonly name: string }
  | { readonly kind: "file"; readonly name: string; readonly offer: Offer };

/** The topic of a kind of event in a room; `*` is all kinds. */
export function topicOf(room: string, kind: NoticeKind | "*"): string {
  return `chat.${room}.${kind}`;
}

/** What the members of a room serve. */
export function procedureOf(room: string, what: "who" | "history"): string {
  return `chat.${room}.${what}`;
}

/** A room's name; throws when it cannot be a segment of a topic. */
export function parseRoom(text: string): string {
  if (/^[A-Za-z0-9_-]{1,32}$/.test(text)) return text;
  throw new Error(`Cannot use as a room: 1 to 32 letters, digits, - and _ are expected, got ${JSON.stringify(text)}`);
}

/** A user's name; throws when it has blanks or signs that would confuse others. */
export function parseName(text: string): string {
  if (/^[\p{L}\p{N}_.-]{1,32}$/u.test(text)) return text;
  throw new Error(`Cannot use as a name: 1 to 32 letters, digits, . - and _ are expected, got ${JSON.stringify(text)}`);
}

/** What an event of a room says; undefined when it says nothing we understand. */
export function readNotice(topic: string, data: unknown): Notice | undefined {
  const kind = topic.slice(topic.lastIndexOf(".") + 1), fields = fieldsOf(data), name = readText(fields.name);
  if (name === undefined) return undefined;
  if (kind === "typing") return { kind, name };
  if (kind === "message") {
    const text = readText(fields.text, TEXT_LENGTH_MAX);
    return text === undefined ? undefined : { kind, name, text };
  }
  if (kind === "presence") {
    const { change } = fields;
    return change === "join" || change === "here" || change === "leave" ? { kind, name, change } : undefined;
  }
  const offer = kind === "file" ? readOffer(fields) : undefined;
  return offer === undefined ? undefined : { kind: "file", name, offer };
}

/** A member's answer to `who`. */
export function readPresences(data: unknown): Presence[] {
  return listOf(data).flatMap((one) => {
    const { age } = fieldsOf(one), user = readUser(one);
    return user !== undefined && isCount(age) ? [{ ...user, age }] : [];
  });
}

/** A member's answer to `history`. */
export function readMessages(data: unknown): Message[] {
  return listOf(data).flatMap((one) => {
    const { id, at, ...fields } = fieldsOf(one), user = readUser(one), text = readText(fields.text, TEXT_LENGTH_MAX);
    if (user === undefined || text === undefined || !isHex(id, 32) || !isCount(at)) return [];
    return [{ ...user, id, text, at }];
  });
}

/** What a caller sent as a direct message. */
export function readDirect(data: unknown): { name: string; text: string } | undefined {
  const fields = fieldsOf(data), name = readText(fields.name), text = readText(fields.text, TEXT_LENGTH_MAX);
  return name === undefined || text === undefined ? undefined : { name, text };
}

/** Which piece of which file a caller wants. */
export function readChunkRequest(data: unknown): { sha256: string; index: number } | undefined {
  const { sha256, index } = fieldsOf(data);
  return isHex(sha256, 64) && isCount(index) ? { sha256, index } : undefined;
}

/** A user's name from elsewhere, fit to be shown. */
export function readText(value: unknown, lengthMax = NAME_LENGTH_MAX): string | undefined {
  if (typeof value !== "string") return undefined;
  // What moves the cursor or turns the direction of writing would let one user draw on another's screen.
  const text = value.replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, " ").trim();
  return text === "" || text.length > lengthMax ? undefined : text;
}

function readOffer({ sha256, title, bytes }: Record<string, unknown>): Offer | undefined {
  const shown = readText(title);
  return shown !== undefined && isHex(sha256, 64) && isCount(bytes) ? { sha256, title: shown, bytes } : undefined;
}

function readUser(data: unknown): User | undefined {
  const fields = fieldsOf(data), name = readText(fields.name), { node } = fields;
  return name !== undefined && isHex(node, 64) ? { name, node } : undefined;
}

function fieldsOf(data: unknown): Record<string, unknown> {
  return typeof data === "object" && data !== null ? data as Record<string, unknown> : {};
}

function listOf(data: unknown): unknown[] {
  return Array.isArray(data) ? data.slice(0, 1_000) : [];
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isHex(value: unknown, digits: number): value is string {
  return typeof value === "string" && value.length === digits && /^[0-9a-f]+$/.test(value);
}
