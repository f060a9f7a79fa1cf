/** How a handshake says no. @module */

/** The peer said something that ends the attempt; `code` and `message` go to it in `refused`. */
export class HandshakeRefusal extends Error {
  /** Stable and machine-readable. */
  readonly code: string;

  /** `message` is one sentence for a person. */
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}
