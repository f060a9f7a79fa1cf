/** The user's side of the program: lines in, lines out. Works on a terminal, in a pipe and with a script. @module */

import process from "node:process";
import { createInterface, emitKeypressEvents } from "node:readline";
import { asText, type ChatEvent } from "./chat_event.ts";

/** How often the program asks whether to tell that the user is writing, ms. */
const TYPING_MS = 2_000;

/** Where lines come from, and how events are shown. */
export interface TerminalOptions {
  /** A file to read commands from; undefined: standard input. */
  readonly script: string | undefined;
  /** One JSON object for each event. */
  readonly json: boolean;
}

/** Lines in, events out. */
export class Terminal {
  readonly #options: TerminalOptions;
  readonly #seen = new Map<string, number>();
  readonly #waiting = new Set<() => void>();
  readonly #interface: ReturnType<typeof createInterface> | undefined;
  #typedAt = -TYPING_MS;
  #onTyping: () => void = () => {};

  constructor(options: TerminalOptions) {
    this.#options = options;
    if (options.script !== undefined || options.json || !Deno.stdin.isTerminal() || !Deno.stdout.isTerminal()) return;
    this.#interface = createInterface({ input: process.stdin, output: process.stdout, prompt: "> " });
    emitKeypressEvents(process.stdin, this.#interface);
    process.stdin.on("keypress", (sign?: string) => this.#onKey(sign));
  }

  /** Calls `action` when the user begins to write, and every two seconds while they do; only on a terminal. */
  whenTyping(action: () => void): void {
    this.#onTyping = action;
  }

  /** What the user types, line by line, until the end. */
  async *lines(): AsyncGenerator<string> {
    if (this.#interface !== undefined) {
      this.#interface.prompt();
      for await (const line of this.#interface) {
        yield line;
        this.#interface.prompt();
      }
      return;
    }
    const { script } = this.#options;
    const source = script === undefined ? Deno.stdin.readable : (await Deno.open(script)).readable;
    let rest = "";
    for await (const piece of source.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + piece).split("\n");
      rest = lines.pop()!;
      yield* lines;
    }
    if (rest !== "") yield rest;
  }

  /** Shows an event. */
  show(event: ChatEvent): void {
    const text = this.#options.json ? JSON.stringify(event) : asText(event);
    if (this.#interface === undefined) console.log(text);
    else {
      // Over the line that is being written, which then appears again below.
      process.stdout.write(`\r\x1b[K${text}\n`);
      this.#interface.prompt(true);
    }
    this.#seen.set(event.type, (this.#seen.get(event.type) ?? 0) + 1);
    for (const check of this.#waiting) check();
  }

  /** Resolves when so many events of a type have been shown since the start; rejects when it takes longer. */
  async seen(type: string, count: number, seconds: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const check = () => (this.#seen.get(type) ?? 0) >= count && resolve();
    const late = () =>
      reject(new Error(`Cannot wait longer: ${count} of ${type} expected, got ${this.#seen.get(type) ?? 0}`));
    const timer = setTimeout(late, seconds * 1_000);
    this.#waiting.add(check);
    try {
      check();
      await promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(check);
    }
  }

  /** Gives the terminal back. */
  close(): void {
    this.#interface?.close();
  }

  #onKey(sign: string | undefined): void {
    const line = this.#interface?.line ?? "", now = performance.now();
    const isText = sign !== undefined && sign >= " " && sign !== "\x7f" && !line.startsWith("/");
    if (!isText || now - this.#typedAt < TYPING_MS) return;
    this.#typedAt = now;
    this.#onTyping();
  }
}
