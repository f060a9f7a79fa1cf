/** Messages to frames and back: what every event and call pays twice at each end. @module */

import { burstEvents, Decoder, encodeFrame, encodeMessage, EventWriter, Writer } from "../../src/wire/mod.ts";
import { burstFrame, publish, request, series } from "./messages.ts";

const writer = new Writer(), decoder = new Decoder();
const event = publish(), eventFrame = encodeFrame(event), call = request(), callFrame = encodeFrame(call);

Deno.bench("publish of 128 bytes: encode", { group: "publish" }, () => {
  writer.length = 0;
  encodeMessage(event, writer);
});

Deno.bench("publish of 128 bytes: decode", { group: "publish" }, () => void decoder.decode(eventFrame));

Deno.bench("publish of 128 bytes: forward as it came", { group: "publish" }, () => {
  writer.length = 0;
  encodeMessage(decoder.decode(eventFrame), writer);
});

/** Of 128 bytes each: as many as ours writes into one frame. */
const BURST_EVENTS = 30;
const events = series(BURST_EVENTS), eventWriter = new EventWriter(), burst = burstFrame(BURST_EVENTS);

Deno.bench(`burst of ${BURST_EVENTS} events: encode`, { group: "burst" }, () => {
  writer.length = 0;
  eventWriter.close();
  for (const one of events) eventWriter.append(writer, one);
});

Deno.bench(`burst of ${BURST_EVENTS} events: decode, one by one`, { group: "burst" }, () => {
  const message = decoder.decode(burst), found = message.kind === "burst" ? burstEvents(message) : [];
  if (found.length !== BURST_EVENTS) throw new Error(`Cannot measure: ${BURST_EVENTS} are due, got ${found.length}`);
});

Deno.bench(`burst of ${BURST_EVENTS} events: forward as it came`, { group: "burst" }, () => {
  writer.length = 0;
  encodeMessage(decoder.decode(burst), writer);
});

Deno.bench("rpcRequest of 128 bytes: encode", { group: "call" }, () => {
  writer.length = 0;
  encodeMessage(call, writer);
});

Deno.bench("rpcRequest of 128 bytes: decode", { group: "call" }, () => void decoder.decode(callFrame));
