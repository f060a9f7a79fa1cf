/**
 * What must survive a restart: a folder with the node's key, its certificate, and what a gateway leaves for the
 * commands of the same machine. Files are replaced whole or not at all, and a lock keeps a second process out.
 *
 * @module
 */

import { MeshError, ValidationError } from "../base/errors.ts";
import { parseTicket } from "../names/mod.ts";
import { readSecret, readWhole, replaceFile, stateError } from "./state_file.ts";

/** Holds the lock, and as its text the pid of the process that has it. */
const LOCK_FILE = "lock";
const KEY_FILE = "node.key";
const TICKET_FILE = "ticket";
/** How long a process that is just leaving may still hold the lock. */
const LOCK_PATIENCE_MS = 300;
const LOCK_RETRY_MS = 50;

/** How a state folder is opened. */
export interface StateFolderOptions {
  /**
   * Whether to create the folder and keep other processes out of it until `close()`. Without it nothing is created
   * before the first write: that is for commands that only look.
   */
  readonly lock: boolean;
}

/** An open state folder. Every method rejects with a `MeshError` that names the path and the cure. */
export class StateFolder implements AsyncDisposable {
  /** Where it is. */
  readonly path: string;
  #lock: Deno.FsFile | undefined;

  constructor(path: string, lock: Deno.FsFile | undefined) {
    this.path = path;
    this.#lock = lock;
  }

  /** Where the key is kept. */
  get keyPath(): string {
    return this.pathOf(KEY_FILE);
  }

  /** The key's text, or `undefined` where none has been written; fails with `key_exposed` where others may read it. */
  readKey(): Promise<string | undefined> {
    return readSecret(this.keyPath);
  }

  /** Writes the key for its owner alone (mode 0600); fails with `state_exists` where there is one already. */
  writeKey(text: string): Promise<void> {
    return this.#write(KEY_FILE, text, { mode: 0o600, replace: false });
  }

  /** The text of a file for its owner alone; `undefined` where there is none, `key_exposed` where others may read it. */
  readSecret(name: string): Promise<string | undefined> {
    return readSecret(this.pathOf(name));
  }

  /** Writes a file for its owner alone (mode 0600); fails with `state_exists` where there is one already. */
  createSecret(name: string, text: string): Promise<void> {
    return this.#write(name, text, { mode: 0o600, replace: false });
  }

  /** The text of a file, or `undefined` where there is none; `bytesMax` is more than the usual bound. */
  readText(name: string, bytesMax?: number): Promise<string | undefined> {
    return readWhole(this.pathOf(name), bytesMax);
  }

  /** Replaces a file; a `secret` one is for its owner alone (mode 0600). */
  writeText(name: string, text: string, options: { readonly secret?: boolean } = {}): Promise<void> {
    return this.#write(name, text, { mode: options.secret ? 0o600 : 0o644, replace: true });
  }

  /** The ticket that a gateway of this machine left, or `undefined`; rejects with `ValidationError` where it is none. */
  async readTicket(): Promise<string | undefined> {
    const ticket = (await this.readText(TICKET_FILE))?.trim();
    if (ticket !== undefined) parseTicket(ticket);
    return ticket;
  }

  /** Leaves the ticket of a gateway for the programs of this machine. */
  writeTicket(ticket: string): Promise<void> {
    return this.writeText(TICKET_FILE, `${ticket}\n`);
  }

