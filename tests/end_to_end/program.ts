/** The command line in processes of its own, for tests: lines are waited for, and what is left over is ended by pid. @module */

import { connect } from "../../mod.ts";
import { soon, until } from "../conformance/deadline.ts";

/** The project's folder. */
export const ROOT = new URL("../../", import.meta.url).pathname;

/** How a program is started. */
export interface ProgramOptions {
  /** Flags of `deno run`; default `-A --unstable-net`. */
  readonly flags?: readonly string[];
  /** The main module; default `cli.ts`. */
  readonly module?: string;
  /** Variables beside those that Deno itself needs. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Goes to standard input. */
  readonly input?: string;
}

/** What a program left. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running command line. */
export class Program implements AsyncDisposable {
  /** What it has printed so far. */
  stdout = "";
  stderr = "";
  readonly #args: readonly string[];
  readonly #child: Deno.ChildProcess;
  readonly #ended: Promise<Outcome>;
  #alive = true;

  constructor(args: readonly string[], options: ProgramOptions = {}) {
    this.#args = args;
    const { flags = ["-A", "--unstable-net"], module = `${ROOT}cli.ts`, env = {}, cwd, input } = options;
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", ...flags, module, ...args],
      clearEnv: true,
      env: { ...denoVariables(), ...env },
      ...(cwd === undefined ? {} : { cwd }),
      stdin: input === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const out = this.#read(this.#child.stdout, (text) => this.stdout += text);
    const err = this.#read(this.#child.stderr, (text) => this.stderr += text);
    const fed = input === undefined ? undefined : new Response(input).body!.pipeTo(this.#child.stdin).catch(() => {});
    this.#ended = this.#child.status.then(async ({ code }) => {
      this.#alive = false;
      await Promise.all([out, err, fed]);
      return { code, stdout: this.stdout, stderr: this.stderr };
    });
  }

  /** Its pid: that of the parent where it restarts. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Resolves when it has ended; rejects, with what it printed, when it does not come to that. */
  get ended(): Promise<Outcome> {
    return soon(this.#ended, "the end").catch((cause) => {
      throw new Error(`No end of macula ${this.#args.join(" ")}\n${this.stdout}\n${this.stderr}`, { cause });
    });
  }

  /** The first line of standard output, or of standard error, that matches; `group` 1 of it, else the whole. */
  async line(pattern: RegExp): Promise<string> {
    const find = () => pattern.exec(this.stdout) ?? pattern.exec(this.stderr);
    const what = () => `${pattern} in\n${this.stdout}\n${this.stderr}`;
    try {
      await until(() => find() !== null || !this.#alive, `${pattern}`);
    } catch {
      throw new Error(`No ${what()}`);
    }
    if (!this.#alive) await this.ended;
    const found = find();
    if (found === null) throw new Error(`It ended without ${what()}`);
    return found[1] ?? found[0];
  }

  /** Sends a signal. */
  kill(signal: Deno.Signal): void {
    if (this.#alive) this.#child.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill("SIGKILL");
    await this.ended;
  }

  async #read(stream: ReadableStream<Uint8Array>, take: (text: string) => void): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream() as never)) take(text as string);
  }
}

/** Runs a command to its end. */
export async function runProgram(args: readonly string[], options?: ProgramOptions): Promise<Outcome> {
  await using program = new Program(args, options);
  return await program.ended;
}

/** A gateway on free ports, with a state folder of its own. */
export class TestGateway implements AsyncDisposable {
  readonly program: Program;
  readonly folder: string;
  readonly #ownsFolder: boolean;

  private constructor(program: Program, folder: string, ownsFolder: boolean) {
    this.program = program;
    this.folder = folder;
    this.#ownsFolder = ownsFolder;
  }

  /** Starts one and waits until it is ready; `folder` is then the caller's to remove. */
  static async start(args: readonly string[] = [], options: ProgramOptions & { folder?: string } = {}) {
    const folder = options.folder ?? await Deno.makeTempDir({ prefix: "macula-" });
    const fixed = ["gateway", "--listen", "127.0.0.1:0", "--http-port", "0", "--state-dir", folder];
    const gateway = new TestGateway(new Program([...fixed, ...args], options), folder, options.folder === undefined);
    await gateway.program.line(/^ready gateway .*$/m);
    return gateway;
  }

  /** What reaches it. */
  get ticket(): string {
    return /^ticket (macula1\S+)$/m.exec(this.program.stdout)![1]!;
  }

  /** Runs a command of this machine against it. */
  run(args: readonly string[], options?: ProgramOptions): Promise<Outcome> {
    return runProgram([...args, "--state-dir", this.folder], options);
  }

  /** Starts a command and waits for its ready line. */
  async serve(args: readonly string[]): Promise<Program> {
    const program = new Program([...args, "--state-dir", this.folder]);
    await program.line(/^ready .*$/m);
    return program;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program[Symbol.asyncDispose]();
    if (this.#ownsFolder) await Deno.remove(this.folder, { recursive: true });
  }
}

/** What Deno needs to find its cache; nothing of the mesh. */
function denoVariables(): Record<string, string> {
  const names = ["PATH", "HOME", "DENO_DIR", "XDG_CACHE_HOME", "TMPDIR", "SystemRoot", "USERPROFILE", "LOCALAPPDATA"];
  const found = names.map((name) => [name, Deno.env.get(name)] as const).filter(([, value]) => value !== undefined);
  return { ...Object.fromEntries(found) as Record<string, string>, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" };
}

/** A mesh handle of this process at a test gateway. */
export function connectTo(gateway: TestGateway, realm?: string) {
  return connect(gateway.ticket, realm === undefined ? {} : { realm });
}
