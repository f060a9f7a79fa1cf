/** A log of lines in a file of bounded size: when it is full it becomes `<name>.1`, which it replaces, and begins anew. @module */

import { stateError } from "./state_file.ts";

/** Largest file, bytes; with its predecessor twice that. */
export const LOG_BYTES_MAX = 16 << 20;

/** An open log. */
export class LineLog implements Disposable {
  readonly #path: string;
  readonly #bytesMax: number;
  #file: Deno.FsFile;
  #bytes: number;

  private constructor(path: string, bytesMax: number, file: Deno.FsFile) {
    this.#path = path;
    this.#bytesMax = bytesMax;
    this.#file = file;
    this.#bytes = file.statSync().size;
  }

  /** Opens a log for its owner alone (mode 0600), to append to; throws a `MeshError` that names the path and the cure. */
  static open(path: string, bytesMax: number = LOG_BYTES_MAX): LineLog {
    return new LineLog(path, bytesMax, append(path));
  }

  /** Appends a line, at once; throws a `MeshError` where it cannot. */
  write(line: string): void {
    const bytes = new TextEncoder().encode(`${line}\n`);
    if (this.#bytes > 0 && this.#bytes + bytes.length > this.#bytesMax) this.#turn();
    try {
      for (let written = 0; written < bytes.length;) written += this.#file.writeSync(bytes.subarray(written));
    } catch (error) {
      throw stateError(`write ${this.#path}`, this.#path, error);
    }
    this.#bytes += bytes.length;
  }

  /** Closes it. */
  [Symbol.dispose](): void {
    this.#file.close();
  }

  #turn(): void {
    try {
      Deno.renameSync(this.#path, `${this.#path}.1`);
    } catch (error) {
      throw stateError(`begin ${this.#path} anew`, this.#path, error);
    }
    const next = append(this.#path);
    this.#file.close();
    this.#file = next;
    this.#bytes = 0;
  }
}

function append(path: string): Deno.FsFile {
  try {
    return Deno.openSync(path, { append: true, create: true, mode: 0o600 });
  } catch (error) {
    throw stateError(`write ${path}`, path, error);
  }
}
