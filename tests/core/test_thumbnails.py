"""Thumbnails: small, upright, without metadata, and made where a bad picture hurts nobody."""

import contextlib
import os
import signal
import subprocess
import threading
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from app.core.thumbnails import ThumbnailFailed, ThumbnailPool, Unreadable, make_thumbnail
from tests import photos


@pytest.fixture
def written(tmp_path):
    def write(content: bytes, name: str = "original") -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


@pytest.fixture
def pool():
    pool = ThumbnailPool()
    yield pool
    pool.close()


def opened(content: bytes) -> Image.Image:
    return Image.open(BytesIO(content), formats=["JPEG"])


@pytest.mark.parametrize(
    ("content", "size"),
    [
        (photos.jpeg(1600, 1200), (480, 360)),
        (photos.jpeg(1200, 1600, progressive=True), (360, 480)),
        (photos.jpeg(4000, 10), (480, 1)),
        (photos.jpeg(64, 48), (64, 48)),
        (photos.encoded(photos.picture(900, 600, mode="CMYK"), "JPEG"), (480, 320)),
        (photos.encoded(photos.picture(900, 600, mode="L"), "JPEG"), (480, 320)),
        (photos.encoded(photos.picture(900, 600, mode="RGBA"), "PNG"), (480, 320)),
        (photos.encoded(photos.picture(900, 600, mode="P"), "PNG"), (480, 320)),
        (photos.encoded(photos.picture(900, 600, mode="P"), "PNG", transparency=3), (480, 320)),
        (photos.encoded(photos.picture(900, 600, mode="1"), "PNG"), (480, 320)),
        (photos.encoded(photos.picture(900, 600, mode="LA"), "PNG"), (480, 320)),
        (photos.encoded(photos.picture(900, 600, mode="L").convert("I;16"), "PNG"), (480, 320)),
        (photos.webp(900, 600), (480, 320)),
        (photos.encoded(photos.picture(900, 600, mode="RGBA"), "WEBP", lossless=True), (480, 320)),
        (photos.encoded(photos.picture(), "WEBP", save_all=True, append_images=[photos.picture(seed=2)]), (64, 48)),
        (photos.encoded(photos.picture(), "MPO", save_all=True, append_images=[photos.picture(seed=2)]), (64, 48)),
        (photos.motion_photo(), (64, 48)),
    ],
)
def test_every_accepted_kind(written, content, size):
    thumbnail = make_thumbnail(written(content))
    assert (thumbnail.width, thumbnail.height) == size
    with opened(thumbnail.content) as image:
        assert (image.size, image.mode) == (size, "RGB")


def test_it_shows_the_picture(written):
    wide = photos.picture(800, 600, seed=5)
    thumbnail = make_thumbnail(written(photos.encoded(wide, "JPEG", quality=95)))
    with opened(thumbnail.content) as image:
        for at in ((0.1, 0.1), (0.9, 0.2), (0.5, 0.5), (0.2, 0.9)):
            small = image.getpixel((int(480 * at[0]), int(360 * at[1])))
            large = wide.getpixel((int(800 * at[0]), int(600 * at[1])))
            assert all(abs(a - b) < 16 for a, b in zip(small, large, strict=True))


def test_sixteen_bits_are_not_washed_out(written):
    grey = Image.new("I;16", (64, 64), 128 * 256)
    thumbnail = make_thumbnail(written(photos.encoded(grey, "PNG")))
    with opened(thumbnail.content) as image:
        assert all(abs(value - 128) < 3 for value in image.getpixel((32, 32)))


def test_transparent_is_white(written):
    clear = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    with opened(make_thumbnail(written(photos.encoded(clear, "PNG"))).content) as image:
        assert image.getpixel((32, 32)) == (255, 255, 255)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_upright(written, orientation):
    picture = photos.picture(600, 300, seed=9)
    with opened(
        make_thumbnail(written(photos.encoded(picture, "JPEG", exif=photos.exif(orientation=orientation)))).content
    ) as small:
        turned = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}.get(orientation)
        expected = picture if turned is None else picture.transpose(Image.Transpose(turned))
        assert small.size == ((480, 240) if orientation < 5 else (240, 480))
        for x, y in ((0.1, 0.1), (0.9, 0.1), (0.1, 0.9)):
            got = small.getpixel((int(small.width * x), int(small.height * y)))
            want = expected.getpixel((int(expected.width * x), int(expected.height * y)))
            assert all(abs(a - b) < 24 for a, b in zip(got, want, strict=True))


def test_no_metadata_at_all(written):
    original = photos.jpeg(
        800, 600, exif=photos.exif(), comment=b"secret-comment", icc_profile=b"p" * 200, dpi=(72, 72)
    )
    content = make_thumbnail(written(original)).content
    with opened(content) as image:
        assert not image.getexif()
        assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert not any(word in content for word in (b"Exif", b"HUAWEI", b"secret", b"ICC_PROFILE", b"xmp"))


