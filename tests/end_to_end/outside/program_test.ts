/** A program in a folder of its own, as the README tells to set it up. @module */

import assert from "node:assert/strict";
import { soon } from "../../conformance/deadline.ts";
import { ROOT } from "../program.ts";
import { configure } from "./folder.ts";

/** The first snippet of a language in the README's section about programs. */
function snippet(language: string): string {
  const section = /\n## In a program\n([^]*?)\n## /.exec(Deno.readTextFileSync(`${ROOT}README.md`))![1]!;
  return new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``).exec(section)![1]!;
}

Deno.test("the README's first program runs in a folder of its own, with the README's deno.json", async () => {
  const folder = await Deno.makeTempDir({ prefix: "macula-program-" });
  try {
    const { links, ...rest } = JSON.parse(snippet("json")) as { links: string[]; imports: Record<string, string> };
    assert.deepEqual(links, ["../mesh"]);
    await configure(folder, { ...rest, linked: true });
    await Deno.writeTextFile(`${folder}/main.ts`, `${snippet("ts")}\nconsole.log("done");\n`);
    const command = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "main.ts"],
      cwd: folder,
      env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    });
    const { code, stdout, stderr } = await soon(command.output(), "the end of the program");
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    assert.equal(new TextDecoder().decode(stdout), "done\n");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
