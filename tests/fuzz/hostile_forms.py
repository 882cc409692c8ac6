"""Uploads whose form, not whose file, is meant to hurt: names, types, and multipart tricks."""

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.factories import Shot
from tests.fuzz.hostile import JPEG, Kept, Refused

BOUNDARY = "----hostile"
LONG_BOUNDARY = "multipart/form-data; boundary=" + "b" * 300
BROKEN, BAD_FORM = Refused(400, "broken-multipart"), Refused(422, "bad-upload-form")
NOT_MULTIPART, BAD_FIELDS = Refused(415, "not-multipart"), Refused(422, "bad-photo-form")
MISMATCH = Refused(422, "hash-mismatch")


@dataclass(frozen=True)
class Form:
    """A body made of a sound photo, and the header that announces it."""

    name: str
    make: Callable[[Shot], bytes]
    outcome: Kept | Refused
    headers: dict[str, str] = field(
        default_factory=lambda: {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    )


def part(name: str, content: bytes, head: str = "") -> bytes:
    """One part; ``head`` stands behind its name."""
    return f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{head}\r\n\r\n'.encode() + content + b"\r\n"


def fields(shot: Shot, **changes: str) -> list[bytes]:
    return [part(name, value.encode()) for name, value in (shot.form() | changes).items()]


def closed(*parts: bytes) -> bytes:
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def file(shot: Shot, head: str = '; filename="a.jpg"\r\nContent-Type: image/jpeg') -> bytes:
    return part("file", shot.content, head)


def named(filename: str) -> Callable[[Shot], bytes]:
    """A good upload whose file has this name."""
    return lambda shot: closed(*fields(shot), file(shot, f'; filename="{filename}"'))


def typed(media_type: str) -> Callable[[Shot], bytes]:
    """A good upload that calls itself something else."""
    return lambda shot: closed(*fields(shot), file(shot, f'; filename="a"\r\nContent-Type: {media_type}'))


NAMES = {
    "leads out of its folder": "../../../../etc/cron.d/x",
    "leads out of its folder on Windows": "..\\\\..\\\\boot.ini",
    "is absolute": "/etc/passwd",
    "is percent-encoded": "%2e%2e%2f%00.jpg",
    "is written from right to left": "photo\u202egpj.exe",
    "has 2000 characters": "x" * 2000,
    "is empty": "",
    "is a dot": "..",
    "is a device": "CON",
    "is a program": "photo.jpg.php",
    "is markup": "<img src=x onerror=alert(1)>.jpg",
    "is a command": "$(reboot);`id`|x.jpg",
}
TYPES = ("text/html", "image/svg+xml", "application/x-httpd-php", "message/rfc822", "x" * 500, "multipart/mixed")


def plain(content_type: str) -> dict[str, str]:
    return {"Content-Type": content_type}


FORMS = [
    *(Form(f"a name that {what}", named(name), JPEG) for what, name in NAMES.items()),
    *(Form(f"a file that calls itself {kind[:20]}", typed(kind), JPEG) for kind in TYPES),
    Form("a name of 6000 bytes", named("长" * 2000), BROKEN),
    Form("a name with a NUL", named("a\0.jpg"), JPEG),
    Form("a name with a line end", named("a\r\nX-Injected: 1\r\n\r\n.jpg"), MISMATCH),
    Form("a name in percent", lambda shot: closed(*fields(shot), file(shot, "; filename*=UTF-8''%E7%85%A7")), JPEG),
    Form("no name", lambda shot: closed(*fields(shot), file(shot, "")), JPEG),
    Form("the file first", lambda shot: closed(file(shot), *fields(shot)), JPEG),
    Form("two files", lambda shot: closed(*fields(shot), file(shot), file(shot)), BAD_FORM),
    Form("two ids", lambda shot: closed(*fields(shot), part("id", b"1"), file(shot)), BAD_FORM),
    Form("no file", lambda shot: closed(*fields(shot)), BAD_FORM),
    Form("no fields", lambda shot: closed(file(shot)), BAD_FIELDS),
    Form("nothing", lambda _: closed(), BAD_FORM),
    Form("an empty body", lambda _: b"", BROKEN),
    Form("a body of zeros", lambda _: bytes(100_000), BROKEN),
    Form("no end", lambda shot: b"".join([*fields(shot), file(shot)]), BROKEN),
    Form("an end in the middle of the file", lambda shot: closed(*fields(shot), file(shot))[:-1500], BROKEN),
    Form("bare line feeds", lambda shot: closed(*fields(shot), file(shot)).replace(b"\r\n", b"\n"), BROKEN),
    Form("a field that is unknown", lambda shot: closed(*fields(shot), part("path", b"/etc"), file(shot)), BAD_FIELDS),
    Form("twelve fields", lambda shot: closed(*(part(f"f{n}", b"") for n in range(12)), file(shot)), BAD_FORM),
    Form("5000 fields", lambda shot: closed(*(part(f"f{n}", b"") for n in range(5000)), file(shot)), BAD_FORM),
    Form("a field of 50 KB", lambda shot: closed(part("id", b"x" * 50_000), file(shot)), BAD_FORM),
    Form("a field that is no text", lambda shot: closed(part("id", b"\xff\xfe"), file(shot)), BROKEN),
    Form("a part without a name", lambda shot: closed(file(shot).replace(b' name="file";', b"")), BROKEN),
    Form("a name that is no text", lambda shot: closed(file(shot).replace(b'"file"', b'"\xff"')), BROKEN),
    Form("a header of 60 KB", lambda shot: closed(*fields(shot), file(shot, "\r\nX-Long: " + "x" * 60_000)), BROKEN),
    Form("1000 headers", lambda shot: closed(*fields(shot), file(shot, "\r\nX-One: 1" * 1000)), BROKEN),
    Form("a header without a colon", lambda shot: closed(*fields(shot), file(shot, "\r\nbroken")), BROKEN),
    Form("base64", lambda shot: closed(*fields(shot), file(shot, "\r\nContent-Transfer-Encoding: base64")), BROKEN),
    Form("a form in a form", lambda shot: closed(*fields(shot), part("file", closed(file(shot)))), MISMATCH),
    Form("something before the form", lambda shot: b"preamble\r\n" + closed(*fields(shot), file(shot)), BROKEN),
    Form("something behind the form", lambda shot: closed(*fields(shot), file(shot)) + b"epilogue" * 100, JPEG),
    Form("an id that is a path", lambda shot: closed(*fields(shot, id="../../x"), file(shot)), BAD_FIELDS),
    Form("a hash that is a path", lambda shot: closed(*fields(shot, sha256="../" * 21 + "x"), file(shot)), BAD_FIELDS),
    Form("another hash", lambda shot: closed(*fields(shot, sha256="0" * 64), file(shot)), MISMATCH),
    Form("a time before all times", lambda shot: closed(*fields(shot, taken_at="-9999-01-01"), file(shot)), BAD_FIELDS),
    Form("a role that is none", lambda shot: closed(*fields(shot, role="admin"), file(shot)), BAD_FIELDS),
    Form("no boundary", lambda shot: closed(*fields(shot), file(shot)), BROKEN, plain("multipart/form-data")),
    Form("another boundary", lambda shot: closed(file(shot)), BROKEN, plain("multipart/form-data; boundary=x")),
    Form("a boundary of 300", lambda shot: closed(file(shot)), BROKEN, plain(LONG_BOUNDARY)),
    Form("an empty boundary", lambda shot: closed(file(shot)), BROKEN, plain('multipart/form-data; boundary=""')),
    Form("multipart, but no form", lambda _: closed(), NOT_MULTIPART, plain("multipart/mixed; boundary=x")),
    Form("JSON", lambda _: b"{}", NOT_MULTIPART, plain("application/json")),
    Form("the bytes alone", lambda shot: shot.content, NOT_MULTIPART, plain("image/jpeg")),
    Form("no type", lambda shot: closed(*fields(shot), file(shot)), NOT_MULTIPART, {}),
]  # fmt: skip
