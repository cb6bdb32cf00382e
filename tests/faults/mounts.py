"""Real disks that fill up or are read-only: `python -m tests.faults.mounts`, as root on Linux.

Each scenario runs on a small disk of its own in memory, which has room for a part of what it writes; then with room
enough. And it is killed in the middle, and done again on a disk that has become read-only; then on one that is not.
"""

import argparse
import gc
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from faults.harness import DONE, REFUSED, Harness, Tally
from faults.scenarios import SCENARIOS, USUAL
from faults.shim import within_shim

ROOM = "64m"


class Mounted(Harness):
    """A scenario on a disk that can be made small, or read-only.

    Args:
        name: Of the scenario.
        place: A folder; the disk is mounted in it.
        disk: Where.
    """

    def __init__(self, name: str, place: Path, disk: Path) -> None:
        self.disk = disk
        super().__init__(SCENARIOS[name], place, disk / "run")
        self.bytes = sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())

    def fill(self, tally: Tally, part: float) -> None:
        """Has it run on a disk that has room for a part of what it adds in the end, then on one with room."""
        folder = self._folder()
        taken = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        room, ballast = int(part * (self.bytes - taken)), self.disk / "ballast"
        with ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(shutil.disk_usage(self.disk).free - room, 1))
        self._refused(tally, folder, f"full at {part:.3f}")
        ballast.unlink()
        self._compare(tally, folder, f"full at {part:.3f}", 0)

    def protect(self, tally: Tally, where: float) -> None:
        """Kills it, and has it go on where it may not write, then where it may."""
        folder, text = self._folder(), f"read-only at {where:.3f}"
        self._struck(folder, "kill", where)
        self._remount("ro")
        self._refused(tally, folder, text)
        self._remount("rw")
        self._compare(tally, folder, text, 1)

    def _refused(self, tally: Tally, folder: Path, text: str) -> None:
        code = self._finish(folder)
        tally.counts["refused" if code == REFUSED else "done all the same" if code == DONE else text] += 1
        self._judge(tally, code, text)
        self._look(tally, folder, self.log, text)

    def _remount(self, option: str) -> None:
        gc.collect()  # what this process has read, and holds open
        subprocess.run(["mount", "-o", f"remount,{option}", str(self.disk)], check=True)


@contextmanager
def disk_at(path: Path) -> Iterator[None]:
    """Mounts a disk in memory."""
    path.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(path)], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=2, help="how often each scenario")
    parser.add_argument("--scenario", action="append", help="only this one; may be given several times")
    options = parser.parse_args()
    tally, rng = Tally(), random.Random(0)
    for name in options.scenario or USUAL:
        with tempfile.TemporaryDirectory() as folder, disk_at(Path(folder) / "disk"):
            harness, before = Mounted(name, Path(folder) / "place", Path(folder) / "disk"), len(tally.notes)
            for _ in range(options.times):
                harness.fill(tally, rng.random())
                harness.protect(tally, rng.random())
            tally.notes[before:] = [f"{name}: {note}" for note in tally.notes[before:]]
            print(f"{name}: {dict(tally.counts)}", flush=True)
    print("\n".join(tally.notes))
    return bool(tally.notes)


if __name__ == "__main__":
    code = within_shim("tests.faults.mounts", sys.argv[1:])
    sys.exit(main() if code is None else code)
