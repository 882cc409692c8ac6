"""Reading hazards: one, a page, the counts, the history. Source: contract.md, «Hazards»."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from app.access.actor import require
from app.api.deps import CurrentActor, Db, Now
from app.api.fields import Day, Storable
from app.api.hazard_schemas import ActorRead, EventPage, EventRead, HazardPage, HazardRead, HazardSummaryRead
from app.api.one_hop import OneHop
from app.core.clock import business_date
from app.core.errors import Rejected, at
from app.domain.lifecycle import Action
from app.domain.vocabulary import Severity, Status
from app.queries.hazard_filters import HazardFilter
from app.queries.hazards import list_hazards, read_hazard
from app.queries.paging import DEFAULT_LIMIT, MAX_LIMIT
from app.queries.summaries import summarize_hazards
from app.queries.timeline import TimelineEvent, list_events

router = APIRouter(prefix="/api/v1/hazards", tags=["field", "office"], route_class=OneHop)

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]
Cursor = Annotated[str | None, Query(max_length=600)]


class DateInFuture(Rejected):
    code, title, title_zh = "date-in-future", "This day has not come yet", "日期不能晚于今天"


class HazardQuery(BaseModel):
    """The filters that the list and the counts share."""

    model_config = ConfigDict(extra="forbid")

    status: Annotated[list[Status], Field(max_length=7)] = []
    overdue: bool | None = None
    as_of: Day | None = Field(default=None, description="replaces today, against current statuses")
    due_before: Day | None = None
    area_id: UUID | None = None
    premises_id: UUID | None = None
    severity: Severity | None = None
    category: Annotated[str, Field(max_length=20), Storable] | None = None
    campaign_id: UUID | None = None
    handler_id: UUID | None = None
    q: Annotated[str, Field(min_length=1, max_length=60), Storable] | None = Field(
        default=None, description="part of the number, the text, the place or the premises' name"
    )

    def wanted(self, today: date) -> HazardFilter:
        """The filter as the queries take it; raises ``DateInFuture``."""
        if self.as_of is not None and self.as_of > today:
            fault = at("as_of", "date-in-future", str(self.as_of))
            raise DateInFuture(f"as_of is after {today}.", f"as_of 不能晚于今天（{today}）。", errors=[fault])
        fields = self.model_dump(exclude={"as_of", "status", "sort", "cursor", "limit"})
        is_today = self.as_of is None
        return HazardFilter(as_of=self.as_of or today, is_today=is_today, status=tuple(self.status), **fields)


class HazardListQuery(HazardQuery):
    """Those, and which page in which order."""

    sort: Literal["due_on", "found_at", "-overdue_days"] = "due_on"
    cursor: Annotated[str, Field(max_length=600)] | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT


def json_response(body: str, status: int = 200, *, etag: str | None = None) -> Response:
    """JSON that the database made, as it is."""
    headers = {} if etag is None else {"ETag": f'"{etag}"'}
    return Response(body, status, headers=headers, media_type="application/json")


@router.get("", response_model=HazardPage)
def get_hazards(query: Annotated[HazardListQuery, Query()], actor: CurrentActor, db: Db, now: Now) -> Response:
    """A page of hazards; overdue is computed now."""
    require(actor, "get_hazards")
    wanted = query.wanted(business_date(now))
    with db.autocommit() as connection:
        items, next_cursor = list_hazards(
            connection, actor, wanted, sort=query.sort, cursor=query.cursor, limit=query.limit
        )
    after = "null" if next_cursor is None else f'"{next_cursor}"'
    return json_response(f'{{"items":[{",".join(items)}],"next_cursor":{after}}}')


@router.get("/summary", response_model=HazardSummaryRead)
def get_hazard_summary(query: Annotated[HazardQuery, Query()], actor: CurrentActor, db: Db, now: Now) -> Response:
    """Counts over the hazards that the same filters list, computed now."""
    require(actor, "get_hazard_summary")
    wanted = query.wanted(business_date(now))
    with db.autocommit() as connection:
        summary = summarize_hazards(connection, actor, wanted)
    counts = {
        "as_of": summary.as_of,
        "total": summary.total,
        "by_status": summary.by_status,
        "by_severity": summary.by_severity,
        "by_area": summary.by_area,
        "overdue": {"count": sum(summary.overdue.values()), "buckets": summary.overdue},
    }
    return json_response(orjson.dumps(counts, option=orjson.OPT_NON_STR_KEYS).decode())  # keys are enums


@router.get("/{hazard_id}", response_model=HazardRead)
def get_one_hazard(hazard_id: UUID, actor: CurrentActor, db: Db, now: Now) -> Response:
    """One hazard; the ETag is its version."""
    require(actor, "get_one_hazard")
    with db.read() as session:
        record, version = read_hazard(session, actor, hazard_id, today=business_date(now))
    return json_response(record, etag=str(version))


@router.get("/{hazard_id}/timeline")
def get_timeline(
    hazard_id: UUID, actor: CurrentActor, db: Db, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
) -> EventPage:
    """What happened to it: who, when on the device and on the server, what changed, with which photos."""
    require(actor, "get_timeline")
    with db.read() as session:
        page = list_events(session, actor, hazard_id, cursor=cursor, limit=limit)
    return EventPage(items=[_event(item) for item in page.items], next_cursor=page.next_cursor)


def _event(item: TimelineEvent) -> EventRead:
    event = item.event
    actor = None
    if event.actor_id is not None:
        actor = ActorRead(id=event.actor_id, name=item.actor_name or "", role=event.actor_role)
    return EventRead(
        id=event.id,
        version=event.version,
        action=Action(event.action),
        actor=actor,
        occurred_at=event.occurred_at,
        recorded_at=event.recorded_at,
        stated_at=event.stated_at,
        from_status=event.from_status,
        to_status=event.to_status,
        round=event.round,
        was_stale=event.was_stale,
        clock_suspect=event.clock_suspect,
        note=event.note,
        detail=event.detail,
        photo_ids=item.photo_ids,
    )
