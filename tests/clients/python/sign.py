"""Signs what a client sends to a webhook: one `httpx.Auth` for each scheme. They sign the bytes that are sent."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Generator

import httpx


class StandardWebhooks(httpx.Auth):
    """Standard Webhooks, with a secret like whsec_…"""

    requires_request_body = True

    def __init__(self, secret: str) -> None:
        self.key = base64.b64decode(secret.removeprefix("whsec_"))

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        delivery = json.loads(request.content)["id"]
        timestamp = str(int(time.time()))
        signed = f"{delivery}.{timestamp}.".encode() + request.content
        signature = base64.b64encode(hmac.digest(self.key, signed, hashlib.sha256)).decode()
        request.headers["webhook-id"] = delivery
        request.headers["webhook-timestamp"] = timestamp
        request.headers["webhook-signature"] = f"v1,{signature}"
        yield request


class RawBody(httpx.Auth):
    """Raw body, with a text as the secret."""

    requires_request_body = True

    def __init__(self, secret: str) -> None:
        self.key = secret.encode()

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        signature = hmac.digest(self.key, request.content, hashlib.sha256).hex()
        request.headers["x-signature-256"] = f"sha256={signature}"
        yield request
