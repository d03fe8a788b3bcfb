"""Files between their arrival and the visitor who takes them over."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from colpali_demo.web.uploads import NoRoom
from tests.web.made import codes, index_all


def test_uploads_nobody_takes_over_are_deleted(sessions, upload):
    kept, orphan = Path(upload()), Path(upload(text="orphan"))
    os.utime(orphan.parents[1], (0, 0))
    sessions.sweep()
    assert kept.exists() and not orphan.exists()


@pytest.mark.parametrize("path", ["/etc/hostname", "../x", "", "report.pdf", "\0", "sessions/uploads"])
def test_only_uploads_are_taken(sessions, upload, tmp_path, path):
    visitor = sessions.get("a")
    visitor.receive([path])
    assert codes(visitor) == ["not_found"]


def test_pictures_links_and_folders_cannot_be_uploaded(sessions, upload, sample):
    anna, ben = sessions.get("a"), sessions.get("b")
    anna.receive([upload()])
    index_all(anna)
    (picture, *_) = anna.folder.glob("*.jpg")
    shared = next(iter(sample.pictures.values())).image
    link = Path(upload()).with_name("link.pdf")
    link.symlink_to(picture)
    around = sessions.uploads.folder / "x" / ".." / ".." / anna.folder.name / picture.name
    ben.receive([str(path) for path in (picture, shared, link, around, link.parent)])
    assert codes(ben) == ["not_found"] * 5
    assert picture.exists() and shared.exists()


def test_uploads_that_nobody_takes_fill_no_disk(sessions, upload):
    uploads = sessions.uploads
    uploads._max_bytes = 10_000
    path = upload()
    with pytest.raises(NoRoom), uploads.new_folder(9_000):
        pass
    sessions.get("a").receive([path])
    with uploads.new_folder(9_000) as folder:
        pass
    folder.rmdir()


def test_uploads_that_arrive_together_do_not_pass_the_limit_together(sessions):
    uploads = sessions.uploads
    uploads._max_bytes = 10_000
    with uploads.new_folder(4_000) as first, uploads.new_folder(6_000):
        (first / "part").write_bytes(bytes(3_000))  # counted once
        with pytest.raises(NoRoom), uploads.new_folder(1):
            pass
    with uploads.new_folder(7_000):
        pass
    with pytest.raises(NoRoom), uploads.new_folder(7_001):
        pass


def test_an_upload_that_fails_gives_its_room_back(sessions):
    uploads = sessions.uploads
    uploads._max_bytes = 10_000
    with pytest.raises(RuntimeError), uploads.new_folder(10_000) as folder:
        (folder / "part").write_bytes(bytes(9_000))
        raise RuntimeError
    with uploads.new_folder(10_000):
        assert not folder.exists()
