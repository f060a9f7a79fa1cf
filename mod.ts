/**
 * A mesh network for applications at the edge: nodes find each other, publish and subscribe by topic, and call
 * procedures by name, over QUIC, with no broker in the middle.
 *
 * ```ts
 * import { connect, startGateway } from "@macula/mesh";
 *
 * await using gateway = await startGateway({ realm: "org.example.home", listen: { port: 0 } });
 * await using mesh = await connect(gateway.ticket);
 *
 * await using readings = mesh.subscribe<{ celsius: number }>("sensor.*.measured");
 * await readings.ready;
 * await mesh.publish("sensor.kitchen.measured", { celsius: 21.5 });
 * for await (const event of readings) {
 *   console.log(event.topic, event.data.celsius);
 *   break;
 * }
 *
 * await using _adder = await mesh.advertise("math.add", ({ a, b }: { a: number; b: number }) => a + b);
 * console.log(await mesh.call("math.add", { a: 1, b: 2 }));
 * ```
 *
 * Run as the main module it is the command line: `deno run -A jsr:@macula/mesh --gateway`.
 *
 * @module
 */

export type { Action, Role } from "./src/base/protocol.ts";
export type { Confirmation } from "./src/base/listing.ts";
export {
  ClosedError,
  MeshError,
  NoProviderError,
  RefusedError,
  RemoteError,
  TimeoutError,
  ValidationError,
} from "./src/base/errors.ts";
export { type CertificateStore } from "./src/gateway/certificate.ts";
export type { Gateway, GatewayStats } from "./src/gateway/gateway.ts";
export { startGateway, type StartGatewayOptions } from "./src/gateway/start.ts";
export { type CredentialRequest, issueCredential } from "./src/identity/credential_issuer.ts";
export { createIdentity, type Identity } from "./src/identity/keys.ts";
export type { Labels } from "./src/identity/labels.ts";
export type { NodeId } from "./src/identity/node_id.ts";
export { connect, type ConnectOptions } from "./src/edge/connect.ts";
export type { AuditEntry, AuditSink } from "./src/link/admission/audit.ts";
export type { Proof } from "./src/link/admission/event_proof.ts";
export type { Admission, Auth } from "./src/link/admission/guard.ts";
export type { LegacyStats } from "./src/legacy/counters.ts";
export type { LegacyOptions } from "./src/legacy/policy.ts";
export type { GatewayLimits } from "./src/node/limits.ts";
export type { Mesh } from "./src/mesh/mesh.ts";
export type { MeshEventMap, MeshEvents } from "./src/mesh/mesh_events.ts";
export type { MeshEvent } from "./src/mesh/mesh_event.ts";
export type {
  CallOptions,
  CommonOptions,
  DiscoverOptions,
  DrainOptions,
  LinkInfo,
  Logger,
  MemberInfo,
  ProviderInfo,
  Published,
  PublishOptions,
  Stats,
  Status,
} from "./src/mesh/options.ts";
export type { AdvertiseOptions, CallContext, Handler, Service } from "./src/mesh/service.ts";
export type { Overflow, SubscribeOptions, Subscription } from "./src/mesh/subscription.ts";
export type { Strategy } from "./src/rpc/selection.ts";
export { type Address, DialError, type DialFailure, type TlsIdentity } from "./src/transport/transport.ts";

if (import.meta.main) await (await import("./src/cli/main.ts")).main();
