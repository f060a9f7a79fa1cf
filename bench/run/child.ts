/** Processes of a run: started from this Deno or the system, spoken to line by line, ended by pid. @module */

import type { Answer, Command, RoleSettings } from "../role/roles.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
/** How much of what a process complains about is kept, characters. */
const COMPLAINT_CHARACTERS = 1_000;

/** A process of a run. */
export class Child {
  readonly pid: number;
  /** Settles when it has ended. */
  readonly ended: Promise<unknown>;
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #events: Answer[] = [];
  #waiting: { resolve(event: Answer): void; reject(error: Error): void } | undefined;
  #complaint = "";
  #gone: Error | undefined;

  /** Starts a program. */
  constructor(program: string, args: readonly string[], cwd: string) {
    const command = new Deno.Command(program, {
      args: [...args],
      cwd,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      env: { DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" },
    });
    this.#process = command.spawn();
    this.pid = this.#process.pid;
    this.#input = this.#process.stdin.getWriter();
    const read = Promise.all([
      eachLine(this.#process.stdout, (line) => line.startsWith(`{"event"`) && this.#take(JSON.parse(line))),
      eachLine(this.#process.stderr, (line) => {
        this.#complaint = `${this.#complaint}${line}\n`.slice(-COMPLAINT_CHARACTERS);
      }),
    ]);
    this.ended = this.#process.status.then(async ({ code }) => {
      await read;
      this.#gone = new Error(`the process ended (${code}): ${this.#complaint.trim()}`);
      this.#waiting?.reject(this.#gone);
    });
  }

  /** What it complained about last, if it has ended. */
  get gone(): Error | undefined {
    return this.#gone;
  }

  /** The next thing that it says. Rejects where that is a failure, or it ends. */
  async next(): Promise<Answer> {
    const event = this.#events.shift() ?? await new Promise<Answer>((resolve, reject) => {
      if (this.#gone !== undefined) return reject(this.#gone);
      this.#waiting = { resolve, reject };
    });
    if (event["event"] === "failed") throw new Error(String(event["text"]));
    return event;
  }

  /** Gives it a command and waits for the answer. */
  async ask(command: Command): Promise<Answer> {
    // Where it has ended, `next` says why better than the broken pipe does.
    await this.#input.write(new TextEncoder().encode(`${JSON.stringify(command)}\n`)).catch(() => {});
    return await this.next();
  }

  /** Ends it at once. */
  async kill(): Promise<void> {
    this.#input.close().catch(() => {});
    try {
      this.#process.kill("SIGKILL");
    } catch {
      // it has ended by itself
    }
    await this.ended;
  }

  #take(event: Answer): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined) this.#events.push(event);
    else waiting.resolve(event);
  }
}

/** Starts a process that plays a role; `peer`: with the packages of `bench/peers.json`. */
export function startRole(settings: RoleSettings, options: { readonly peer: boolean; readonly gc?: boolean }): Child {
  const config = options.peer ? "bench/peers.json" : "deno.json";
  const flags = options.gc ? ["--v8-flags=--expose-gc"] : [];
  const args = ["run", "-A", "--no-check", "--no-prompt", "--unstable-net", "--config", config, ...flags];
  return new Child(Deno.execPath(), [...args, "bench/role/main.ts", JSON.stringify(settings)], ROOT);
}

async function eachLine(stream: ReadableStream<Uint8Array>, on: (line: string) => void): Promise<void> {
  let rest = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop()!;
    for (const line of lines) on(line);
  }
}
