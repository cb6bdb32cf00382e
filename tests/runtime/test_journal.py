"""What a journal holds survives; what is not a journal is left alone."""

import errno
import fcntl
import os
from pathlib import Path
from typing import Any

import pytest

from untrained.errors import InputError
from untrained.runtime import journal as module
from untrained.runtime.journal import HEADER, Journal


def entries(path: Path) -> list[Any]:
    journal = Journal(path)
    journal.close()
    return journal.entries


def test_it_keeps_what_was_added(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "j"
    journal = Journal(path)
    assert journal.entries == []
    journal.add({"a": 0.1 + 0.2})
    with pytest.raises(InputError, match="another process is writing to"):
        Journal(path)
    journal.add([None])
    journal.close()
    assert entries(path) == [{"a": 0.1 + 0.2}, [None]]
    again = Journal(path)
    again.add(3)
    again.discard()
    again.discard()
    again.close()
    assert not path.exists()


@pytest.mark.parametrize("torn", [b'{"torn": 1', b"\0" * 40, b"\xff\xfe[1]\n[5]\n", b'{"torn\n'])
def test_what_was_torn_off_is_dropped(tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "j"
    path.write_bytes(HEADER + b"[1]\n[2]\n" + torn)
    journal = Journal(path)
    assert journal.entries == [[1], [2]]
    journal.add(3)
    journal.close()
    assert path.read_bytes() == HEADER + b"[1]\n[2]\n3\n"


@pytest.mark.parametrize("length", [0, 1, len(HEADER) - 1])
def test_a_first_line_that_was_torn_is_begun_again(tmp_path: Path, length: int) -> None:
    path = tmp_path / "j"
    path.write_bytes(HEADER[:length])
    journal = Journal(path)
    journal.add(1)
    journal.close()
    assert path.read_bytes() == HEADER + b"1\n"


@pytest.mark.parametrize(
    "foreign", [b"my notes\n", b"my notes", b"[1]\n", b"\n", b"PAR1\0\0\xff", HEADER[:-2] + b"!\n"]
)
def test_a_file_of_another_program_is_left_alone(tmp_path: Path, foreign: bytes) -> None:
    path = tmp_path / "j"
    path.write_bytes(foreign)
    with pytest.raises(InputError, match="not a file of unfinished results"):
        Journal(path)
    assert path.read_bytes() == foreign


def test_a_journal_without_entries_leaves_no_file(tmp_path: Path) -> None:
    assert entries(tmp_path / "j") == []
    assert list(tmp_path.iterdir()) == []


def test_a_lock_on_a_removed_file_is_no_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "j"
    first = Journal(path)
    first.add("first")
    flock = fcntl.flock

    def slow(handle: int, how: int) -> None:
        """The first ends just between the opening and the locking by the second."""
        monkeypatch.setattr(fcntl, "flock", flock)
        first.discard()
        first.close()
        flock(handle, how)

    monkeypatch.setattr(fcntl, "flock", slow)
    second = Journal(path)
    assert second.entries == []
    second.add("second")
    with pytest.raises(InputError, match="another process is writing to"):
        Journal(path)
    second.close()
    assert entries(path) == ["second"]


def test_entries_are_synced_at_most_once_a_second_and_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, synced = 0.0, list[int]()
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.fstat(handle).st_size))
    journal = Journal(tmp_path / "j")
    synced.clear()
    sizes = list[int]()
    for now in (0.1, 0.2, 1.1, 1.2, 2.2):  # noqa: B007
        journal.add([1])
        sizes.append(os.fstat(journal._file).st_size)
    assert synced == [sizes[2], sizes[4]]
    journal.add([2])
    journal.close()
    assert len(synced) == 3


def test_a_full_disk_leaves_no_half_of_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "j"
    journal = Journal(path)
    journal.add([1])
    whole, pwrite = path.read_bytes(), os.pwrite
    room = 3

    def nearly_full(handle: int, data: bytes, at: int) -> int:
        nonlocal room
        if not room:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = pwrite(handle, data[:room], at)
        room -= written
        return written

    monkeypatch.setattr(os, "pwrite", nearly_full)
    with pytest.raises(InputError, match="No space left on device"):
        journal.add([2, 3, 4])
    assert path.read_bytes() == whole
    room = 100
    journal.add([5])
    journal.close()
    assert entries(path) == [[1], [5]]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "file" / "j"):
        with pytest.raises(InputError, match=f"{path.name} cannot be written"):
            Journal(path)
