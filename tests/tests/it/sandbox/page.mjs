// What a page does: it signs a person in with supabase-js and calls the API. Before each call it asks what a browser
// would ask (the Fetch standard's preflight request), and throws where a browser would not go on.
import { request } from "node:http";
import { createClient } from "@supabase/supabase-js";

const { API, SUPABASE, PASSWORD } = process.env;
const ORIGIN = "http://localhost:5173";
const client = () =>
  createClient(SUPABASE, "any", { auth: { persistSession: false, autoRefreshToken: false } });

// A browser sets the origin; Node's fetch would not let us.
const send = (url, method, headers, body) =>
  new Promise((resolve, reject) => {
    const sent = request(url, { method, headers: { ...headers, origin: ORIGIN } }, (reply) => {
      let text = "";
      reply.on("data", (part) => (text += part));
      reply.on("end", () => resolve({ status: reply.statusCode, headers: reply.headers, text }));
    });
    sent.on("error", reject);
    sent.end(body);
  });
const list = (text) => (text ?? "").toLowerCase().split(",").map((word) => word.trim());
const must = (good, what) => {
  if (!good) throw Error(`a browser stops here: ${what}`);
};
async function call(path, { method = "GET", headers = {}, body } = {}) {
  const asked = await send(API + path, "OPTIONS", {
    "access-control-request-method": method,
    "access-control-request-headers": Object.keys(headers).sort().join(","),
  });
  must(asked.status === 204, `preflight ${asked.status}`);
  must(asked.headers["access-control-allow-origin"] === ORIGIN, "origin");
  must(list(asked.headers["access-control-allow-methods"]).includes(method.toLowerCase()), method);
  for (const name of Object.keys(headers)) {
    must(list(asked.headers["access-control-allow-headers"]).includes(name), name);
  }
  const reply = await send(API + path, method, headers, body);
  must(reply.headers["access-control-allow-origin"] === ORIGIN, "the reply's origin");
  const readable = (name) =>
    list(reply.headers["access-control-expose-headers"]).includes(name) && reply.headers[name];
  return { status: reply.status, body: JSON.parse(reply.text), readable };
}
const me = (token) => call("/v1/me", { headers: { authorization: `Bearer ${token}` } });

const found = {};
const supabase = client();
const email = "alice@example.com";
const wrong = await supabase.auth.signInWithPassword({ email, password: "guessed" });
found.wrong = [wrong.error.code, wrong.error.status, wrong.error.message];

const { data, error } = await supabase.auth.signInWithPassword({ email, password: PASSWORD });
if (error) throw error;
const first = data.session;
found.user = data.user.id;
// Verified here, with the published key.
const { claims } = (await supabase.auth.getClaims()).data;
found.verified = [claims.sub, claims.role, claims.aal];
found.asked = (await supabase.auth.getUser()).data.user.id;

const known = await me(first.access_token);
found.me = [known.status, known.body.sub, known.body.roles];
const date = new Date(Date.now() + 2 * 86_400_000).toISOString().slice(0, 10);
const proposed = await call("/v1/settlements", {
  method: "POST",
  headers: {
    authorization: `Bearer ${first.access_token}`,
    "content-type": "application/json",
    "idempotency-key": crypto.randomUUID(),
  },
  body: JSON.stringify({
    facility_id: "f0000000-0000-4000-8000-000000000001",
    amount_minor: "100",
    currency: "USD",
    value_date: date,
  }),
});
const place = `/v1/settlements/${proposed.body.id}`;
found.proposed = [proposed.status, proposed.body.status, proposed.readable("location") === place];

const second = (await supabase.auth.refreshSession()).data.session;
found.renewed = second.refresh_token !== first.refresh_token;
found.me_renewed = (await me(second.access_token)).status;
const third = (await supabase.auth.refreshSession()).data.session;
// A copy of the first refresh token, used by somebody else: that session is over.
const copy = await client().auth.refreshSession({ refresh_token: first.refresh_token });
found.used = [copy.error.code, copy.error.status];

found.signed_out = (await supabase.auth.signOut()).error;
const asked = await client().auth.getUser(third.access_token);
// What supabase-js makes of session_not_found.
found.asked_after = asked.error.name;
const renewed = await client().auth.refreshSession({ refresh_token: third.refresh_token });
found.renewed_after = renewed.error.code;
found.me_after = (await me(third.access_token)).status;
console.log(JSON.stringify(found));
