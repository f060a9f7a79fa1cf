/** What must not be left lying about: other programs' files, markers, prints, addresses of registries. @module */

import { globals, lineOf, type Rule, type Sources } from "./source.ts";

const LEFTOVER_FILE = /\.(orig|rej|bak|tmp|temp|old|new|swp|swo|log)$|~$|(^|\/)(\.DS_Store|Thumbs\.db|nohup\.out)$/;
const PRINTING_PLACES = /^(src\/cli\/|cli\.ts$|examples\/|bench\/|tests\/)/;
// In two parts, so that this file does not break its own rules.
const MARKER = new RegExp(`\\b(${"TO" + "DO"}|${"FIX" + "ME"})\\b`);
const REGISTRIES = ["registry." + "npmjs.org", "deb." + "debian.org"];

/** Rules for every file of the project, whatever its language. */
export function leftoverRules(): Record<string, Rule> {
  return {
    "no leftover files": (path) => LEFTOVER_FILE.test(path) ? [`${path}: is a leftover`] : [],
    "no markers of unfinished work": (path, text) =>
      linesWith(path, text, (line) => MARKER.test(line), "do it, or open an issue"),
    "no addresses of registries": (path, text) =>
      linesWith(path, text, (line) => REGISTRIES.some((host) => line.includes(host)), "names a registry"),
  };
}

/** Rules for TypeScript files. */
export function printRules(sources: Sources): Record<string, Rule> {
  return {
    "a library never prints": (path, text) => {
      if (PRINTING_PLACES.test(path)) return [];
      const source = sources.of(path, text);
      return globals(source).filter(({ name }) => name === "console")
        .map(({ node }) => `${path}:${lineOf(source.file, node)}: console is for the command line; take a logger`);
    },
  };
}

function linesWith(path: string, text: string, matches: (line: string) => boolean, rule: string): string[] {
  if (!matches(text)) return [];
  return text.split("\n").flatMap((line, index) => matches(line) ? [`${path}:${index + 1}: ${rule}`] : []);
}
