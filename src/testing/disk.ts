/** What a gateway keeps over a restart, in memory. @module */

import type { CertificateStore } from "../gateway/certificate.ts";

/** A disk with one file; `forget` loses it. */
export function certificateDisk(): { readonly certificates: CertificateStore; readonly forget: () => void } {
  let kept: string | undefined;
  return {
    certificates: {
      load: () => Promise.resolve(kept),
      save: (text) => {
        kept = text;
        return Promise.resolve();
      },
    },
    forget: () => void (kept = undefined),
  };
}
