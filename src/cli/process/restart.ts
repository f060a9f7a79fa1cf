/**
 * Starting again with `--unstable-net`, so that `deno run -A jsr:@macula/mesh --gateway` just works: without the flag
 * Deno has no QUIC. A restart never widens permissions: a child may get more than its parent has, so it happens only
 * where the parent has everything. Never in a compiled binary, never twice.
 *
 * @module
 */

import { MeshError } from "../../base/errors.ts";

/** Tells the child whose it is, so that it neither starts again nor outlives us. Internal: not for users to set. */
const RESTARTED_BY = "MACULA_RESTARTED_BY";
const PERMISSIONS = ["run", "read", "write", "net", "env", "sys", "ffi"] as const;
const FORWARDED: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM", "SIGHUP"];

/** A permission, as `Deno.permissions` tells. */
export interface PermissionAnswer {
  readonly state: string;
  /** Granted, but not for everything. */
  readonly partial: boolean;
}

/** Whether this process lacks QUIC. */
export function needsRestart(): boolean {
  return typeof Deno.QuicEndpoint !== "function";
}

/** The pid of the process that restarted us; undefined where none did, or it is gone. */
export function restartedBy(): number | undefined {
  if (Deno.permissions.querySync({ name: "env", variable: RESTARTED_BY }).state !== "granted") return undefined;
  return Deno.env.get(RESTARTED_BY) === String(Deno.ppid) ? Deno.ppid : undefined;
}

/**
 * Runs the same program with the flag, and resolves with its exit code. Rejects with `restart_denied`, naming the
 * command to use instead, made with `permissionFlags`.
 */
export async function restart(
  args: readonly string[],
  permissionFlags: () => Promise<readonly string[]>,
): Promise<number> {
  const flags = Deno.build.standalone || restartedBy() !== undefined ? undefined : inheritedFlags(queryPermission);
  if (flags === undefined) throw denied(args, await permissionFlags());
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--unstable-net", ...flags, Deno.mainModule, ...args],
    env: { [RESTARTED_BY]: String(Deno.pid) },
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
  }).spawn();
  const forward = FORWARDED.map((name) => [name, () => kill(child, name)] as const);
  for (const [name, handler] of forward) Deno.addSignalListener(name, handler);
  try {
    return (await child.status).code;
  } finally {
    for (const [name, handler] of forward) Deno.removeSignalListener(name, handler);
  }
}

/** The flags that give a child what this process has; undefined where that is not everything. */
export function inheritedFlags(
  query: (name: typeof PERMISSIONS[number] | "import") => PermissionAnswer,
): readonly string[] | undefined {
  const isWhole = ({ state, partial }: PermissionAnswer) => state === "granted" && !partial;
  if (!PERMISSIONS.every((name) => isWhole(query(name)))) return undefined;
  // Importing code from any host is an eighth one: it is passed on where it is there, and not given where it is not.
  const imports = query("import");
  if (isWhole(imports)) return ["--allow-all"];
  const untouched = imports.state === "prompt" && !imports.partial;
  return untouched ? PERMISSIONS.map((name) => `--allow-${name}`) : undefined;
}

/** A word as a shell reads it back. */
export function shellWord(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

function denied(args: readonly string[], permissionFlags: readonly string[]): MeshError {
  if (Deno.build.standalone) {
    return new MeshError(
      "restart_denied",
      "Cannot use QUIC: this binary was compiled without it; compile it with deno compile --unstable-net",
    );
  }
  const program = decodeURI(Deno.mainModule.replace(/^file:\/\/(?=\/)/, ""));
  const words = [...permissionFlags, program, ...args].map(shellWord);
  return new MeshError("restart_denied", `Cannot use QUIC without --unstable-net; run: deno run ${words.join(" ")}`);
}

function queryPermission(name: typeof PERMISSIONS[number] | "import"): PermissionAnswer {
  const { state, partial } = Deno.permissions.querySync({ name } as Deno.PermissionDescriptor);
  return { state, partial };
}

function kill(child: Deno.ChildProcess, name: Deno.Signal): void {
  try {
    child.kill(name);
  } catch {
    // it has ended
  }
}
