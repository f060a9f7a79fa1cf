/**
 * A registry of this machine that serves the project as JSR would: two JSON files, and the modules, in which the import
 * map's names are replaced by the packages they stand for, as publishing does.
 *
 * @module
 */

import { ROOT } from "./program.ts";

/** A running registry. */
export interface LocalRegistry extends AsyncDisposable {
  /** What `JSR_URL` is set to. */
  readonly url: string;
}

/** Starts one. */
export async function startRegistry(): Promise<LocalRegistry> {
  const config = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const path of ["mod.ts", ...modulesIn("src")]) {
    const text = withoutImportMap(await Deno.readTextFile(`${ROOT}${path}`), config.imports);
    files.set(`/${path}`, new TextEncoder().encode(text));
  }
  const manifest: Record<string, { size: number; checksum: string }> = {};
  for (const [path, bytes] of files) {
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    manifest[path] = { size: bytes.length, checksum: `sha256-${hash.toHex()}` };
  }
  const [scope, name] = config.name.slice(1).split("/"), base = `/@${scope}/${name}`, { version, exports } = config;
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === `${base}/meta.json`) {
      return Response.json({ scope, name, latest: version, versions: { [version]: {} } });
    }
    if (pathname === `${base}/${version}_meta.json`) return Response.json({ manifest, exports });
    const bytes = files.get(pathname.slice(`${base}/${version}`.length));
    if (bytes === undefined) return new Response("no such file", { status: 404 });
    return new Response(bytes, { headers: { "content-type": "application/typescript" } });
  });
  return { url: `http://127.0.0.1:${server.addr.port}/`, [Symbol.asyncDispose]: () => server.shutdown() };
}

function withoutImportMap(text: string, imports: Readonly<Record<string, string>>): string {
  return text.replace(/(from |import |import\()"([^"./][^"]*)"/g, (whole, keyword, specifier) => {
    const target = imports[specifier];
    return target === undefined ? whole : `${keyword}"${target}"`;
  });
}

function modulesIn(folder: string): string[] {
  return [...Deno.readDirSync(`${ROOT}${folder}`)].flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    return entry.isDirectory ? modulesIn(path) : path.endsWith(".ts") ? [path] : [];
  });
}
