/** `macula stop`: ask the gateway of this machine to leave. @module */

import { MeshError } from "../../base/errors.ts";
import { openStateFolder, type StateFolder } from "../../store/mod.ts";
import { print, toJson } from "../output.ts";
import { interruptible } from "../process/signals.ts";
import type { Settings } from "../settings.ts";

/** A drain takes at most 10 s; what comes after it is quick, ms. */
const LEAVE_MS = 20_000;
const LOOK_MS = 25;

/** Sends the gateway that holds the state folder a signal, and waits until it has left. */
export async function stop(settings: Settings): Promise<number> {
  const folder = await openStateFolder(settings.stateDir, { lock: false });
  // The lock says who is alive; a pid in a file may be anybody's by now.
  const pid = await folder.holder();
  if (pid === undefined || pid === 0) {
    throw new MeshError("not_running", `Cannot stop a gateway: none holds the state folder ${folder.path}`);
  }
  try {
    Deno.kill(pid, Deno.build.os === "windows" ? "SIGINT" : "SIGTERM");
  } catch (cause) {
    throw killError(pid, cause);
  }
  await interruptible(async ({ signal }) => {
    await left(folder, pid, signal);
    return 0;
  });
  await print(settings.has("json") ? toJson({ stopped: pid }) : `stopped ${pid}`);
  return 0;
}

async function left(folder: StateFolder, pid: number, signal: AbortSignal): Promise<void> {
  const startedAt = performance.now();
  while (await folder.holder() === pid) {
    signal.throwIfAborted();
    if (performance.now() - startedAt > LEAVE_MS) {
      throw new MeshError("timeout", `Cannot wait longer for the gateway to leave: process ${pid} is still running`);
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

function killError(pid: number, cause: unknown): MeshError {
  const cure = cause instanceof Deno.errors.NotCapable
    ? "Deno must be allowed to send signals; add --allow-run"
    : cause instanceof Error
    ? cause.message
    : String(cause);
  return new MeshError("stop_denied", `Cannot stop the gateway, process ${pid}: ${cure}`, { cause });
}
