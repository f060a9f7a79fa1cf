/** Where a gateway of the command line writes its audit log: JSON lines in a file of bounded size. @module */

import type { AuditEntry, AuditSink } from "../../link/admission/audit.ts";
import type { Logger } from "../../mesh/options.ts";
import { LineLog, type StateFolder } from "../../store/mod.ts";
import type { Settings } from "../settings.ts";

const STANDARD_FILE = "audit.jsonl", OFF = "off";

/** An audit log that is written until it is disposed of. */
export interface AuditFile extends Disposable {
  readonly sink: AuditSink | undefined;
}

/** The file that was named by `--audit-log` or `MACULA_AUDIT_LOG`; undefined where none was, or it is off. */
export function namedAuditFile(settings: Settings): string | undefined {
  const named = settings.environment.get("MACULA_AUDIT_LOG");
  return named === OFF ? undefined : named;
}

/** Opens the named file, else one in the state folder; `off` is none. */
export function openAuditFile(settings: Settings, folder: StateFolder, logger: Logger): AuditFile {
  if (settings.environment.get("MACULA_AUDIT_LOG") === OFF) return { sink: undefined, [Symbol.dispose]() {} };
  const log = LineLog.open(namedAuditFile(settings) ?? folder.pathOf(STANDARD_FILE));
  let isBroken = false;
  const sink = (entry: AuditEntry) => {
    try {
      const { time, ...rest } = entry;
      log.write(JSON.stringify({ time: new Date(time).toISOString(), ...rest }));
      isBroken = false;
    } catch (error) {
      if (!isBroken) logger.error("cannot write the audit log", { text: (error as Error).message });
      isBroken = true; // told once: a full disk refuses every line
    }
  };
  return { sink, [Symbol.dispose]: () => log[Symbol.dispose]() };
}
