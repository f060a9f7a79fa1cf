/** Sees which operations of a handle are open, so that time moves on for them. @module */

import { Service } from "../mesh/service.ts";
import { Subscription } from "../mesh/subscription.ts";
import type { Driver } from "./driver.ts";

type Method = (...args: unknown[]) => unknown;

/**
 * From now on each promise that a method of `handle` returns is an operation of `driver`, and so is what the
 * subscriptions and services promise that it returns. The handle stays what it is: nothing about it changes but this.
 */
export function watchOperations(driver: Driver, handle: object, name: string): void {
  for (const [method, original] of methodsOf(handle)) replace(driver, handle, { method, original, name });
}

function replace(
  driver: Driver,
  handle: object,
  { method, original, name }: { method: string; original: Method; name: string },
): void {
  const what = `${method} of ${name}`;
  const watched = function (this: unknown, ...args: unknown[]): unknown {
    const result = original.apply(this, args);
    if (!(result instanceof Promise)) return closable(driver, result, name);
    return driver.operation(what, result.then((made) => closable(driver, made, name)));
  };
  Object.defineProperty(handle, method, { value: watched, writable: true, configurable: true });
}

/** Subscriptions and services have a `close` of their own; what they are handed from within stays as it is. */
function closable<T>(driver: Driver, made: T, name: string): T {
  if (made instanceof Subscription) driver.watch(`ready of ${made.pattern} of ${name}`, made.ready);
  if (made instanceof Subscription || made instanceof Service) {
    const whose = made instanceof Subscription ? made.pattern : made.procedure;
    replace(driver, made, { method: "close", original: made.close as Method, name: `${whose} of ${name}` });
  }
  return made;
}

/** The methods of its classes, the nearest class first; not those of `EventTarget`. */
function methodsOf(handle: object): Map<string, Method> {
  const methods = new Map<string, Method>();
  for (
    let prototype = Object.getPrototypeOf(handle);
    prototype !== EventTarget.prototype && prototype !== Object.prototype && prototype !== null;
    prototype = Object.getPrototypeOf(prototype)
  ) {
    for (const [key, { value }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      if (typeof value === "function" && key !== "constructor" && !methods.has(key)) methods.set(key, value as Method);
    }
  }
  return methods;
}
