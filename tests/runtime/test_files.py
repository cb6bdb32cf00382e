"""A file is written whole or not at all, and reaches the disk before its name does."""

import errno
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from untrained.errors import InputError
from untrained.runtime.files import sync_folder, written_whole


def test_data_reach_the_disk_before_the_name_and_the_name_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, order = tmp_path / "folder" / "file", list[str]()
    fsync, replace = os.fsync, os.replace

    def logged_fsync(handle: int) -> None:
        order.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "data")
        fsync(handle)

    def logged_replace(source: Any, target: Any) -> None:
        assert Path(source).read_text() == "new"
        order.append("name")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", logged_fsync)
    monkeypatch.setattr(os, "replace", logged_replace)
    with written_whole(path) as temporary:
        temporary.write_text("new")
    assert order == ["data", "name", "folder"]
    assert path.read_text() == "new"


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_disk_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def fail(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(InputError, match="cannot be written: No space left"), written_whole(path) as temporary:
        temporary.write_text("new")
    assert [p.read_text() for p in tmp_path.iterdir()] == ["old"]


def test_a_body_that_breaks_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), written_whole(path) as temporary:
        temporary.write_text(str(1 / 0))
    assert [p.read_text() for p in tmp_path.iterdir()] == ["old"]


def test_a_file_system_that_syncs_no_folders_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    number = errno.EINVAL
    sync_folder(tmp_path)
    number = errno.EIO
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        sync_folder(tmp_path)
