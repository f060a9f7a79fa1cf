/** Sizes, names, module comments, and state that outlives a call. @module */

import ts from "typescript";
import { lineOf, type Rule, type Source, type Sources } from "./source.ts";

const FILE_LINES_MAX = 400;
const FUNCTION_LINES_MAX = 70;
/** Code files in one folder. */
const FOLDER_FILES_MAX = 12;
const NAMES_BANNED = [
  "utils",
  "util",
  "helpers",
  "helper",
  "common",
  "types",
  "type",
  "manager",
  "misc",
  "shared",
  "interfaces",
];
const COLLECTIONS = ["Map", "Set", "WeakMap", "WeakSet", "Array"];
const BUFFERS =
  /^(Uint8|Int8|Uint16|Int16|Uint32|Int32|Float32|Float64|BigInt64|BigUint64|Uint8Clamped)Array$|^ArrayBuffer$/;
const STATE_EXCUSE = "// Process-wide:";

/** The rules of this file. */
export function shapeRules(sources: Sources): Record<string, Rule> {
  return {
    "files are short": fileLength,
    "functions are short": (path, text) => functionLength(sources, path, text),
    "file names are snake_case nouns": fileName,
    "a file starts with a module comment": moduleComment,
    "mod.ts holds re-exports only": (path, text) => modContent(sources, path, text),
    "no module-level state": (path, text) => moduleState(sources, path, text),
  };
}

/** Folders that hold too many code files. */
export function fullFolders(paths: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const path of paths) {
    if (!path.endsWith(".ts")) continue;
    const folder = path.slice(0, path.lastIndexOf("/") + 1) || "./";
    counts.set(folder, (counts.get(folder) ?? 0) + 1);
  }
  return [...counts].filter(([, count]) => count > FOLDER_FILES_MAX)
    .map(([folder, count]) => `${folder}: at most ${FOLDER_FILES_MAX} files, got ${count}`);
}

/** Circles of imports between the files of `src/`, types included, each told once. */
export function importCircles(sources: Sources, files: ReadonlyMap<string, string>): string[] {
  const done = new Set<string>();
  const circles: string[] = [];
  function visit(path: string, trail: readonly string[]): void {
    const at = trail.indexOf(path);
    if (at >= 0) circles.push([...trail.slice(at), path].join(" → "));
    if (at >= 0 || done.has(path)) return;
    const text = files.get(path);
    if (text === undefined) return;
    for (const { target, kind } of sources.of(path, text).imports) {
      if (target !== undefined && kind !== "dynamic") visit(target, [...trail, path]);
    }
    done.add(path);
  }
  for (const path of files.keys()) if (path.startsWith("src/")) visit(path, []);
  return circles;
}

function fileLength(path: string, text: string): string[] {
  const lines = text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
  return lines > FILE_LINES_MAX ? [`${path}: at most ${FILE_LINES_MAX} lines, got ${lines}`] : [];
}

/** In a test, what lies in a function's own functions does not count as its length: a suite is a function of tests. */
function functionLength(sources: Sources, path: string, text: string): string[] {
  const { file, nodes } = sources.of(path, text);
  const wrong: string[] = [];
  for (const node of nodes) {
    if (!isFunction(node)) continue;
    const lines = path.startsWith("tests/") ? ownLines(file, node) : linesOf(file, node);
    if (lines > FUNCTION_LINES_MAX) {
      wrong.push(`${path}:${lineOf(file, node)}: a function has at most ${FUNCTION_LINES_MAX} lines, got ${lines}`);
    }
  }
  return wrong;
}

function isFunction(node: ts.Node): boolean {
  return ts.isFunctionLike(node) && "body" in node && node.body !== undefined;
}

function linesOf(file: ts.SourceFile, node: ts.Node): number {
  return file.getLineAndCharacterOfPosition(node.end).line -
    file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1;
}

function ownLines(file: ts.SourceFile, node: ts.Node): number {
  let lines = linesOf(file, node);
  function visit(child: ts.Node): void {
    if (isFunction(child)) lines -= Math.max(0, linesOf(file, child) - 1);
    else ts.forEachChild(child, visit);
  }
  ts.forEachChild(node, visit);
  return lines;
}

