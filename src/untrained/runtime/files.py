"""Writing files whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from untrained.errors import InputError


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Gives a temporary path beside `path` to write to, and moves it there at the end.

    A process killed in between leaves the old file, or none. Raises `InputError` where it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except OSError as error:
        why = error.strerror or (str(error).splitlines() or ["no reason known"])[0]
        raise InputError(f"{path} cannot be written: {why}") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
