"""Hostile files and forms sent to a server of its own: each has its outcome, and the processes stay small.

All are sent first; the worker inside the server then decodes what was kept, in its child. Nothing is a 5xx, nothing
takes long, what is served cannot be taken for anything but a picture, and thumbnails tell nothing of the original.
"""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from PIL import Image
from pydantic import SecretStr

from app.core.clock import rfc3339, utc_now
from app.core.config import Settings
from app.services.installation import install, open_runtime
from tests.conftest import SECRET
from tests.factories import Person, Shot, make_street, photo_bytes
from tests.fuzz.hostile import Hostile, Kept, Refused
from tests.fuzz.hostile_forms import FORMS, Form
from tests.fuzz.hostile_jpegs import JPEGS
from tests.fuzz.hostile_others import OTHER_FILES
from tests.fuzz.hostile_pngs import PNGS
from tests.postgres import database
from tests.servers import running_server

FILES = [*JPEGS, *PNGS, *OTHER_FILES]
SLOWEST_S = 10
"""A photo of 20 MiB takes a tenth of a second; a busy machine takes longer."""
PATIENCE_S = 240
SERVER_MIB, CHILD_MIB = 256, 768
"""Seen: 133 and 413."""


@dataclass
class Sent:
    """What became of everything that was sent."""

    outcomes: dict[str, Kept | Refused] = field(default_factory=dict)
    slowest: tuple[float, str] = (0.0, "")
    unsafe: list[str] = field(default_factory=list)
    server_mib: int = 0
    child_mib: int = 0


class Sender:
    """Somebody who sends files and looks at them afterwards."""

    def __init__(self, client: httpx.Client, pid: int) -> None:
        self.client, self.pid, self.sent = client, pid, Sent()
        self.kept: dict[str, str] = {}

    def send(self, item: Hostile | Form) -> None:
        """One upload; what is kept is looked at later."""
        now = utc_now()
        content = item.make() if isinstance(item, Hostile) else photo_bytes()
        shot = Shot(str(uuid4()), content, item.role if isinstance(item, Hostile) else "before", rfc3339(now))
        began = time.monotonic()
        if isinstance(item, Hostile):
            answer = self.client.post("/photos", data=shot.form(), files={"file": ("a.jpg", content, "image/jpeg")})
        else:
            answer = self.client.post("/photos", content=item.make(shot), headers=item.headers)
        self.sent.slowest = max(self.sent.slowest, (time.monotonic() - began, item.name))
        if answer.status_code in {200, 201}:
            self.kept[item.name] = shot.id
            self.sent.outcomes[item.name] = Kept(answer.json()["media_type"])
        else:
            self.sent.outcomes[item.name] = Refused(answer.status_code, answer.json()["code"])

    def look(self, name: str) -> None:
        """Whether the photo can be read, once its job has run, and how it is served."""
        photo, deadline = self.kept[name], time.monotonic() + PATIENCE_S
        while (told := self.client.get(f"/photos/{photo}").json())["readable"] is None:
            assert time.monotonic() < deadline, name
        outcome = self.sent.outcomes[name]
        assert isinstance(outcome, Kept)
        self.sent.outcomes[name] = replace(outcome, is_readable=told["readable"])
        content = self.client.get(f"/photos/{photo}/content")
        if not is_safe(content, outcome.media_type):
            self.sent.unsafe.append(f"{name}: {dict(content.headers)}")
        if told["thumbnail_ready"]:
            thumbnail = self.client.get(f"/photos/{photo}/thumbnail")
            if not (is_safe(thumbnail, "image/jpeg") and is_plain(thumbnail.content)):
                self.sent.unsafe.append(f"{name}: thumbnail {dict(thumbnail.headers)}")

    def weigh(self) -> None:
        """The most memory that the server and its child have held."""
        self.sent.server_mib = max(self.sent.server_mib, peak_mib(self.pid))
        for child in Path(f"/proc/{self.pid}/task").glob("*/children"):
            for pid in child.read_text().split():
                self.sent.child_mib = max(self.sent.child_mib, peak_mib(int(pid)))


def peak_mib(pid: int) -> int:
    found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) // 1024 if found else 0


def is_safe(answer: httpx.Response, media_type: str) -> bool:
    """No browser takes it for a page, and no page takes it for its own."""
    headers = answer.headers
    return (
        answer.status_code == 200
        and headers["content-type"] == media_type
        and headers["x-content-type-options"] == "nosniff"
        and headers.get("content-disposition") == ("attachment" if media_type == "application/pdf" else "inline")
        and headers["content-security-policy"].startswith("default-src 'none'")
    )


def is_plain(thumbnail: bytes) -> bool:
    """A small JPEG that says nothing of its original."""
    with Image.open(BytesIO(thumbnail), formats=["JPEG"]) as image:
        return (
            max(image.size) <= 480 and not image.getexif() and not {"comment", "icc_profile", "xmp"} & set(image.info)
        )


@pytest.fixture(scope="module")
def settings_of_its_own(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """An installed database that only this server has."""
    data = tmp_path_factory.mktemp("hostile")
    if database_url.startswith("sqlite"):
        yield Settings(data_dir=data, secret_key=SecretStr(SECRET), demo=False)
        return
    with database(database_url) as url:
        yield Settings(data_dir=data, database_url=url, secret_key=SecretStr(SECRET), demo=False)


@pytest.fixture(scope="module")
def inspector(settings_of_its_own: Settings) -> Person:
    install(settings_of_its_own, clock=utc_now)
    runtime = open_runtime(settings_of_its_own, clock=utc_now)
    with runtime.db.write() as session:
        person = make_street(session, utc_now).inspector
    runtime.db.close()
    return person


@pytest.fixture(scope="module")
def sent(settings_of_its_own: Settings, inspector: Person) -> Iterator[Sent]:
    """Everything, sent once."""
    settings = settings_of_its_own
    environment = {"XIAOHAO_DEMO": "0", "XIAOHAO_SECRET_KEY": SECRET}
    if settings.database_url is not None:
        environment["XIAOHAO_DATABASE_URL"] = settings.database_url
    with running_server(settings.data_dir, **environment) as (url, pid):
        client = httpx.Client(base_url=f"{url}/api/v1", headers=inspector.headers, timeout=60)
        with client:
            sender = Sender(client, pid)
            for item in [*FILES, *FORMS]:
                sender.send(item)
            for name in sender.kept:
                sender.look(name)
                sender.weigh()
        yield sender.sent


def test_there_are_enough() -> None:
    names = [item.name for item in [*FILES, *FORMS]]
    assert len(set(names)) == len(names) >= 250


@pytest.mark.parametrize("item", [*FILES, *FORMS], ids=lambda item: item.name)
def test_each_has_its_outcome(sent: Sent, item: Hostile | Form) -> None:
    assert sent.outcomes[item.name] == item.outcome


def test_none_takes_long(sent: Sent) -> None:
    assert sent.slowest[0] < SLOWEST_S, sent.slowest


def test_what_is_served_is_nothing_but_a_picture(sent: Sent) -> None:
    assert sent.unsafe == []


def test_the_processes_stay_small(sent: Sent) -> None:
    assert 0 < sent.server_mib < SERVER_MIB
    assert 0 < sent.child_mib < CHILD_MIB
