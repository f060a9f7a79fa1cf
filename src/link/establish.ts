/** Carries the handshake over a fresh connection and gives what a link is made of. @module */

import { DialError } from "../transport/transport.ts";
import type { BidiStream, Connection } from "../transport/transport.ts";
import { ClosedError, RefusedError, TimeoutError } from "../base/errors.ts";
import { type Timers, within } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import type { NodeId } from "../identity/mod.ts";
import {
  decodeFrame,
  encodeFrame,
  FRAME_BYTES_MAX,
  FRAME_HEADER_BYTES,
  FRAME_VERSION,
  MalformedFrame,
  type Message,
} from "../wire/mod.ts";
import { cancelStream, refuseStream } from "./link_reader.ts";
import { FrameSource } from "./frame_source.ts";
import { type Incoming, incomingOf, type Taker } from "./streams/arrivals.ts";
import type { ChunkReader } from "./streams/chunks.ts";
import {
  checkConnect,
  checkHello,
  checkProve,
  checkWelcomeProof,
  HandshakeRefusal,
  makeConnect,
  makeHello,
  makeProve,
  makeWelcomeProof,
  MESH_CAPABILITY,
  type PeerIdentity,
  type Self,
} from "./handshake.ts";

/** Longest handshake, and how long a refused peer has to read why. */
export const HANDSHAKE_MS = 10_000, REFUSAL_MS = 2_000;
/** Largest frame before the welcome, bytes: a thousand strangers may send one at a time. */
export const HANDSHAKE_FRAME_BYTES = 64 * 1024;

/** Streams of a possible stranger that wait, beside its first: the original opens a second one before the first is read. */
const STRANGE_STREAMS_MAX = 1;

/** Streams beside the first that a newcomer may open before the welcome: ours opens none. Each is cancelled at once. */
export const EARLY_STREAMS_MAX = 16;

/** A connection whose ends know each other. */
export interface Established {
  readonly connection: Connection;
  readonly dialled: boolean;
  readonly peer: PeerIdentity;
  readonly control: FrameSource;
  readonly controlWriter: WritableStreamDefaultWriter<Uint8Array>;
  /** What else the peer opens, taken since it arrived. Absent where it was dialled: it may open lanes only. */
  readonly incoming?: Incoming;
  /** Largest frame on this link, bytes: the acceptor says. */
  readonly frameBytesMax: number;
  /** Where somebody stands in for the peer, and hands on in its own time what the link says. */
  readonly deputy?: Deputy;
}

/** Who stands in for a peer. */
export interface Deputy {
  /** The link has taken a message to send. */
  took(message: Message): void;
  /** Grows with what was handed on. */
  progress(): number;
}

/** A connection that does not begin with a connect of `mesh/1`. */
export interface Stranger {
  readonly connection: Connection;
  /** Its first stream. */
  readonly reader: ChunkReader;
  readonly writable: WritableStream<Uint8Array>;
  /** What was read of it. */
  readonly heard: readonly Uint8Array[];
  /** Streams that came before it was clear that it is a stranger. */
  readonly more: readonly BidiStream[];
  /** Those that come from now on. */
  readonly incoming: Required<Incoming>;
}

/** Takes strangers in. */
export interface Door {
  take(stranger: Stranger): void;
}

/** What both ends need. */
export interface HandshakeOptions {
  readonly self: Self;
  readonly timers: Timers;
  readonly random: Random;
}

/** What the acceptor needs beyond. */
export interface AcceptOptions extends HandshakeOptions {
  /** Largest frame after the welcome, bytes. */
  readonly frameBytesMax: number;
  /** Host names this node answers to, lower case. */
  readonly names: ReadonlySet<string>;
  readonly subscriptionsMax: number;
  /** Asked once the peer has proven itself: the code and text of a refusal, or undefined. */
  readonly admit: (peer: PeerIdentity) => { code: string; text: string } | undefined;
  /** Told of a refusal: code and text as the peer gets them, and who it was as far as that was proven. */
  readonly onRefused?: (code: string, text: string, peer: PeerIdentity | undefined) => void;
  /** Who takes in strangers; absent: they are refused. */
  readonly door?: Door | undefined;
}

/** The dialler's side. Rejects with `RefusedError`, `TimeoutError` or `DialError`, and closes the connection then. */
export async function establish(
  connection: Connection,
  options: HandshakeOptions & { readonly expected: NodeId | undefined; readonly dialled: string },
): Promise<Established> {
  const late = () => new TimeoutError(`Cannot connect: no welcome within ${HANDSHAKE_MS} ms`);
  try {
    return await within(options.timers, HANDSHAKE_MS, dialler(connection, options), late);
  } catch (error) {
    connection.close(1, error instanceof HandshakeRefusal ? error.code : "handshake failed");
    if (error instanceof HandshakeRefusal) throw new DialError("untrusted", error.message, { cause: error });
    if (error instanceof RefusedError || error instanceof TimeoutError) throw error;
    throw new DialError("unreachable", "Cannot connect: the connection ended in the handshake", { cause: error });
  }
}

