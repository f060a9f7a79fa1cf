/** The files that this user offers, and the procedure with which others fetch them piece by piece. @module */

import { createHash } from "node:crypto";
import { basename } from "node:path";
import { type CallContext, type Mesh, MeshError, type Service } from "@macula/mesh";
import { CHUNK, CHUNK_BYTES, NAME_LENGTH_MAX, type Offer, readChunkRequest } from "./vocabulary.ts";

/** Files offered at once. */
const FILES_MAX = 100;
/** Pieces that are read at once. */
const READS_MAX = 16;

interface Shelved extends Offer {
  readonly path: string;
  /** Whether somebody may have it. */
  readonly isFor: (node: string) => boolean;
}

/** Offers files. */
export class FileShelf {
  readonly #files = new Map<string, Shelved>();
  readonly #fileBytesMax: number;

  constructor(fileBytesMax: number) {
    this.#fileBytesMax = fileBytesMax;
  }

  /** Serves the files' pieces. */
  async open(mesh: Mesh): Promise<Service> {
    return await mesh.advertise(CHUNK, (args, context) => this.#chunk(args, context), { concurrency: READS_MAX });
  }

  /** Puts a file on the shelf, for those of whom `isFor` says yes. */
  async add(path: string, isFor: (node: string) => boolean): Promise<Offer> {
    const { isFile, size: bytes } = await Deno.stat(path);
    if (!isFile) throw new Error(`Cannot send: a file is expected, got ${path}`);
    if (bytes > this.#fileBytesMax) {
      throw new Error(`Cannot send: a file has at most ${this.#fileBytesMax} bytes, got ${bytes}`);
    }
    const sha256 = await hashOf(path), title = basename(path).slice(-NAME_LENGTH_MAX), known = this.#files.get(sha256);
    if (known === undefined && this.#files.size >= FILES_MAX) {
      throw new Error(`Cannot send: at most ${FILES_MAX} files are offered at once`);
    }
    const forBoth = (node: string) => isFor(node) || known?.isFor(node) === true;
    this.#files.set(sha256, { sha256, title, bytes, path, isFor: forBoth });
    return { sha256, title, bytes };
  }

  async #chunk(args: unknown, { caller, signal }: CallContext): Promise<Uint8Array> {
    const request = readChunkRequest(args), file = request && this.#files.get(request.sha256);
    if (request === undefined || file === undefined || !file.isFor(caller)) {
      throw new MeshError("not_offered", "Cannot give a piece: this file is not offered to you");
    }
    const start = request.index * CHUNK_BYTES, length = Math.min(CHUNK_BYTES, file.bytes - start);
    if (length <= 0) throw new MeshError("out_of_range", `Cannot give a piece: there is no piece ${request.index}`);
    try {
      return await readPiece(file.path, start, length, signal);
    } catch {
      // The system's own sentence would tell the caller where the file lies.
      throw new MeshError("unreadable", "Cannot give a piece: the file cannot be read any more");
    }
  }
}

async function readPiece(path: string, start: number, length: number, signal: AbortSignal): Promise<Uint8Array> {
  using source = await Deno.open(path);
  await source.seek(start, Deno.SeekMode.Start);
  const piece = new Uint8Array(length);
  for (let at = 0; at < length;) {
    signal.throwIfAborted();
    const read = await source.read(piece.subarray(at));
    if (read === null) throw new Error("the file became shorter");
    at += read;
  }
  return piece;
}

/** SHA-256 of a file, 64 hexadecimal digits. */
export async function hashOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  using file = await Deno.open(path);
  for await (const piece of file.readable) hash.update(piece);
  return hash.digest("hex");
}
