"""What an upload is told to be, and what is refused before anything is stored."""

import contextlib
import struct
import time
from datetime import datetime
from pathlib import Path

import pytest
from PIL import Image

from app.core import image_errors
from app.core.errors import DomainError
from app.core.exif import ExifFacts, read_exif
from app.core.images import ImageFacts, inspect, without_metadata
from tests import photos


@pytest.fixture
def written(tmp_path):
    def write(content: bytes) -> Path:
        path = tmp_path / "upload.bin"
        path.write_bytes(content)
        return path

    return write


def a_gif() -> bytes:
    return photos.encoded(photos.picture(mode="P"), "GIF", save_all=True, append_images=[photos.picture(seed=2)])


def an_animated_webp() -> bytes:
    return photos.encoded(photos.picture(), "WEBP", save_all=True, append_images=[photos.picture(seed=2)], duration=90)


def a_progressive_jpeg() -> bytes:
    return photos.jpeg(640, 480, progressive=True)


def a_two_picture_jpeg() -> bytes:
    return photos.encoded(photos.picture(), "MPO", save_all=True, append_images=[photos.picture(seed=2)])


@pytest.mark.parametrize(
    ("content", "media_type", "size"),
    [
        (photos.jpeg(), "image/jpeg", (64, 48)),
        (a_progressive_jpeg(), "image/jpeg", (640, 480)),
        (photos.encoded(photos.picture(mode="CMYK"), "JPEG"), "image/jpeg", (64, 48)),
        (photos.motion_photo(), "image/jpeg", (64, 48)),
        (a_two_picture_jpeg(), "image/jpeg", (64, 48)),
        (photos.jpeg() + b"\0" * 4096, "image/jpeg", (64, 48)),
        (photos.damaged_middle(), "image/jpeg", (640, 480)),
        (photos.jpeg_claiming(12032, 9024), "image/jpeg", (12032, 9024)),
        (photos.png(), "image/png", (64, 48)),
        (photos.encoded(photos.picture(mode="L").convert("I;16"), "PNG"), "image/png", (64, 48)),
        (photos.png_claiming(8192, 6144), "image/png", (8192, 6144)),
        (photos.webp(), "image/webp", (64, 48)),
        (photos.webp(lossless=True), "image/webp", (64, 48)),
        (an_animated_webp(), "image/webp", (64, 48)),
        (photos.pdf(), "application/pdf", (None, None)),
        (photos.jpeg() + b"<script>alert(1)</script>%PDF-1.4\n%%EOF", "image/jpeg", (64, 48)),
    ],
)
def test_accepted_by_its_bytes_alone(written, content, media_type, size):
    facts = inspect(written(content))
    assert (facts.media_type, (facts.width, facts.height)) == (media_type, size)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", image_errors.PhotoEmpty),
        (b"\xff\xd8", image_errors.PhotoNotImage),
        (b"this is a note, called photo.jpg", image_errors.PhotoNotImage),
        (b"BMW was parked in the fire lane", image_errors.PhotoNotImage),
        (b"\0" * 5000, image_errors.PhotoNotImage),
        (b"\xff\xd8\xff\xe0\x00\x04JF\xff\xd9", image_errors.PhotoNotImage),
        (b"\xff\xd8\xff" + b"garbage" * 100, image_errors.PhotoTruncated),
        (photos.jpeg_claiming(0, 48), image_errors.PhotoNotImage),
        (b"RIFF\x40\0\0\0WEBPJUNK" + b"\0" * 100, image_errors.PhotoNotImage),
        (photos.png()[:16] + struct.pack(">II", 0, 9) + photos.png()[24:], image_errors.PhotoNotImage),
        (photos.png()[:33] + photos.png_chunk(b"IEND", b""), image_errors.PhotoNotImage),
        (photos.jpeg_without_end(), image_errors.PhotoTruncated),
        (photos.jpeg()[:-2], image_errors.PhotoTruncated),
        (a_progressive_jpeg()[:-2], image_errors.PhotoTruncated),
        (photos.png()[:-12], image_errors.PhotoTruncated),
        (photos.png()[:-30], image_errors.PhotoTruncated),
        (photos.webp()[:-4], image_errors.PhotoTruncated),
        (photos.webp()[:12] + b"VP8X" + bytes(4) + photos.webp()[12:-8], image_errors.PhotoNotImage),
        (photos.pdf()[:-8], image_errors.PhotoTruncated),
        (photos.png_claiming(20_000, 15_000), image_errors.PhotoTooManyPixels),
        (photos.png_claiming(8_500, 6_000), image_errors.PhotoTooManyPixels),
        (photos.jpeg_claiming(20_000, 15_000), image_errors.PhotoTooManyPixels),
        (photos.jpeg_claiming(10_900, 10_000), image_errors.PhotoTooManyPixels),
        (a_gif(), image_errors.PhotoTypeUnsupported),
        (photos.heic(), image_errors.PhotoTypeUnsupported),
        (b"\0\0\0\x1cftypavif" + b"\0" * 64, image_errors.PhotoTypeUnsupported),
        (photos.encoded(photos.picture(), "TIFF"), image_errors.PhotoTypeUnsupported),
        (photos.encoded(photos.picture(), "BMP"), image_errors.PhotoTypeUnsupported),
        (b"\0\0\0\x18ftypmp42" + b"\0" * 64, image_errors.PhotoTypeUnsupported),
    ],
)
def test_refused_with_its_own_code(written, content, error):
    with pytest.raises(DomainError) as refused:
        inspect(written(content))
    assert type(refused.value) is error


