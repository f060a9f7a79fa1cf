/**
 * The house rules, checked on every file; each rule is also shown to fail on a sample that breaks it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { layerOf, layerRules } from "./tidy/layers.ts";
import { leftoverRules, printRules } from "./tidy/leftovers.ts";
import { loadedEarly } from "./tidy/loading.ts";
import { fullFolders, importCircles, shapeRules } from "./tidy/shape.ts";
import { type Rule, Sources } from "./tidy/source.ts";

const ROOT = new URL("../", import.meta.url);
const CODE_FOLDERS = /^(src|tests|examples|bench)\/|^[^/]+\.ts$/;
/** Recorded data of others, and files that machines write. */
const NOT_OURS = /^(tests\/vectors\/|deno\.lock$|LICENSE$)/;
const SKIPPED_FOLDERS = [".git", "node_modules", "dist", "coverage"];

const sources = new Sources();
const importMap = new Set(Object.keys(JSON.parse(Deno.readTextFileSync(new URL("deno.json", ROOT))).imports));
const codeRules = { ...layerRules(sources, importMap), ...shapeRules(sources), ...printRules(sources) };
const fileRules = leftoverRules();

Deno.test("every file keeps every rule", async (t) => {
  const paths = await projectFiles();
  const code = new Map<string, string>();
  const others = new Map<string, string>();
  for (const path of paths) {
    const text = await Deno.readTextFile(new URL(path, ROOT));
    if (path.endsWith(".ts") && CODE_FOLDERS.test(path)) code.set(path, text);
    if (!NOT_OURS.test(path)) others.set(path, text);
  }
  for (const [name, rule] of Object.entries(codeRules)) await t.step(name, () => keeps(rule, code));
  for (const [name, rule] of Object.entries(fileRules)) await t.step(name, () => keeps(rule, others));
  await t.step("folders are small", () => none(fullFolders([...code.keys()])));
  await t.step("imports make no circles", () => none(importCircles(sources, code)));
  await t.step("what few programs use is loaded when it is asked for", () => none(loadedEarly(sources, code)));
});