def test_a_corrupt_exif_block_is_no_damage(written):
    block = b"MM\0*\0\0\0\x08\xff\xff" + b"\x01\x12\0\x03\xff\xff\xff\xff" * 30
    assert make_thumbnail(written(photos.jpeg_with_exif(block))).width == 64


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no picture",
        photos.damaged_middle(),
        photos.jpeg(640, 480)[:3000],
        photos.png(640, 480, seed=3)[:500] + b"\0" * 200,
        photos.png_claiming(4000, 3000),
        photos.webp(640, 480)[:300],
        photos.encoded(photos.picture(), "GIF"),
        photos.pdf(),
    ],
)
def test_damage_is_found_on_decoding(written, content):
    with pytest.raises(Unreadable):
        make_thumbnail(written(content))


class TestPool:
    def test_made_in_another_process(self, pool, written):
        path = written(photos.jpeg(1600, 1200), "照片 1")
        assert pool.child_pid is None
        assert pool.make(path) == make_thumbnail(path)
        assert pool.child_pid not in {None, os.getpid()}

    def test_one_bad_picture_does_not_end_it(self, pool, written):
        with pytest.raises(Unreadable):
            pool.make(written(photos.damaged_middle()))
        child = pool.child_pid
        assert pool.make(written(photos.jpeg())).width == 64
        assert pool.child_pid == child

    def test_a_killed_child_is_replaced(self, pool, written):
        path = written(photos.jpeg())
        pool.make(path)
        child = pool.child_pid
        os.kill(child, signal.SIGKILL)
        assert pool.make(path).width == 64
        assert pool.child_pid != child

    def test_a_picture_that_takes_too_long_is_given_up(self, written):
        path = written(b"")
        path.unlink()
        os.mkfifo(path)  # nobody writes: the child waits for ever
        pool = ThumbnailPool(timeout_s=0.5)
        try:
            with pytest.raises(ThumbnailFailed, match="too long"):
                pool.make(path)
            path.unlink()
            path.write_bytes(photos.jpeg())
            assert pool.make(path).width == 64
        finally:
            pool.close()

    def test_a_large_jpeg_is_decoded_at_a_fraction_and_a_bomb_ends_at_the_limit(self, written):
        plain = Image.new("L", (8000, 6000), 90)
        pool = ThumbnailPool(memory_bytes=128 * 1024 * 1024)  # 48 megapixels in full take 48 MB a channel
        try:
            assert pool.make(written(photos.encoded(plain.convert("RGB"), "JPEG", quality=30))).width == 480
            child = pool.child_pid
            with pytest.raises(Unreadable):
                pool.make(written(photos.encoded(plain.convert("RGB"), "PNG", compress_level=1)))
            assert pool.child_pid == child
        finally:
            pool.close()

    def test_ctrl_c_is_not_for_the_child(self, pool, written):
        path = written(photos.jpeg())
        pool.make(path)
        os.kill(pool.child_pid, signal.SIGINT)
        child = pool.child_pid
        pool.make(path)
        assert pool.child_pid == child

    def test_from_many_threads(self, pool, written):
        paths = [written(photos.jpeg(100 + n, 80, seed=n), f"photo-{n}") for n in range(12)]
        widths: dict[int, int] = {}

        def run(n: int) -> None:
            widths[n] = pool.make(paths[n]).width

        threads = [threading.Thread(target=run, args=(n,)) for n in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert widths == {n: 100 + n for n in range(12)}

    def test_closing_gives_up_what_is_in_work(self, written):
        path = written(b"")
        path.unlink()
        os.mkfifo(path)
        pool = ThumbnailPool()
        failures: list[Exception] = []

        def run() -> None:
            try:
                pool.make(path)
            except ThumbnailFailed as failed:
                failures.append(failed)

        thread = threading.Thread(target=run)
        thread.start()
        with path.open("wb"):  # opens once the child reads
            pool.close(patience_s=0)
        thread.join()
        assert len(failures) == 1
        with pytest.raises(ThumbnailFailed):
            pool.make(path)

    def test_closing_ends_a_child_that_is_just_being_started(self, written, monkeypatch):
        path = written(photos.jpeg())
        pool = ThumbnailPool()
        starting, closed = threading.Event(), threading.Event()
        children: list[subprocess.Popen[bytes]] = []
        popen = subprocess.Popen

        def slow_popen(*arguments, **options):
            starting.set()
            closed.wait(0.3)  # the other thread closes the pool, as far as it is let
            children.append(popen(*arguments, **options))
            return children[0]

        def run() -> None:
            with contextlib.suppress(ThumbnailFailed):
                pool.make(path)

        monkeypatch.setattr(subprocess, "Popen", slow_popen)
        thread = threading.Thread(target=run)
        thread.start()
        starting.wait()
        pool.close(patience_s=0)
        closed.set()
        thread.join()
        assert [child.returncode is not None for child in children] == [True]
