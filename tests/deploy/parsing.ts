/** Just enough of the grammar of Dockerfiles and systemd units to check ours. @module */

/** One instruction of a Dockerfile. */
export interface Instruction {
  /** In capitals. */
  readonly name: string;
  /** Its words; of a JSON form (`CMD ["a", "b"]`) the elements. */
  readonly words: readonly string[];
}

/** The instructions of a Dockerfile, in order; throws where a line is none. */
export function dockerfile(text: string): Instruction[] {
  const lines = text.split("\n").filter((line) => !/^\s*#/.test(line)).join("\n").replace(/\\\n/g, " ").split("\n");
  return lines.filter((line) => line.trim() !== "").map((line) => {
    const match = /^([A-Z]+)\s+(.*)$/.exec(line.trim());
    if (match === null) throw new SyntaxError(`Not an instruction: ${line}`);
    const [, name, rest] = match;
    const json = /^((?:[^[\]]*\s)?)(\[.*\])$/.exec(rest!);
    const before = json === null ? rest! : json[1]!;
    const elements: string[] = json === null ? [] : JSON.parse(json[2]!);
    return { name: name!, words: [...before.split(/\s+/).filter((word) => word !== ""), ...elements] };
  });
}

/** Section → key → values in order of a systemd unit; throws where a line is neither. */
export function unitFile(text: string): Map<string, Map<string, string[]>> {
  const sections = new Map<string, Map<string, string[]>>();
  let section: Map<string, string[]> | undefined;
  for (const line of text.replace(/\\\n/g, " ").split("\n")) {
    if (line.trim() === "" || /^[#;]/.test(line)) continue;
    const header = /^\[(\w+)\]$/.exec(line);
    if (header !== null) sections.set(header[1]!, section = new Map());
    else {
      const pair = /^([A-Za-z]+)=(.*)$/.exec(line);
      if (pair === null || section === undefined) throw new SyntaxError(`Not a setting: ${line}`);
      section.set(pair[1]!, [...(section.get(pair[1]!) ?? []), pair[2]!.trim()]);
    }
  }
  return sections;
}
