/**
 * 0xB2 and 0xB3: the call that nearly every call is, and its answer, without names of fields and in fixed places.
 *
 *     question                                             answer
 *     8        u8   bit 2: the encoding is json, else       8     u8   the same
 *                   bytes · others 0
 *     9        u8   length of the procedure, n              9     request id, 16 bytes
 *     10       u32  deadline, ms, big endian                25    from node, 32 bytes
 *     14       request id, 16 bytes                         57    result, to the end of the frame
 *     30       from node, 32 bytes
 *     62       procedure, n bytes of ASCII
 *     62 + n   arguments, to the end of the frame
 *
 * @module
 */

import { FRAME_HEADER_BYTES } from "../frame.ts";
import { MalformedFrame } from "../malformed_frame.ts";
import type { TextCache } from "../text_cache.ts";
import type { Writer } from "../writer.ts";
import type { RpcReply, RpcRequest } from "./rpc.ts";
import {
  AS_JSON,
  ID_BYTES,
  isBody,
  isBytes,
  NAME_BYTES_MAX,
  NODE_BYTES,
  part,
  putHeader,
  putId,
  putName,
  putU32,
  readName,
  readU32,
} from "./short_form.ts";

/** The type ids. */
export const QUESTION_ID = 0xb2, ANSWER_ID = 0xb3;
/** Their names in the protocol; in memory they are an rpcRequest and an rpcReply. */
export const QUESTION_NAME = "question", ANSWER_NAME = "answer";

const DEADLINE_OFFSET = FRAME_HEADER_BYTES + 2, DEADLINE_MAX = 0xffff_ffff;
const REQUEST_ID_OFFSET = DEADLINE_OFFSET + 4, REQUEST_FROM_OFFSET = REQUEST_ID_OFFSET + ID_BYTES;
const PROCEDURE_OFFSET = REQUEST_FROM_OFFSET + NODE_BYTES;
const REPLY_ID_OFFSET = FRAME_HEADER_BYTES + 1, REPLY_FROM_OFFSET = REPLY_ID_OFFSET + ID_BYTES;
const RESULT_OFFSET = REPLY_FROM_OFFSET + NODE_BYTES;

/** Appends the whole frame; false, and nothing is written, where the request has something that this form has not. */
export function writeQuestion(writer: Writer, message: RpcRequest): boolean {
  if (!isUsualRequest(message)) return false;
  const { procedure, args, deadlineMs } = message, end = PROCEDURE_OFFSET + procedure.length + args.length;
  writer.reserve(end);
  const { bytes, length: start } = writer;
  if (!putName(bytes, start + PROCEDURE_OFFSET, procedure)) return false;
  putHeader(bytes, start, QUESTION_ID, end);
  bytes[start + 8] = message.encoding === "json" ? AS_JSON : 0;
  bytes[start + 9] = procedure.length;
  putU32(bytes, start + DEADLINE_OFFSET, deadlineMs!);
  putId(bytes, start + REQUEST_ID_OFFSET, message.requestId, ID_BYTES);
  putId(bytes, start + REQUEST_FROM_OFFSET, message.fromNode, NODE_BYTES);
  bytes.set(args, start + PROCEDURE_OFFSET + procedure.length);
  writer.length = start + end;
  return true;
}

/** Likewise for its answer, where that is a result. */
export function writeAnswer(writer: Writer, message: RpcReply): boolean {
  const { result } = message;
  if (result === undefined || !isUsualReply(message)) return false;
  const end = RESULT_OFFSET + result.length;
  writer.reserve(end);
  const { bytes, length: start } = writer;
  putHeader(bytes, start, ANSWER_ID, end);
  bytes[start + 8] = message.encoding === "json" ? AS_JSON : 0;
  putId(bytes, start + REPLY_ID_OFFSET, message.requestId, ID_BYTES);
  putId(bytes, start + REPLY_FROM_OFFSET, message.fromNode, NODE_BYTES);
  bytes.set(result, start + RESULT_OFFSET);
  writer.length = start + end;
  return true;
}

