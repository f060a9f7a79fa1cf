/**
 * The list of credentials that hold no longer: `revoked.json` in the state folder. Gateways read it again when it
 * changes; a damaged or vanished list fails closed.
 *
 *     {"revoked": {"<credential id>": <end of the credential, seconds since 1970; 0 where it is not known>, …}}
 *
 * @module
 */

import type { Timers } from "../base/clock.ts";
import { assert, MeshError } from "../base/errors.ts";
import { CREDENTIAL_LEEWAY_MS, isCredentialId } from "../identity/mod.ts";
import { damagedState } from "./state_file.ts";
import type { StateFolder } from "./state_folder.ts";
import { WatchedFile } from "./watched_file.ts";

const REVOKED_FILE = "revoked.json", REVOKED_LOCK_FILE = "revoked.lock";
/** Most credentials in the list that have not expired by themselves: 5 MiB of ids as we write them. */
export const REVOKED_MAX = 100_000;
const REVOKED_BYTES_MAX = 16 << 20;

/** Credential id to its end in seconds, 0 where it is not known. */
type Revoked = ReadonlyMap<string, number>;

/** A revocation list that is kept up to date while it is open. */
export class RevocationList implements Disposable {
  readonly #file: WatchedFile<Revoked>;

  private constructor(file: WatchedFile<Revoked>) {
    this.#file = file;
  }

  /**
   * Reads the list of a state folder; one that was never written is empty. Fails with `state_damaged`. A list that is
   * damaged or removed later is told to `onFailure`, and the last good one stays in force.
   */
  static async open(folder: StateFolder, options: {
    readonly timers: Timers;
    readonly onChange?: (revoked: number) => void;
    readonly onFailure: (error: Error) => void;
  }): Promise<RevocationList> {
    const path = folder.pathOf(REVOKED_FILE), { timers, onChange, onFailure } = options;
    let known = false;
    const file = await WatchedFile.open<Revoked>({
      path,
      bytesMax: REVOKED_BYTES_MAX,
      parse(text) {
        if (text === undefined && known) throw damagedState(path, "it must not be removed while a gateway runs");
        const revoked = text === undefined ? new Map() : parseRevoked(text, path);
        known ||= text !== undefined;
        return revoked;
      },
      timers,
      onChange: (revoked) => onChange?.(revoked.size),
      onFailure,
    });
    return new RevocationList(file);
  }

  /** Whether the credential with this id has been revoked. */
  isRevoked(id: string): boolean {
    return this.#file.value.has(id);
  }

  /** How many are in it. */
  get size(): number {
    return this.#file.value.size;
  }

  /** Stops watching. */
  close(): void {
    this.#file.close();
  }

  /** The same as `close()`. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * Adds a credential to the list of a state folder. `expires`, ms, is when it ends by itself, where that is known: it is
 * dropped from the list some time after. Fails with `state_damaged`, and with `revocations_full` at the bound.
 */
export async function revoke(
  folder: StateFolder,
  credential: { readonly id: string; readonly expires?: number | undefined },
  now: number,
): Promise<void> {
  assert(isCredentialId(credential.id), "the caller has checked the credential's id");
  await folder.exclusively(REVOKED_LOCK_FILE, async () => {
    const path = folder.pathOf(REVOKED_FILE), text = await folder.readText(REVOKED_FILE, REVOKED_BYTES_MAX);
    const revoked = new Map(text === undefined ? [] : parseRevoked(text, path));
    for (const [id, end] of revoked) {
      // Twice the leeway: the clock of a gateway that reads this may be behind ours.
      if (end !== 0 && end * 1_000 + 2 * CREDENTIAL_LEEWAY_MS < now) revoked.delete(id);
    }
    revoked.set(credential.id, credential.expires === undefined ? 0 : Math.ceil(credential.expires / 1_000));
    if (revoked.size > REVOKED_MAX) {
      throw new MeshError(
        "revocations_full",
        `Cannot revoke a credential: the list ${path} has at most ${REVOKED_MAX} of them, got one more; ` +
          "make a new realm key and issue anew what is still to hold",
      );
    }
    await folder.writeText(REVOKED_FILE, `${JSON.stringify({ revoked: Object.fromEntries(revoked) })}\n`);
  });
}

function parseRevoked(text: string, path: string): Revoked {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw damagedState(path, "it must be JSON", error);
  }
  const list = typeof value === "object" && value !== null ? (value as Record<string, unknown>).revoked : undefined;
  if (typeof list !== "object" || list === null || Array.isArray(list)) {
    throw damagedState(path, 'it must be {"revoked": {"<credential id>": <seconds>}}');
  }
  const entries = Object.entries(list);
  for (const [id, end] of entries) {
    if (!isCredentialId(id) || !Number.isSafeInteger(end) || (end as number) < 0) {
      throw damagedState(path, `each entry must be a credential's id and its end in seconds, got ${shown(id, end)}`);
    }
  }
  if (entries.length > REVOKED_MAX) {
    throw damagedState(path, `it must have at most ${REVOKED_MAX} entries, got ${entries.length}`);
  }
  return new Map(entries as [string, number][]);
}

function shown(id: string, end: unknown): string {
  return `${JSON.stringify(id.slice(0, 80))}: ${JSON.stringify(end)?.slice(0, 40)}`;
}
