/** What a program loads that imports `mod.ts`: each module of it is time until the first event. @module */

import type { Sources } from "./source.ts";

/** What few programs use: it is loaded by a dynamic import when it is asked for. */
const LATE = ["cli", "gateway/legacy.ts", "legacy", "simulation", "store", "testing", "transport/memory"];
/** Packages take longest: a certificate's take 160 ms. Modules of Deno itself are no packages. */
const BUILT_IN = "node:";

/** Static imports by which `mod.ts` comes to what should be loaded late: who imports what. */
export function loadedEarly(sources: Sources, files: ReadonlyMap<string, string>): string[] {
  const seen = new Set<string>(), wrong: string[] = [];
  function visit(path: string): void {
    const text = files.get(path);
    if (text === undefined || seen.has(path)) return;
    seen.add(path);
    for (const { target, specifier, kind, line } of sources.of(path, text).imports) {
      if (kind !== "static") continue;
      const isLate = target === undefined ? !specifier.startsWith(BUILT_IN) : LATE.some((late) => isIn(target, late));
      if (isLate) wrong.push(`${path}:${line}: ${target ?? specifier} is for a dynamic import`);
      else if (target !== undefined) visit(target);
    }
  }
  visit("mod.ts");
  return wrong;
}

function isIn(path: string, late: string): boolean {
  return path === `src/${late}` || path.startsWith(`src/${late}/`);
}
