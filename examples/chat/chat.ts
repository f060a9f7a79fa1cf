/** A user of the chat: rooms, direct messages, files. It prints nothing; what happens is told. @module */

import { join as joinPath } from "node:path";
import { type CallContext, type Mesh, MeshError, type Service } from "@macula/mesh";
import { askSome } from "./ask.ts";
import { short, type Tell } from "./chat_event.ts";
import { download } from "./download.ts";
import { FileShelf } from "./file_shelf.ts";
import { Room } from "./room.ts";
import { Roster } from "./roster.ts";
import {
  CHUNK,
  DIRECT,
  type Offer,
  parseRoom,
  procedureOf,
  readDirect,
  readPresences,
  readText,
  TEXT_LENGTH_MAX,
  type User,
} from "./vocabulary.ts";

/** Rooms that one user is in. */
const ROOMS_MAX = 100;
/** Offers that are remembered. */
const OFFERS_MAX = 100;
/** How long a user's node has to answer, ms. */
const ANSWER_MS = 3_000;
/** Part of a file after which its progress is told again. */
const PROGRESS_STEP = 0.1;

/** What a chat is made with. */
export interface ChatOptions {
  readonly name: string;
  /** Time between two signs of life, ms. */
  readonly beatMs: number;
  /** Where files go. */
  readonly folder: string;
  /** Largest file that is sent or fetched, bytes. */
  readonly fileBytesMax: number;
  /** Fetch every offered file without being asked. */
  readonly accept: boolean;
  readonly tell: Tell;
}

/** One user. */
export class Chat {
  readonly #mesh: Mesh;
  readonly #options: ChatOptions;
  readonly #rooms = new Map<string, Room>();
  readonly #shelf: FileShelf;
  readonly #offers = new Map<string, { readonly offer: Offer; readonly from: User }>();
  readonly #fetching = new Set<string>();
  #services: Service[] = [];
  #current: Room | undefined;
  #cutOff = false;

  private constructor(mesh: Mesh, options: ChatOptions) {
    this.#mesh = mesh;
    this.#options = options;
    this.#shelf = new FileShelf(options.fileBytesMax);
  }

  /** Makes the user known. */
  static async open(mesh: Mesh, options: ChatOptions): Promise<Chat> {
    const chat = new Chat(mesh, options), { name, tell } = options;
    chat.#services = await Promise.all([
      mesh.advertise(DIRECT, (args, context) => chat.#onDirect(args, context), { metadata: { name } }),
      chat.#shelf.open(mesh),
    ]);
    mesh.addEventListener("statuschange", () => chat.#onStatus());
    tell({ type: "ready", name, node: mesh.id, realm: mesh.realm });
    return chat;
  }

