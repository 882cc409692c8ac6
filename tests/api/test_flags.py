"""Accepted and flagged: clocks that are off, photos that are early or late. Source: lifecycle.md, «Deadlines»."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import Session

from app.core.clock import rfc3339
from app.models import Inspection
from tests.factories import Street, found, instant, shoot, visit
from tests.phone import Phone

RECEIVED = "2026-11-24T02:00:00.000000Z"
YEAR_MS = 365 * 86_400_000


class TestClocks:
    @pytest.mark.parametrize("year", [1970, 2013, 2099, 2200])
    def test_years_off(self, phone: Phone, street: Street, session: Session, year: int) -> None:
        """Nothing is refused: the receipt counts, and the record says that the clock was not believed."""
        device = datetime(year, 6, 1, 12, 0, tzinfo=UTC)
        shot = shoot(at=device)
        hazard = found([shot], device)
        answer = phone.submit(street.inspector, visit(street.shop.id, device, hazards=[hazard], shots=[shot]))
        assert answer.status_code == 201, answer.text
        read = phone.read(hazard["id"])
        assert (read["found_at"], read["found_on"], read["flags"]) == (RECEIVED, "2026-11-24", ["clock_suspect"])
        inspection = session.get_one(Inspection, UUID(answer.json()["id"]))
        assert inspection.clock_suspect is True
        assert inspection.started_at == inspection.ended_at == inspection.received_at
        events = phone.client.get(f"/hazards/{hazard['id']}/timeline", headers=street.office.headers).json()["items"]
        assert (events[0]["clock_suspect"], events[0]["stated_at"]) == (True, rfc3339(device))

    @pytest.mark.parametrize("years", [-40, 3])
    def test_years_off_and_measured(self, phone: Phone, street: Street, years: int) -> None:
        """A measured offset mends any clock."""
        device = phone.clock() - timedelta(hours=1) + timedelta(days=365 * years)
        shot = shoot(at=device)
        hazard = found([shot], device)
        body = visit(street.shop.id, device, hazards=[hazard], shots=[shot], offset_ms=-years * YEAR_MS)
        assert phone.submit(street.inspector, body).status_code == 201
        read = phone.read(hazard["id"])
        assert (read["found_at"], read["flags"]) == ("2026-11-24T01:00:00.000000Z", [])

    @pytest.mark.parametrize(
        ("shift", "offset_ms", "found_at", "flags"),
        [
            ({"seconds": 1}, 0, RECEIVED, ["clock_suspect"]),
            ({"days": -30}, 0, "2026-10-25T02:00:00.000000Z", []),
            ({"days": -30, "seconds": -1}, 0, RECEIVED, ["clock_suspect"]),
            ({"days": -31}, 0, RECEIVED, ["clock_suspect"]),
            ({"minutes": -5}, None, "2026-11-24T01:55:00.000000Z", ["clock_suspect"]),
        ],
        ids=["in the future", "30 days ago", "a second more", "31 days ago", "never measured"],
    )
    def test_when_it_was_found(
        self,
        phone: Phone,
        street: Street,
        shift: dict[str, float],
        offset_ms: int | None,
        found_at: str,
        flags: list[str],
    ) -> None:
        at = phone.clock() + timedelta(**shift)
        shot = shoot(at=at)
        hazard = found([shot], at, finding_code="FD-002")
        body = visit(street.shop.id, at, hazards=[hazard], shots=[shot], offset_ms=offset_ms)
        assert phone.submit(street.inspector, body).status_code == 201
        read = phone.read(hazard["id"])
        assert (read["found_at"], read["flags"], read["registered_at"]) == (found_at, flags, RECEIVED)
        assert read["due_basis"]["base_on"] == read["found_on"]

    def test_a_visit_that_ended_before_it_began(self, phone: Phone, street: Street) -> None:
        at = phone.clock()
        body = visit(street.shop.id, at, hazards=[], shots=[], started_at=rfc3339(at), ended_at=instant(at, hours=-1))
        answer = phone.submit(street.inspector, body)
        read = phone.client.get(f"/inspections/{answer.json()['id']}", headers=street.inspector.headers).json()
        assert (read["clock_suspect"], read["started_at"] <= read["ended_at"]) == (True, True)

    @pytest.mark.parametrize("year", [1970, 2099])
    def test_of_an_action(self, phone: Phone, street: Street, year: int) -> None:
        hazard = phone.report()
        answer = phone.claim(street.other_inspector, hazard, at=f"{year}-01-01T00:00:00Z")
        assert answer.status_code == 201
        events = phone.client.get(f"/hazards/{hazard['id']}/timeline", headers=street.office.headers).json()["items"]
        assert (events[-1]["clock_suspect"], events[-1]["occurred_at"]) == (True, RECEIVED)


class TestPhotos:
    @pytest.mark.parametrize(
        ("shift", "flagged"),
        [
            ({"minutes": -30}, False),
            ({"minutes": -31}, True),
            ({"minutes": 10}, False),
            ({"minutes": 11}, True),
            ({"days": -400}, True),
        ],
        ids=["10 minutes before", "11 before", "10 after", "11 after", "last year"],
    )
    def test_taken_outside_the_visit(
        self, phone: Phone, street: Street, shift: dict[str, float], flagged: bool
    ) -> None:
        now = phone.clock()
        inside, shot = shoot(at=now), shoot(at=now + timedelta(**shift))
        hazard = found([inside, shot], now)
        answer = phone.submit(street.inspector, visit(street.shop.id, now, hazards=[hazard], shots=[inside, shot]))
        assert answer.status_code == 201
        assert phone.read(hazard["id"])["flags"] == (["photo_outside_visit"] if flagged else [])

    @pytest.mark.parametrize("source", ["gallery", "camera", "file"])
    def test_from_the_gallery(self, phone: Phone, street: Street, source: str) -> None:
        now = phone.clock()
        shot = shoot(at=now, source=source)
        hazard = found([shot], now)
        phone.submit(street.inspector, visit(street.shop.id, now, hazards=[hazard], shots=[shot]))
        flags = ["photo_from_gallery"] if source == "gallery" else []
        assert phone.read(hazard["id"])["flags"] == flags

    def test_from_the_gallery_as_proof(self, phone: Phone, street: Street) -> None:
        hazard = phone.report()
        photo = phone.stored(street.inspector, source="gallery")
        claimed = phone.claim(street.inspector, hazard, photo_ids=[photo]).json()["hazard"]
        assert claimed["flags"] == ["photo_from_gallery"]

    @pytest.mark.parametrize("days", [0, 1, 40])
    def test_bytes_that_come_late(self, phone: Phone, street: Street, clock: Any, days: int) -> None:
        now, shot = phone.clock(), shoot(at=phone.clock())
        hazard = found([shot], now)
        phone.submit(street.inspector, visit(street.shop.id, now, hazards=[hazard], shots=[shot]))
        clock.move(days=days)
        assert phone.upload(street.inspector, shot).status_code == 201
        assert phone.read(hazard["id"])["evidence_complete"] is True

    def test_bytes_that_come_early(self, phone: Phone, street: Street, clock: Any) -> None:
        shot = shoot(at=phone.clock())
        assert phone.upload(street.inspector, shot).status_code == 201
        clock.move(days=2)
        now = phone.clock()
        hazard = found([shot], now - timedelta(days=2))
        body = visit(street.shop.id, now - timedelta(days=2), hazards=[hazard], shots=[shot])
        assert phone.submit(street.inspector, body).status_code == 201
        read = phone.read(hazard["id"])
        assert (read["evidence_complete"], read["flags"]) == (True, [])
