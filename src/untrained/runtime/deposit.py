"""Things that travel once to each machine, and are made once in each process that has a use for them.

Who sends a thing writes it to a file of this machine, and sends its key: the hash of its bytes. A process that gets the
key has made the thing before, or maps the file, or says that it has neither. Then it is sent the bytes, and writes the
same file on its machine, where the next process finds it. All processes of a machine share the memory of the file.

What is not what its key says is not read: so nobody else can slip in a pickle.
"""

import atexit
import hashlib
import mmap
import os
import re
import shutil
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from untrained.errors import InputError, one_line
from untrained.runtime.files import is_left_behind, this_machine
from untrained.runtime.travel import Parcel, unpacked

KEPT = 2
"""So many things a process keeps: what it works on, and what it may come back to."""
FILE = "parcel"
DEPOSITED = re.compile(r"untrained-([0-9a-f]{6})-(\d+)-\w+")
"""What the folder of a deposit is called."""


class Key(NamedTuple):
    """What a thing is known by.

    Attributes:
        digest: The SHA-256 of its bytes.
        path: Where the file stands, on every machine that has it.
    """

    digest: str
    path: str


class Missing(LookupError):
    """A process that was sent a key has neither the thing nor its file."""


class Deposit:
    """A thing to be had by whoever is sent its key, until it is closed or this process ends.

    Args:
        parcel: The thing.
        folder: Where its file is to stand; None for where this machine keeps temporary files.

    Raises:
        InputError: There is no room for its file.

    Example:
        >>> deposit = Deposit(Parcel([1, 2]))
        >>> withdrawn(deposit.key)
        [1, 2]
        >>> deposit.close()
    """

    def __init__(self, parcel: Parcel, folder: Path | None = None) -> None:
        digest = hashlib.sha256()
        self._folder: Path | None = None
        place = folder or Path(tempfile.gettempdir())
        try:
            _remove_left_behind(place)
            self._folder = Path(tempfile.mkdtemp(prefix=f"untrained-{this_machine()}-{os.getpid()}-", dir=place))
            atexit.register(self.close)
            with (self._folder / FILE).open("wb") as file:
                for piece in parcel.pieces():
                    digest.update(piece)
                    file.write(piece)
        except OSError as error:
            self.close()
            raise InputError(f"what workers get cannot be written in {place}: {one_line(error)}") from error
        self.key = Key(digest.hexdigest(), str(self._folder / FILE))

    @property
    def content(self) -> bytes:
        """Its bytes, for a machine that has no file of it."""
        return Path(self.key.path).read_bytes()

    def close(self) -> None:
        """Removes the file. Who has the thing keeps it."""
        atexit.unregister(self.close)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def _remove_left_behind(place: Path) -> None:
    """Removes what killed processes had deposited. Who has mapped such a file keeps it; others are sent the bytes."""
    for path in place.glob("untrained-*-*-*"):
        found = DEPOSITED.fullmatch(path.name)
        with suppress(OSError):  # another process removes it, too
            if found and is_left_behind(path, found[1], int(found[2])):
                shutil.rmtree(path, ignore_errors=True)


_kept = dict[str, Any]()  # digest -> thing, the last used one last
_lock = threading.RLock()


def withdrawn(key: Key, content: bytes | None = None) -> Any:
    """The thing of a key.

    Args:
        key: The key of a `Deposit` of any machine.
        content: Its bytes, if it was missing.

    Returns:
        The thing: the same one each time that it is asked for, while few others are.

    Raises:
        Missing: It is not here.
        Exception: It cannot be made here.
    """
    with _lock:
        thing = _kept.pop(key.digest) if key.digest in _kept else _made(key, content)
        _kept[key.digest] = thing
        for other in list(_kept)[:-KEPT]:
            del _kept[other]
        return thing


def _made(key: Key, content: bytes | None) -> Any:
    if content is not None:
        _write(key, content)
    memory = _mapped(key) or content
    if memory is None:
        raise Missing(key.digest)
    return unpacked(memory)


def _write(key: Key, content: bytes) -> None:
    """Leaves the bytes to other processes of this machine, if there is room."""
    path = Path(key.path)
    with suppress(OSError):
        path.parent.mkdir(mode=0o700)  # not if it exists: another process writes it, or the machine of the deposit
        atexit.register(shutil.rmtree, path.parent, ignore_errors=True)
        part = path.with_suffix(f".{os.getpid()}")
        part.write_bytes(content)
        part.replace(path)


def _mapped(key: Key) -> memoryview | None:
    """The bytes of the file in memory that other processes share, until one writes to its own; None without a file."""
    try:
        with Path(key.path).open("rb") as file:
            memory = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
    except (OSError, ValueError):  # of an empty file
        return None
    return memory if hashlib.sha256(memory).hexdigest() == key.digest else None
