"""What inspectors' phones send: a visit of the plan as a submission."""

import hashlib
import random
from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from app.access.actor import Actor
from app.core import builtin
from app.core.clock import rfc3339
from app.core.rawjson import canonical, request_hash
from app.domain.vocabulary import AnswerResult, InspectionKind
from app.models import Area
from app.services.demo.photos import Picture
from app.services.demo.plan import Finding, Shot, Site, Visit, street_data
from app.services.hazards.turn import Place
from app.services.inspections.submission import HazardReport, ItemAnswer, NewPremises, PhotoDeclaration, Submission

_ACCURACY_M = 18.0


class Phone:
    """Fills in submissions; clocks of devices differ from the server's by the visit's offset."""

    def __init__(self, r: random.Random, actors: Mapping[str, Actor], areas: Mapping[str, Area]) -> None:
        self._r = r
        self._actors = actors
        self._areas = areas
        self._entered: set[UUID] = set()

    def submission(self, visit: Visit, pictures: Mapping[UUID, Picture]) -> Submission:
        """The visit with ``pictures`` of its shots; it enters a place that is not in the register yet."""
        photos = tuple(
            _declared(visit, shot, pictures[shot.id]) for finding in visit.findings for shot in finding.shots
        )
        answers = self._answers(visit) if visit.with_checklist else ()
        is_new = not visit.site.is_registered and visit.site.id not in self._entered
        self._entered.add(visit.site.id)
        content = {
            "premises_id": str(visit.site.id),
            "started_at": rfc3339(_stated(visit, visit.started_at)),
            "hazards": [str(finding.id) for finding in visit.findings],
            "photos": [photo.sha256 for photo in photos],
        }
        return Submission(
            id=visit.id,
            request_hash=request_hash(f"PUT /inspections/{visit.id}", self._actors[visit.by].id, content).hex(),
            content_hash=_digest(content),
            premises_id=None if is_new else visit.site.id,
            premises=self._new_premises(visit.site) if is_new else None,
            kind=visit.kind,
            inspector_ids=tuple(self._actors[name].id for name in visit.others),
            started_at=_stated(visit, visit.started_at),
            ended_at=_stated(visit, visit.ended_at),
            offset_ms=visit.offset_ms,
            device_seq=int(visit.started_at.timestamp()),
            location=Place(visit.site.latitude, visit.site.longitude, _ACCURACY_M),
            checklist=(_checklist_of(visit.site).code, 1) if visit.with_checklist else None,
            answers=answers,
            hazards=tuple(self._report(visit, finding) for finding in visit.findings),
            rechecks=(),
            photos=photos,
            note=None,
        )

    def _new_premises(self, site: Site) -> NewPremises:
        return NewPremises(site.id, site.name, site.kind, self._areas[site.area_code].id, site.address)

    def _report(self, visit: Visit, finding: Finding) -> HazardReport:
        is_coded = finding.code is not None
        needs_reason = finding.fixed == "reason"
        return HazardReport(
            id=finding.id,
            finding_code=finding.code.code if finding.code is not None else None,
            text=finding.text,
            category_zh=None if is_coded else finding.category_zh,
            severity=None if is_coded else finding.severity,
            place=finding.place,
            found_at=_stated(visit, finding.found_at),
            due_on=None,
            due_reason=None,
            fixed_on_site=finding.fixed != "no",
            on_site_reason=self._r.choice(street_data()["on_site_reasons"]) if needs_reason else None,
            interim_measures=finding.code.interim_zh if finding.has_interim and finding.code is not None else None,
            responsible_party=_responsible(finding),
            photo_ids=tuple(shot.id for shot in finding.shots),
        )

    def _answers(self, visit: Visit) -> tuple[ItemAnswer, ...]:
        """What was found fails its item; now and then one does not apply, or could not be checked."""
        proofs = {finding.code.code: finding.shots for finding in visit.findings if finding.code is not None}
        is_night = visit.kind is InspectionKind.NIGHT_CHECK
        answers = []
        for item in _checklist_of(visit.site).items:
            if is_night and not item.night_variant:
                continue
            shots = [shot for code in item.catalogue_codes for shot in proofs.get(code, ())]
            if shots:
                photo_ids = tuple(dict.fromkeys(shot.id for shot in shots))
                answers.append(ItemAnswer(item.item_no, AnswerResult.FAIL, None, photo_ids))
                continue
            chance = self._r.random()
            result = AnswerResult.PASS if chance < 0.88 else AnswerResult.NOT_APPLICABLE
            reason = None
            if chance > 0.97:
                result = AnswerResult.NOT_CHECKED
                reason = self._r.choice(street_data()["not_checked_reasons"])
            answers.append(ItemAnswer(item.item_no, result, reason, ()))
        return tuple(answers)


def _checklist_of(site: Site) -> builtin.Checklist:
    return builtin.checklists()[builtin.premises_kinds()[site.kind].checklist_code]


def _responsible(finding: Finding) -> str:
    """The market's operator for its shared parts, else who runs the place."""
    site = finding.visit.site
    is_shared = finding.code is not None and finding.code.shared_part
    market = site.market or (site.parent.market if site.parent is not None and is_shared else None)
    return market.operator if market is not None else f"{site.name}（负责人{site.contacts[0]['name']}）"


def _stated(visit: Visit, instant: datetime) -> datetime:
    """What the device's clock showed."""
    return instant - timedelta(milliseconds=visit.offset_ms or 0)


def _declared(visit: Visit, shot: Shot, picture: Picture) -> PhotoDeclaration:
    return PhotoDeclaration(
        id=shot.id,
        sha256=picture.sha256,
        bytes=picture.bytes,
        role=shot.role,
        taken_at=_stated(visit, shot.taken_at),
        source=shot.source,
    )


def _digest(content: object) -> str:
    return hashlib.sha256(canonical(content)).hexdigest()
