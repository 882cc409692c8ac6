"""Upload grants: who sent an accepted submission may deliver its photos, whatever his account became.

Source: contract.md, «Submission».
"""

import hmac
from uuid import UUID


def upload_grant(secret: bytes, inspection_id: UUID, owner_id: UUID) -> str:
    """The grant of one submission; it has no expiry and opens nothing but its own photos."""
    return f"{inspection_id}.{owner_id}.{_mac(secret, inspection_id, owner_id)}"


def open_grant(secret: bytes, grant: str) -> tuple[UUID, UUID] | None:
    """The inspection and the owner of a genuine grant; None for any other text."""
    try:
        inspection, owner, mac = grant.split(".")
        inspection_id, owner_id = UUID(inspection), UUID(owner)
    except ValueError:
        return None
    genuine = hmac.compare_digest(mac.encode(), _mac(secret, inspection_id, owner_id).encode())
    return (inspection_id, owner_id) if genuine else None


def _mac(secret: bytes, inspection_id: UUID, owner_id: UUID) -> str:
    return hmac.new(secret, f"upload {inspection_id} {owner_id}".encode(), "sha256").hexdigest()
