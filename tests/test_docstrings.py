"""Every example in a docstring of the package gives what it says."""

import doctest
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
import torch
from torch import nn

import untrained
from untrained.metrics import METRICS
from untrained.probe import Probe

PACKAGE = Path(untrained.__file__).parent
COMMON = {"torch": torch, "nn": nn, "Probe": Probe}
"""What every reader of an example has imported."""
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def examples() -> Iterator[doctest.DocTest]:
    for path in sorted(PACKAGE.rglob("*.py")):
        if ">>>" in path.read_text() and path.name != "__main__.py":
            dotted = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
            yield from doctest.DocTestFinder().find(import_module(dotted), extraglobs=COMMON)
    for metric in METRICS.values():  # an object: doctest looks into modules, classes and functions
        yield doctest.DocTestParser().get_doctest(metric.__doc__ or "", COMMON | METRICS, metric.name, None, 0)


@pytest.mark.parametrize("example", [e for e in examples() if e.examples], ids=lambda e: e.name)
def test_examples_run(example: doctest.DocTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # some write files
    report = list[str]()
    failed = doctest.DocTestRunner(optionflags=FLAGS).run(example, out=report.append)
    assert not failed.failed, "".join(report)
