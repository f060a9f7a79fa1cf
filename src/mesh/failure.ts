/** From what cores and the wire state to the errors that users catch, and back. @module */

import type { Failure } from "../base/protocol.ts";
import {
  ClosedError,
  MeshError,
  NoProviderError,
  RefusedError,
  RemoteError,
  TimeoutError,
  ValidationError,
} from "../base/errors.ts";

/** Codes of a handler's own failures begin so on the wire: they can never be mistaken for the mesh's. */
const HANDLER_PREFIX = "handler:";

/** Trouble that may be over when one tries again. */
const RETRYABLE: ReadonlySet<string> = new Set([
  "unavailable",
  "connection_lost",
  "provider_lost",
  "node_unreachable",
  "no_handler",
  "overloaded",
  "going_away",
  "queue_full",
]);

/** The exception for a failure. */
export function errorOf({ code, text }: Failure): MeshError {
  if (code.startsWith(HANDLER_PREFIX)) return new RemoteError(code.slice(HANDLER_PREFIX.length), text);
  if (RETRYABLE.has(code)) return new MeshError(code, text, { retryable: true });
  switch (code) {
    case "timeout":
      return new TimeoutError(text);
    case "no_provider":
      return new NoProviderError(text);
    case "closed":
      return new ClosedError(text);
    case "invalid":
      return new ValidationError(text);
    default:
      return new RefusedError(code, text);
  }
}

/**
 * What the caller is told of an exception in a handler: its code and message, never its stack. An exception that the
 * runtime made (a `TypeError`, a file that is not there) may tell what is nobody's business: of it only that it was.
 */
export function failureOf(error: unknown): Failure {
  if (isOfRuntime(error)) return { code: `${HANDLER_PREFIX}handler_error`, text: "The handler failed" };
  const code = (error as { code?: unknown } | null)?.code;
  const named = typeof code === "string" && /^[a-z0-9_.-]{1,64}$/i.test(code) ? code : "handler_error";
  const text = error instanceof Error ? error.message : String(error);
  return { code: HANDLER_PREFIX + named, text: text.slice(0, 4_096) };
}

/** Whether an exception comes from JavaScript or the operating system rather than from the handler's author. */
export function isOfRuntime(error: unknown): boolean {
  if (!(error instanceof Error) || error instanceof MeshError) return false;
  if (RUNTIME_ERRORS.some((one) => error instanceof one)) return true;
  const { code } = error as { code?: unknown };
  return typeof code === "string" && /^E[A-Z0-9]+$/.test(code);
}

const RUNTIME_ERRORS = [TypeError, RangeError, ReferenceError, SyntaxError, URIError, EvalError] as const;

/** What a rejection with a failure, or an exception, is to those who catch it. */
export function exceptionOf(rejection: unknown): unknown {
  return rejection instanceof Error ? rejection : errorOf(rejection as Failure);
}

/** Runs `promise`, with failures as exceptions. */
export async function orThrow<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (failure) {
    throw exceptionOf(failure);
  }
}
