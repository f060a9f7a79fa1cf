/** Who may import whom, and what of the outside world a folder may touch: one table, and the rules that read it. @module */

import { globals, lineOf, type Rule, type Sources } from "./source.ts";
import ts from "typescript";

/** What a folder of `src/` may do. What is not said is not allowed. */
interface Layer {
  /** Folders that it may import, its own aside; `type x` means types only. */
  readonly imports: readonly string[];
  /** `pure`: no clock, timer, randomness or network; `crypto`: the same, but it may hash and sign; `free`: anything. */
  readonly world: "pure" | "crypto" | "free";
  /** Synchronous: no `await`, no `Promise`. */
  readonly sync?: true;
  /** It may use `Deno.*` and `node:` modules (the latter also where `world` is `crypto`). */
  readonly deno?: true;
}

const NAMES = ["base", "names"];
const IDENTITY = [...NAMES, "wire", "identity"];
const LINK = [...IDENTITY, "transport", "link"];
const PROTOCOLS = ["dht", "membership", "topology", "pubsub", "rpc", "nat"];
const NODE = [...LINK, ...PROTOCOLS, "node"];
const CORE: Layer = { imports: [...NAMES, "wire", "type identity"], world: "pure", sync: true };

/** Every folder of `src/` that exists or may come; the longest match counts, so a file may have a line of its own. */
export const LAYERS: Readonly<Record<string, Layer>> = {
  "base": { imports: [], world: "pure" },
  "names": { imports: ["base"], world: "pure", sync: true },
  "wire": { imports: NAMES, world: "pure", sync: true },
  "identity": { imports: [...NAMES, "wire"], world: "crypto" },
  "transport": { imports: IDENTITY, world: "pure" },
  "transport/memory": { imports: [...IDENTITY, "transport"], world: "pure" },
  "transport/quic": { imports: [...IDENTITY, "transport"], world: "free", deno: true },
  "transport/webtransport": { imports: [...IDENTITY, "transport"], world: "free", deno: true },
  "link": { imports: [...IDENTITY, "transport"], world: "pure" },
  "dht": CORE,
  "membership": CORE,
  "topology": CORE,
  "pubsub": CORE,
  "rpc": CORE,
  "nat": CORE,
  "store": { imports: IDENTITY, world: "free", deno: true },
  "discovery": { imports: IDENTITY, world: "free", deno: true },
  "node": { imports: [...LINK, ...PROTOCOLS, "type store", "type discovery"], world: "pure" },
  "node/runtime.ts": {
    imports: [...NODE, "transport/quic", "store", "type discovery"],
    world: "free",
    deno: true,
  },
  "legacy": { imports: [...LINK, "transport/memory", "type pubsub", "type rpc"], world: "pure" },
  "mesh": { imports: NODE, world: "pure" },
  "edge": { imports: [...NODE, "legacy", "mesh"], world: "pure" },
  "rules": { imports: NODE, world: "pure" },
  "observe": { imports: NODE, world: "free", deno: true },
  "simulation": { imports: [...NODE, "mesh", "edge", "transport/memory"], world: "pure" },
  "bridges": { imports: NODE, world: "free", deno: true },
  "gateway": {
    imports: [...NODE, "legacy", "mesh", "edge", "store", "discovery", "observe", "rules"],
    world: "free",
    deno: true,
  },
  "testing": {
    imports: [...NODE, "mesh", "edge", "gateway", "simulation", "transport/memory"],
    world: "free",
    deno: true,
  },
  "cli": { imports: ["*"], world: "free", deno: true },
};

const CLOCKS = ["setTimeout", "setInterval", "setImmediate", "performance", "fetch", "WebSocket", "EventSource"];
const ASYNC_GLOBALS = ["Promise", "PromiseLike", "AsyncIterable", "AsyncGenerator", "queueMicrotask", "fetch"];
/** A library never exits and never installs handlers for the whole process. */
const PROCESS_CALLS = ["Deno.exit", "Deno.addSignalListener", "Deno.args"];

/** The key of {@link LAYERS} for a path, or `undefined` outside `src/`, or where the table has no such folder. */
export function layerOf(path: string): string | undefined {
  if (!path.startsWith("src/")) return undefined;
  for (let rest = path.slice("src/".length); rest !== ""; rest = rest.slice(0, Math.max(0, rest.lastIndexOf("/")))) {
    if (rest in LAYERS) return rest;
  }
  return undefined;
}

/** The rules of this file. `importMap` is the keys of the import map. */
export function layerRules(sources: Sources, importMap: ReadonlySet<string>): Record<string, Rule> {
  return {
    "every folder is in the table": (path) =>
      path.startsWith("src/") && layerOf(path) === undefined
        ? [`${path}: the table in tests/tidy/layers.ts has no such folder`]
        : [],
    "imports point down": (path, text) => importsPointDown(sources, path, text),
    "nobody inside a folder imports its own mod.ts": (path, text) => ownMod(sources, path, text),
    "packages come from the import map": (path, text) => packages(sources, importMap, path, text),
    "the outside world is handed in": (path, text) => outsideWorld(sources, path, text),
    "Deno stays in its folders": (path, text) => denoPlaces(sources, path, text),
    "cores are synchronous": (path, text) => synchronous(sources, path, text),
  };
}

