/** What a decoder throws. @module */

import { MeshError } from "../base/errors.ts";

/** The peer broke the protocol: its bytes are no frame. Whoever catches it closes the link. */
export class MalformedFrame extends MeshError {
  constructor(rule: string, options: { cause?: unknown } = {}) {
    super("malformed_frame", `Cannot read the frame: ${rule}`, options);
  }
}
