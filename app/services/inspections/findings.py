"""From what was reported to the hazard's columns: severity, texts, due date, flags. No statement is sent here."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any  # column values of any type
from uuid import UUID

from app.access.actor import Actor
from app.core import builtin
from app.core.builtin import CatalogueFinding
from app.core.clock import business_date
from app.core.errors import at
from app.domain.business_time import believe
from app.domain.calendar import WorkCalendar
from app.domain.deadlines import explicit_due, first_due
from app.domain.lifecycle import needs_interim_measures
from app.domain.vocabulary import Flag, PhotoRole, PhotoSource, Severity, Status
from app.queries.submissions import Site
from app.services.hazards.due import due_columns, term_of
from app.services.inspections.submission import (
    AfterPhotoMissing,
    BeforePhotoMissing,
    FindingIncomplete,
    HazardReport,
    NotFixableOnSite,
    PhotoDeclaration,
    Submission,
    UnknownCategory,
    UnknownFinding,
)

PHOTO_SLACK = timedelta(minutes=10)
"""A photo taken this long before or after the visit still belongs to it."""
_RANK = {Severity.GENERAL: 0, Severity.SUSPECTED_MAJOR: 1}


@dataclass(frozen=True, slots=True)
class Visit:
    """What all hazards of one submission share."""

    submission: Submission
    actor: Actor
    premises: Site
    photos: Mapping[UUID, PhotoDeclaration]
    reporter_ids: list[str]
    calendar: WorkCalendar
    now: datetime


def hazard_row(
    visit: Visit, report: HazardReport, place: int, number: str, *, relapse_of: UUID | None
) -> dict[str, Any]:
    """The new hazard's columns; ``place`` is its position in the submission.

    Raises ``UnknownFinding``, ``FindingIncomplete``, ``UnknownCategory``, ``BeforePhotoMissing``,
    ``AfterPhotoMissing``, ``NotFixableOnSite``, ``DueTooLate`` or ``DueTooEarly``.
    """
    pointer = f"/hazards/{place}"
    finding = _finding(report, pointer)
    text, category, severity, raised = _judged(report, finding, pointer)
    _check_photos(visit, report, pointer)
    if report.fixed_on_site:
        _check_on_site(report, finding, severity, pointer)
    found = believe(report.found_at, visit.submission.offset_ms, received=visit.now)
    found_on = business_date(found.at)
    term = term_of(report.finding_code, category, severity, found_on)
    due = first_due(term, found_on, severity, visit.calendar)
    if report.due_on is not None:
        due = explicit_due(report.due_on, due, term.policy)
    flags = (
        (Flag.CLOCK_SUSPECT, found.clock_suspect),
        (Flag.SEVERITY_RAISED, raised),
        (Flag.INTERIM_MEASURES_MISSING, _lacks_interim(report, severity, due.days)),
        *_photo_flags(visit, report),
    )
    by_system = report.fixed_on_site and finding is not None and finding.immediate_fix
    is_claimed = report.fixed_on_site and not by_system
    return (
        _new_hazard(visit, report, number)
        | due_columns(due)
        | {
            "status": Status.AWAITING_REINSPECTION if report.fixed_on_site else Status.RECTIFYING,
            "severity": severity,
            "category_zh": category,
            "text": text,
            "immediate_fix": finding is not None and finding.immediate_fix,
            "paper_type": finding is not None and finding.paper_type,
            "claimant_id": visit.actor.id if is_claimed else None,
            "claimed_at": found.at if is_claimed else None,
            "last_event_at": found.at,
            "found_at": found.at,
            "found_on": found_on,
            "original_due_on": due.due_on,
            "relapse_of": relapse_of,
            "flags": [flag.value for flag, is_raised in flags if is_raised],
        }
    )


def _new_hazard(visit: Visit, report: HazardReport, number: str) -> dict[str, Any]:
    """What is the same for every new hazard, or stands as it was reported."""
    return {
        "id": report.id,
        "number": number,
        "version": 1,
        "close_reason": None,
        "source": "inspection",
        "source_ref": None,
        "inspection_id": visit.submission.id,
        "premises_id": visit.premises.id,
        "area_id": visit.premises.area_id,
        "area_path": visit.premises.area_path,
        "finding_code": report.finding_code,
        "place": report.place,
        "responsible_party": report.responsible_party,
        "interim_measures": report.interim_measures,
        "fixed_on_site": report.fixed_on_site,
        "on_site_reason": report.on_site_reason,
        "reporter_id": visit.actor.id,
        "reporter_ids": visit.reporter_ids,
        "handler_id": visit.actor.id,
        "reinspector_id": None,
        "reinspected_at": None,
        "determined_by_id": None,
        "determined_at": None,
        "round_began_at": None,
        "registered_at": visit.now,
        "due_printed": False,
        "round": 1,
        "extensions": 0,
        "duplicate_of": None,
        "evidence_complete": False,
        "closed_at": None,
    }


def _finding(report: HazardReport, pointer: str) -> CatalogueFinding | None:
    if report.finding_code is None:
        return None
    finding = builtin.catalogue().get(report.finding_code)
    if finding is None:
        raise UnknownFinding(
            f"No finding {report.finding_code}.",
            f"隐患代码{report.finding_code}不存在。",
            errors=[at(f"{pointer}/finding_code", "unknown-finding", report.finding_code)],
        )
    return finding


def _judged(report: HazardReport, finding: CatalogueFinding | None, pointer: str) -> tuple[str, str, Severity, bool]:
    """Text, category, severity and whether it was raised: a coded finding is never below its catalogue's."""
    if finding is not None:
        least = Severity(finding.severity)
        stated = _reportable(report.severity or least)
        raised = _RANK[stated] < _RANK[least]
        severity = least if raised else stated
        return report.text or finding.finding_zh, finding.category_zh, severity, raised
    if report.text is None or report.category_zh is None or report.severity is None:
        missing = [
            at(f"{pointer}/{name}", "field-missing", name)
            for name in ("text", "category_zh", "severity")
            if getattr(report, name) is None
        ]
        raise FindingIncomplete(FindingIncomplete.title + ".", FindingIncomplete.title_zh + "。", errors=missing)
    if report.category_zh not in builtin.categories():
        fault = at(f"{pointer}/category_zh", "unknown-category", report.category_zh)
        raise UnknownCategory("No such category.", "隐患类别不在目录内。", errors=[fault])
    return report.text, report.category_zh, _reportable(report.severity), False


