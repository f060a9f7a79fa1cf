/** `macula peer`, `macula join`: an edge that stays attached until it is told to leave. @module */

import { MeshError } from "../../base/errors.ts";
import { openStateFolder, type StateFolder } from "../../store/mod.ts";
import { folderIdentity, keyFlag } from "../identity.ts";
import { say } from "../output.ts";
import { type Leaving, staying } from "../process/signals.ts";
import { attach, remoteOf, stayingLogger } from "../session.ts";
import type { Settings } from "../settings.ts";
import { chooseTarget } from "../target.ts";

/** Runs a peer. */
export async function peer(settings: Settings): Promise<number> {
  return await staying((leaving) => run(settings, leaving));
}

async function run(settings: Settings, leaving: Leaving): Promise<number> {
  const named = await keyFlag(settings), { signal, asked } = leaving;
  await chooseTarget(settings, { patienceMs: 0, signal }); // before anything is written
  await using folder = named === undefined ? await openPeerFolder(settings.peerDir) : undefined;
  const identity = named ?? await folderIdentity(folder!);
  const mesh = await attach(settings, { identity, forever: true, logger: stayingLogger(settings), leaving });
  try {
    say(`ready peer ${mesh.id} is attached to ${remoteOf(mesh)} in ${mesh.realm}`);
    await asked;
    await mesh.drain();
  } finally {
    await mesh.close();
  }
  return 0;
}

async function openPeerFolder(path: string): Promise<StateFolder> {
  try {
    return await openStateFolder(path, { lock: true });
  } catch (error) {
    if (!(error instanceof MeshError) || error.code !== "state_locked") throw error;
    throw new MeshError(
      error.code,
      `Cannot start a peer: another one holds ${path}; stop it, or give this one a --state-dir or a --key of its own`,
      { cause: error },
    );
  }
}
