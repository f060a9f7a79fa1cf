/** A folder outside of the project that uses it, as another program would: with the project's own versions of packages. @module */

import { ROOT } from "../program.ts";

/** What a program's `deno.json` says of others. */
export interface OutsideConfig {
  readonly imports?: Readonly<Record<string, string>>;
  /** Whether this project is linked into it. */
  readonly linked?: boolean;
}

/**
 * Writes `deno.json` into a folder, and beside it the project's `deno.lock`, to fit: so nothing is asked of a registry that
 * running the tests has not fetched already.
 */
export async function configure(folder: string, { imports, linked, ...rest }: OutsideConfig): Promise<void> {
  const own = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  const lock = JSON.parse(await Deno.readTextFile(`${ROOT}deno.lock`)), { dependencies } = lock.workspace;
  const config = { ...rest, imports: { ...own.imports, ...imports }, ...(linked ? { links: [ROOT] } : {}) };
  if (linked) {
    const links = { [`jsr:${own.name}@${own.version}`]: { dependencies } };
    const wanted = Object.values(imports ?? {}).map((one) => one.replace(/\^(\d+\.\d+)\.0$/, "$1")); // as Deno writes it
    lock.workspace = { dependencies: [...wanted, ...dependencies], links };
  }
  await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify(config));
  await Deno.writeTextFile(`${folder}/deno.lock`, JSON.stringify(lock));
}
