"""The plug is pulled: `python -m tests.faults.power --cuts 20`, as root, on Linux with ext4 and loop devices.

A scenario writes to a file system of its own, in a file. At some moment this file is copied, as the disk would have it
if the power failed now: without what the system still holds in memory. The copy takes its place, and the scenario is
done again there. It must come out the same, and no evaluation that was done must be made again, but for the last one.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from faults.scenarios import SCENARIOS, USUAL, Scenario, lines

MEGABYTES = 48


class Disk:
    """A file system in a file.

    Args:
        place: A folder for the file, its copy, and the place where it is mounted.
    """

    def __init__(self, place: Path) -> None:
        self.image, self.copy, self.root = place / "disk", place / "copy", place / "mounted"
        self.root.mkdir()
        with self.image.open("wb") as file:
            file.truncate(MEGABYTES * 2**20)
        run("mkfs.ext4", "-q", str(self.image))
        run("mount", "-o", "loop", str(self.image), str(self.root))

    def cut(self) -> None:
        """Pulls the plug: goes on with what the disk holds."""
        shutil.copy(self.image, self.copy)
        run("umount", "-l", str(self.root))
        run("mount", "-o", "loop", str(self.copy), str(self.root))

    def close(self) -> None:
        """Unmounts it."""
        run("umount", "-l", str(self.root))


def run(*command: str) -> None:
    """Runs a program that must succeed."""
    subprocess.run(command, check=True, capture_output=True)


def begun(scenario: Scenario, folder: Path, log: Path) -> int:
    """Starts a scenario in a process of its own."""
    pid = os.fork()
    if pid == 0:
        try:
            scenario.run(folder, log)
            os._exit(0)
        except BaseException as error:
            log.with_name("said").write_text(f"{type(error).__name__}: {error}")
            os._exit(1)
    return pid


def ended(pid: int) -> bool:
    """Waits for it; whether it was done."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def cut(
    scenario: Scenario, place: Path, prepared: Path, part: float | None, seconds: float = 0.0
) -> tuple[object, list[str], str]:
    """Does a scenario on a disk of its own, with a cut after a part of its time; None for no cut.

    Returns:
        What must come out the same, the evaluations that were done, and what went wrong.
    """
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    disk, log = Disk(place), place / "log"
    folder = disk.root / "run"
    try:
        if scenario.prepare is not None:
            shutil.copytree(prepared, folder)
            os.sync()
        pid = begun(scenario, folder, log)
        if part is not None:
            time.sleep(part * seconds)
            os.kill(pid, signal.SIGSTOP)
            disk.cut()
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            pid = begun(scenario, folder, log)
        if not ended(pid):
            return None, [], (place / "said").read_text()
        return scenario.seen(folder), [line for line in lines(log) if line.startswith("end")], ""
    finally:
        disk.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cuts", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scenario", action="append", help="only this one; may be given several times")
    options = parser.parse_args()
    chosen, told, notes = options.scenario or USUAL, Counter[str](), list[str]()
    alone = dict[str, tuple[object, float]]()
    with tempfile.TemporaryDirectory() as root:
        for number in range(options.cuts):
            name = chosen[number % len(chosen)]
            scenario, place = SCENARIOS[name], Path(root) / "place"
            prepared, part = Path(root) / name, random.Random(f"{options.seed} {number}").random()
            if name not in alone:
                if scenario.prepare is not None:
                    pid = os.fork()
                    if pid == 0:
                        scenario.prepare(prepared)
                        os._exit(0)
                    assert ended(pid)
                start = time.monotonic()
                alone[name] = cut(scenario, place, prepared, None)[0], time.monotonic() - start
            expected, seconds = alone[name]
            seen, done, wrong = cut(scenario, place, prepared, part, seconds)
            if not wrong and seen != expected:
                wrong = f"differs: {seen}"
            if not wrong and len(done) - len(set(done)) > 1:
                wrong = f"evaluated again: {done}"
            told["WRONG" if wrong else "the same"] += 1
            notes += [f"{name} at {part:.3f}: {wrong}"] * bool(wrong)
            print(f"{number + 1} cuts: {dict(told)} {notes[-1] if wrong else ''}", flush=True)
    return bool(notes)


if __name__ == "__main__":
    sys.exit(main())