/** For each rule: samples that break it, and samples that keep it. */
const SAMPLES: Record<string, { bad: [path: string, text: string][]; good: [path: string, text: string][] }> = {
  "every folder is in the table": {
    bad: [["src/things/a.ts", ""], ["src/a.ts", ""]],
    good: [["src/wire/messages/rpc.ts", ""], ["tests/a.ts", ""]],
  },
  "imports point down": {
    bad: [
      ["src/base/a.ts", `import { x } from "../names/realm.ts";`],
      ["src/base/a.ts", `import type { X } from "../names/realm.ts";`],
      ["src/base/a.ts", `export * from "../names/realm.ts";`],
      ["src/base/a.ts", `let a: import("../names/realm.ts").Realm;`],
      ["src/base/a.ts", `await import("../names/realm.ts");`],
      ["src/rpc/core.ts", `import { Trie } from "../pubsub/trie.ts";`],
      ["src/rpc/core.ts", `import { id } from "../identity/node_id.ts";`],
      ["src/transport/memory/a.ts", `import "../quic/quic.ts";`],
      ["src/link/link.ts", `import { Quic } from "../transport/quic/quic.ts";`],
      ["src/node/node.ts", `import { Quic } from "../transport/quic/quic.ts";`],
      ["src/node/node.ts", `import { openStateFolder } from "../store/state_folder.ts";`],
      ["src/node/node.ts", `import "../gateway/gateway.ts";`],
      ["src/gateway/gateway.ts", `import "../cli/options.ts";`],
      ["src/node/node.ts", `import "../../mod.ts";`],
      ["mod.ts", `export { main } from "./src/cli/main.ts";`],
      ["examples/chat/chat.ts", `import { Topic } from "../../src/names/topic.ts";`],
      ["src/names/a.ts", `import "@macula/mesh/wire";`],
    ],
    good: [
      [
        "src/rpc/core.ts",
        `import type { NodeId } from "../identity/node_id.ts"; import "../base/bytes.ts"; import "./x.ts";`,
      ],
      ["src/node/runtime.ts", `import { Quic } from "../transport/quic/quic.ts"; import "./clock.ts";`],
      ["src/node/node.ts", `import { type Store } from "../store/store.ts"; import "./runtime.ts";`],
      ["mod.ts", `export * from "./src/mesh/mesh.ts"; if (import.meta.main) await import("./src/cli/main.ts");`],
      ["examples/chat/chat.ts", `import "./room.ts"; import "../../mod.ts"; import "node:process";`],
      ["tests/a_test.ts", `import "../src/cli/main.ts";`],
    ],
  },
  "nobody inside a folder imports its own mod.ts": {
    bad: [["src/wire/codec.ts", `import "./mod.ts";`], ["src/wire/messages/rpc.ts", `import "../mod.ts";`]],
    good: [["src/wire/codec.ts", `import "../names/mod.ts";`]],
  },
  "packages come from the import map": {
    bad: [
      ["src/wire/a.ts", `import "npm:left-pad@1.0.0";`],
      ["tests/a.ts", `import "https://example.org/a.ts";`],
      ["src/wire/a.ts", `import { createHash } from "node:crypto";`],
    ],
    good: [
      ["src/wire/a.ts", `import "@std/msgpack"; import "./b.ts";`],
      ["src/identity/crypto.ts", `import "node:crypto";`],
      ["src/store/a.ts", `import "node:sqlite";`],
    ],
  },
  "the outside world is handed in": {
    bad: [
      ...[
        "Date.now()",
        "Math.random()",
        "setTimeout(f, 1)",
        "setInterval(f, 1)",
        "AbortSignal.timeout(1)",
        "new Date()",
      ]
        .map((call): [string, string] => ["src/link/a.ts", `export const a = () => ${call};`]),
      ["src/names/a.ts", `crypto.getRandomValues(b);`],
      ["src/wire/a.ts", `globalThis.crypto.randomUUID(); const now = performance.now;`],
      ["src/rpc/core.ts", `const { now } = Date; fetch("x"); globalThis.Date.now();`],
      ["src/identity/a.ts", `Date.now();`],
    ],
    good: [
      [
        "src/link/a.ts",
        `// Date.now()\nconst text = "Math.random()"; timers.setTimeout(1); new Date(5); queueMicrotask(f);`,
      ],
      ["src/identity/a.ts", `crypto.subtle.sign(a);`],
      ["src/rpc/a.ts", `function f(performance: number) { return performance; }`],
      ["src/node/runtime.ts", `Date.now();`],
      ["tests/a.ts", `Date.now();`],
    ],
  },
  "Deno stays in its folders": {
    bad: [
      ["src/node/node.ts", `Deno.env.get("X");`],
      ["src/link/a.ts", `let a: Deno.QuicConn;`],
      ["src/link/a.ts", `globalThis.Deno.pid;`],
      ["src/gateway/a.ts", `Deno.exit(1);`],
      ["src/store/a.ts", `Deno.addSignalListener("SIGINT", f);`],
    ],
    good: [["src/store/a.ts", `Deno.open("x");`], ["src/cli/a.ts", `Deno.exit(1);`], [
      "src/node/runtime.ts",
      `Deno.pid;`,
    ]],
  },
  "cores are synchronous": {
    bad: [
      ["src/rpc/core.ts", `async function f() {}`],
      ["src/rpc/core.ts", `const f = async () => {};`],
      ["src/dht/lookup.ts", `let a: Promise<void>;`],
      ["src/dht/lookup.ts", `f().then(g);`],
      ["src/wire/codec.ts", `for await (const x of y) f(x);`],
    ],
    good: [["src/link/link.ts", `async function f() { await g(); }`], ["src/rpc/core.ts", `// await it\nf();`]],
  },
  "files are short": { bad: [["src/base/a.ts", "x;\n".repeat(401)]], good: [["src/base/a.ts", "x;\n".repeat(400)]] },
  "functions are short": {
    bad: [
      ["src/base/a.ts", `function f() {\n${"x;\n".repeat(69)}}`],
      ["src/base/a.ts", `const o = { f: () => {\n${"x;\n".repeat(69)}} };`],
      ["tests/a.ts", `class A { f() {\n${"x;\n".repeat(69)}} }`],
    ],
    good: [
      ["src/base/a.ts", `function f() {\n${"x;\n".repeat(68)}}`],
      ["tests/a.ts", `function suite() {\n${`test(() => {\n${"x;\n".repeat(20)}});\n`.repeat(5)}}`],
    ],
  },
  "file names are snake_case nouns": {
    bad: [
      ["src/base/utils.ts", ""],
      ["src/link/linkManager.ts", ""],
      ["src/link/link_manager.ts", ""],
      ["tests/common/a_test.ts", ""],
      ["src/wire/types.ts", ""],
      ["tests/helpers_test.ts", ""],
      ["src/node-x/a.ts", ""],
    ],
    good: [["src/base/bytes.ts", ""], ["tests/end_to_end/call_test.ts", ""], ["mod.ts", ""]],
  },
  "a file starts with a module comment": {
    bad: [["src/base/a.ts", "export {};"], ["src/base/a.ts", "// x @module"], [
      "src/base/a.ts",
      "/** x */\n/** @module */",
    ]],
    good: [["src/base/a.ts", "/** Bytes. @module */\n"], [
      "cli.ts",
      "#!/usr/bin/env deno\n/**\n * X.\n *\n * @module\n */\n",
    ]],
  },
  "mod.ts holds re-exports only": {
    bad: [["src/wire/mod.ts", `export const a = 1;`], ["src/wire/mod.ts", `import "./a.ts";`], ["mod.ts", `main();`]],
    good: [
      ["src/wire/mod.ts", `/** X. @module */\nexport { a } from "./a.ts"; export type { B } from "./b.ts";`],
      ["mod.ts", `export * from "./src/a.ts"; if (import.meta.main) await import("./src/cli/main.ts");`],
    ],
  },
  "no module-level state": {
    bad: [
      ...[
        "let a = 1;",
        "var a;",
        "export let a: number;",
        "const a = new Map();",
        "export const a = new Set<string>();",
      ]
        .map((text): [string, string] => ["src/base/a.ts", text]),
      ...["const a = [];", "const a: string[] = ['x'];", "const a = {};", "const a = new Uint8Array(64);"]
        .map((text): [string, string] => ["src/base/a.ts", text]),
      ["src/base/a.ts", "class A { static count = 0; }"],
      ["src/base/a.ts", "class A { static readonly all = new Map(); }"],
    ],
    good: [
      ["src/base/a.ts", "// Process-wide: one per endpoint.\nconst a = new Map();"],
      ["src/base/a.ts", "const a = ['x'] as const; const b: readonly string[] = ['x']; const c = { x: 1 };"],
      ["src/base/a.ts", "const a: ReadonlyMap<string, number> = new Map([['x', 1]]); const b = new Uint8Array([1]);"],
      ["src/base/a.ts", "function f() { let a = 1; const b = []; return [a, b]; } class A { #m = new Map(); }"],
      ["tests/a.ts", "let a = 1;"],
    ],
  },
  "a library never prints": {
    bad: [["src/node/a.ts", `console.log("x");`], ["mod.ts", `globalThis.console.warn(1);`]],
    good: [["src/cli/a.ts", `console.log("x");`], ["src/node/a.ts", `/** console.log */ const a = "console";`]],
  },
  "no leftover files": {
    bad: [["src/a.ts.orig", ""], ["docs/.DS_Store", ""], ["a.bak", ""], ["src/a.ts~", ""], ["x.tmp", ""]],
    good: [["src/a.ts", ""], [".gitignore", ""]],
  },
  "no markers of unfinished work": {
    bad: [["src/a.ts", "// TO" + "DO: later"], ["docs/A.md", "FIX" + "ME"]],
    good: [["src/a.ts", "// todos and MASTODON are fine"]],
  },
  "no addresses of registries": {
    bad: [[".ci/run", "curl https://registry." + "npmjs.org/x"], ["deploy/Dockerfile", "deb." + "debian.org"]],
    good: [["deploy/Dockerfile", "FROM denoland/deno"]],
  },
};