/** Reads the frame that ends at `end`; throws `MalformedFrame`. */
export function readQuestion(frame: Uint8Array, end: number, texts: TextCache | undefined): RpcRequest {
  const encoding = encodingOf(frame, end, PROCEDURE_OFFSET), argsOffset = PROCEDURE_OFFSET + frame[9]!;
  if (argsOffset > end) throw new MalformedFrame(`a question holds its procedure, got ${end} bytes of ${argsOffset}`);
  // Every field is there, absent ones as undefined, as the schema leaves them: one hidden class.
  const message: { readonly [K in keyof Required<RpcRequest>]: RpcRequest[K] | undefined } = {
    kind: "rpcRequest",
    args: part(frame, argsOffset, end - argsOffset),
    fromEndpoint: undefined,
    fromNode: part(frame, REQUEST_FROM_OFFSET, NODE_BYTES),
    procedure: readName(frame, PROCEDURE_OFFSET, argsOffset, texts),
    realm: undefined,
    requestId: part(frame, REQUEST_ID_OFFSET, ID_BYTES),
    targetNode: undefined,
    timestamp: undefined,
    type: undefined,
    deadlineMs: readU32(frame, DEADLINE_OFFSET),
    encoding,
    strategy: undefined,
    hopsLeft: undefined,
    targetHub: undefined,
    claimed: undefined,
    frame: frame.length === end ? frame : frame.subarray(0, end),
  };
  return message as RpcRequest;
}

/** Likewise. */
export function readAnswer(frame: Uint8Array, end: number): RpcReply {
  const encoding = encodingOf(frame, end, RESULT_OFFSET);
  const message: { readonly [K in keyof Required<RpcReply>]: RpcReply[K] | undefined } = {
    kind: "rpcReply",
    error: undefined,
    fromNode: part(frame, REPLY_FROM_OFFSET, NODE_BYTES),
    requestId: part(frame, REPLY_ID_OFFSET, ID_BYTES),
    result: part(frame, RESULT_OFFSET, end - RESULT_OFFSET),
    timestamp: undefined,
    toNode: undefined,
    type: undefined,
    code: undefined,
    encoding,
    frame: frame.length === end ? frame : frame.subarray(0, end),
  };
  return message as RpcReply;
}

function encodingOf(frame: Uint8Array, end: number, least: number): "json" | "bytes" {
  if (end < least) throw new MalformedFrame(`a call in short has at least ${least} bytes, got ${end}`);
  const flags = frame[8]!;
  if ((flags & ~AS_JSON) !== 0) throw new MalformedFrame(`a call in short has flags of this version, got ${flags}`);
  return flags === AS_JSON ? "json" : "bytes";
}

/** Whether there is nothing beside what this form has, and every value is one that the schema takes. */
function isUsualRequest(message: RpcRequest): boolean {
  const { procedure, args, requestId, fromNode, deadlineMs, encoding } = message;
  return message.fromEndpoint === undefined && message.targetNode === undefined && message.realm === undefined &&
    message.timestamp === undefined && message.type === undefined && message.strategy === undefined &&
    message.hopsLeft === undefined && message.targetHub === undefined && message.claimed === undefined &&
    (encoding === "bytes" || encoding === "json") &&
    typeof procedure === "string" && procedure.length <= NAME_BYTES_MAX && isBody(args) &&
    isBytes(requestId, ID_BYTES) && isBytes(fromNode, NODE_BYTES) &&
    Number.isInteger(deadlineMs) && deadlineMs! >= 0 && deadlineMs! <= DEADLINE_MAX;
}

function isUsualReply(message: RpcReply): boolean {
  const { result, requestId, fromNode, encoding } = message;
  return message.error === undefined && message.toNode === undefined && message.timestamp === undefined &&
    message.type === undefined && message.code === undefined && (encoding === "bytes" || encoding === "json") &&
    isBody(result) && isBytes(requestId, ID_BYTES) && isBytes(fromNode, NODE_BYTES);
}
