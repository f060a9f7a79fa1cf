/** A handler that is a shell command: arguments on its standard input, the result from its standard output. @module */

import { fromUtf8, utf8 } from "../../base/bytes.ts";
import { MeshError } from "../../base/errors.ts";
import type { Logger } from "../../mesh/options.ts";
import type { Handler } from "../../mesh/service.ts";
import { toJson } from "../output.ts";

/** The program that reads a command line, and its arguments before it. */
export const SHELL: readonly [string, ...string[]] = Deno.build.os === "windows"
  ? ["cmd", "/d", "/s", "/c"]
  : ["sh", "-c"];
/** More than a result can have. */
const RESULT_BYTES_MAX = 1 << 20;
/** What is kept of standard error: its last line is the error's text. */
const COMPLAINT_BYTES_MAX = 4_096;
/** How long a command has to end after it was asked to, ms. */
const END_MS = 1_000;

/** Runs a command for each call; ends those that are still running when it is closed. */
export class Executor {
  readonly #command: string;
  readonly #logger: Logger;
  readonly #running = new Map<Deno.ChildProcess, Promise<unknown>>();

  constructor(command: string, logger: Logger) {
    this.#command = command;
    this.#logger = logger;
  }

  /** Serves a call. Rejects with code `exec_failed` and the last line of the command's standard error. */
  readonly handle: Handler = async (args, { signal, procedure }) => {
    signal.throwIfAborted();
    const [program, ...before] = SHELL;
    const child = new Deno.Command(program, {
      args: [...before, this.#command],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      detached: true, // a group of its own: Ctrl-C is ours to handle, and what it starts ends with it
    }).spawn();
    const end = () => endGroup(child);
    signal.addEventListener("abort", end, { once: true });
    const work = run(child, toJson(args));
    this.#running.set(child, work);
    try {
      const result = await work;
      signal.throwIfAborted();
      return result;
    } catch (error) {
      signal.throwIfAborted();
      this.#logger.warn("the command failed", { procedure, text: (error as Error).message });
      throw error;
    } finally {
      signal.removeEventListener("abort", end);
      this.#running.delete(child);
    }
  };

  /** Ends what runs; resolves when nothing does. */
  async close(): Promise<void> {
    for (const child of this.#running.keys()) endGroup(child);
    await Promise.allSettled(this.#running.values());
  }

  /** Ends what runs at once, without waiting. */
  kill(): void {
    for (const child of this.#running.keys()) signalGroup(child, "SIGKILL");
  }
}

async function run(child: Deno.ChildProcess, input: string): Promise<unknown> {
  const ended = child.status.finally(() => signalGroup(child, "SIGKILL")); // what it left running holds the pipes open
  const [{ code, signal }, output, complaint] = await Promise.all([
    ended,
    readUpTo(child.stdout, RESULT_BYTES_MAX, () => signalGroup(child, "SIGKILL")),
    readEnd(child.stderr, COMPLAINT_BYTES_MAX),
    feed(child.stdin, input),
  ]);
  if (output === undefined) {
    throw new MeshError("exec_failed", `the command printed more than ${RESULT_BYTES_MAX} bytes`);
  }
  if (code === 0) return resultOf(output);
  const last = complaint.split("\n").map((line) => line.trim()).findLast((line) => line !== "");
  throw new MeshError("exec_failed", last ?? (signal === null ? `the command exited with ${code}` : `got ${signal}`));
}

/** What a command's output means: JSON, else text, else bytes. */
export function resultOf(output: Uint8Array): unknown {
  let text: string;
  try {
    text = fromUtf8(output);
  } catch {
    return output;
  }
  if (text.trim() === "") return null;
  try {
    return JSON.parse(text);
  } catch {
    return text.replace(/\r?\n$/, "");
  }
}

async function feed(stdin: WritableStream<Uint8Array>, input: string): Promise<void> {
  const writer = stdin.getWriter();
  try {
    await writer.write(utf8(`${input}\n`));
    await writer.close();
  } catch {
    // it does not read its arguments
  }
}

async function readUpTo(
  stream: ReadableStream<Uint8Array>,
  bytesMax: number,
  onOver: () => void,
): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.length;
    if (length <= bytesMax) chunks.push(chunk);
    else onOver();
  }
  return length > bytesMax ? undefined : new Uint8Array(await new Blob(chunks as BlobPart[]).arrayBuffer());
}

async function readEnd(stream: ReadableStream<Uint8Array>, bytesMax: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) text = (text + decoder.decode(chunk, { stream: true })).slice(-bytesMax);
  return text;
}

function endGroup(child: Deno.ChildProcess): void {
  signalGroup(child, "SIGTERM");
  const timer = setTimeout(() => signalGroup(child, "SIGKILL"), END_MS);
  child.status.finally(() => clearTimeout(timer));
}

function signalGroup(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    if (Deno.build.os === "windows") child.kill(signal);
    else Deno.kill(-child.pid, signal);
  } catch {
    // it has ended
  }
}