async function dialler(
  connection: Connection,
  options: HandshakeOptions & { readonly expected: NodeId | undefined; readonly dialled: string },
): Promise<Established> {
  const { self, random, timers, expected, dialled } = options;
  const stream = await connection.openBidi();
  const source = new FrameSource(stream.readable, HANDSHAKE_FRAME_BYTES), writer = stream.writable.getWriter();
  const connect = encodeFrame(makeConnect(self, dialled, random.bytes(32)));
  await writer.write(connect);
  const helloFrame = await source.next(), hello = answerOf(helloFrame);
  if (hello.kind === "pong") {
    throw new RefusedError("legacy_hub", "Cannot connect: the gateway speaks Macula 0.20 only, which proves nothing");
  }
  if (hello.kind !== "hello") {
    throw new HandshakeRefusal("unexpected", `Cannot connect: hello expected, got ${hello.kind}`);
  }
  const connectPayload = connect.subarray(FRAME_HEADER_BYTES), helloPayload = helloFrame!.subarray(FRAME_HEADER_BYTES);
  const peer = checkHello(self, hello, { connectPayload, expected, now: timers.now() });
  await writer.write(encodeFrame(makeProve(self, connectPayload, helloPayload)));
  const welcome = answerOf(await source.next());
  if (welcome.kind !== "welcome") {
    throw new HandshakeRefusal("unexpected", `Cannot connect: welcome expected, got ${welcome.kind}`);
  }
  checkWelcomeProof(self, welcome, { connectPayload, helloPayload });
  const frameBytesMax = Math.min(Math.max(welcome.frameBytesMax, HANDSHAKE_FRAME_BYTES), FRAME_BYTES_MAX);
  source.frames.frameBytesMax = frameBytesMax;
  return { connection, dialled: true, peer, control: source, controlWriter: writer, frameBytesMax };
}

/** Refusals that may be over when one tries again. */
const PASSING: ReadonlySet<string> = new Set([
  "max_clients_reached",
  "too_busy",
  "handshake_timeout",
  "handshake_failed",
]);

/** Whether a refusal with this code may be over when one tries again. */
export function isPassing(code: string): boolean {
  return PASSING.has(code);
}

/** The message in the hub's answer; a refusal and a silent end are errors. */
function answerOf(frame: Uint8Array | undefined): Message {
  if (frame === undefined) throw new ClosedError("Cannot connect: the hub ended the stream");
  const message = decodeFrame(frame);
  if (message.kind === "refused") {
    throw new RefusedError(message.code, message.text, { retryable: isPassing(message.code) });
  }
  return message;
}

/**
 * The acceptor's side. Resolves with undefined when the peer was refused or left: it has been told, and is gone; and when
 * it was a stranger that somebody took in.
 */
export async function accept(connection: Connection, options: AcceptOptions): Promise<Established | undefined> {
  const { timers } = options;
  const late = () => new HandshakeRefusal("handshake_timeout", `Cannot connect: no proof within ${HANDSHAKE_MS} ms`);
  const flood = Promise.withResolvers<never>(), opened: Opened = { onFlood: () => flood.reject(flooded()) };
  try {
    const handshake = Promise.race([acceptor(connection, options, opened), flood.promise]);
    const established = await within(timers, HANDSHAKE_MS, handshake, late);
    if (established === "taken") return undefined;
    if (established === undefined) connection.close(1, "ended"); // it finished its stream: nothing can come any more
    return established;
  } catch (error) {
    const code = error instanceof HandshakeRefusal || error instanceof MalformedFrame ? error.code : "handshake_failed";
    const text = code === "handshake_failed" ? "Cannot connect: the handshake failed" : (error as Error).message;
    options.onRefused?.(code, text, code === "bad_signature" ? undefined : opened.peer);
    if (opened.writer !== undefined) await refuse(connection, opened.writer, { code, text }, timers);
    connection.close(1, code);
    return undefined;
  }
}

/** What a handshake has come to so far. */
interface Opened {
  /** Of its first stream. */
  writer?: WritableStreamDefaultWriter<Uint8Array>;
  peer?: PeerIdentity;
  /** Called where more streams came than anybody needs before the welcome. */
  readonly onFlood: () => void;
}

function flooded(): HandshakeRefusal {
  return new HandshakeRefusal(
    "too_many_streams",
    `Cannot connect: before the welcome at most ${EARLY_STREAMS_MAX} streams are opened, got more`,
  );
}

