/** A TypeScript source as the rules see it: parsed once, flattened, with its imports resolved. @module */

import ts from "typescript";

/** A rule: what is wrong with the text of a file at a path (from the project's root, with slashes); empty when nothing. */
export type Rule = (path: string, text: string) => string[];

/** Where an import leads. */
export interface Import {
  /** As written. */
  readonly specifier: string;
  /** The path from the project's root for a relative import. */
  readonly target: string | undefined;
  readonly line: number;
  readonly kind: "static" | "types" | "dynamic";
}

/** A parsed file. */
export interface Source {
  readonly file: ts.SourceFile;
  /** Every node, parents before children. */
  readonly nodes: readonly ts.Node[];
  readonly imports: readonly Import[];
  /** Names that the file declares somewhere: what has such a name is not the global of that name. */
  readonly declared: ReadonlySet<string>;
}

/** Parses many files, each once. */
export class Sources {
  readonly #parsed = new Map<string, { text: string; source: Source }>();

  /** The parsed form of a file. */
  of(path: string, text: string): Source {
    const known = this.#parsed.get(path);
    if (known?.text === text) return known.source;
    const source = parse(path, text);
    this.#parsed.set(path, { text, source });
    return source;
  }
}

/** The line of a node, from 1. */
export function lineOf(file: ts.SourceFile, node: ts.Node): number {
  return file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1;
}

/** The identifiers of a file that stand for a global: not a property's name, not something declared in the file. */
export function globals(source: Source): { name: string; node: ts.Identifier }[] {
  const found: { name: string; node: ts.Identifier }[] = [];
  for (const node of source.nodes) {
    if (!ts.isIdentifier(node)) continue;
    const parent = node.parent;
    if (ts.isPropertyAccessExpression(parent) && parent.name === node) {
      if (ts.isIdentifier(parent.expression) && parent.expression.text === "globalThis") {
        found.push({ name: node.text, node });
      }
      continue;
    }
    if (ts.isQualifiedName(parent) && parent.right === node) continue;
    if (isNameOf(parent, node) || source.declared.has(node.text)) continue;
    found.push({ name: node.text, node });
  }
  return found;
}

function isNameOf(parent: ts.Node, node: ts.Identifier): boolean {
  if (ts.isShorthandPropertyAssignment(parent)) return false;
  return "name" in parent && parent.name === node;
}

function parse(path: string, text: string): Source {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true, ts.ScriptKind.TS);
  const nodes: ts.Node[] = [];
  const declared = new Set<string>();
  const imports: Import[] = [];
  function add(specifier: ts.Node | undefined, kind: Import["kind"]): void {
    if (specifier === undefined || !ts.isStringLiteralLike(specifier)) return;
    const target = resolve(path, specifier.text);
    imports.push({ specifier: specifier.text, target, line: lineOf(file, specifier), kind });
  }
  function visit(node: ts.Node): void {
    nodes.push(node);
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, importsOnlyTypes(node) ? "types" : "static");
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly ? "types" : "static");
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, "types");
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node.arguments[0], "dynamic");
    } else if (isDeclaration(node) && node.name !== undefined && ts.isIdentifier(node.name)) {
      declared.add(node.name.text);
    }
    ts.forEachChild(node, visit);
  }
  visit(file);
  return { file, nodes, imports, declared };
}

function isDeclaration(node: ts.Node): node is ts.NamedDeclaration {
  return ts.isVariableDeclaration(node) || ts.isParameter(node) || ts.isFunctionDeclaration(node) ||
    ts.isBindingElement(node) || ts.isImportSpecifier(node) || ts.isImportClause(node) || ts.isNamespaceImport(node) ||
    ts.isClassDeclaration(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node);
}

function importsOnlyTypes(node: ts.ImportDeclaration): boolean {
  const clause = node.importClause;
  if (clause === undefined) return false;
  if (clause.isTypeOnly) return true;
  const names = clause.namedBindings;
  return clause.name === undefined && names !== undefined && ts.isNamedImports(names) && names.elements.length > 0 &&
    names.elements.every((element) => element.isTypeOnly);
}

/** The path from the root that a relative specifier leads to; `undefined` for any other. */
function resolve(from: string, specifier: string): string | undefined {
  if (!specifier.startsWith(".")) return undefined;
  const parts = from.split("/").slice(0, -1);
  for (const part of specifier.split("/")) {
    if (part === "..") parts.length > 0 && parts.at(-1) !== ".." ? parts.pop() : parts.push("..");
    else if (part !== ".") parts.push(part);
  }
  return parts.join("/");
}
