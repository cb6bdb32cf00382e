"""A storage that is locked, or gone, for a while, and files that were swapped: `python -m tests.faults.outages`.

Locked: another process holds the SQLite file of a search. Gone: the PostgreSQL server of two processes that search
together is stopped, and started again. Nothing may be lost, made twice, or told as a failed query. Swapped: in the
folder of a search, each file is replaced by that of another search, or by another file of weights. Whatever is then
read must be refused in one line, or be true; and the same search, done again, must leave the folder as it ought to be.
"""

import argparse
import os
import shutil
import sqlite3
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Timer
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "experiments" / "scale"))
sys.path.insert(0, str(Path(__file__).parents[1]))

from storages import cluster, missing  # pyright: ignore[reportMissingImports] - of the experiments

from searching.searches import ARCHS, SCORES, SPACE, Counted, history, run, value_of
from searching.test_weights import arch_of, kept, trained
from untrained import InputError, load_network, search, write_report
from untrained.errors import InputWarning
from untrained.searching.folder import load_summary

Told = Iterator[tuple[str, str]]
"""(What was tried, what was wrong with it: "" for nothing)."""
BUDGET = 20


def locked(seconds: float, place: Path) -> Told:
    """A search whose SQLite file another process holds, while its fourth value is told."""
    path = place / "study.db"

    def lock(arch: str, call: int) -> None:
        if call == 3:
            other = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            other.execute("begin exclusive")
            Timer(seconds, other.close).start()

    objective = Counted(lock)
    found = run(objective, storage=f"sqlite:///{path}?timeout=1", budget=8)
    same = history(found) == history(run(budget=8)) and len(objective.calls) == 8
    yield f"locked for {seconds:g} s", "" if same else f"it was not the same: {history(found)}"


def gone(seconds: float, place: Path) -> Told:
    """Two processes that search together while their server is away."""
    what, log = f"gone for {seconds:g} s", place / "log"
    if why := missing("postgres"):
        print(f"{what}: not tried, {why}")
        return

    def note(arch: str, call: int) -> None:
        with log.open("a") as file:
            file.write(f"{arch}\n")
        time.sleep(0.3)

    def queries_made() -> list[str]:
        return log.read_text().splitlines() if log.exists() else []

    with cluster() as server:
        made: dict[str, Any] = {"scores": SCORES, "sampler": "random", "budget": BUDGET, "storage": server.url}
        pids = [child(lambda: search(SPACE, Counted(note), join=True, **made)) for _ in range(2)]
        while len(queries_made()) < BUDGET // 3:
            time.sleep(0.1)
        server.stop()
        time.sleep(seconds)
        server.start()
        codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
        found = search(SPACE, Counted(), join=True, **made)
        values = {query.architecture: query.value for query in found.queries}
    calls = queries_made()
    wrong = [f"ended with {codes}"] * any(codes)
    wrong += [f"{len(values)} queries"] * (len(values) != BUDGET)
    wrong += [f"evaluated twice: {Counter(calls)}"] * (sorted(calls) != sorted(values))
    wrong += ["values differ"] * any(value != value_of(arch) for arch, value in values.items())
    yield what, "; ".join(wrong)


def child(function: Callable[[], Any]) -> int:
    """Calls a function in a process of its own."""
    pid = os.fork()
    if pid == 0:
        try:
            function()
            os._exit(0)
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            os._exit(1)
    return pid


def swapped(place: Path) -> Told:
    """The files of a search, each replaced by one of another."""
    mine, other = place / "mine", place / "other"
    for folder, seed in ((mine, 0), (other, 1)):
        run(trained, out=folder, seed=seed)
    weights = sorted((mine / "weights").iterdir())
    files = sorted(path for path in mine.rglob("*") if path.is_file())
    swaps = [(path, other / path.relative_to(mine)) for path in files if (other / path.relative_to(mine)).exists()]
    swaps += [(path, another) for path in (*weights, mine / "best.safetensors") for another in weights]
    for path, another in swaps:
        if path.read_bytes() != another.read_bytes():
            folder = place / "swapped"
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(mine, folder)
            target = folder / path.relative_to(mine)
            target.unlink()  # or one of two names of a file would change the other
            shutil.copy(another, target)
            yield from looked_at(folder, f"{path.relative_to(place)} is {another.relative_to(place)}")


def looked_at(folder: Path, what: str) -> Told:
    """What a folder tells, before the search is done again and after."""
    for name, look in (("network", network), ("summary", summary), ("report", write_report), ("search", again)):
        for when in ("", *[" afterwards"] * (name == "search")):
            try:
                wrong = (network if when else look)(folder)
            except InputError as error:
                wrong = str(error) if "\n" in str(error) or name == "search" else ""
            yield f"{what}: {name}{when}", wrong if isinstance(wrong, str) else ""


def network(folder: Path) -> str:
    found = load_network(folder, SPACE)
    is_own = all(bool((t == ARCHS.index(found.architecture)).all()) for t in found.network.state_dict().values())
    is_true = is_own and found.value == value_of(found.architecture)
    return "" if is_true else f"{found.architecture} with {found.value} and weights of another"


def summary(folder: Path) -> str:
    found = load_summary(folder)
    false = [query for query in found["queries"] if query["value"] != value_of(query["architecture"])]
    return f"false values: {false}" if false else ""


def again(folder: Path) -> str:
    """Does the search again; it must end with the best of its queries, whose weights are there, and no others."""
    found = run(trained, out=folder)
    by_value = sorted(found.queries, key=lambda query: -(query.value or 0.0))
    wrong = summary(folder)
    wrong += f" its pick is {found.architecture}" * (found.value != by_value[0].value)
    wrong += f" best.safetensors is of {arch_of(folder / 'best.safetensors')}" * (
        arch_of(folder / "best.safetensors") != found.architecture
    )
    queried = {query.architecture for query in found.queries}
    return wrong + f" weights of {kept(folder) - queried}" * (not kept(folder) <= queried)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0, help="how long a storage is away")
    parser.add_argument("--only", choices=("locked", "gone", "swapped"))
    options = parser.parse_args()
    tried = {
        "locked": lambda place: locked(options.seconds, place),
        "gone": lambda place: gone(options.seconds, place),
        "swapped": swapped,
    }
    done, wrong = 0, 0
    warnings.simplefilter("ignore", InputWarning)
    for name, check in tried.items():
        if options.only in (None, name):
            with tempfile.TemporaryDirectory() as place:
                for what, why in check(Path(place)):
                    done, wrong = done + 1, wrong + bool(why)
                    if why or name != "swapped":
                        print(f"{what}: {why or 'right'}", flush=True)
    print(f"{done} tried, {wrong} WRONG")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
