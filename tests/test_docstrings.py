"""Docstrings: what users call is explained, with examples that give what they say, in plain English."""

import ast
import doctest
import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

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


ROOMS = ("metrics", "samplers", "spaces", "benchmarks", "analysis", "benching", "scores", "objectives", "data", "probe")


def public(*rooms: str) -> dict[str, Any]:
    """Dotted name -> each class and function in the `__all__` of the rooms."""
    modules = [import_module(f"untrained.{room}".rstrip(".")) for room in rooms]
    named = {f"{module.__name__}.{name}": getattr(module, name) for module in modules for name in module.__all__}
    return {name: thing for name, thing in named.items() if inspect.isclass(thing) or inspect.isfunction(thing)}


FUNCTIONS = {name: thing for name, thing in public("", *ROOMS).items() if inspect.isfunction(thing)}


@pytest.mark.parametrize("name", sorted(public("") | FUNCTIONS))
def test_public_names_have_an_example(name: str) -> None:
    text = inspect.getdoc((public("") | FUNCTIONS)[name]) or ""
    assert re.search(r"^Example:\n( +.*\n|\n)* +(>>>|```python)", text, re.MULTILINE), text


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_public_functions_explain_their_arguments_and_results(name: str) -> None:
    signature = inspect.signature(FUNCTIONS[name])
    text = inspect.getdoc(FUNCTIONS[name]) or ""
    explained = text.partition("Args:")[2].partition("Returns:")[0]
    assert [p for p in signature.parameters if not re.search(rf"^ +\**{p}: \S", explained, re.MULTILINE)] == []
    assert signature.return_annotation in (None, "None") or "\nReturns:\n" in text


def docstrings() -> Iterator[str]:
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                yield ast.get_docstring(node) or ""


def test_docstrings_are_in_plain_english() -> None:
    words = re.findall(r"[a-z]+", " ".join(docstrings()).lower())
    assert 1000 * words.count("where") <= 4 * len(words)  # conditions are "if" and "when"