Deno.test("every rule finds what breaks it and nothing else", async (t) => {
  const rules: Record<string, Rule> = { ...codeRules, ...fileRules };
  assert.deepEqual(Object.keys(SAMPLES).sort(), Object.keys(rules).sort(), "each rule has samples");
  for (const [name, { bad, good }] of Object.entries(SAMPLES)) {
    await t.step(name, () => {
      for (const [path, text] of bad) assert.notDeepEqual(rules[name]!(path, text), [], `${path}: ${text}`);
      for (const [path, text] of good) assert.deepEqual(rules[name]!(path, text), [], `${path}: ${text}`);
    });
  }
});

Deno.test("what is loaded early is found through static imports alone", () => {
  const files = new Map([
    [
      "mod.ts",
      `export type { A } from "./src/legacy/a.ts"; export { b } from "./src/node/b.ts"; import("./src/cli/c.ts");`,
    ],
    ["src/node/b.ts", `import type { S } from "../store/s.ts"; import "./d.ts"; import "node:crypto";`],
    [
      "src/node/d.ts",
      `import { s } from "../store/s.ts"; import * as jose from "jose"; await import("../legacy/a.ts");`,
    ],
    ["src/node/e.ts", `import "../testing/t.ts";`],
  ]);
  assert.deepEqual(loadedEarly(sources, files), [
    "src/node/d.ts:1: src/store/s.ts is for a dynamic import",
    "src/node/d.ts:1: jose is for a dynamic import",
  ]);
});

