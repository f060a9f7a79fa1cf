/** Versions of what is measured. @module */

import type { SystemName } from "../system/catalogue.ts";
import { SYSTEMS } from "../system/catalogue.ts";

const ROOT = new URL("../../", import.meta.url);
/** The client package of each peer. */
const CLIENTS: Readonly<Record<string, string>> = {
  nats: "@nats-io/transport-node",
  mosquitto: "mqtt",
  libp2p: "libp2p",
};
/** How a broker's program says its version. */
const VERSION_FLAGS: Readonly<Record<string, string>> = { nats: "--version", mosquitto: "-h" };

/** Versions by name, of these systems. */
export function versionsOf(systems: readonly SystemName[]): Record<string, string> {
  const versions: Record<string, string> = { deno: Deno.version.deno };
  const own = readJson("deno.json")["version"], commit = output("git", ["rev-parse", "--short", "HEAD"]);
  const changed = output("git", ["status", "--porcelain", "src", "mod.ts"]) !== "" ? " with changes" : "";
  versions["macula"] = commit === "" ? String(own) : `${own} (${commit}${changed})`;
  const pinned = readJson("bench/peers.json")["imports"] as Record<string, string>;
  for (const name of systems) {
    const client = CLIENTS[name], { broker } = SYSTEMS[name];
    if (broker !== undefined) {
      versions[name] = /\d+\.\d+\.\d+/.exec(output(broker.program, [VERSION_FLAGS[name]!]))?.[0] ?? "unknown";
    }
    if (client !== undefined) versions[client] = pinned[client]!.slice(pinned[client]!.lastIndexOf("@") + 1);
  }
  return versions;
}

/** What a program prints; empty where it is not there. */
function output(program: string, args: readonly string[]): string {
  try {
    const { stdout } = new Deno.Command(program, { args: [...args], cwd: ROOT, stderr: "null" }).outputSync();
    return new TextDecoder().decode(stdout).trim();
  } catch {
    return "";
  }
}

function readJson(path: string): Record<string, unknown> {
  return JSON.parse(Deno.readTextFileSync(new URL(path, ROOT)));
}
