"""One hazard, as the feed tells it. Source: contract.md, «District»."""

from uuid import UUID

from fastapi import APIRouter, Response

from app.access.actor import require
from app.api.deps import CurrentActor, Db, Now
from app.api.district.schemas import HazardToday
from app.core.clock import business_date
from app.queries.district import read_hazard_record

router = APIRouter(prefix="/api/v1/district/hazards", tags=["district"])


@router.get("/{hazard_id}", response_model=HazardToday)
def get_hazard_record(hazard_id: UUID, actor: CurrentActor, db: Db, now: Now) -> Response:
    """The current version, as the feed carries it in `data`, with `days_overdue` of today; `ETag` is the version."""
    require(actor, "get_hazard_record")
    with db.read() as session:
        record, version = read_hazard_record(session, actor, hazard_id, today=business_date(now))
    return Response(record, media_type="application/json", headers={"ETag": f'"{version}"'})
