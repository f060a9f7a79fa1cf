/**
 * Small text files that are replaced whole or not at all: written beside their place, flushed to the disk, then renamed.
 *
 * @module
 */

import { MeshError } from "../base/errors.ts";

/** More than any key, certificate chain or ticket needs; a larger file is not one of ours. */
const FILE_BYTES_MAX = 256 * 1024;

/**
 * The text of a file that only its owner may read, or `undefined` where there is none. Fails with `key_exposed` where
 * others may read it, and with `state_damaged` where it is empty, too large or not text.
 */
export async function readSecret(path: string): Promise<string | undefined> {
  let mode: number | null;
  try {
    mode = (await Deno.stat(path)).mode;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw stateError(`read ${path}`, path, error);
  }
  if (mode !== null && (mode & 0o077) !== 0) {
    throw new MeshError(
      "key_exposed",
      `Cannot use the key in ${path}: nobody but its owner may read it, got mode ${(mode & 0o777).toString(8)}; ` +
        "chmod 600 it, or make a new one if somebody else may have it",
    );
  }
  return await readWhole(path);
}

/**
 * The text of a file, or `undefined` where there is none; `state_damaged` where it is empty, not text, or larger than
 * `bytesMax`.
 */
export async function readWhole(path: string, bytesMax = FILE_BYTES_MAX): Promise<string | undefined> {
  let bytes: Uint8Array;
  try {
    const { size } = await Deno.stat(path);
    if (size > bytesMax) throw damagedState(path, `at most ${bytesMax} bytes, got ${size}`);
    bytes = await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error instanceof MeshError ? error : stateError(`read ${path}`, path, error);
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw damagedState(path, "it must be UTF-8 text", error);
  }
  if (text.trim() === "") throw damagedState(path, "it must hold something, got an empty file");
  return text;
}

/** Writes a file that is there as a whole or not at all; without `replace` fails with `state_exists` if it is there. */
export async function replaceFile(
  path: string,
  text: string,
  options: { readonly mode: number; readonly replace: boolean },
): Promise<void> {
  const { folder, name } = split(path);
  const beside = `${folder}/.${name}.${crypto.randomUUID()}.new`;
  try {
    await writeFlushed(beside, text, options.mode);
    if (options.replace) await Deno.rename(beside, path);
    else await Deno.link(beside, path);
    await flushFolder(folder);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists && !options.replace) throw existsError(path, error);
    throw stateError(`write ${path}`, folder, error);
  } finally {
    await Deno.remove(beside).catch(() => {}); // Gone already after a rename, and swept at the next start otherwise.
  }
}

/** The error for a file whose content cannot be what was written: it is left as it is, for a person to look at. */
export function damagedState(path: string, rule: string, cause?: unknown): MeshError {
  return new MeshError(
    "state_damaged",
    `Cannot use ${path}: ${rule}; put back a copy of it, or move it away to start anew`,
    { cause },
  );
}

/**
 * What a failed file operation means to a user. `doing` completes "Cannot …"; `folder` is what Deno's flags must name.
 * Codes: `state_denied` (Deno or the system does not let us), `state_unavailable` (anything else).
 */
export function stateError(doing: string, folder: string, error: unknown): MeshError {
  if (error instanceof Deno.errors.NotCapable) {
    return new MeshError(
      "state_denied",
      `Cannot ${doing}: Deno must be allowed to read and write there; add --allow-read=${folder} --allow-write=${folder}`,
      { cause: error },
    );
  }
  const system = error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
  if (error instanceof Deno.errors.PermissionDenied || system === "EROFS") {
    return new MeshError(
      "state_denied",
      `Cannot ${doing}: this user must be able to read and write there, got ${system ?? "permission denied"}; ` +
        "change the owner of the folder, or choose another with --state-dir",
      { cause: error },
    );
  }
  const reason = system ?? (error instanceof Error ? error.message : String(error));
  return new MeshError(
    "state_unavailable",
    `Cannot ${doing}: the file system must work, got ${reason}; choose another folder with --state-dir`,
    { cause: error },
  );
}

function existsError(path: string, cause: unknown): MeshError {
  return new MeshError(
    "state_exists",
    `Cannot write ${path}: it is never replaced, got one that is there already; move it away first`,
    { cause },
  );
}

async function writeFlushed(path: string, text: string, mode: number): Promise<void> {
  using file = await Deno.open(path, { createNew: true, write: true, mode });
  const bytes = new TextEncoder().encode(text);
  for (let written = 0; written < bytes.length;) written += await file.write(bytes.subarray(written));
  await file.sync();
}

/** Makes a rename last through a power cut; not every platform can open a folder. */
async function flushFolder(folder: string): Promise<void> {
  if (Deno.build.os === "windows") return;
  using file = await Deno.open(folder, { read: true });
  await file.sync();
}

function split(path: string): { folder: string; name: string } {
  const at = path.lastIndexOf("/");
  if (at < 0) return { folder: ".", name: path };
  return { folder: at === 0 ? "/" : path.slice(0, at), name: path.slice(at + 1) };
}