function importsPointDown(sources: Sources, path: string, text: string): string[] {
  const wrong: string[] = [];
  for (const { target, specifier, kind, line } of sources.of(path, text).imports) {
    if (!mayImport(path, target, specifier, kind)) {
      wrong.push(`${path}:${line}: must not import ${target ?? specifier}`);
    }
  }
  return wrong;
}

function mayImport(path: string, target: string | undefined, specifier: string, kind: string): boolean {
  if (path.startsWith("examples/")) {
    if (target === undefined) return /^(@macula\/mesh(\/|$)|node:)/.test(specifier);
    return target === "mod.ts" || target.startsWith(path.slice(0, path.lastIndexOf("/") + 1));
  }
  if (target === undefined) return !(path.startsWith("src/") && specifier.startsWith("@macula/mesh"));
  if (path === "mod.ts") return target.startsWith("src/") && (kind === "dynamic" || !target.startsWith("src/cli/"));
  const from = layerOf(path);
  if (from === undefined) return true;
  const to = layerOf(target);
  const allowed = LAYERS[from]!.imports;
  if (allowed[0] === "*") return target.startsWith("src/") || target === "mod.ts" || target === "deno.json";
  if (to === undefined) return false;
  const folder = to.endsWith(".ts") ? to.slice(0, to.lastIndexOf("/")) : to;
  return from === folder || allowed.includes(folder) || (kind === "types" && allowed.includes(`type ${folder}`));
}

function ownMod(sources: Sources, path: string, text: string): string[] {
  if (!path.startsWith("src/")) return [];
  return sources.of(path, text).imports
    .filter(({ target }) => target?.endsWith("mod.ts") && path.startsWith(target.slice(0, -"mod.ts".length)))
    .map(({ target, line }) => `${path}:${line}: is inside the folder of ${target}; import the file that declares it`);
}

function packages(sources: Sources, importMap: ReadonlySet<string>, path: string, text: string): string[] {
  const from = layerOf(path);
  const layer = from === undefined ? undefined : LAYERS[from];
  const wrong: string[] = [];
  for (const { specifier, target, line } of sources.of(path, text).imports) {
    if (target !== undefined || importMap.has(specifier) || specifier.startsWith("@macula/mesh")) continue;
    if (!specifier.startsWith("node:")) wrong.push(`${path}:${line}: ${specifier} is not in the import map`);
    else if (layer !== undefined && !layer.deno && layer.world !== "crypto") {
      wrong.push(`${path}:${line}: ${specifier} is not for src/${from}: this code also runs in a browser`);
    }
  }
  return wrong;
}

function outsideWorld(sources: Sources, path: string, text: string): string[] {
  const from = layerOf(path);
  const world = from === undefined ? "free" : LAYERS[from]!.world;
  if (world === "free") return [];
  const source = sources.of(path, text);
  const banned = new Set(world === "crypto" ? CLOCKS : [...CLOCKS, "crypto"]);
  const wrong = globals(source).filter(({ name }) => banned.has(name)).map(({ name, node }) =>
    `${path}:${lineOf(source.file, node)}: ${name} is handed in, not fetched`
  );
  for (const node of source.nodes) {
    const what = clockCall(node);
    if (what !== undefined) wrong.push(`${path}:${lineOf(source.file, node)}: ${what} is handed in, not fetched`);
  }
  return wrong;
}

function clockCall(node: ts.Node): string | undefined {
  if (ts.isPropertyAccessExpression(node)) {
    const name = `${node.expression.getText()}.${node.name.text}`.replace(/^globalThis\./, "");
    return ["Date.now", "Math.random", "AbortSignal.timeout"].includes(name) ? name : undefined;
  }
  const isDate = (ts.isNewExpression(node) || ts.isCallExpression(node)) && node.expression.getText() === "Date";
  return isDate && (node.arguments ?? []).length === 0 ? "the current Date" : undefined;
}

function denoPlaces(sources: Sources, path: string, text: string): string[] {
  const from = layerOf(path);
  if (from === undefined && path !== "mod.ts") return [];
  const source = sources.of(path, text);
  const wrong: string[] = [];
  for (const { name, node } of globals(source)) {
    if (name !== "Deno") continue;
    const at = `${path}:${lineOf(source.file, node)}`;
    if (from === undefined || !LAYERS[from]!.deno) wrong.push(`${at}: Deno.* is not for this folder`);
    else if (from !== "cli" && PROCESS_CALLS.includes(node.parent.getText())) {
      wrong.push(`${at}: ${node.parent.getText()} is for the command line alone`);
    }
  }
  return wrong;
}

function synchronous(sources: Sources, path: string, text: string): string[] {
  const from = layerOf(path);
  if (from === undefined || !LAYERS[from]!.sync) return [];
  const source = sources.of(path, text);
  const wrong = globals(source).filter(({ name }) => ASYNC_GLOBALS.includes(name)).map(({ name, node }) =>
    `${path}:${lineOf(source.file, node)}: ${name} in synchronous code`
  );
  for (const node of source.nodes) {
    // `for await` and `async` are keyword tokens of their own; `await x` is an expression.
    const keyword = node.kind === ts.SyntaxKind.AwaitExpression || node.kind === ts.SyntaxKind.AsyncKeyword ||
      node.kind === ts.SyntaxKind.AwaitKeyword;
    const then = ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression) &&
      node.expression.name.text === "then";
    if (keyword || then) wrong.push(`${path}:${lineOf(source.file, node)}: await, async or then in synchronous code`);
  }
  return wrong;
}
