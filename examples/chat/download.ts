/**
 * Fetching an offered file: pieces by RPC, a few at once, each tried again when it fails. What has come lies in a file
 * `.<hash>.part`, so that a download that broke off goes on where it was, even in another run. Only a file whose hash
 * is right gets its name.
 *
 * @module
 */

import { join } from "node:path";
import { hashOf } from "./file_shelf.ts";
import { CHUNK_BYTES, type Offer } from "./vocabulary.ts";

/** Pieces on their way at once. */
const WINDOW = 4;
/** Times that one piece is asked for. */
const TRIES = 4;
/** Pause before a piece is asked for again, ms; doubled each time. */
const PAUSE_MS = 100;
/** Files of one name in the folder. */
const COPIES_MAX = 100;

/** What a download needs. */
export interface DownloadOptions {
  /** Where the file goes. */
  readonly folder: string;
  /** Asks for a piece. */
  readonly fetchChunk: (index: number) => Promise<unknown>;
  /** Whether an error may be over when one tries again. */
  readonly mayPass: (error: unknown) => boolean;
  readonly onProgress?: (done: number) => void;
}

/** Fetches a file; resolves with its path and with the byte at which it went on. Rejects when it cannot be had. */
export async function download(offer: Offer, options: DownloadOptions): Promise<{ path: string; resumedAt: number }> {
  const { folder } = options, part = join(folder, `.${offer.sha256}.part`);
  await Deno.mkdir(folder, { recursive: true });
  const resumedAt = await fetchInto(part, offer, options);
  const sha256 = await hashOf(part);
  if (sha256 !== offer.sha256) {
    await Deno.remove(part);
    throw new Error(`Cannot receive ${offer.title}: its hash is ${offer.sha256}, got ${sha256}`);
  }
  const path = await freePath(folder, offer.title);
  await Deno.rename(part, path);
  return { path, resumedAt };
}

/** Fills the part file; returns the byte at which it began. */
async function fetchInto(part: string, offer: Offer, options: DownloadOptions): Promise<number> {
  using file = await Deno.open(part, { create: true, read: true, write: true });
  const { size } = await file.stat(), count = Math.ceil(offer.bytes / CHUNK_BYTES);
  const first = Math.min(Math.floor(size / CHUNK_BYTES), count), resumedAt = first * CHUNK_BYTES;
  await file.truncate(Math.min(resumedAt, offer.bytes));
  await file.seek(0, Deno.SeekMode.End);
  for (let from = first; from < count; from += WINDOW) {
    const indexes = Array.from({ length: Math.min(WINDOW, count - from) }, (_, offset) => from + offset);
    // What came before the one that failed is kept: the next attempt begins after it.
    const pieces = await Promise.allSettled(indexes.map((index) => fetchPiece(index, offer, options)));
    for (const [offset, piece] of pieces.entries()) {
      if (piece.status === "rejected") throw piece.reason;
      await writeAll(file, piece.value);
      options.onProgress?.(Math.min((from + offset + 1) * CHUNK_BYTES, offer.bytes));
    }
  }
  return Math.min(resumedAt, offer.bytes);
}

async function fetchPiece(index: number, offer: Offer, { fetchChunk, mayPass }: DownloadOptions): Promise<Uint8Array> {
  const length = Math.min(CHUNK_BYTES, offer.bytes - index * CHUNK_BYTES);
  for (let tries = 1;; tries++) {
    try {
      const piece = await fetchChunk(index);
      if (piece instanceof Uint8Array && piece.length === length) return piece;
      throw new Error(`Cannot receive ${offer.title}: piece ${index} has ${length} bytes, got something else`);
    } catch (error) {
      if (tries === TRIES || !mayPass(error)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * 2 ** (tries - 1)));
  }
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
}

/** A path that nothing has yet; the title is somebody else's, so it may not lead out of the folder. */
async function freePath(folder: string, title: string): Promise<string> {
  const safe = title.replace(/[^\p{L}\p{N}._ -]/gu, "_").replace(/^[. ]+/, "_");
  for (let copy = 1; copy <= COPIES_MAX; copy++) {
    const path = join(folder, copy === 1 ? safe : `${copy}-${safe}`);
    try {
      (await Deno.open(path, { createNew: true, write: true })).close();
      return path;
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    }
  }
  throw new Error(`Cannot receive ${title}: the folder has ${COPIES_MAX} files of this name`);
}