def test_every_cut_of_a_jpeg_is_noticed(written):
    content = photos.jpeg(exif=photos.exif(), progressive=True)
    for length in range(1, len(content)):
        with pytest.raises(DomainError):
            inspect(written(content[:length]))


def test_who_sends_heic_is_told_what_to_do(written):
    with pytest.raises(image_errors.PhotoTypeUnsupported) as refused:
        inspect(written(photos.heic()))
    assert "JPEG" in refused.value.detail
    assert "兼容性最佳" in refused.value.detail_zh


@pytest.mark.parametrize(
    "unit",
    [
        b"\xff",
        b"\xff\xc4",
        b"\xff\xc4\x00\x02",
        b"\xff\xfe\x00\x02",
        b"\xff\xda\x00\x02",
        b"\xff\xd8",
        b"x\xff\xfe\0\2",
    ],
)
def test_hostile_markers_cost_little(written, unit):
    content = photos.jpeg()
    at = content.index(b"\xff\xda")
    path = written(content[:at] + unit * (20 * 1024 * 1024 // len(unit)) + content[at:])
    start = time.process_time()
    with contextlib.suppress(DomainError):
        inspect(path)
    assert time.process_time() - start < 2


class TestExif:
    @pytest.mark.parametrize("make", [photos.jpeg, photos.png, photos.webp])
    def test_the_facts_of_a_phone(self, written, make):
        facts = inspect(written(make(exif=photos.exif(orientation=6))))
        assert facts == ImageFacts(
            facts.media_type,
            64,
            48,
            taken_at_device=datetime(2026, 11, 20, 10, 11, 12),  # noqa: DTZ001 - the camera knows no zone
            latitude=32.06,
            longitude=118.79,
            camera_make="HUAWEI",
            camera_model="P60 Pro",
            orientation=6,
        )

    def test_a_broken_time_falls_back_to_the_file_time(self):
        block = photos.exif(taken_at="0000:00:00 00:00:00").tobytes()
        assert read_exif(block.removeprefix(b"Exif\0\0")).taken_at_device == datetime(2020, 1, 1)  # noqa: DTZ001

    def test_texts_fit_any_database(self):
        name = "华\x01为\u202e" + "长" * 300
        block = photos.exif(make="n" * len(name.encode())).tobytes().removeprefix(b"Exif\0\0")
        make = read_exif(block.replace(b"n" * len(name.encode()), name.encode())).camera_make
        assert make == "华 为 " + "长" * 96

    @pytest.mark.parametrize("noise", [b"\xed\xa0\x80\xff\xfe", b"A\0\0\0B", b"\0" * 8])
    def test_noise_in_a_text_breaks_nothing(self, noise):
        block = photos.exif(make="n" * len(noise)).tobytes().removeprefix(b"Exif\0\0").replace(b"n" * len(noise), noise)
        make = read_exif(block).camera_make or ""
        assert "\0" not in make
        assert make.encode().decode() == make

    @pytest.mark.parametrize(
        ("tag", "value"),
        [
            (2, (91.0, 0.0, 0.0)),
            (4, (181.0, 0.0, 0.0)),
            (1, "X"),
            (3, ""),
        ],
    )
    def test_an_impossible_position_is_none(self, written, tag, value):
        block = photos.exif()
        block.get_ifd(photos.GPS_IFD)[tag] = value
        facts = inspect(written(photos.jpeg(exif=block)))
        assert (facts.latitude, facts.longitude) == (None, None)
        assert facts.camera_make == "HUAWEI"

    def test_a_position_that_is_not_a_number_is_none(self):
        block = photos.exif().tobytes().removeprefix(b"Exif\0\0")
        degrees = struct.pack(">II", 32, 1) if block[:2] == b"MM" else struct.pack("<II", 32, 1)
        assert degrees in block
        facts = read_exif(block.replace(degrees, b"\0" * 8))
        assert (facts.latitude, facts.longitude) == (None, None)

    def test_south_and_west_are_negative(self, written):
        block = photos.exif()
        block.get_ifd(photos.GPS_IFD).update({1: "S", 3: "W"})
        facts = inspect(written(photos.jpeg(exif=block)))
        assert (facts.latitude, facts.longitude) == (-32.06, -118.79)

    @pytest.mark.parametrize(
        "block",
        [
            b"",
            b"II",
            b"MM\0*\xff\xff\xff\xff",
            b"II*\0\x08\0\0\0\xff\xff"
            + b"\x69\x87\x04\0\x01\0\0\0\x08\0\0\0" * 5000,  # a directory that is its own child
            b"II*\0\x08\0\0\0\xff\xff" + b"\x0f\x01\x02\0\xff\xff\xff\xff\x08\0\0\0" * 5000,
            b"garbage" * 9000,
        ],
    )
    def test_a_corrupt_or_huge_block_never_refuses_a_photo(self, written, block):
        facts = inspect(written(photos.jpeg_with_exif(block)))
        assert facts == ImageFacts("image/jpeg", 64, 48)

    def test_any_single_wrong_byte_is_survived(self):
        block = photos.exif().tobytes().removeprefix(b"Exif\0\0")
        for at in range(len(block)):
            for value in (0, 0x7F, 0xFF):
                facts = read_exif(block[:at] + bytes([value]) + block[at + 1 :])
                assert isinstance(facts, ExifFacts)
                assert facts.latitude is None or -90 <= facts.latitude <= 90


class TestWithoutMetadata:
    @pytest.mark.parametrize(
        "content",
        [
            photos.jpeg(exif=photos.exif(), comment=b"secret-comment", icc_profile=b"profile"),
            photos.jpeg(exif=photos.exif(), progressive=True),
            photos.motion_photo(),
            photos.png(exif=photos.exif()),
            photos.webp(exif=photos.exif(), xmp=b"<x:xmpmeta/>"),
            an_animated_webp(),
        ],
    )
    def test_same_pixels_and_nothing_else(self, written, tmp_path, content):
        path = written(content)
        clean = tmp_path / "clean"
        clean.write_bytes(without_metadata(path))
        assert not any(word in clean.read_bytes() for word in (b"HUAWEI", b"secret-comment", b"xmpmeta", b"ftypmp42"))
        before, after = inspect(path), inspect(clean)
        assert (after.media_type, after.width, after.height) == (before.media_type, before.width, before.height)
        assert (after.latitude, after.camera_make, after.taken_at_device) == (None, None, None)
        with Image.open(path) as old, Image.open(clean) as new:
            assert new.tobytes() == old.tobytes()
            assert new.info.get("icc_profile") == old.info.get("icc_profile")

    def test_a_jpeg_stays_upright(self, written, tmp_path):
        clean = tmp_path / "clean"
        clean.write_bytes(without_metadata(written(photos.jpeg(exif=photos.exif(orientation=6)))))
        assert inspect(clean).orientation == 6
        with Image.open(clean) as image:
            assert dict(image.getexif()) == {0x0112: 6}

    def test_a_document_comes_back_as_it_is(self, written):
        assert without_metadata(written(photos.pdf())) == photos.pdf()
