"""The feed: every change, in the order of commits, for machine clients. Source: contract.md, «District»."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from app.access.actor import require
from app.api.deps import AtRuntime, CurrentActor, Now
from app.api.district.schemas import ChangePage, FeedStatus
from app.api.one_hop import OneHop
from app.core.errors import Rejected, at
from app.domain.vocabulary import FeedType
from app.queries.changes import FeedReader, read_changes
from app.services.sealer import advance_feed

router = APIRouter(prefix="/api/v1/district", tags=["district"], route_class=OneHop)

DEFAULT_CHANGES, MOST_CHANGES = 200, 1000
HASHED_BY_A_PULL = 2000
"""More than a page holds, so that a reader never overtakes the hashing; about 0.1 s."""


class UnknownType(Rejected):
    code, title, title_zh = "unknown-value", "No such type of change", "未知的变更类型"


class ChangeQuery(BaseModel):
    """Which page of which changes."""

    model_config = ConfigDict(extra="forbid")

    cursor: Annotated[str, Field(max_length=400)] | None = Field(
        default=None, description="`next_cursor` of the page before"
    )
    limit: Annotated[int, Field(ge=1, le=MOST_CHANGES)] = DEFAULT_CHANGES
    types: Annotated[str, Field(max_length=100)] | None = Field(
        default=None,
        description="Comma-separated: hazard, inspection, premises, photo, campaign, supervision; none means all, "
        "also those to come. A cursor holds only for the types it was made with.",
    )


@router.get("/changes", response_model=ChangePage)
def list_changes(query: Annotated[ChangeQuery, Query()], actor: CurrentActor, runtime: AtRuntime) -> Response:
    """Everything that changed after `cursor`; without one, everything from the beginning.

    **Rule.** Pull until `has_more` is false, then again whenever you like. Apply items in their order; drop what you
    already have by `(id, version)`. Keep `next_cursor` in the same transaction as the items it came with. Never infer
    a deletion from absence: nothing is deleted; what was voided or left your scope says so.

    **Commits.** A page ends at the end of a commit, unless a commit is longer than the page; apply it when its
    `commit_last` has come. With `types` or a smaller area both are meant of what you are shown.

    **410 `resync-required`** (`reason`: `scope-changed`, `log-restored`, `log-forked`, `horizon`): begin without a
    cursor into an empty copy and replace yours when `has_more` is false.

    **Proof.** `running_hash` is SHA-256(running hash before ‖ leaf), 32 zero bytes at position 0; leaf is the SHA-256
    of the item without `commit_last` as canonical JSON (RFC 8785). A client of a whole district without `types` gets
    every position, 1, 2, 3 …, and can compute it: equal hashes prove that it holds the log as it is kept here.
    """
    require(actor, "list_changes")
    wanted = _parse_types(query.types)
    head = advance_feed(runtime.db, most=HASHED_BY_A_PULL)
    reader = FeedReader(actor, runtime.secret, wanted)
    with runtime.db.autocommit() as connection:
        body = read_changes(connection, reader, head, cursor=query.cursor, limit=query.limit)
    return Response(body, media_type="application/json")


@router.get("/status")
def get_feed_status(actor: CurrentActor, runtime: AtRuntime, now: Now) -> FeedStatus:
    """Where the log stands: a client whose cursor is at `position` has everything."""
    require(actor, "get_feed_status")
    head = advance_feed(runtime.db, most=HASHED_BY_A_PULL)
    return FeedStatus(log_epoch=head.log_epoch, position=head.position, running_hash=head.running_hash, now=now)


def _parse_types(types: str | None) -> frozenset[FeedType] | None:
    if types is None:
        return None
    names = types.split(",")
    unknown = sorted(set(names) - set(FeedType))
    if unknown:
        faults = [at("/types", "unknown-value", name) for name in unknown]
        raise UnknownType(
            "types names something that is not a type of change.", "types 含有未知的变更类型。", errors=faults
        )
    return frozenset(map(FeedType, names))
