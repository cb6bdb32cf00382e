"""A file is written whole or not at all, and reaches the disk before its name does."""

import errno
import os
import signal
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from untrained.errors import InputError
from untrained.runtime.files import FORGOTTEN, remove_unfinished, sync_folder, this_machine, written_whole


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


def killed_while_it_writes(path: Path) -> None:
    pid = os.fork()
    if pid == 0:
        with written_whole(path) as temporary:
            temporary.write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)


def test_what_a_killed_process_had_written_is_removed_by_the_next(tmp_path: Path) -> None:
    path, other = tmp_path / "a.json", tmp_path / "b.json"
    for place in (path, path, other):
        killed_while_it_writes(place)
    assert [p.suffix for p in tmp_path.iterdir()] == [".part"] * 2  # the second removed what the first had left
    with written_whole(path) as temporary:
        temporary.write_text("whole")
    assert len(list(tmp_path.iterdir())) == 2  # the file of another name stays: it may be a large folder
    remove_unfinished(tmp_path)
    assert list(tmp_path.iterdir()) == [path]
    remove_unfinished(tmp_path / "missing")


def test_what_may_still_be_written_or_is_not_ours_stays(tmp_path: Path) -> None:
    with written_whole(tmp_path / "a") as temporary:
        temporary.write_text("half")
        remove_unfinished(tmp_path)
        assert temporary.exists()
    names = [".a.123", ".a.part", "a.0a1b2c-1.part", f".a.{this_machine()}-1.part", ".b.0a1b2c-99999999.part"]
    for name in names:  # another program's; that of process 1; that of another machine
        (tmp_path / name).touch()
    remove_unfinished(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"a", *names}
    before = time.time() - FORGOTTEN - 1
    os.utime(tmp_path / names[-1], (before, before))
    remove_unfinished(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"a", *names[:-1]}
