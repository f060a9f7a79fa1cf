/** A part of the demo as the conductor sees it: a process that says lines and is told words. @module */

import { textLines } from "./stage.ts";

/** How long one step may take, ms: the longest, to start three processes, takes a second here, and a small machine has time. */
const STEP_MS = 60_000;

/** A part in a process of its own; what it says is shown. */
export class Part implements AsyncDisposable {
  readonly #name: string;
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #lines: string[] = [];
  readonly #output: Promise<void>;
  readonly #checks = new Set<() => void>();

  /** Starts `program` with `--part <name>`. */
  constructor(program: string, name: string, ticket?: string) {
    this.#name = name;
    const args = ["run", "--quiet", "-A", "--unstable-net", program, "--part", name];
    if (ticket !== undefined) args.push("--ticket", ticket);
    this.#process = new Deno.Command(Deno.execPath(), { args, stdin: "piped", stdout: "piped" }).spawn();
    this.#input = this.#process.stdin.getWriter();
    this.#output = this.#read();
  }

  /** The first line that fits; rejects when it does not come in time. */
  async line(pattern: RegExp): Promise<RegExpExecArray> {
    const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
    const check = () => {
      for (const line of this.#lines) {
        const found = pattern.exec(line);
        if (found !== null) resolve(found);
      }
    };
    const timer = setTimeout(() => reject(new Error(`${this.#name} did not say ${pattern} in time`)), STEP_MS);
    void this.#output.then(() => reject(new Error(`${this.#name} ended without saying ${pattern}`)));
    this.#checks.add(check);
    check();
    try {
      return await promise;
    } finally {
      this.#checks.delete(check);
      clearTimeout(timer);
    }
  }

  /** Says something to it: `stop`, `pause`. */
  async tell(word: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(`${word}\n`));
  }

  /** Its exit code, once it has ended; a part that does not end is killed. */
  async ended(): Promise<number> {
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), STEP_MS);
    const { code } = await this.#process.status;
    clearTimeout(timer);
    await this.#output;
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#process.kill("SIGKILL");
    } catch {
      // it has ended by itself
    }
    await this.#input.abort().catch(() => {});
    await this.ended();
  }

  async #read(): Promise<void> {
    for await (const line of textLines(this.#process.stdout)) {
      console.log(`${this.#name.padEnd(8)}| ${line}`);
      this.#lines.push(line);
      for (const check of this.#checks) check();
    }
  }
}
