/** Membership: 0x30–0x32. The original reserves the ids and gives the messages no shape. @module */

import { type MessageSchema, openMessage } from "../schema.ts";
import type { Value } from "../value.ts";

/** 0x30, 0x31, 0x32: whatever the map holds. */
export interface Swim {
  readonly kind: "swimPing" | "swimAck" | "swimPingReq";
  readonly fields: ReadonlyMap<string, Value>;
}

/** The memberships' schemas. */
export const MEMBERSHIP_SCHEMAS: readonly MessageSchema[] = [
  openMessage<Swim>(0x30, "swimPing"),
  openMessage<Swim>(0x31, "swimAck"),
  openMessage<Swim>(0x32, "swimPingReq"),
];