Deno.test("folders and circles", () => {
  const twelve = Array.from({ length: 12 }, (_, index) => `src/rpc/a${index}.ts`);
  assert.deepEqual(fullFolders([...twelve, "src/rpc/x.md", "src/rpc/b/a.ts"]), []);
  assert.deepEqual(fullFolders([...twelve, "src/rpc/a.ts"]), ["src/rpc/: at most 12 files, got 13"]);
  const circle = new Map([
    ["src/a/x.ts", `import type { Y } from "./y.ts";`],
    ["src/a/y.ts", `import { z } from "./z.ts";`],
    ["src/a/z.ts", `export * from "./x.ts";`],
    ["src/a/w.ts", `import "./x.ts";`],
  ]);
  assert.deepEqual(importCircles(sources, circle), ["src/a/x.ts → src/a/y.ts → src/a/z.ts → src/a/x.ts"]);
  assert.equal(layerOf("src/transport/quic/endpoint.ts"), "transport/quic");
  assert.equal(layerOf("src/node/runtime.ts"), "node/runtime.ts");
  assert.equal(layerOf("src/nothing/a.ts"), undefined);
});

function keeps(rule: Rule, files: ReadonlyMap<string, string>): void {
  none([...files].flatMap(([path, text]) => rule(path, text)));
}

function none(found: readonly string[]): void {
  if (found.length > 0) assert.fail(`\n  ${found.join("\n  ")}`);
}

/** What git tracks or would track; without git (a tarball), what lies in the folder. */
async function projectFiles(): Promise<string[]> {
  try {
    const { success, stdout } = await new Deno.Command("git", {
      args: ["ls-files", "--cached", "--others", "--exclude-standard", "-z"],
      cwd: ROOT,
      stderr: "null",
    }).output();
    const listed = new TextDecoder().decode(stdout).split("\0").filter((path) => path !== "" && isFile(path));
    if (success && listed.length > 0) return listed;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return walk("");
}

function isFile(path: string): boolean {
  try {
    return Deno.lstatSync(new URL(path, ROOT)).isFile; // Deleted, but not yet in git's eyes.
  } catch {
    return false;
  }
}

function walk(folder: string): string[] {
  return [...Deno.readDirSync(new URL(folder || ".", ROOT))].flatMap((entry) => {
    if (entry.isFile) return [folder + entry.name];
    return entry.isDirectory && !SKIPPED_FOLDERS.includes(entry.name) ? walk(`${folder}${entry.name}/`) : [];
  });
}
