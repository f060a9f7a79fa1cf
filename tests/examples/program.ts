/** An example that runs in a process of its own: its lines are waited for, with a deadline. @module */

import { PATIENCE_MS, soon } from "../conformance/deadline.ts";

const ROOT = new URL("../../", import.meta.url);

/** A JSON line. */
// deno-lint-ignore no-explicit-any
export type Line = Record<string, any>;

/** A running program. */
export class Program implements AsyncDisposable {
  readonly #name: string;
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #texts: string[] = [];
  readonly #checks = new Set<() => void>();
  readonly #output: Promise<void>;

  /** Starts a file of the repository; `name` is for errors. */
  constructor(name: string, path: string, ...args: string[]) {
    this.#name = name;
    this.#process = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "-A", "--unstable-net", new URL(path, ROOT).pathname, ...args],
      cwd: ROOT,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#input = this.#process.stdin.getWriter();
    const { stdout, stderr } = this.#process;
    this.#output = Promise.all([this.#read(stdout), this.#read(stderr)]).then(() => {});
  }

  /** What it has said, on both outputs. */
  get texts(): readonly string[] {
    return this.#texts;
  }

  /** What it has said, where that is JSON. */
  get lines(): Line[] {
    return this.#texts.filter((text) => text.startsWith("{")).map((text) => JSON.parse(text));
  }

  /** Types a line. */
  async type(text: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(`${text}\n`));
  }

  /** Ends its input. */
  async endInput(): Promise<void> {
    await this.#input.close();
  }

  /** The first JSON line that has all these fields; it may have been said before. */
  async line(fields: Line): Promise<Line> {
    return await this.#find(() => this.lines.find((line) => holds(line, fields)), JSON.stringify(fields));
  }

  /** The first line of text that fits. */
  async text(pattern: RegExp): Promise<RegExpExecArray> {
    return await this.#find(
      () => {
        for (const text of this.#texts) {
          const found = pattern.exec(text);
          if (found !== null) return found;
        }
      },
      String(pattern),
    );
  }

  /** Its exit code, once it has ended by itself. */
  async ended(): Promise<number> {
    const timer = setTimeout(() => this.kill(), PATIENCE_MS);
    const { code } = await this.#process.status;
    clearTimeout(timer);
    await soon(this.#output, `the end of what ${this.#name} says`);
    return code;
  }

  /** Ends it without a chance to say a word. */
  kill(): void {
    try {
      this.#process.kill("SIGKILL");
    } catch {
      // it has ended by itself
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    await this.#input.abort().catch(() => {});
    await this.ended();
  }

  async #find<T>(look: () => T | undefined, what: string): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const check = () => {
      const found = look();
      if (found !== undefined) resolve(found);
    };
    const fail = (how: string) =>
      reject(new Error(`${this.#name} ${how} without ${what}; it said:\n${this.#texts.join("\n")}`));
    const timer = setTimeout(() => fail(`ran for ${PATIENCE_MS} ms`), PATIENCE_MS);
    void this.#output.then(() => fail("ended"));
    this.#checks.add(check);
    check();
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#checks.delete(check);
    }
  }

  async #read(output: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    let rest = "";
    for await (const piece of output.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + piece).split("\n");
      rest = lines.pop()!;
      this.#texts.push(...lines);
      for (const check of this.#checks) check();
    }
  }
}

/** A gateway in a process of its own. */
export async function startGatewayProgram(): Promise<{ gateway: Program; ticket: string }> {
  const gateway = new Program("gateway", "tests/examples/gateway.ts");
  try {
    return { gateway, ticket: (await gateway.text(/^macula1\S+$/))[0] };
  } catch (error) {
    await gateway[Symbol.asyncDispose]();
    throw error;
  }
}

function holds(line: Line, fields: Line): boolean {
  return Object.entries(fields).every(([name, value]) => line[name] === value);
}
