/** A credential in a file that somebody else renews: read again when it changes; a wrong one changes nothing. @module */

import type { Timers } from "../base/clock.ts";
import { ValidationError } from "../base/errors.ts";
import { readCredential } from "../identity/mod.ts";
import type { Logger } from "../mesh/options.ts";
import { watchText } from "../node/runtime.ts";

/** What the file must say, and who is told. */
export interface CredentialFileOptions {
  /** Throws where this one cannot be used: at the start that is what opening rejects with. */
  readonly check: (credential: string) => void;
  /** What cannot be done without the file: the error begins with it. */
  readonly doing: string;
  readonly timers: Timers;
  readonly logger: Logger;
}

/** The credential as of now, until it is closed. */
export interface CredentialFile extends Disposable {
  readonly value: string;
  /** Looks at the file no longer. */
  close(): void;
}

/** Opens it; rejects with `ValidationError` where there is no such file, else with what `check` throws. */
export function openCredentialFile(path: string, options: CredentialFileOptions): Promise<CredentialFile> {
  const { check, doing, timers, logger } = options;
  return watchText(path, {
    timers,
    parse(text) {
      if (text === undefined) throw new ValidationError(`Cannot ${doing}: there is no file ${path}`);
      const credential = text.trim();
      check(credential);
      return credential;
    },
    onChange: (credential) =>
      logger.info("the credential was read again", { file: path, id: readCredential(credential).id }),
    onFailure: ({ message }) =>
      logger.error("cannot read the credential again, keeping the old one", { text: message }),
  });
}
