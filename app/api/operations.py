"""For who runs the service and who checks its receipts; without a sign-in."""

from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from pydantic import BaseModel, Field

from app.api.deps import AtRuntime, Db
from app.api.fields import Instant
from app.queries.receipt_keys import list_receipt_keys
from app.services.readiness import check_ready

router = APIRouter()


class Health(BaseModel):
    """The process answers."""

    status: Literal["alive", "ready"]


class ReceiptKeyRead(BaseModel):
    """An Ed25519 key that signs receipts."""

    key_id: UUID
    public_key: str = Field(description="base64, 32 bytes")
    valid_from: Instant
    valid_to: Instant | None
    signed_by: UUID | None = Field(description="the key before it, which signed this one; null for the first")
    signature: str | None = Field(description="base64, of the 32 bytes of the public key")


class ReceiptKeyList(BaseModel):
    """All keys, newest first."""

    items: list[ReceiptKeyRead]


@router.get("/healthz", tags=["operations"])
async def check_health() -> Health:
    """Whether the process is alive."""
    return Health(status="alive")


@router.get("/readyz", tags=["operations"])
def check_readiness(runtime: AtRuntime) -> Health:
    """Whether it can serve: database, migrations, storage; else 503."""
    check_ready(runtime.db, runtime.storage)
    return Health(status="ready")


@router.get(
    "/metrics",
    tags=["operations"],
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}, "description": "The text format of Prometheus."}},
)
def read_metrics(runtime: AtRuntime) -> Response:
    """What this node has counted, and what waits in the database (``xiaohao_shared_…``: the same on every node)."""
    return Response(generate_latest(runtime.metrics.registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)


@router.get("/api/v1/receipt-keys", tags=["field", "office", "district"])
def get_receipt_keys(db: Db) -> ReceiptKeyList:
    """The public keys that receipts can be checked with; no sign-in needed."""
    with db.read() as session:
        keys = list_receipt_keys(session)
    return ReceiptKeyList(
        items=[
            ReceiptKeyRead(
                key_id=key.id,
                public_key=key.public_key,
                valid_from=key.valid_from,
                valid_to=key.valid_to,
                signed_by=key.signed_by_id,
                signature=key.signature,
            )
            for key in keys
        ]
    )
