/** Messages to frames and back: what every event and call pays twice at each end. @module */

import { Decoder, encodeFrame, encodeMessage, Writer } from "../../src/wire/mod.ts";
import { publish, request } from "./messages.ts";

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

Deno.bench("rpcRequest of 128 bytes: encode", { group: "call" }, () => {
  writer.length = 0;
  encodeMessage(call, writer);
});

Deno.bench("rpcRequest of 128 bytes: decode", { group: "call" }, () => void decoder.decode(callFrame));