def _reportable(severity: Severity) -> Severity:
    """Only a recorded determination makes a hazard major; a report of one is a suspicion."""
    return Severity.SUSPECTED_MAJOR if severity is Severity.MAJOR else severity


def _check_photos(visit: Visit, report: HazardReport, pointer: str) -> None:
    roles = {visit.photos[photo_id].role for photo_id in report.photo_ids}
    if PhotoRole.BEFORE not in roles:
        fault = at(f"{pointer}/photo_ids", "before-photo-missing", "before")
        raise BeforePhotoMissing("Declare a photo with role before.", "请拍摄整改前照片。", errors=[fault])
    if report.fixed_on_site and PhotoRole.AFTER not in roles:
        fault = at(f"{pointer}/photo_ids", "after-photo-missing", "after")
        raise AfterPhotoMissing("Declare a photo with role after.", "即查即改须拍摄整改后照片。", errors=[fault])


def _check_on_site(report: HazardReport, finding: CatalogueFinding | None, severity: Severity, pointer: str) -> None:
    if severity is not Severity.GENERAL:
        fault = at(f"{pointer}/fixed_on_site", "not-fixable-on-site", severity)
        raise NotFixableOnSite("It may be a major hazard.", "疑似重大隐患不能即查即改。", errors=[fault])
    if not (finding is not None and finding.immediate_fix) and not report.on_site_reason:
        fault = at(f"{pointer}/on_site_reason", "field-missing", "on_site_reason")
        raise NotFixableOnSite("Say how it was fixed on the spot.", "请说明如何当场整改到位。", errors=[fault])


def _lacks_interim(report: HazardReport, severity: Severity, days: int) -> bool:
    if report.interim_measures or report.fixed_on_site:
        return False
    return needs_interim_measures(severity, days)


def _photo_flags(visit: Visit, report: HazardReport) -> tuple[tuple[Flag, bool], ...]:
    photos = [visit.photos[photo_id] for photo_id in report.photo_ids]
    earliest = min(visit.submission.started_at, visit.submission.ended_at)
    latest = max(visit.submission.started_at, visit.submission.ended_at)
    outside = any(photo.taken_at + PHOTO_SLACK < earliest or photo.taken_at - PHOTO_SLACK > latest for photo in photos)
    gallery = any(photo.source is PhotoSource.GALLERY for photo in photos)
    return (Flag.PHOTO_OUTSIDE_VISIT, outside), (Flag.PHOTO_FROM_GALLERY, gallery)
