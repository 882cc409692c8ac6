"""Originals are kept byte for byte under their hash, or not at all."""

import errno
import hashlib
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from app.core.storage import FileTooLarge, Incoming, Storage, StorageFull, StorageUnavailable
from tests import photos

LIMIT = 1024 * 1024


@pytest.fixture
def storage(tmp_path):
    return Storage(tmp_path / "storage")


def keep(storage: Storage, content: bytes) -> str:
    with storage.receive(LIMIT) as incoming:
        for start in range(0, len(content), 1000):
            incoming.write(content[start : start + 1000])
        return incoming.keep()


def files(storage: Storage) -> list[Path]:
    return sorted(path for path in storage.root.rglob("*") if path.is_file())


def test_kept_byte_for_byte_under_its_hash(storage):
    content = photos.jpeg(seed=7)
    sha256 = keep(storage, content)
    assert sha256 == hashlib.sha256(content).hexdigest()
    assert files(storage) == [storage.root / "originals" / sha256[:2] / sha256[2:4] / sha256]
    assert storage.has(sha256)
    assert storage.path(sha256).read_bytes() == content


def test_size_and_hash_are_known_before_it_is_kept(storage):
    with storage.receive(LIMIT) as incoming:
        incoming.write(memoryview(b"xxabcxx")[2:5])
        assert (incoming.size, incoming.sha256) == (3, hashlib.sha256(b"abc").hexdigest())
        assert incoming.path.read_bytes() == b"abc"
        assert not storage.has(incoming.sha256)


def test_flushed_before_it_gets_its_name_and_its_folders_with_it(storage, monkeypatch):
    keep(storage, b"the first one makes the outer folders")
    steps = []
    flush, rename = os.fsync, Path.replace

    def note_flush(descriptor):
        flush(descriptor)
        steps.append(("flush", Path(f"/proc/self/fd/{descriptor}").readlink()))

    def note_rename(path, target):
        steps.append(("rename", target))
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", note_flush)
    monkeypatch.setattr(Path, "replace", note_rename)
    with storage.receive(LIMIT) as incoming:
        incoming.write(b"photo")
        address = storage.path(incoming.keep())
    inner, middle, outer = address.parents[:3]
    assert steps == [
        ("flush", incoming.path),
        ("flush", outer),
        ("flush", middle),
        ("rename", address),
        ("flush", inner),
    ]


def test_only_the_owner_may_read(storage):
    path = storage.path(keep(storage, b"evidence"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    folders = [path.parent, path.parent.parent, storage.root, storage.root / "incoming"]
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o700}


def test_the_same_content_again_is_one_file(storage):
    assert keep(storage, b"evidence") == keep(storage, b"evidence")
    assert len(files(storage)) == 1


def test_a_copy_that_rotted_is_healed_by_the_same_content(storage):
    path = storage.path(keep(storage, b"evidence"))
    path.write_bytes(b"evidenc?")
    keep(storage, b"evidence")
    assert path.read_bytes() == b"evidence"


def test_two_at_once_with_the_same_content(storage):
    both = threading.Barrier(2)

    def send() -> None:
        with storage.receive(LIMIT) as incoming:
            incoming.write(b"evidence")
            both.wait()
            incoming.keep()

    threads = [threading.Thread(target=send) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [path.read_bytes() for path in files(storage)] == [b"evidence"]


def test_not_kept_is_gone(storage):
    with storage.receive(LIMIT) as incoming:
        incoming.write(b"half of it")
    assert files(storage) == []


def test_a_failure_in_the_block_removes_it(storage):
    with pytest.raises(TypeError), storage.receive(LIMIT) as incoming:
        incoming.write(None)
    assert files(storage) == []


def test_one_byte_too_many(storage):
    with storage.receive(10) as incoming:
        incoming.write(b"0123456789")
        with pytest.raises(FileTooLarge) as refused:
            incoming.write(b"0")
    assert refused.value.members == {"max_bytes": 10}
    assert files(storage) == []


def test_leftovers_of_a_crash_are_cleared_when_old(storage):
    sha256 = keep(storage, b"evidence")
    script = (
        "import os, sys; from pathlib import Path; from app.core.storage import Storage\n"
        "incoming = Storage(Path(sys.argv[1])).receive(100)\n"
        "incoming.write(b'half'); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", script, str(storage.root)], check=False).returncode == 9
    (leftover,) = (storage.root / "incoming").iterdir()
    assert storage.clear_incoming(older_than_s=3600) == 0
    os.utime(leftover, (0, 0))
    with storage.receive(LIMIT) as incoming:  # another upload is under way
        incoming.write(b"whole")
        assert storage.clear_incoming(older_than_s=3600) == 1
        other = incoming.keep()
    assert files(storage) == sorted([storage.path(sha256), storage.path(other)])


def test_clearing_before_the_first_upload(storage):
    assert storage.clear_incoming() == 0


def test_a_thumbnail_lies_beside_and_may_be_made_again(storage):
    sha256 = keep(storage, photos.jpeg())
    storage.put_thumbnail(sha256, b"small")
    storage.put_thumbnail(sha256, b"small again")
    path = storage.thumbnail_path(sha256)
    assert path == storage.root / "thumbnails" / sha256[:2] / sha256[2:4] / f"{sha256}.jpg"
    assert path.read_bytes() == b"small again"


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "AB" * 32, "a" * 63, "a" * 64 + "\n"])
def test_only_a_hash_is_an_address(storage, name):
    with pytest.raises(ValueError, match="SHA-256"):
        storage.path(name)


def test_folders_removed_by_hand_come_back(storage):
    path = storage.path(keep(storage, b"evidence"))
    path.unlink()
    path.parent.rmdir()
    path.parent.parent.rmdir()
    (storage.root / "incoming").rmdir()
    keep(storage, b"evidence")
    assert path.read_bytes() == b"evidence"


def test_a_full_disk_is_said_so(storage):
    incoming = Incoming(storage, storage.root / "none", os.open("/dev/full", os.O_RDWR), LIMIT)
    with pytest.raises(StorageFull) as refused, incoming:
        incoming.write(b"evidence")
    assert refused.value.retryable
    assert isinstance(refused.value.__cause__, OSError)
    assert refused.value.__cause__.errno == errno.ENOSPC


def test_ready_when_it_can_be_written(storage):
    storage.check()
    assert files(storage) == []


def test_not_ready_when_it_cannot_be_written(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageUnavailable):
        Storage(tmp_path / "file" / "storage").check()


def test_dropped_once_nobody_has_touched_it_lately(storage):
    sha256 = keep(storage, b"evidence")
    storage.put_thumbnail(sha256, b"small")
    assert not storage.drop(sha256)
    assert storage.has(sha256)
    os.utime(storage.path(sha256), (0, 0))
    assert storage.drop(sha256)
    assert files(storage) == []
    assert not storage.drop(sha256)