  /** Runs `action` while no other process runs one under the same name; `name` is that of an empty file for it. */
  async exclusively<T>(name: string, action: () => Promise<T>): Promise<T> {
    const path = this.pathOf(name);
    if (this.#lock === undefined) await makeFolder(this.path);
    let file: Deno.FsFile | undefined;
    try {
      file = await Deno.open(path, { create: true, read: true, write: true, mode: 0o600 });
      await file.lock(true);
    } catch (error) {
      file?.close();
      throw stateError(`lock ${path}`, this.path, error);
    }
    try {
      return await action();
    } finally {
      file.close();
    }
  }

  /** Deletes a file; one that does not exist is no error. */
  async remove(name: string): Promise<void> {
    const path = this.pathOf(name);
    try {
      await Deno.remove(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw stateError(`remove ${path}`, this.path, error);
    }
  }

  /** The pid of the process that has the folder locked, or `undefined` where nobody has; 0 where it did not say. */
  async holder(): Promise<number | undefined> {
    if (this.#lock !== undefined) return Deno.pid;
    const path = this.pathOf(LOCK_FILE);
    let file: Deno.FsFile;
    try {
      file = await Deno.open(path, { read: true });
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw stateError(`read ${path}`, this.path, error);
    }
    try {
      return await file.tryLock(false) ? undefined : await readPid(path);
    } finally {
      file.close();
    }
  }

  /** Where a file of this folder is; throws `ValidationError` where the name is not a plain lower-case one. */
  pathOf(name: string): string {
    if (!/^[a-z0-9][a-z0-9._-]{0,63}$/.test(name)) {
      throw new ValidationError(
        `Cannot name a state file: a name is lower-case letters, digits, ., _ and -, got "${name}"`,
      );
    }
    return joined(this.path, name);
  }

  /** Lets other processes in. Idempotent. */
  close(): Promise<void> {
    this.#lock?.close();
    this.#lock = undefined;
    return Promise.resolve();
  }

  /** The same as `close()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #write(name: string, text: string, options: { mode: number; replace: boolean }): Promise<void> {
    const path = this.pathOf(name);
    if (name === LOCK_FILE) throw new ValidationError(`Cannot write ${path}: it is the folder's lock`);
    if (this.#lock === undefined) await makeFolder(this.path);
    await replaceFile(path, text, options);
  }
}

/**
 * Opens a state folder. With `lock` it is created (mode 0700) and held: fails with `state_locked`, naming the pid, while
 * another process has it. Fails with `state_exposed` where every user of the machine may write into it.
 */
export async function openStateFolder(path: string, options: StateFolderOptions): Promise<StateFolder> {
  if (path === "") {
    throw new ValidationError("Cannot open the state folder: its path has at least one character, got none");
  }
  if (!options.lock) return new StateFolder(path, undefined);
  await makeFolder(path);
  const lock = await takeLock(path);
  try {
    await sweep(path);
  } catch (error) {
    lock.close();
    throw error;
  }
  return new StateFolder(path, lock);
}

/**
 * Where state is kept unless a flag says otherwise: `MACULA_STATE_DIR`, else `$XDG_STATE_HOME/macula`, else
 * `~/.local/state/macula`. `env` is asked in this order and no further than needed.
 */
export function defaultStateDir(env: (name: string) => string | undefined): string {
  function ask(name: string): string | undefined {
    try {
      return env(name) || undefined;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotCapable)) throw error;
      throw new MeshError(
        "state_denied",
        `Cannot find the state folder: Deno must be allowed to read the variable ${name}; ` +
          `add --allow-env=${name}, or say where with --state-dir`,
        { cause: error },
      );
    }
  }
  const named = ask("MACULA_STATE_DIR");
  if (named !== undefined) return named;
  const xdg = ask("XDG_STATE_HOME");
  if (xdg !== undefined) return joined(xdg, "macula");
  const home = ask("HOME") ?? ask("USERPROFILE");
  if (home !== undefined) return joined(home, ".local", "state", "macula");
  throw new MeshError(
    "state_unknown",
    "Cannot find the state folder: one of MACULA_STATE_DIR, XDG_STATE_HOME and HOME must be set; say where with --state-dir",
  );
}

async function makeFolder(path: string): Promise<void> {
  let mode: number | null;
  try {
    await Deno.mkdir(path, { recursive: true, mode: 0o700 });
    mode = (await Deno.stat(path)).mode;
  } catch (error) {
    throw stateError(`open the state folder ${path}`, path, error);
  }
  // An existing folder is never changed: it may be somebody's home, or /tmp.
  if (mode === null || (mode & 0o002) === 0) return;
  throw new MeshError(
    "state_exposed",
    `Cannot open the state folder ${path}: not every user of the machine may write into it, got mode ${octal(mode)}; ` +
      "chmod 700 it, or choose a folder of its own with --state-dir",
  );
}

async function takeLock(path: string): Promise<Deno.FsFile> {
  const lockPath = joined(path, LOCK_FILE);
  let file: Deno.FsFile;
  try {
    file = await Deno.open(lockPath, { create: true, read: true, write: true, mode: 0o600 });
  } catch (error) {
    throw stateError(`lock the state folder ${path}`, path, error);
  }
  try {
    for (let waitedMs = 0; !await file.tryLock(true); waitedMs += LOCK_RETRY_MS) {
      if (waitedMs >= LOCK_PATIENCE_MS) throw lockedError(path, await readPid(lockPath));
      await new Promise((resolve) => setTimeout(resolve, LOCK_RETRY_MS));
    }
    await file.truncate();
    await file.write(new TextEncoder().encode(`${Deno.pid}\n`));
    return file;
  } catch (error) {
    file.close();
    throw error instanceof MeshError ? error : stateError(`lock the state folder ${path}`, path, error);
  }
}

function lockedError(path: string, pid: number): MeshError {
  return new MeshError(
    "state_locked",
    `Cannot open the state folder ${path}: one process at a time may hold it, got process ${
      pid || "of unknown pid"
    }; ` +
      "stop that one (macula stop), or choose another folder with --state-dir",
    { retryable: true },
  );
}

/** 0 where the holder has not written its pid yet, or the platform does not let others read a locked file. */
async function readPid(lockPath: string): Promise<number> {
  try {
    const pid = Number.parseInt(await Deno.readTextFile(lockPath), 10);
    return Number.isSafeInteger(pid) && pid > 0 ? pid : 0;
  } catch {
    return 0;
  }
}

/** Removes what a process that was killed in the middle of a write left behind. */
async function sweep(path: string): Promise<void> {
  try {
    for await (const entry of Deno.readDir(path)) {
      if (entry.isFile && /^\.[a-z0-9._-]+\.new$/.test(entry.name)) await Deno.remove(joined(path, entry.name));
    }
  } catch (error) {
    throw stateError(`tidy the state folder ${path}`, path, error);
  }
}

function joined(first: string, ...rest: readonly string[]): string {
  return [first === "/" ? "" : first.replace(/\/+$/, ""), ...rest].join("/");
}

function octal(mode: number): string {
  return (mode & 0o777).toString(8).padStart(3, "0");
}
