"""iPhone photos: their structure, with the optional extra that decodes them and without."""

import struct
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from app.core import image_errors
from app.core.errors import DomainError
from app.core.images import can_decode_heic, inspect, without_metadata
from app.core.thumbnails import ThumbnailPool, Unreadable
from tests import photos

needs_heic = pytest.mark.skipif(not can_decode_heic(), reason="HEIC IS NOT TESTED: pip install xiaohao[heic]")
XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>secret-place</x:xmpmeta>"


@pytest.fixture
def written(tmp_path):
    def write(content: bytes) -> Path:
        path = tmp_path / "IMG_0001.HEIC"
        path.write_bytes(content)
        return path

    return write


def test_without_a_decoder_it_is_refused_and_told_what_to_send(written):
    with pytest.raises(image_errors.PhotoTypeUnsupported) as refused:
        inspect(written(photos.heic()))
    assert all(word in refused.value.detail for word in ("JPEG", "Most Compatible"))
    assert "“设置 → 相机 → 格式”中选择“兼容性最佳”" in refused.value.detail_zh


@pytest.mark.parametrize("length", [20, 24, 36, 100, 236])
def test_a_beginning_alone_is_no_photo(written, length):
    with pytest.raises(DomainError) as refused:
        inspect(written(photos.heic()[:length]), takes_heic=True)
    assert type(refused.value) in {image_errors.PhotoNotImage, image_errors.PhotoTruncated}


ONE_BYTE = 0x1000
TOO_MANY = {
    "extents that cost no bytes": photos.places(1, 2),
    "as many as 482 bytes can claim": photos.places(53, 65_535),
    "extents of a byte": photos.places(1, 10_001, written=b"\0", sizes=ONE_BYTE),
    "extents of many items": photos.places(5_000, 2, written=b"\0", sizes=ONE_BYTE),
    "items": photos.places(10_001, 0),
}


@pytest.mark.parametrize("places", TOO_MANY.values(), ids=TOO_MANY)
def test_what_lies_in_too_many_places_is_refused(written, places):
    with pytest.raises(image_errors.PhotoNotImage, match="too many places"):
        inspect(written(photos.heic_located(places)), takes_heic=True)


@pytest.mark.parametrize(
    "places",
    [photos.places(53, 1), photos.places(1, 9_999, written=b"\0", sizes=ONE_BYTE)],
    ids=["one extent of no bytes", "9999 of a byte"],
)
def test_a_great_many_places_may_be_named(written, places):
    assert inspect(written(photos.heic_located(places)), takes_heic=True).width == 64


def test_a_directory_of_too_many_boxes_is_refused(written):
    content = photos.heic()[:36] + photos.box(b"meta", bytes(4) + photos.box(b"free", b"") * 10_001)
    with pytest.raises(image_errors.PhotoNotImage, match="too many boxes"):
        inspect(written(content), takes_heic=True)


@needs_heic
class TestWithADecoder:
    def test_size_and_exif_are_read(self, written):
        content = photos.iphone_photo(1200, 900, exif=photos.exif().tobytes())
        facts = inspect(written(content), takes_heic=True)
        assert (facts.media_type, facts.width, facts.height) == ("image/heic", 1200, 900)
        assert (facts.camera_make, facts.latitude) == ("HUAWEI", 32.06)

    def test_a_thumbnail_is_made_in_the_child(self, written):
        pool = ThumbnailPool()
        try:
            small = pool.make(written(photos.iphone_photo(1200, 900, exif=photos.exif().tobytes())))
        finally:
            pool.close()
        with Image.open(BytesIO(small.content), formats=["JPEG"]) as image:
            assert (image.size, len(image.getexif())) == ((480, 360), 0)

    def test_the_copy_without_metadata_shows_the_same(self, written):
        content = photos.iphone_photo(exif=photos.exif().tobytes(), xmp=XMP)
        assert all(secret in content for secret in (b"HUAWEI", b"secret-comment", b"secret-place"))
        public = without_metadata(written(content))
        assert len(public) == len(content)
        assert not any(secret in public for secret in (b"HUAWEI", b"P60 Pro", b"secret-comment", b"secret-place"))
        pool = ThumbnailPool()
        try:
            assert pool.make(written(public)) == pool.make(written(content))
        finally:
            pool.close()

    def test_every_cut_is_noticed(self, written):
        content = photos.iphone_photo(64, 48, exif=photos.exif().tobytes())
        for length in range(16, len(content), 7):
            with pytest.raises(DomainError):
                inspect(written(content[:length]), takes_heic=True)

    def test_too_many_pixels(self, written):
        content = photos.iphone_photo(64, 48)
        at = content.index(b"ispe") + 8
        huge = content[:at] + struct.pack(">II", 8500, 6000) + content[at + 8 :]
        with pytest.raises(image_errors.PhotoTooManyPixels):
            inspect(written(huge), takes_heic=True)

    def test_damage_is_found_on_decoding(self, written):
        content = photos.iphone_photo().replace(b"hvcC", b"hvcX")
        pool = ThumbnailPool()
        try:
            with pytest.raises(Unreadable):
                pool.make(written(content))
        finally:
            pool.close()

    def test_any_byte_may_be_wrong(self, written):
        """Never anything but a refusal or facts."""
        content, refused = photos.iphone_photo(64, 48, exif=photos.exif().tobytes()), 0
        for at in range(min(len(content), 1200)):
            for value in (0, 1, 0xFF):
                changed = content[:at] + bytes([value]) + content[at + 1 :]
                try:
                    without_metadata(written(changed))
                    inspect(written(changed), takes_heic=True)
                except DomainError:
                    refused += 1
        assert refused > 100