function fileName(path: string): string[] {
  const wrong: string[] = [];
  const parts = path.split("/");
  const stem = parts.pop()!.replace(/\.ts$/, "");
  for (const part of [...parts, stem]) {
    if (!/^[a-z0-9]+(_[a-z0-9]+)*$/.test(part)) wrong.push(`${path}: "${part}" is not snake_case`);
  }
  for (const name of [...parts, stem.replace(/_test$/, "")]) {
    const banned = NAMES_BANNED.find((word) => name === word || name.endsWith(`_${word}`));
    if (banned !== undefined) wrong.push(`${path}: "${banned}" names nothing; name the file after the thing in it`);
  }
  return wrong;
}

function moduleComment(path: string, text: string): string[] {
  const body = text.replace(/^#!.*\n/, "").trimStart();
  const comment = body.startsWith("/**") ? body.slice(0, body.indexOf("*/")) : "";
  return comment.includes("@module") ? [] : [`${path}: starts with /** what it is … @module */`];
}

function modContent(sources: Sources, path: string, text: string): string[] {
  if (path !== "mod.ts" && !(path.startsWith("src/") && path.endsWith("/mod.ts"))) return [];
  const { file } = sources.of(path, text);
  return file.statements.filter((statement) => {
    if (ts.isExportDeclaration(statement)) return statement.moduleSpecifier === undefined;
    const handsOver = ts.isIfStatement(statement) && statement.expression.getText(file) === "import.meta.main";
    return !(path === "mod.ts" && handsOver);
  }).map((statement) => `${path}:${lineOf(file, statement)}: mod.ts holds a module comment and re-exports`);
}

function moduleState(sources: Sources, path: string, text: string): string[] {
  if (!path.startsWith("src/") && path !== "mod.ts" && path !== "cli.ts") return [];
  const source = sources.of(path, text);
  const wrong: string[] = [];
  for (const statement of source.file.statements) {
    if (isExcused(source, statement)) continue;
    if (ts.isVariableStatement(statement)) {
      const constant = (statement.declarationList.flags & ts.NodeFlags.Const) !== 0;
      for (const declaration of statement.declarationList.declarations) {
        if (constant && !isMutable(declaration.initializer, declaration.type)) continue;
        wrong.push(
          `${path}:${lineOf(source.file, declaration)}: ${
            declaration.name.getText(source.file)
          } is state of the module`,
        );
      }
    }
    if (!ts.isClassDeclaration(statement)) continue;
    for (const member of statement.members) {
      if (!ts.isPropertyDeclaration(member) || isExcused(source, member)) continue;
      const modifiers = (member.modifiers ?? []).map((modifier) => modifier.kind);
      if (!modifiers.includes(ts.SyntaxKind.StaticKeyword)) continue;
      if (modifiers.includes(ts.SyntaxKind.ReadonlyKeyword) && !isMutable(member.initializer, member.type)) continue;
      wrong.push(
        `${path}:${lineOf(source.file, member)}: static ${member.name.getText(source.file)} is state of the module`,
      );
    }
  }
  return wrong;
}

function isExcused(source: Source, node: ts.Node): boolean {
  const text = source.file.text;
  return (ts.getLeadingCommentRanges(text, node.pos) ?? []).some(({ pos }) => text.startsWith(STATE_EXCUSE, pos));
}

function isMutable(value: ts.Expression | undefined, type: ts.TypeNode | undefined): boolean {
  if (value === undefined || (type !== undefined && /^(readonly |Readonly)/.test(type.getText()))) return false;
  if (ts.isParenthesizedExpression(value) || ts.isSatisfiesExpression(value)) return isMutable(value.expression, type);
  if (ts.isAsExpression(value)) {
    return !/^(const$|readonly |Readonly)/.test(value.type.getText()) && isMutable(value.expression, type);
  }
  if (ts.isArrayLiteralExpression(value)) return true;
  if (ts.isObjectLiteralExpression(value)) return value.properties.length === 0;
  if (!ts.isNewExpression(value)) return false;
  const name = value.expression.getText();
  if (COLLECTIONS.includes(name)) return true;
  const first = value.arguments?.[0];
  const fixed = first === undefined || ts.isArrayLiteralExpression(first) || first.getText() === "0";
  return BUFFERS.test(name) && !fixed;
}
