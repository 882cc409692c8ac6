"""What others read of a hazard, as JSON made by the database; one definition for lists, answers and the feed.

``RECORD`` holds what does not depend on the reader or the day. Source: contract.md, «Hazards» (read shape).
"""

from typing import Any  # SQL expressions of any type

from sqlalchemy import ColumnElement, select
from sqlmodel import col

from app.core.sqljson import json_array, json_bool, json_object, json_stored, json_time
from app.models import Hazard, HazardPhoto, Photo, Premises


def hazard_record() -> ColumnElement[str]:
    """The record over the tables hazard and premises, joined by the caller."""
    return json_object(_own_members() | {"photos": _photos({"sha256": col(Photo.sha256)})})


def hazard_members() -> ColumnElement[str]:
    """The read shape without its last three members, which depend on the reader and the day."""
    return json_object(_own_members() | {"photos": _photos({"thumbnail_ready": json_bool(Photo.thumbnail_ready)})})


def _photos(more: dict[str, Any]) -> ColumnElement[str]:
    members = {"id": col(HazardPhoto.photo_id), "role": col(HazardPhoto.role)} | more
    return json_array(
        select(json_object(members))
        .where(col(HazardPhoto.photo_id) == col(Photo.id), col(HazardPhoto.hazard_id) == col(Hazard.id))
        .order_by(col(HazardPhoto.position), col(HazardPhoto.photo_id))
        .correlate(Hazard)
    )


def _own_members() -> dict[str, Any]:
    hazard = Hazard
    return {
        "id": col(hazard.id),
        "number": col(hazard.number),
        "version": col(hazard.version),
        "status": col(hazard.status),
        "close_reason": col(hazard.close_reason),
        "severity": col(hazard.severity),
        "source": col(hazard.source),
        "source_ref": col(hazard.source_ref),
        "finding_code": col(hazard.finding_code),
        "category_zh": col(hazard.category_zh),
        "text": col(hazard.text),
        "place": col(hazard.place),
        "premises": json_object(
            {"id": col(Premises.id), "name": col(Premises.name), "kind": col(Premises.kind)},
        ),
        "area_id": col(hazard.area_id),
        "inspection_id": col(hazard.inspection_id),
        "reporter_id": col(hazard.reporter_id),
        "handler_id": col(hazard.handler_id),
        "responsible_party": col(hazard.responsible_party),
        "found_at": json_time(hazard.found_at),
        "found_on": col(hazard.found_on),
        "registered_at": json_time(hazard.registered_at),
        "due_on": col(hazard.due_on),
        "original_due_on": col(hazard.original_due_on),
        "due_on_provisional": json_bool(hazard.due_on_provisional),
        "due_basis": json_object(
            {
                "policy_code": col(hazard.policy_code),
                "policy_version": col(hazard.policy_version),
                "counting": col(hazard.due_counting),
                "days": col(hazard.due_days),
                "base_on": col(hazard.due_base_on),
                "unrolled_on": col(hazard.due_unrolled_on),
                "calendar_version": col(hazard.calendar_version),
                "printed": json_bool(hazard.due_printed),
            }
        ),
        "round": col(hazard.round),
        "extensions": col(hazard.extensions),
        "interim_measures": col(hazard.interim_measures),
        "fixed_on_site": json_bool(hazard.fixed_on_site),
        "relapse_of": col(hazard.relapse_of),
        "duplicate_of": col(hazard.duplicate_of),
        "evidence_complete": json_bool(hazard.evidence_complete),
        "flags": json_stored(hazard.flags),
        "closed_at": json_time(hazard.closed_at),
    }
