"""A settlement from PENDING to SETTLED with a generated client. Each reply is told by its type, which mypy checks."""

import json
import sys
import time
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

from optkas_client import AuthenticatedClient
from optkas_client.api.books import get_commitment_proof
from optkas_client.api.settlements import create_settlement, get_settlement, verify_settlement
from optkas_client.api.webhooks import escrow_webhook, settlement_webhook
from optkas_client.models import (
    ActiveCurrency,
    CommittedSettlement,
    DuplicateRequest,
    EscrowFunded,
    EscrowFundedData,
    NewSettlement,
    NotPublished,
    OriginalAccepted,
    ReportAccepted,
    Role,
    RoleMissing,
    SettlementCompleted,
    SettlementCompletedData,
    SettlementWithTransitions,
    Status,
)
from sign import RawBody, StandardWebhooks

world: dict[str, Any] = json.load(sys.stdin)
facility = UUID(world["facility_id"])


def key() -> str:
    return uuid4().hex


def person(name: str) -> AuthenticatedClient:
    return AuthenticatedClient(base_url=world["url"], token=world["tokens"][name])


def agent(name: str) -> AuthenticatedClient:
    known = world["agents"][name]
    scheme = StandardWebhooks if known["scheme"] == "standard-webhooks" else RawBody
    # The generated client wants a token; a webhook does not read it.
    signed = {"auth": scheme(known["secret"])}
    return AuthenticatedClient(base_url=world["url"], token="", prefix="", httpx_args=signed)


alice, bob, carol = person("alice"), person("bob"), person("carol")

# alice proposes, twice: the second answer is the first one, as what it was.
body = NewSettlement(
    facility_id=facility,
    amount_minor="250000000",
    currency=ActiveCurrency.USD,
    value_date=date.fromisoformat(world["value_date"]),
)
once = key()
proposed = create_settlement.sync(client=alice, body=body, idempotency_key=once)
assert isinstance(proposed, CommittedSettlement), proposed
assert proposed.status is Status.PENDING
again = create_settlement.sync(client=alice, body=body, idempotency_key=once)
assert isinstance(again, DuplicateRequest), again
assert isinstance(again.original, OriginalAccepted), again.original
assert isinstance(again.original.body, CommittedSettlement), again.original.body
assert again.original.body == proposed

# alice is no checker: the refusal says what she would need.
refused = verify_settlement.sync(proposed.id, client=alice, idempotency_key=key())
assert isinstance(refused, RoleMissing), refused
assert refused.required_roles == [Role.CHECKER]

# bob verifies, and the agents report.
verified = verify_settlement.sync(proposed.id, client=bob, idempotency_key=key())
assert isinstance(verified, CommittedSettlement), verified
assert verified.status is Status.VERIFIED
money: dict[str, Any] = {
    "settlement_id": proposed.id,
    "facility_id": facility,
    "amount_minor": body.amount_minor,
    "currency": body.currency,
}
funded = escrow_webhook.sync(
    "escrow-one",
    client=agent("escrow-one"),
    body=EscrowFunded(
        id=f"evt_{key()}", type_="escrow.funded", occurred_at=datetime.now(UTC), data=EscrowFundedData(**money)
    ),
)
assert isinstance(funded, ReportAccepted), funded
assert funded.settlement.status is Status.ESCROWED
completed = settlement_webhook.sync(
    "settle-one",
    client=agent("settle-one"),
    body=SettlementCompleted(
        id=f"evt_{key()}",
        type_="settlement.completed",
        occurred_at=datetime.now(UTC),
        data=SettlementCompletedData(**money),
    ),
)
assert isinstance(completed, ReportAccepted), completed
settled = get_settlement.sync(proposed.id, client=carol)
assert isinstance(settled, SettlementWithTransitions), settled
assert [step.to for step in settled.transitions] == [Status.PENDING, Status.VERIFIED, Status.ESCROWED, Status.SETTLED]

# The receipt is a text, and there once the log has published it.
receipt = get_commitment_proof.sync(completed.commitment.id, client=carol)
while isinstance(receipt, NotPublished):
    time.sleep(0.2)
    receipt = get_commitment_proof.sync(completed.commitment.id, client=carol)
assert isinstance(receipt, str), receipt
assert receipt.startswith("c2sp.org/tlog-proof@v1\n")
