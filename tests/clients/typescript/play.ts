// A settlement from PENDING to SETTLED with a generated client. Each reply is told by its type, which tsc checks.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";
import { rawBody, standardWebhooks } from "./sign.js";

type Schemas = components["schemas"];
interface World {
  url: string;
  facility_id: string;
  value_date: string;
  tokens: Record<"alice" | "bob" | "carol", string>;
  agents: Record<"escrow-one" | "settle-one", { scheme: string; secret: string }>;
}

const world: World = JSON.parse(readFileSync(0, "utf8"));
const key = () => ({ "Idempotency-Key": randomBytes(16).toString("hex") });
const person = (name: keyof World["tokens"]) =>
  createClient<paths>({ baseUrl: world.url, headers: { Authorization: `Bearer ${world.tokens[name]}` } });
const agent = (name: keyof World["agents"]) => {
  const { scheme, secret } = world.agents[name];
  const client = createClient<paths>({ baseUrl: world.url });
  client.use(scheme === "standard-webhooks" ? standardWebhooks(secret) : rawBody(secret));
  return client;
};
const [alice, bob, carol] = [person("alice"), person("bob"), person("carol")];

// alice proposes, twice: the second answer is the first one, as what it was.
const body: Schemas["NewSettlement"] = {
  facility_id: world.facility_id, amount_minor: "250000000", currency: "USD", value_date: world.value_date,
};
const header = key();
const proposed = await alice.POST("/v1/settlements", { params: { header }, body });
assert(proposed.data, "proposed");
assert.equal(proposed.data.status satisfies Schemas["Status"], "PENDING");
const { id } = proposed.data;
const again = await alice.POST("/v1/settlements", { params: { header }, body });
assert(again.error && "type" in again.error && again.error.type === "urn:optkas:problem:duplicate-request");
const { original } = again.error;
assert(original.outcome === "accepted" && "amount_minor" in original.body);
assert.equal(original.body.id, id);

// alice is no checker: the refusal says what she would need.
const path = { id };
const refused = await alice.POST("/v1/settlements/{id}/verify", { params: { path, header: key() } });
assert(refused.error && "type" in refused.error && refused.error.type === "urn:optkas:problem:role-missing");
assert.deepEqual(refused.error.required_roles satisfies Schemas["Role"][], ["checker"]);

// bob verifies, and the agents report.
const verified = await bob.POST("/v1/settlements/{id}/verify", { params: { path, header: key() } });
assert.equal(verified.data?.status, "VERIFIED");
const data = { settlement_id: id, facility_id: body.facility_id, amount_minor: body.amount_minor, currency: "USD" };
const event = () => ({ id: `evt_${randomBytes(16).toString("hex")}`, occurred_at: new Date().toISOString(), data });
const funded = await agent("escrow-one").POST("/v1/webhooks/escrow/{agent}", {
  params: { path: { agent: "escrow-one" } }, body: { ...event(), type: "escrow.funded" },
});
assert(funded.data?.duplicate === false);
assert.equal(funded.data.settlement.status, "ESCROWED");
const completed = await agent("settle-one").POST("/v1/webhooks/settlement/{agent}", {
  params: { path: { agent: "settle-one" } }, body: { ...event(), type: "settlement.completed" },
});
assert(completed.data?.duplicate === false);
const settled = await carol.GET("/v1/settlements/{id}", { params: { path } });
assert.deepEqual(settled.data?.transitions.map((step) => step.to), ["PENDING", "VERIFIED", "ESCROWED", "SETTLED"]);

// The receipt is a text, and there once the log has published it.
const last = { id: completed.data.commitment.id };
const receipt = async (): Promise<string> => {
  const proof = await carol.GET("/v1/commitments/{id}/proof", { params: { path: last }, parseAs: "text" });
  if (proof.data !== undefined) return proof.data;
  assert("type" in proof.error && proof.error.type === "urn:optkas:problem:not-published", "the receipt");
  await sleep(200);
  return receipt();
};
assert.match(await receipt(), /^c2sp\.org\/tlog-proof@v1\n/);