/** Passes streams on to be refused, and calls where they are too many. */
function bounded(onFlood: () => void): <T>(refuse: Taker<T>) => Taker<T> {
  let early = 0;
  return (refuse) => (stream) => {
    if (++early > EARLY_STREAMS_MAX) onFlood();
    refuse(stream);
  };
}

async function acceptor(
  connection: Connection,
  options: AcceptOptions,
  opened: Opened,
): Promise<Established | "taken" | undefined> {
  const { self, random, names, admit, timers, frameBytesMax, subscriptionsMax, door } = options;
  const counted = bounded(opened.onFlood), incoming = incomingOf(connection), { lanes, twoWay } = incoming;
  // An unread stream holds 1.19 MiB, and before the welcome none but the first is read.
  void lanes.give(counted(cancelStream));
  const stream = await twoWay.first();
  if (stream === undefined) return undefined;
  const writer = opened.writer = stream.writable.getWriter(), more: BidiStream[] = [];
  let room = door === undefined ? 0 : STRANGE_STREAMS_MAX;
  const keep = (late: BidiStream) => void (room-- > 0 ? more.push(late) : refuseStream(late));
  void twoWay.give(counted(keep));
  const heard: Uint8Array[] = [];
  const source = new FrameSource(stream.readable, HANDSHAKE_FRAME_BYTES);
  if (door !== undefined) source.onChunk = (chunk) => hear(heard, chunk);
  const connectFrame = await firstFrame(source, door);
  if (connectFrame === "strange") {
    writer.releaseLock();
    door!.take({ connection, reader: source.reader, writable: stream.writable, heard, more, incoming });
    return "taken";
  }
  room = 0;
  for (const late of more) refuseStream(late);
  source.onChunk = undefined;
  if (connectFrame === undefined) return undefined;
  const connect = decodeFrame(connectFrame);
  if (connect.kind !== "connect") {
    throw new HandshakeRefusal("unexpected", `Cannot connect: connect expected, got ${connect.kind}`);
  }
  const claimed = checkConnect(self, connect, names), connectPayload = connectFrame.slice(FRAME_HEADER_BYTES);
  const hello = encodeFrame(makeHello(self, connectPayload, random.bytes(32)));
  await writer.write(hello);
  const proveFrame = await source.next();
  if (proveFrame === undefined) return undefined;
  const prove = decodeFrame(proveFrame);
  if (prove.kind !== "prove") {
    throw new HandshakeRefusal("unexpected", `Cannot connect: prove expected, got ${prove.kind}`);
  }
  opened.peer = claimed;
  const transcript = { connectPayload, helloPayload: hello.subarray(FRAME_HEADER_BYTES) };
  const peer = checkProve(self, claimed, prove, { ...transcript, now: timers.now() });
  const refusal = admit(peer);
  if (refusal !== undefined) throw new HandshakeRefusal(refusal.code, refusal.text);
  const session = random.bytes(16);
  lanes.hold(); // it may open them as soon as it is welcome
  twoWay.hold();
  const serverTime = Math.floor(timers.now()), proof = makeWelcomeProof(self, transcript);
  const welcome = { kind: "welcome", session, frameBytesMax, subscriptionsMax, serverTime, ...proof } as const;
  await writer.write(encodeFrame(welcome));
  source.frames.frameBytesMax = frameBytesMax;
  return { connection, dialled: false, peer, control: source, controlWriter: writer, incoming, frameBytesMax };
}

/** Keeps what a stranger says for who takes it in; what does not begin as a frame is strange at once. */
function hear(heard: Uint8Array[], chunk: Uint8Array): void {
  heard.push(chunk);
  const [first] = heard;
  if (first![0] !== FRAME_VERSION) throw new MalformedFrame(`a frame begins with its version, got ${first![0]}`);
}

/** The first frame of a connection; `strange` where there is a door and it is no connect of `mesh/1`. */
async function firstFrame(source: FrameSource, door: Door | undefined): Promise<Uint8Array | "strange" | undefined> {
  if (door === undefined) return await source.next();
  try {
    const frame = await source.next();
    if (frame === undefined) return undefined;
    const message = decodeFrame(frame);
    return message.kind === "connect" && message.capabilities.includes(MESH_CAPABILITY) ? frame : "strange";
  } catch (error) {
    if (error instanceof MalformedFrame) return "strange";
    throw error;
  }
}

/** Says why and waits a moment, so that the reason arrives before the connection goes. */
async function refuse(
  connection: Connection,
  writer: WritableStreamDefaultWriter<Uint8Array>,
  reason: { code: string; text: string },
  timers: Timers,
): Promise<void> {
  try {
    writer.write(encodeFrame({ kind: "refused", ...reason })).catch(() => {});
    writer.close().catch(() => {});
    await within(timers, REFUSAL_MS, connection.closed, () => new Error("not read"));
  } catch {
    // it had its chance
  }
}
