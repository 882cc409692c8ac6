"""From a stored photo to its thumbnail, and what decoding it means for the hazards it serves."""

import sys
from io import BytesIO

import pytest
from PIL import Image
from sqlalchemy import func, select

from app.core.images import can_decode_heic
from app.jobs.worker import drain
from app.models import Feed, HazardEvent, Job, Outbox, Photo
from tests import photos
from tests.factories import found, shoot, visit


@pytest.fixture
def on_site(phone, street, clock):
    """A hazard of EV-001 fixed on the spot, its two photos declared and not yet uploaded."""
    before, after = shoot("before", at=clock()), shoot("after", at=clock())
    hazard = found([before, after], clock(), fixed_on_site=True)
    body = visit(street.shop.id, clock(), hazards=[hazard], shots=[before, after])
    assert phone.submit(street.inspector, body).status_code == 201
    return hazard, before, after


def events(session, hazard_id):
    rows = session.execute(
        select(HazardEvent.action).where(HazardEvent.hazard_id == hazard_id).order_by(HazardEvent.version)
    )
    return list(rows.scalars())


def published(session, kind, object_id):
    """Versions of an object in the feed, or waiting for it."""
    return sorted(
        version
        for table in (Feed, Outbox)
        for version in session.execute(
            select(table.version).where(table.type == kind, table.object_id == object_id)
        ).scalars()
    )


def python_without_heic(folder):
    """An interpreter in which the import of the optional extra fails."""
    program = folder / "python"
    program.write_text(
        f"#!{sys.executable}\nimport runpy, sys\nsys.modules['pillow_heif'] = None\n"
        "sys.argv = sys.argv[-2:]\nrunpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    program.chmod(0o700)
    return program


class TestThumbnail:
    def test_is_there_after_the_job_and_not_before(self, phone, street, clock, runtime):
        hazard = phone.report()
        photo = hazard["photos"][0]
        url, headers = f"/photos/{photo['id']}/thumbnail", street.inspector.headers
        assert phone.client.get(url, headers=headers).json()["code"] == "thumbnail-missing"
        assert not photo["thumbnail_ready"]
        drain(runtime)
        answer = phone.client.get(url, headers=headers)
        assert answer.status_code == 200
        with Image.open(BytesIO(answer.content)) as image:
            assert (image.format, image.size) == ("JPEG", (64, 48))
        assert phone.read(hazard["id"])["photos"][0]["thumbnail_ready"]

    def test_the_same_photo_again_makes_no_second_job(self, phone, street, clock, runtime, session):
        shot = shoot(at=clock())
        assert phone.upload(street.inspector, shot).status_code == 201
        drain(runtime)
        assert phone.upload(street.inspector, shot).status_code == 200
        assert session.execute(select(Job.state)).scalars().all() == ["done"]

    def test_a_document_has_no_job(self, phone, street, clock, session):
        document = shoot("document", at=clock(), content=photos.pdf())
        assert phone.upload(street.inspector, document).status_code == 201
        assert session.execute(select(func.count()).select_from(Job)).scalar_one() == 0

    def test_an_unnamed_photo_is_decoded_and_stays_secret(self, phone, street, clock, runtime, session):
        shot = shoot("after", at=clock())
        assert phone.upload(street.inspector, shot).status_code == 201
        drain(runtime)
        assert session.get_one(Photo, shot.id).readable is True
        assert published(session, "photo", shot.id) == []

    def test_a_lost_original_is_tried_again(self, phone, street, clock, runtime, session):
        shot = shoot(at=clock())
        assert phone.upload(street.inspector, shot).status_code == 201
        original = runtime.storage.path(shot.sha256)
        hidden = original.rename(original.with_suffix(".away"))
        drain(runtime)
        job = session.execute(select(Job)).scalar_one()
        assert (job.state, job.attempts) == ("queued", 1)
        assert job.last_error.startswith("FileNotFoundError at ")
        assert shot.sha256 not in job.last_error
        hidden.rename(original)
        drain(runtime)  # not before its time
        clock.move(minutes=1)
        drain(runtime)
        session.expire_all()
        assert session.get_one(Photo, shot.id).thumbnail_ready
        assert session.execute(select(Job.state)).scalar_one() == "done"

    @pytest.mark.skipif(not can_decode_heic(), reason="HEIC IS NOT TESTED: pip install xiaohao[heic]")
    def test_a_worker_without_the_decoder_leaves_it_to_others(
        self, phone, street, clock, runtime, session, monkeypatch, tmp_path
    ):
        shot = shoot(at=clock(), content=photos.iphone_photo())
        assert phone.upload(street.inspector, shot).status_code == 201
        with monkeypatch.context() as elsewhere:
            elsewhere.setattr(sys, "executable", str(python_without_heic(tmp_path)))
            drain(runtime)
        job = session.execute(select(Job)).scalar_one()
        assert (job.state, job.attempts) == ("queued", 1)
        assert job.last_error.startswith("ThumbnailFailed at ")
        assert session.get_one(Photo, shot.id).readable is None
        clock.move(minutes=1)
        drain(runtime)
        session.expire_all()
        assert session.get_one(Photo, shot.id).readable is True


class TestFixedOnTheSpot:
    def test_closes_itself_when_both_photos_are_readable(self, phone, street, clock, runtime, session, on_site):
        hazard, before, after = on_site
        found_at = phone.read(hazard["id"])["found_at"]
        assert phone.upload(street.inspector, before).status_code == 201
        drain(runtime)
        assert phone.read(hazard["id"])["status"] == "awaiting_reinspection"
        clock.move(minutes=3)
        assert phone.upload(street.inspector, after).status_code == 201
        assert phone.read(hazard["id"])["status"] == "awaiting_reinspection"
        drain(runtime)
        closed = phone.read(hazard["id"])
        assert (closed["status"], closed["close_reason"]) == ("closed", "on_site")
        assert closed["closed_at"] == found_at
        assert closed["evidence_complete"]
        assert events(session, hazard["id"]) == ["report_fixed_on_site", "complete_evidence", "close_on_site"]
        assert published(session, "hazard", hazard["id"])[-1] == closed["version"]

    def test_draining_again_changes_nothing(self, phone, street, runtime, session, on_site):
        hazard, *shots = on_site
        for shot in shots:
            assert phone.upload(street.inspector, shot).status_code == 201
        drain(runtime)
        once = phone.read(hazard["id"])
        drain(runtime)
        assert phone.read(hazard["id"]) == once

    def test_a_damaged_photo_keeps_it_open(self, phone, street, clock, runtime, session):
        before = shoot("before", at=clock())
        after = shoot("after", at=clock(), content=photos.damaged_middle())
        hazard = found([before, after], clock(), fixed_on_site=True)
        body = visit(street.shop.id, clock(), hazards=[hazard], shots=[before, after])
        assert phone.submit(street.inspector, body).status_code == 201
        for shot in (before, after):
            assert phone.upload(street.inspector, shot).status_code == 201
        told = published(session, "photo", after.id)
        drain(runtime)
        kept = phone.read(hazard["id"])
        assert (kept["status"], kept["evidence_complete"]) == ("awaiting_reinspection", False)
        assert "photo_unreadable" in kept["flags"]
        assert events(session, hazard["id"])[-1] == "lose_evidence"
        session.expire_all()
        photo = session.get_one(Photo, after.id)
        assert (photo.readable, photo.thumbnail_ready) == (False, False)
        assert published(session, "photo", after.id) == [*told, photo.version]
        assert runtime.storage.has(after.sha256)
