/** Certificates that live minutes or seconds, for tests: rotation as it happens to real ones in days. @module */

import type { issueLeaf, Leaf } from "../../src/identity/mod.ts";

const DAY_MS = 86_400_000;

/** Issues leaves as `certify` does, that hold from a second ago for `lifeMs`; each is appended to `issued`. */
export function shortLived(certify: typeof issueLeaf, lifeMs: number, issued: Leaf[]): typeof issueLeaf {
  return async (identity, options) => {
    const shifted = { ...options, now: options.now + DAY_MS - 1_000, validDays: lifeMs / DAY_MS };
    const leaf = await certify(identity, shifted);
    issued.push(leaf);
    return leaf;
  };
}
