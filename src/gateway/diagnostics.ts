/** Procedures that every gateway serves. @module */

import type { Handler } from "../mesh/service.ts";

/** What they tell about. */
export interface DiagnosticsSource {
  readonly id: string;
  readonly realm: string;
  readonly uptimeMs: () => number;
  /** Wall time, ms. */
  readonly now: () => number;
  readonly version: string;
  /** What this process holds now, bytes. */
  readonly memoryBytes: () => number;
}

/** `com.macula.diagnostics.*`, as the original documents them. */
export function diagnostics(source: DiagnosticsSource): Readonly<Record<string, Handler>> {
  const seconds = () => Math.floor(source.uptimeMs() / 1_000), timestamp = () => Math.floor(source.now() / 1_000);
  return {
    "com.macula.diagnostics.hello": () => ({
      message: "Hello from Macula Gateway!",
      gateway: source.id,
      realm: source.realm,
      uptime_seconds: seconds(),
      timestamp: timestamp(),
      version: source.version,
      protocol: "QUIC (mesh/1)",
    }),
    "com.macula.diagnostics.echo": (args) => ({ echo: args, timestamp: timestamp() }),
    "com.macula.diagnostics.info": () => ({
      gateway: { node: source.id, realm: source.realm, uptime_seconds: seconds(), version: source.version },
      system: { runtime: `deno ${Deno.version.deno}`, memory_bytes: source.memoryBytes() },
      timestamp: timestamp(),
    }),
  };
}
