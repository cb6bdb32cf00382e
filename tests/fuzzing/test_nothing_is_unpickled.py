"""No file of a user's is unpickled: Python itself tells of every class that a pickle asks for."""

import ast
import io
import os
import pickle
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch

import untrained
from fuzzing.fuzz import fuzz
from fuzzing.targets import files
from untrained import InputError

SOURCE = Path(untrained.__file__).parent
MAY = {
    "runtime/travel.py: pickle.loads",  # what this program's own processes send, on a pipe or with a hash that was sent
    "testing/metrics.py: pickle.loads",  # of what it has just pickled
    "runtime/lookup.py: exec",  # the file that the user names, as `file.py:Name`
    "deploying/export/python_file.py: exec",  # code that export has just written, to try it
    "deploying/export/python/traced.py: exec",
    "deploying/export/python/layers.py: eval",
}
"""What reads pickles or runs text all the same."""

_asked_for = list[str]()
_listens = False


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if _listens and event == "pickle.find_class":
        _asked_for.append(".".join(map(str, arguments)))


sys.addaudithook(_hear)  # can never be removed, but is deaf outside `unpickled`


@contextmanager
def unpickled() -> Iterator[list[str]]:
    """What is asked for inside the block by pickles that are read."""
    global _listens
    _asked_for.clear()
    _listens = True
    try:
        yield _asked_for
    finally:
        _listens = False


class Poison:
    """Runs a command when it is unpickled."""

    def __reduce__(self) -> Any:
        return os.system, ("false",)


def poisoned() -> Iterator[bytes]:
    """Files that hold code: a pickle, an archive of arrays, one of tensors, and parts of these."""
    yield pickle.dumps(Poison())
    file = io.BytesIO()
    np.savez(file, x=np.array([Poison()] * 12, dtype=object), y=np.arange(12) % 2)
    yield file.getvalue()
    file = io.BytesIO()
    np.save(file, np.array([Poison()], dtype=object))
    yield file.getvalue()
    file = io.BytesIO()
    torch.save({"weight": Poison()}, file)
    yield file.getvalue()
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x.npy", pickle.dumps(Poison()))
        archive.writestr("data.pkl", pickle.dumps(Poison()))
    yield file.getvalue()


def test_no_reader_of_files_unpickles(tmp_path: Path) -> None:
    targets = files(tmp_path)
    with unpickled() as asked_for:
        for target in targets.values():
            for content in poisoned():
                with suppress(InputError):
                    target.read(content)
            fuzz(target, range(2))
    assert asked_for == []


def test_an_unpickling_would_be_heard() -> None:
    with unpickled() as asked_for:
        pickle.loads(pickle.dumps(Poison()))
    assert asked_for == ["posix.system"]


def test_source_unpickles_and_evaluates_nothing_else() -> None:
    runs = {"eval", "exec", "marshal.loads", "shelve.open", "joblib.load"}
    runs |= {f"{module}.{name}" for module in ("pickle", "cloudpickle") for name in ("load", "loads", "Unpickler")}
    safe = {"torch.load": ("weights_only", "True"), "np.load": ("allow_pickle", "False")}
    found = set[str]()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                given = {(word.arg, ast.unparse(word.value)) for word in node.keywords}
                if called in runs or (called in safe and safe[called] not in given):
                    found.add(f"{path.relative_to(SOURCE)}: {called}")
    assert found == MAY
