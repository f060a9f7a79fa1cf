/** A gateway's HTTP: whether it lives, whether it is ready, and its ticket. @module */

import { MeshError } from "../base/errors.ts";
import { TICKET_PATH } from "../names/mod.ts";

/** What the pages show. */
export interface HealthSource {
  readonly ready: () => boolean;
  readonly uptimeMs: () => number;
  /** What `/.well-known/macula` says. */
  readonly card: () => Readonly<Record<string, unknown>>;
}

/** A running HTTP server. */
export interface HealthServer {
  readonly address: { readonly hostname: string; readonly port: number };
  close(): Promise<void>;
}

/** Serves the pages; fails with `address_in_use`, naming the port. */
export function serveHealth(
  source: HealthSource,
  { hostname, port }: { readonly hostname: string; readonly port: number },
): HealthServer {
  try {
    const server = Deno.serve({ hostname, port, onListen() {} }, (request) => answer(source, request));
    return {
      address: { hostname: server.addr.hostname, port: server.addr.port },
      close: () => server.shutdown(),
    };
  } catch (cause) {
    if (cause instanceof Deno.errors.AddrInUse) {
      const cure = "free it, or choose another with --http-port or MACULA_HTTP_PORT (0 is off)";
      throw new MeshError("address_in_use", `Cannot serve HTTP: TCP port ${port} of ${hostname} is in use; ${cure}`, {
        cause,
      });
    }
    if (cause instanceof Deno.errors.NotCapable) {
      throw new MeshError("permission_denied", `Cannot serve HTTP: add --allow-net=${hostname}:${port}`, { cause });
    }
    throw cause;
  }
}

function answer(source: HealthSource, request: Request): Response {
  if (request.method !== "GET" && request.method !== "HEAD") {
    return new Response("Method not allowed\n", { status: 405, headers: { allow: "GET, HEAD" } });
  }
  switch (new URL(request.url).pathname) {
    case "/health":
      return Response.json({
        status: "healthy",
        ready: source.ready(),
        uptime: Math.floor(source.uptimeMs() / 1_000),
      });
    case "/ready":
      return source.ready() ? new Response("Ready") : new Response("Not ready", { status: 503 });
    case "/live":
      return new Response("Live");
    case TICKET_PATH:
      return Response.json(source.card(), {
        headers: { "cache-control": "no-cache", "access-control-allow-origin": "*" },
      });
    default:
      return new Response("Not found", { status: 404 });
  }
}
