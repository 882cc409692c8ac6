"""Photos and documents as evidence: delivered, kept, read. Source: contract.md, «Photos»."""

import io
import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from fastapi import FastAPI
from PIL import Image
from sqlalchemy import update
from sqlmodel import Session

from app.core.clock import rfc3339
from app.core.images import can_decode_heic
from app.jobs.worker import drain
from app.models import Photo, Token, User, UserArea
from app.services.runtime import Runtime
from tests import photos as maker
from tests.api.conftest import Unchanged
from tests.factories import Person, Shot, Street, found, shoot, visit
from tests.phone import Phone

Refused = Callable[[httpx2.Response, int, str], None]
_zeros = itertools.count(1)
"""Zeros behind the end mean nothing; they make the bytes of each damaged photo different."""
SECRETS = (b"secret-comment", b"HUAWEI", b"P60 Pro", b"2026:11:20")


def with_exif(phone: Phone, role: str = "before") -> Shot:
    """A photo that tells camera, time and place."""
    content = maker.jpeg(640, 480, seed=hash(uuid4()), exif=maker.exif(orientation=6))
    return shoot(role, at=phone.clock(), content=content)


def report_with(phone: Phone, *shots: Shot, **changes: Any) -> dict[str, Any]:
    """A hazard with these photos, as submitted; the photos have not come yet."""
    now = phone.clock()
    body = visit(phone.street.shop.id, now, hazards=[found(list(shots), now, **changes)], shots=list(shots))
    answer = phone.submit(phone.street.inspector, body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def get(phone: Phone, person: Person, photo: Shot | str, what: str = "", **headers: str) -> httpx2.Response:
    photo_id = photo if isinstance(photo, str) else photo.id
    return phone.client.get(f"/photos/{photo_id}{what}", headers=person.headers | headers)


class TestDelivery:
    def test_first_again_and_other_bytes(self, phone: Phone, street: Street, refused: Refused) -> None:
        shot = shoot(at=phone.clock())
        first, again = phone.upload(street.inspector, shot), phone.upload(street.inspector, shot)
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json() == again.json()
        assert first.json() == {
            "id": shot.id,
            "sha256": shot.sha256,
            "bytes": len(shot.content),
            "media_type": "image/jpeg",
            "width": 64,
            "height": 48,
        }
        other = shoot(at=phone.clock())
        refused(
            phone.upload(street.inspector, Shot(shot.id, other.content, "before", shot.taken_at)), 409, "photo-differs"
        )
        assert get(phone, street.inspector, shot, "/content").content == shot.content

    def test_other_bytes_than_declared(
        self, phone: Phone, street: Street, refused: Refused, unchanged: Unchanged
    ) -> None:
        shot, other = shoot(at=phone.clock()), shoot(at=phone.clock())
        report_with(phone, shot)
        with unchanged():
            answer = phone.upload(street.inspector, Shot(shot.id, other.content, "before", shot.taken_at))
            refused(answer, 409, "photo-differs")

    def test_bytes_that_lie_here_already_do_not_satisfy_another_id(self, phone: Phone, street: Street) -> None:
        """Only what was uploaded under its own id counts."""
        shot = shoot(at=phone.clock())
        assert phone.upload(street.stranger, shot).status_code == 201
        copy = shoot(at=phone.clock(), content=shot.content)
        hazard_id = report_with(phone, copy)["hazards"][0]["id"]
        assert phone.read(hazard_id)["evidence_complete"] is False
        assert phone.upload(street.inspector, copy).status_code == 201
        assert phone.read(hazard_id)["evidence_complete"] is True

    def test_anothers_photo_id(self, phone: Phone, street: Street, refused: Refused, unchanged: Unchanged) -> None:
        shot, declared = shoot(at=phone.clock()), shoot(at=phone.clock())
        phone.upload(street.inspector, shot)
        report_with(phone, declared)
        people = [street.other_inspector, street.stranger, street.office]
        with unchanged():
            for person in people:
                refused(phone.upload(person, shot), 409, "id-taken")
                refused(phone.upload(person, declared), 409, "id-taken")

    @pytest.mark.parametrize("role", ["auditor", "admin"])
    def test_who_uploads_nothing(
        self, phone: Phone, street: Street, refused: Refused, unchanged: Unchanged, role: str
    ) -> None:
        person = street.person(role)
        with unchanged():
            refused(phone.upload(person, shoot(at=phone.clock())), 403, "forbidden")

    def test_a_machine_uploads_nothing(self, phone: Phone, street: Street, refused: Refused) -> None:
        refused(phone.upload(street.machine(), shoot(at=phone.clock())), 403, "forbidden")

    @pytest.mark.parametrize("who", ["inspector", "officer", "office", "leader", "district_person"])
    def test_who_does(self, phone: Phone, street: Street, who: str) -> None:
        assert phone.upload(getattr(street, who), shoot(at=phone.clock())).status_code == 201


HOSTILE: list[tuple[str, bytes, str, int, str]] = [
    ("text", b"<html>not a photo</html>", "before", 422, "photo-not-image"),
    ("zip", b"PK\x03\x04" + b"\0" * 400, "before", 422, "photo-not-image"),
    ("nothing", b"", "before", 422, "photo-empty"),
    ("three bytes", b"\xff\xd8\xff", "before", 422, "photo-truncated"),
    ("300 megapixels", maker.png_claiming(20_000, 15_000), "before", 422, "photo-too-many-pixels"),
    ("109 megapixels", maker.jpeg_claiming(10_900, 10_000), "before", 422, "photo-too-many-pixels"),
    ("no end", maker.jpeg_without_end(), "before", 422, "photo-truncated"),
    ("half a PNG", maker.png()[:-20], "before", 422, "photo-truncated"),
    ("GIF", b"GIF89a" + b"\0" * 100, "before", 415, "photo-type-unsupported"),
    ("a PDF as a photo", maker.pdf(), "before", 422, "not-a-document"),
    ("half a PDF", maker.pdf()[:40], "document", 422, "photo-truncated"),
    ("21 MiB", maker.jpeg() + b"\0" * (21 * 1024 * 1024), "before", 413, "body-too-large"),
    ("one byte too many", maker.jpeg() + b"\0" * (20 * 1024 * 1024), "before", 413, "file-too-large"),
]


class TestHeic:
    @pytest.mark.parametrize(("language", "words"), [("zh", "格式”中选择“兼容性最佳”"), ("en", "Most Compatible")])
    def test_without_the_extra_an_iphone_is_told_what_to_do(
        self, phone: Phone, app: FastAPI, runtime: Runtime, unchanged: Unchanged, language: str, words: str
    ) -> None:
        app.state.runtime = replace(runtime, takes_heic=False)
        inspector, shot = phone.street.inspector, shoot(at=phone.clock(), content=maker.heic())
        phone.client.headers["Accept-Language"] = language
        with unchanged():
            answer = phone.upload(inspector, shot)
        assert (answer.status_code, answer.json()["code"]) == (415, "photo-type-unsupported")
        assert words in answer.json()["detail"]

    @pytest.mark.skipif(not can_decode_heic(), reason="HEIC IS NOT TESTED: pip install xiaohao[heic]")
    def test_with_it_the_original_is_kept_and_shown_small(self, phone: Phone, street: Street, runtime: Runtime) -> None:
        content = maker.iphone_photo(1200, 900, exif=maker.exif().tobytes())
        shot = shoot(at=phone.clock(), content=content)
        report_with(phone, shot)
        answer = phone.upload(street.inspector, shot)
        assert (answer.status_code, answer.json()["media_type"]) == (201, "image/heic")
        drain(runtime)
        assert get(phone, street.inspector, shot).json()["readable"] is True
        thumbnail = get(phone, street.inspector, shot, "/thumbnail")
        assert Image.open(io.BytesIO(thumbnail.content), formats=["JPEG"]).size == (480, 360)
        original = get(phone, street.office, shot, "/content")
        assert (original.content, original.headers["content-type"]) == (content, "image/heic")
        public = get(phone, street.leader, shot, "/content").content
        assert len(public) == len(content)
        assert not any(secret in public for secret in SECRETS)


class TestRefused:
    @pytest.mark.parametrize("case", HOSTILE, ids=[case[0] for case in HOSTILE])
    def test_a_file_that_is_no_photo(
        self, phone: Phone, unchanged: Unchanged, refused: Refused, case: tuple[str, bytes, str, int, str]
    ) -> None:
        _, content, role, status, code = case
        inspector, shot = phone.street.inspector, Shot(str(uuid4()), content, role, rfc3339(phone.clock()))
        with unchanged():
            answer = phone.upload(inspector, shot)
            refused(answer, status, code)
        assert answer.json()["retryable"] is False

    @pytest.mark.parametrize(
        ("field", "value", "code"),
        [
            ("sha256", "0" * 64, "hash-mismatch"),
            ("sha256", "A" * 64, "bad-photo-form"),
            ("id", "1", "bad-photo-form"),
            ("role", "selfie", "bad-photo-form"),
            ("source", "internet", "bad-photo-form"),
            ("taken_at", "2026-11-24T02:00:00", "bad-photo-form"),
            ("taken_at", "1764000000", "bad-photo-form"),
            ("surprise", "1", "bad-photo-form"),
        ],
    )
    def test_a_form_that_is_wrong(
        self, phone: Phone, unchanged: Unchanged, refused: Refused, field: str, value: str, code: str
    ) -> None:
        inspector = phone.street.inspector
        shot = shoot(at=phone.clock())
        with unchanged():
            answer = phone.upload(inspector, shot, **{field: value})
            refused(answer, 422, code)
        assert [fault["pointer"] for fault in answer.json()["errors"]] == [f"/{field}"]

    def test_the_faults_are_told_in_the_readers_language(self, phone: Phone, street: Street) -> None:
        shot, who = shoot(at=phone.clock()), street.inspector
        for language, beginning in (({}, "不在允许的取值之内：/role"), ({"Accept-Language": "en"}, "Input should be")):
            asking = Person(who.id, who.headers | language)
            (fault,) = phone.upload(asking, shot, role="selfie").json()["errors"]
            assert (fault["pointer"], fault["code"]) == ("/role", "unknown-value")
            assert fault["message"].startswith(beginning)

    def test_a_form_without_its_file_is_told_in_english(self, phone: Phone, street: Street) -> None:
        headers = street.inspector.headers | {"Accept-Language": "en"}
        answer = phone.client.post("/photos", files={"role": (None, "before")}, headers=headers)
        assert [fault["message"] for fault in answer.json()["errors"]] == ["The upload form is wrong"]

    def test_a_photo_declared_and_a_pdf_delivered(
        self, phone: Phone, street: Street, refused: Refused, unchanged: Unchanged
    ) -> None:
        """A paper is no picture of a place, whatever the form says."""
        paper = Shot(str(uuid4()), maker.pdf() + b"%1", "before", rfc3339(phone.clock()))
        report_with(phone, paper)
        with unchanged():
            refused(phone.upload(street.inspector, paper, role="document"), 422, "not-a-document")

    def test_a_pdf_delivered_and_a_photo_declared(
        self, phone: Phone, street: Street, refused: Refused, unchanged: Unchanged
    ) -> None:
        now = phone.clock()
        paper = Shot(str(uuid4()), maker.pdf() + b"%2", "document", rfc3339(now))
        assert phone.upload(street.inspector, paper).status_code == 201
        passed_off = Shot(paper.id, paper.content, "before", paper.taken_at)
        body = visit(street.shop.id, now, hazards=[found([passed_off], now)], shots=[passed_off])
        with unchanged():
            refused(phone.submit(street.inspector, body), 422, "not-a-document")


class TestReading:
    def test_byte_for_byte(self, phone: Phone, street: Street) -> None:
        for content in (maker.motion_photo(), maker.png(seed=91), maker.webp(seed=92), maker.jpeg(2000, 1500, seed=93)):
            shot = shoot(at=phone.clock(), content=content)
            assert phone.upload(street.inspector, shot).status_code == 201
            answer = get(phone, street.inspector, shot, "/content")
            assert (answer.status_code, answer.content) == (200, content)
            assert answer.headers["etag"] == f'"{shot.sha256}"'
            assert answer.headers["x-content-type-options"] == "nosniff"

    def test_not_changed(self, phone: Phone, street: Street) -> None:
        shot = shoot(at=phone.clock())
        phone.upload(street.inspector, shot)
        for header in (f'"{shot.sha256}"', f'"other", "{shot.sha256}"', "*"):
            answer = get(phone, street.inspector, shot, "/content", **{"if-none-match": header})
            assert (answer.status_code, answer.content) == (304, b"")
            assert answer.headers["cache-control"] == "private, no-cache"
        changed = get(phone, street.inspector, shot, "/content", **{"if-none-match": '"other"'})
        assert (changed.status_code, changed.headers["cache-control"]) == (200, "private, no-cache")

    @pytest.mark.parametrize("person", ["inspector", "other_inspector"])
    @pytest.mark.parametrize(
        ("asked", "first", "last"),
        [("bytes=0-9", 0, 9), ("bytes=5-", 5, None), ("bytes=-7", -7, None), ("bytes=10-999999999", 10, None)],
    )
    def test_a_range(self, phone: Phone, street: Street, person: str, asked: str, first: int, last: int | None) -> None:
        """The same for the original and for the copy that others get."""
        shot = with_exif(phone)
        report_with(phone, shot)
        phone.upload(street.inspector, shot)
        reader = getattr(street, person)
        whole = get(phone, reader, shot, "/content").content
        answer = get(phone, reader, shot, "/content", range=asked)
        part = whole[first:] if last is None else whole[first : last + 1]
        assert (answer.status_code, answer.content) == (206, part)
        start = first % len(whole)
        assert answer.headers["content-range"] == f"bytes {start}-{start + len(part) - 1}/{len(whole)}"

    @pytest.mark.parametrize("person", ["inspector", "other_inspector"])
    @pytest.mark.parametrize("asked", ["bytes=99999999-", "bytes=-0"])
    def test_a_range_that_is_not_there(
        self, phone: Phone, street: Street, refused: Refused, person: str, asked: str
    ) -> None:
        shot = with_exif(phone)
        report_with(phone, shot)
        phone.upload(street.inspector, shot)
        answer = get(phone, getattr(street, person), shot, "/content", range=asked)
        refused(answer, 416, "range-not-satisfiable")
        assert answer.headers["content-range"] == f"bytes */{answer.json()['size']}"

    @pytest.mark.parametrize("asked", ["bytes=9-5", "bytes=a-b", "lines=1-2", "bytes=-", "bytes=1-2-3"])
    def test_a_range_that_means_nothing_is_ignored_or_refused(self, phone: Phone, street: Street, asked: str) -> None:
        shot = shoot(at=phone.clock())
        phone.upload(street.inspector, shot)
        answer = get(phone, street.inspector, shot, "/content", range=asked)
        assert answer.status_code in {200, 416}
        assert answer.status_code == 416 or answer.content == shot.content

    def test_until_it_is_named_the_uploader_alone_sees_it(
        self, phone: Phone, street: Street, refused: Refused, session: Session
    ) -> None:
        shot = shoot(at=phone.clock())
        phone.upload(street.inspector, shot)
        for what in ("", "/content", "/thumbnail"):
            for other in (street.other_inspector, street.office, street.leader, street.district_person):
                refused(get(phone, other, shot, what), 404, "not-found")
        refused(get(phone, street.machine(), shot, "/content"), 404, "not-found")
        assert get(phone, street.inspector, shot).json()["stored_at"] is not None
        report_with(phone, shot)
        for other in (street.other_inspector, street.office, street.leader, street.district_person):
            assert get(phone, other, shot, "/content").status_code == 200
        assert get(phone, street.machine(), shot, "/content").status_code == 200
        refused(get(phone, street.stranger, shot, "/content"), 404, "not-found")
        refused(get(phone, street.machine(street.other_street), shot, "/content"), 404, "not-found")

    def test_what_has_not_come(self, phone: Phone, street: Street, refused: Refused) -> None:
        shot = shoot(at=phone.clock())
        report_with(phone, shot)
        assert get(phone, street.office, shot).json()["stored_at"] is None
        refused(get(phone, street.office, shot, "/content"), 404, "not-found")
        refused(get(phone, street.office, shot, "/thumbnail"), 404, "thumbnail-missing")

    def test_a_machine_reads_content_only(self, phone: Phone, street: Street, refused: Refused) -> None:
        shot, machine = shoot(at=phone.clock()), street.machine()
        report_with(phone, shot)
        phone.upload(street.inspector, shot)
        refused(get(phone, machine, shot), 403, "forbidden")
        refused(get(phone, machine, shot, "/thumbnail"), 403, "forbidden")


class TestMetadata:
    def test_facts_stand_in_columns(self, phone: Phone, street: Street, session: Session) -> None:
        shot = with_exif(phone)
        phone.upload(street.inspector, shot)
        photo = session.get_one(Photo, shot.id)
        assert (photo.exif_make, photo.exif_model, photo.exif_orientation) == ("HUAWEI", "P60 Pro", 6)
        assert photo.exif_taken_at == "2026-11-20T10:11:12"
        assert photo.exif_latitude == pytest.approx(32.06, abs=0.001)
        assert photo.exif_longitude == pytest.approx(118.79, abs=0.001)

    def test_handler_and_office_get_the_original_others_a_clean_copy(self, phone: Phone, street: Street) -> None:
        shot = with_exif(phone)
        report_with(phone, shot)
        phone.upload(street.inspector, shot)
        for person in (street.inspector, street.office):
            assert get(phone, person, shot, "/content").content == shot.content
        for person in (street.other_inspector, street.officer, street.leader, street.district_person, street.machine()):
            answer = get(phone, person, shot, "/content")
            assert not [secret for secret in SECRETS if secret in answer.content]
            assert answer.headers["etag"] != f'"{shot.sha256}"'
            copy, original = Image.open(io.BytesIO(answer.content)), Image.open(io.BytesIO(shot.content))
            assert copy.tobytes() == original.tobytes()
            assert dict(copy.getexif()) == {0x0112: 6}

    def test_no_metadata_in_a_thumbnail(self, phone: Phone, street: Street, runtime: Runtime, refused: Refused) -> None:
        shot = with_exif(phone)
        report_with(phone, shot)
        phone.upload(street.inspector, shot)
        refused(get(phone, street.inspector, shot, "/thumbnail"), 404, "thumbnail-missing")
        drain(runtime)
        answer = get(phone, street.leader, shot, "/thumbnail")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
        thumbnail = Image.open(io.BytesIO(answer.content))
        assert (thumbnail.width < thumbnail.height, dict(thumbnail.getexif())) == (True, {})
        assert not [secret for secret in SECRETS if secret in answer.content]
        again = get(phone, street.leader, shot, "/thumbnail", **{"if-none-match": answer.headers["etag"]})
        assert again.status_code == 304
        assert {kept.headers["cache-control"] for kept in (answer, again)} == {"private, no-cache"}

    def test_a_document_has_no_thumbnail(
        self, phone: Phone, street: Street, runtime: Runtime, refused: Refused
    ) -> None:
        paper = Shot(str(uuid4()), maker.pdf() + b"%3", "document", rfc3339(phone.clock()))
        answer = phone.upload(street.office, paper)
        assert (answer.status_code, answer.json()["media_type"]) == (201, "application/pdf")
        assert (answer.json()["width"], answer.json()["height"]) == (None, None)
        drain(runtime)
        assert get(phone, street.office, paper).json()["readable"] is True
        refused(get(phone, street.office, paper, "/thumbnail"), 404, "thumbnail-missing")
        assert get(phone, street.office, paper, "/content").content == paper.content


class TestDamage:
    """Found on decoding only: the original is kept, and whoever relies on it is told."""

    def damaged(self, phone: Phone, role: str = "before") -> Shot:
        return shoot(role, at=phone.clock(), content=maker.damaged_middle() + bytes(next(_zeros)))

    def test_a_damaged_photo_loses_its_hazard_the_evidence(
        self, phone: Phone, street: Street, runtime: Runtime
    ) -> None:
        shot = self.damaged(phone)
        hazard_id = report_with(phone, shot)["hazards"][0]["id"]
        phone.upload(street.inspector, shot)
        assert phone.read(hazard_id)["evidence_complete"] is True
        drain(runtime)
        hazard = phone.read(hazard_id)
        assert (hazard["evidence_complete"], hazard["flags"]) == (False, ["photo_unreadable"])
        photo = get(phone, street.office, shot).json()
        assert (photo["readable"], photo["thumbnail_ready"]) == (False, False)
        assert get(phone, street.office, shot, "/content").content == shot.content

    def test_also_when_it_was_decoded_before_it_was_named(self, phone: Phone, street: Street, runtime: Runtime) -> None:
        shot = self.damaged(phone)
        phone.upload(street.inspector, shot)
        drain(runtime)
        hazard_id = report_with(phone, shot)["hazards"][0]["id"]
        hazard = phone.read(hazard_id)
        assert (hazard["evidence_complete"], hazard["flags"]) == (False, ["photo_unreadable"])

    def test_also_while_another_photo_is_missing(self, phone: Phone, street: Street, runtime: Runtime) -> None:
        shot, other = self.damaged(phone), shoot("overview", at=phone.clock())
        hazard_id = report_with(phone, shot, other)["hazards"][0]["id"]
        phone.upload(street.inspector, shot)
        drain(runtime)
        assert phone.read(hazard_id)["flags"] == ["photo_unreadable"]
        phone.upload(street.inspector, other)
        drain(runtime)
        hazard = phone.read(hazard_id)
        assert (hazard["evidence_complete"], hazard["flags"]) == (False, ["photo_unreadable"])

    def test_a_damaged_photo_proves_nothing(
        self, phone: Phone, street: Street, runtime: Runtime, refused: Refused
    ) -> None:
        hazard, shot = phone.report(), self.damaged(phone, "after")
        phone.upload(street.inspector, shot)
        drain(runtime)
        refused(phone.claim(street.inspector, hazard, photo_ids=[shot.id]), 409, "photo-unreadable")

    def test_fixed_on_the_spot_stays_open(self, phone: Phone, street: Street, runtime: Runtime) -> None:
        before, after = shoot("before", at=phone.clock()), self.damaged(phone, "after")
        hazard_id = report_with(phone, before, after, fixed_on_site=True)["hazards"][0]["id"]
        for shot in (before, after):
            phone.upload(street.inspector, shot)
        drain(runtime)
        hazard = phone.read(hazard_id)
        assert (hazard["status"], hazard["evidence_complete"]) == ("awaiting_reinspection", False)


class TestGrant:
    """Who sent an accepted submission may deliver its photos, whatever his account became."""

    def deliver(self, phone: Phone, grant: str, shot: Shot, person: Person | None = None) -> httpx2.Response:
        headers = {"x-upload-grant": grant} | (person.headers if person else {})
        return phone.client.post("/photos", data=shot.form(), files={"file": ("a", shot.content)}, headers=headers)

    @pytest.mark.parametrize("became", ["deactivated", "signed out", "auditor", "moved"])
    def test_whatever_the_account_became(self, phone: Phone, street: Street, session: Session, became: str) -> None:
        shots = [shoot(at=phone.clock()), shoot("overview", at=phone.clock())]
        answer = report_with(phone, *shots)
        inspector = session.get_one(User, street.inspector.id)
        if became == "deactivated":
            inspector.is_active = False
        elif became == "auditor":
            inspector.role = "auditor"
        elif became == "signed out":
            session.execute(update(Token).where(Token.user_id == inspector.id).values(revoked_at=phone.clock()))
        else:
            move = update(UserArea).where(UserArea.user_id == inspector.id)
            session.execute(move.values(area_id=street.other_street.id))
        session.commit()
        for shot in shots:
            assert self.deliver(phone, answer["upload_grant"], shot).status_code == 201
            assert self.deliver(phone, answer["upload_grant"], shot).status_code == 200
        assert phone.read(answer["hazards"][0]["id"], street.office)["evidence_complete"] is True

    def test_role_and_area_do_not_matter_to_the_owner_signed_in(
        self, phone: Phone, street: Street, session: Session
    ) -> None:
        shot = shoot(at=phone.clock())
        report_with(phone, shot)
        session.get_one(User, street.inspector.id).role = "auditor"
        session.commit()
        assert phone.upload(street.inspector, shot).status_code == 201

    def test_it_opens_nothing_else(self, phone: Phone, street: Street, refused: Refused, unchanged: Unchanged) -> None:
        mine, other = shoot(at=phone.clock()), shoot(at=phone.clock())
        grant = report_with(phone, mine)["upload_grant"]
        report_with(phone, other)
        fresh = shoot(at=phone.clock())
        inspection, owner, mac = grant.split(".")
        with unchanged():
            refused(self.deliver(phone, grant, other), 409, "id-taken")
            refused(self.deliver(phone, grant, fresh), 409, "id-taken")
            for forged in (f"{inspection}.{owner}.{'0' * 64}", f"{inspection}.{uuid4()}.{mac}", "a.b.c", "x", "é"):
                answer = phone.client.post(
                    "/photos",
                    data=mine.form(),
                    files={"file": ("a", mine.content)},
                    headers={"x-upload-grant": forged.encode("latin-1")},  # type: ignore[dict-item]
                )
                refused(answer, 401, "unauthorized")

    def test_a_late_photo_is_still_the_right_one(self, phone: Phone, street: Street, clock: Any) -> None:
        shot = shoot(at=phone.clock())
        answer = report_with(phone, shot)
        clock.move(days=200)
        assert self.deliver(phone, answer["upload_grant"], shot).status_code == 201
        assert phone.read(answer["hazards"][0]["id"], street.office)["evidence_complete"] is True
