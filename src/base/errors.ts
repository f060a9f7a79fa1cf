/**
 * The errors a user meets. Every one has a stable `code` and says whether trying again may help; none is ever
 * recognised by its text.
 *
 * @module
 */

/**
 * Anything that went wrong in the mesh.
 *
 * @example What is worth another try
 * ```ts
 * import { connect, MeshError, NoProviderError, startGateway } from "@macula/mesh";
 * import assert from "node:assert/strict";
 *
 * await using gateway = await startGateway({ realm: "org.example.home", listen: { port: 0 } });
 * await using mesh = await connect(gateway.ticket);
 * try {
 *   await mesh.call("no.such.thing");
 * } catch (error) {
 *   assert(error instanceof MeshError && error instanceof NoProviderError);
 *   assert.deepEqual([error.code, error.retryable], ["no_provider", true]);
 * }
 * ```
 */
export class MeshError extends Error {
  /** Stable and machine-readable, in snake_case. */
  readonly code: string;
  /** Whether the same request may succeed later. */
  readonly retryable: boolean;

  /** `code` is stable; `message` is one sentence for a person. */
  constructor(code: string, message: string, options: { retryable?: boolean; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.retryable = options.retryable ?? false;
  }
}

/** No answer came in time; the request may or may not have been carried out. */
export class TimeoutError extends MeshError {
  /** `message` says what was waited for. */
  constructor(message: string, options?: { cause?: unknown }) {
    super("timeout", message, { retryable: true, ...options });
  }
}

/** Nobody in the realm serves the procedure. */
export class NoProviderError extends MeshError {
  /** `message` is one sentence for a person. */
  constructor(message: string) {
    super("no_provider", message, { retryable: true });
  }
}

/** The handler at the other end failed; `code` and `message` are its own. */
export class RemoteError extends MeshError {}

/** The other end said no: not admitted, not allowed, over a limit. */
export class RefusedError extends MeshError {}

/** The handle was closed. */
export class ClosedError extends MeshError {
  /** `message` is one sentence for a person. */
  constructor(message: string) {
    super("closed", message);
  }
}

/** The caller gave something that cannot be right. */
export class ValidationError extends MeshError {
  /** `message` is one sentence for a person. */
  constructor(message: string) {
    super("invalid", message);
  }
}

/** A bug of ours: crash loudly. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`Assertion failed: ${message}`);
}
