// Signs what a client sends to a webhook: one middleware for each scheme. They sign the bytes that are sent.
import { createHmac } from "node:crypto";
import type { Middleware } from "openapi-fetch";

/** Standard Webhooks, with a secret like whsec_… */
export const standardWebhooks = (secret: string): Middleware => ({
  async onRequest({ request }) {
    const body = await request.clone().text();
    const id: string = JSON.parse(body).id;
    const timestamp = Math.floor(Date.now() / 1000);
    const key = Buffer.from(secret.slice("whsec_".length), "base64");
    const signature = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64");
    request.headers.set("webhook-id", id);
    request.headers.set("webhook-timestamp", `${timestamp}`);
    request.headers.set("webhook-signature", `v1,${signature}`);
    return request;
  },
});

/** Raw body, with a text as the secret. */
export const rawBody = (secret: string): Middleware => ({
  async onRequest({ request }) {
    const body = await request.clone().text();
    request.headers.set("x-signature-256", `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`);
    return request;
  },
});
