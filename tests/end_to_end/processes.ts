/** Processes for tests: started from this Deno, read line by line, ended by pid. @module */

import { soon } from "../conformance/deadline.ts";

/** A process that a test started. */
export interface TestProcess extends AsyncDisposable {
  readonly pid: number;
  /** The next line of its standard output. */
  line(): Promise<string>;
  kill(signal: Deno.Signal): void;
  readonly ended: Promise<Deno.CommandStatus>;
}

/** Runs a module of this repository. */
export function run(module: string, args: readonly string[]): TestProcess {
  const url = new URL(`../../${module}`, import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--unstable-net", "--no-check", url, ...args],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new LineStream()).getReader();
  let alive = true;
  const status = child.status.then((status) => {
    alive = false;
    return status;
  });
  const kill = (signal: Deno.Signal) => alive && child.kill(signal);
  return {
    pid: child.pid,
    async line() {
      const { value, done } = await soon(lines.read(), `a line of ${module}`);
      if (done) throw new Error(`the process ended before its next line: ${module}`);
      return value;
    },
    kill,
    get ended() {
      return soon(status, `the end of ${module}`);
    },
    async [Symbol.asyncDispose]() {
      kill("SIGKILL");
      await this.ended;
      await lines.cancel();
    },
  };
}

/** Cuts a text into lines. */
class LineStream extends TransformStream<string, string> {
  constructor() {
    let rest = "";
    super({
      transform(chunk, controller) {
        const lines = (rest + chunk).split("\n");
        rest = lines.pop()!;
        for (const line of lines) controller.enqueue(line);
      },
    });
  }
}