  /** Enters a room, or turns to one that the user is in. */
  async join(name: string): Promise<void> {
    const { tell } = this.#options, known = this.#rooms.get(parseRoom(name));
    if (known === undefined && this.#rooms.size >= ROOMS_MAX) {
      throw new Error(`Cannot join: one is in at most ${ROOMS_MAX} rooms`);
    }
    const onOffer = (offer: Offer, from: User) => this.#onOffer(offer, from);
    const room = known ?? await Room.join(name, { ...this.#options, mesh: this.#mesh, onOffer });
    this.#rooms.set(name, room);
    this.#current = room;
    tell({ type: "joined", room: name, users: room.who().map(({ name, node }) => ({ name, node })) });
  }

  /** Leaves a room. */
  async leave(name?: string): Promise<void> {
    const room = this.#room(name);
    this.#rooms.delete(room.room);
    if (this.#current === room) this.#current = [...this.#rooms.values()].at(-1);
    await room.leave();
    this.#options.tell({ type: "left", room: room.room });
  }

  /** Says something in the current room. */
  async say(text: string): Promise<void> {
    await this.#room().say(checkText(text));
  }

  /** Tells the current room that the user is writing. */
  async typing(): Promise<void> {
    await this.#current?.typing();
  }

  /** Who is in a room: a member asks its own procedure, anybody else those of the members. */
  async who(name?: string): Promise<void> {
    const room = name === undefined ? this.#room().room : parseRoom(name), procedure = procedureOf(room, "who");
    const answers = this.#rooms.has(room)
      ? [await this.#mesh.call(procedure)] // local_first, the default, keeps this at home
      : await askSome(this.#mesh, procedure, null);
    const roster = new Roster(Infinity), now = performance.now();
    for (const answer of answers) roster.merge(readPresences(answer), now);
    const users = roster.list(now).map(({ name, node }) => ({ name, node }));
    this.#options.tell({ type: "who", room, users });
  }

  /** The last messages of a room that the user is in. */
  async history(name?: string): Promise<void> {
    const room = this.#room(name);
    this.#options.tell({ type: "history", room: room.room, messages: await room.history() });
  }

  /** A message for one user, called on that user's node: an answer means that it has arrived. */
  async direct(to: string, text: string): Promise<void> {
    const user = await this.#find(to), checked = checkText(text), { name } = this.#options;
    await this.#mesh.callTo(user.node, DIRECT, { name, text: checked }, { timeout: ANSWER_MS });
    this.#options.tell({ type: "direct_sent", ...user, text: checked });
  }

  /** Offers a file to those in the current room. */
  async send(path: string): Promise<void> {
    const room = this.#room();
    await room.offer(await this.#shelf.add(path, (node) => room.roster.has(node)));
  }

  /** Fetches a file that somebody offered; `id` is how its hash begins. */
  async get(id: string): Promise<void> {
    const found = [...this.#offers.values()].filter(({ offer }) => offer.sha256.startsWith(id));
    if (found.length !== 1) {
      throw new Error(`Cannot get: the first digits of one offered file are expected, got ${JSON.stringify(id)}`);
    }
    await this.#fetch(found[0]!.offer, found[0]!.from);
  }

  /** Leaves all rooms. */
  async close(): Promise<void> {
    await Promise.all([...this.#rooms.keys()].map((name) => this.leave(name)));
    await Promise.allSettled(this.#services.map((service) => service.close()));
  }

  #room(name?: string): Room {
    const room = name === undefined ? this.#current : this.#rooms.get(parseRoom(name));
    if (room !== undefined) return room;
    throw new Error(name === undefined ? "You are in no room: /join <room>" : `You are not in #${name}: /join ${name}`);
  }

  /** `name`, or `name#` and the first digits of the node where several have the name. */
  async #find(text: string): Promise<User> {
    const [name = "", digits = ""] = text.split("#"), users = new Map<string, User>();
    for (const { node, metadata } of await this.#mesh.discover(DIRECT)) {
      const known = readText(metadata?.name);
      if (known === name && node.startsWith(digits)) users.set(node, { name, node });
    }
    const [user, ...others] = users.values();
    if (user === undefined) throw new Error(`Nobody is called ${text}`);
    if (others.length > 0) {
      const all = [user, ...others].map(({ node }) => `${name}#${short(node)}`);
      throw new Error(`Several are called ${text}: say which, ${all.join(" or ")}`);
    }
    return user;
  }

  #onDirect(args: unknown, { caller }: CallContext): { taken: true } {
    const message = readDirect(args);
    if (message === undefined) throw new MeshError("malformed", "Cannot take a direct message: name and text expected");
    this.#options.tell({ type: "direct", node: caller, ...message });
    return { taken: true };
  }

  #onOffer(offer: Offer, from: User): void {
    this.#offers.delete(offer.sha256);
    this.#offers.set(offer.sha256, { offer, from });
    for (const oldest of this.#offers.keys()) {
      if (this.#offers.size <= OFFERS_MAX) break;
      this.#offers.delete(oldest);
    }
    const { accept, tell } = this.#options;
    if (!accept || this.#fetching.has(offer.sha256)) return;
    this.#fetch(offer, from).catch((error) => tell({ type: "error", text: (error as Error).message }));
  }

  async #fetch(offer: Offer, from: User): Promise<void> {
    const { folder, fileBytesMax, tell } = this.#options, { sha256, title, bytes } = offer;
    if (bytes > fileBytesMax) throw new Error(`Cannot get ${title}: at most ${fileBytesMax} bytes, got ${bytes}`);
    if (this.#fetching.has(sha256)) throw new Error(`Cannot get ${title}: it is on its way`);
    this.#fetching.add(sha256);
    let told = 0;
    try {
      const done = await download(offer, {
        folder: joinPath(folder),
        fetchChunk: (index) => this.#mesh.callTo(from.node, CHUNK, { sha256, index }, { timeout: ANSWER_MS }),
        mayPass: (error) => !(error instanceof MeshError) || error.retryable,
        onProgress: (done) => {
          if (done - told < bytes * PROGRESS_STEP && done < bytes) return;
          told = done;
          tell({ type: "progress", sha256, title, bytes, done });
        },
      });
      tell({ type: "received", sha256, title, bytes, ...done });
    } finally {
      this.#fetching.delete(sha256);
    }
  }

  #onStatus(): void {
    const { tell } = this.#options, { status } = this.#mesh;
    if (status === "degraded") {
      this.#cutOff = true;
      tell({ type: "status", status });
    } else if (status === "connected" && this.#cutOff) {
      this.#cutOff = false;
      tell({ type: "status", status });
      for (const room of this.#rooms.values()) room.returned().catch(() => {}); // the next beats make good for it
    }
  }
}

function checkText(text: string): string {
  const checked = readText(text, TEXT_LENGTH_MAX);
  if (checked !== undefined) return checked;
  throw new Error(`Cannot say: a text of 1 to ${TEXT_LENGTH_MAX} signs is expected, got ${text.length}`);
}
