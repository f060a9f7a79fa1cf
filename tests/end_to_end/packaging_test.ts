/** What is published: it can be, its documentation is whole, and it bundles. @module */

import assert from "node:assert/strict";
import { soon } from "../conformance/deadline.ts";
import { ROOT } from "./program.ts";

async function deno(...args: string[]): Promise<{ readonly code: number; readonly text: string }> {
  const command = new Deno.Command(Deno.execPath(), { args, cwd: ROOT, env: { NO_COLOR: "1" } });
  const { code, stdout, stderr } = await soon(command.output(), `deno ${args[0]}`);
  return { code, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

Deno.test("deno publish --dry-run succeeds", async () => {
  const { code, text } = await deno("publish", "--dry-run", "--allow-dirty", "--no-check");
  assert.equal(code, 0, text);
});

Deno.test("deno doc --lint mod.ts finds nothing", async () => {
  const { code, text } = await deno("doc", "--lint", "mod.ts");
  assert.equal(code, 0, text);
});

/** `deno bundle` fetches its bundler where that is not in the cache yet: so often it is tried. */
const FETCHES = 3;

Deno.test("a bundle of an application does not start the command line", async () => {
  const folder = await Deno.makeTempDir({ prefix: "macula-" });
  try {
    const application = `${folder}/application.ts`, bundle = `${folder}/bundle.js`;
    await Deno.writeTextFile(application, `import { connect } from "${ROOT}mod.ts";\nconsole.log(typeof connect);\n`);
    const args = ["bundle", "--config", `${ROOT}deno.json`, "--output", bundle, application];
    const isMissing = ({ text }: { readonly text: string }) => /^error: Failed loading \S+esbuild/m.test(text);
    let bundled = await deno(...args);
    for (let fetched = 1; fetched < FETCHES && isMissing(bundled); fetched++) bundled = await deno(...args);
    assert.equal(bundled.code, 0, bundled.text);
    const { code, text } = await deno("run", "-A", bundle);
    assert.deepEqual([code, text], [0, "function\n"]);
    const own = await deno("bundle", "--output", `${folder}/mod.js`, "mod.ts");
    assert.equal(own.code, 0, own.text);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
