"""What tells code and values apart: every edit that can change a result, and no other."""

import copy
import functools
import importlib
import json
import os
import subprocess
import sys
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from untrained.runtime.identity import UNREADABLE, code_of, described, difference, readable
from untrained.runtime.lookup import SourceFile

CODE = '''
"""What the module is for."""
import functools
import math
from own_helpers import depth, unused as other
import own_helpers as more

SCALE = 3
UNUSED = 4
TABLE = {}
TABLE["a"] = 1

def logged(function):
    @functools.wraps(function)
    def wrapper(*args):
        return function(*args)
    return wrapper

class Base:
    size = 2
    def width(self):
        return helper(self.size)

def helper(x):
    """Scales."""
    return SCALE * x + TABLE["a"]

class Space(Base):
    def build(self):
        import own_lazy
        SIZE = 1  # a name of its own
        return math.sqrt(self.width()) + depth() + more.height() + own_lazy.late() + SIZE

@logged
def decorated():
    return 1

SIZE = 5
lambdas = {"a": lambda: 1, "b": lambda: 2}
def made(flag):
    if flag:
        def inner(): return SCALE
    else:
        def inner(): return -SCALE
    return inner

def local():
    class Space(Base):
        def build(self): return helper(1)
    return Space

def nothing():
    return Space

if __name__ == "__main__":
    print(Space().build())
'''
HELPERS = """
import own_deep
def depth():
    return own_deep.bottom()
def unused():
    return 9
def height():
    return 1
"""
FILES = {
    "own_code": CODE,
    "own_helpers": HELPERS,
    "own_deep": "def bottom():\n    return 0\n",
    "own_lazy": "def late():\n    return 0\n",
}


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., ModuleType]]:
    """Imports the files anew, one text in one of them replaced by another."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def loaded(old: str = "", new: str = "", place: str = "own_code") -> ModuleType:
        for name, text in FILES.items():
            sys.modules.pop(name, None)
            assert name != place or old in text
            (tmp_path / f"{name}.py").write_text(text.replace(old, new) if name == place and old else text)
        importlib.invalidate_caches()
        return importlib.import_module("own_code")

    yield loaded
    for name in FILES:
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("SCALE = 3", "SCALE = 4", "own_code"),  # a constant of a function that it calls
        ("SCALE * x", "SCALE + x", "own_code"),
        ("size = 2", "size = 3", "own_code"),  # of its base
        ('TABLE["a"] = 1', 'TABLE["a"] = 2', "own_code"),  # what a constant is later changed to
        ("math.sqrt", "math.cbrt", "own_code"),
        ("SIZE = 1  #", "SIZE = 2  #", "own_code"),
        ("return own_deep.bottom()", "return own_deep.bottom() + 1", "own_helpers"),
        ("return 1", "return 2", "own_helpers"),
        ("return 0", "return 1", "own_deep"),  # two files away
        ("return 0", "return 1", "own_lazy"),  # imported when it is called
        ("if __name__", "Space.size = 7\nif __name__", "own_code"),
    ],
)
def test_an_edit_of_what_is_used_is_another_version(
    load: Callable[..., ModuleType], old: str, new: str, place: str
) -> None:
    assert code_of(load().Space) != code_of(load(old, new, place).Space)


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("UNUSED = 4", "UNUSED = 5", "own_code"),
        ("SIZE = 5", "SIZE = 6", "own_code"),  # build() has a SIZE of its own
        ("return 9", "return 8", "own_helpers"),
        ("unused as other", "height as other", "own_code"),  # another name of the same line
        ("def nothing():\n    return Space", "def nothing():\n    return 1", "own_code"),
        ("print(Space().build())", "print(Space().build(), 1)", "own_code"),  # what is done with it
        ('"""Scales."""', '"""Scales, in another way."""', "own_code"),
        ('"""What the module is for."""', "", "own_code"),
        ("SCALE = 3", "SCALE   =   3  # three\n\n", "own_code"),
        ("return SCALE * x", "return (SCALE  *\n            x)", "own_code"),
    ],
)
def test_another_edit_is_the_same_version(load: Callable[..., ModuleType], old: str, new: str, place: str) -> None:
    first = code_of(load().Space)
    second = load(old, new, place).Space
    assert code_of(second) == code_of(second()) == first
    assert len(first) >= 12
    int(first, 16)


DATA = """
import json
import pathlib
import threading
import numpy as np
def read(name): return json.loads(pathlib.Path(__file__).with_name(name).read_text())
FIGURES = read("figures.json")
WIDTH = FIGURES["width"]
ARRAY = np.array(FIGURES["numbers"])
UNUSED = read("unused.json")
LOG = []
CALLS = 0
LOCK = threading.Lock()
def width(arch):
    global CALLS
    CALLS += 1
    LOG.append(arch)
    LOCK.locked()
    return WIDTH
class Space:
    def build(self, arch): return width(arch)
def total(arch): return ARRAY.sum()
def made(k):
    class Inner(Space):
        def build(self, arch): return k
    return Inner
"""


def test_data_that_code_reads_from_its_module_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(unused: int = 0, **figures: Any) -> ModuleType:
        sys.modules.pop("own_data", None)
        (tmp_path / "figures.json").write_text(json.dumps({"width": 8, "numbers": [1, 2]} | figures))
        (tmp_path / "unused.json").write_text(str(unused))
        return importlib.import_module("own_data")

    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_data.py").write_text(DATA)
    module = load()
    first = [described(thing) for thing in (module.Space, module.total, module.made(1))]
    assert readable(first)
    module.width("a")  # counts its calls, and logs them
    assert described(module.Space) == first[0]
    changes: list[tuple[dict[str, Any], bool]] = [({"unused": 1}, True), ({"width": 9}, False)]
    changes.append(({"numbers": [3]}, False))
    for figures, is_same in changes:
        other = load(**figures)
        assert [code_of(thing) for thing in (other.Space, other.total)] == [found["code"] for found in first[:2]]
        for thing, before in zip((other.Space, other.total, other.made(1)), first, strict=True):
            assert (described(thing) == before) == is_same
    monkeypatch.setattr(module := load(), "WIDTH", 9)  # set from outside
    assert described(module.Space) != first[0]
    sys.modules.pop("own_data")


def test_functions_that_share_a_name_or_a_line_are_told_apart(load: Callable[..., ModuleType]) -> None:
    module = load()
    lambdas = [code_of(function) for function in module.lambdas.values()]
    found = [*lambdas, *(code_of(module.made(flag)) for flag in (True, False)), code_of(module.local())]
    found += [code_of(module.Space), code_of(module.decorated)]
    assert len(set(found)) == 7
    assert UNREADABLE not in found
    *_, local, _, decorated = found
    assert code_of(load("return 1\n\nSIZE", "return 2\n\nSIZE").decorated) != decorated
    assert code_of(load("return function(*args)", "return -function(*args)").decorated) != decorated
    assert code_of(load("size = 2", "size = 3").local()) != local
    # An edit above moves every line of what stands below.
    assert [code_of(f) for f in load("SIZE = 5", "SIZE = (\n    6)").lambdas.values()] == lambdas


def test_the_version_is_that_of_the_code_which_was_loaded(load: Callable[..., ModuleType], tmp_path: Path) -> None:
    module = load()
    before = code_of(module.Space)
    (tmp_path / "own_code.py").write_text(CODE.replace("SCALE = 3", "SCALE = 4"))
    assert code_of(module.Space) == before
    importlib.reload(module)
    assert code_of(module.Space) != before
    # Never read before it was edited: what stands in the file is not what was loaded.
    module = load()
    (tmp_path / "own_code.py").write_text("\n\n" + CODE)
    assert code_of(module.Space) == UNREADABLE


def test_a_users_file_is_known_as_it_was_loaded_wherever_it_lies(tmp_path: Path) -> None:
    text = "from toy import MLPs\nclass Space(MLPs):\n    def __init__(self, width=1): self.width = width\n"
    loaded = list[ModuleType]()
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "space.py").write_text(text)
        loaded.append(SourceFile(tmp_path / folder / "space.py").module)
    (tmp_path / "one" / "space.py").write_text(text.replace("self.width = width", "self.width = -width"))
    one, two = loaded
    edited = SourceFile(tmp_path / "one" / "space.py").module
    assert code_of(one.Space) == code_of(two.Space) != code_of(edited.Space)
    assert described(one.Space(2)) == described(two.Space(2)) != described(two.Space(3))
    assert readable(described(one.Space(2)))


def test_a_class_that_a_file_makes_from_text_is_described(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_text.py").write_text("exec('class Made:\\n    def build(self): return Made')\n")
    monkeypatch.syspath_prepend(tmp_path)
    made = importlib.import_module("own_text").Made
    assert described(made)["<class>"] == "Made"
    del sys.modules["own_text"]


def test_what_has_a_version_or_no_file() -> None:
    for thing in (print, len, torch.relu, nn.Linear, nn.functional.mse_loss, np.mean, json.dumps, described, Path):
        assert code_of(thing) == ""
    module = ModuleType("prompt")
    module.__dict__["nn"] = nn
    sys.modules["prompt"] = module
    try:
        exec("class Space: pass\ndef loss(a, b): return a\nbatch = lambda: 1\n", vars(module))
        for thing in (module.Space, module.Space(), module.loss, module.batch, functools.partial(module.loss, 1)):
            assert code_of(thing) == UNREADABLE
            assert not readable(described(thing))
    finally:
        del sys.modules["prompt"]


class Plain:
    """State in attributes."""

    kind = "a"

    def __init__(self, width: Any = 1) -> None:
        self.width = width

    @functools.cached_property
    def double(self) -> Any:
        return self.width * 2

    def method(self) -> Any:
        return self.width


class Slotted:
    __slots__ = ("width",)

    def __init__(self, width: Any) -> None:
        self.width = width


@dataclass(frozen=True)
class Options:
    width: Any = 1


def around(value: Any) -> Callable[[], Any]:
    return lambda: value


def class_around(value: Any) -> Any:
    class Around:
        def method(self) -> Any:
            return value

    return Around()


def default(value: Any) -> Callable[[], Any]:
    def function(inner: Any = value) -> Any:
        return inner

    return function


HOLDERS: dict[str, Callable[[Any], Any]] = {
    "itself": lambda value: value,
    "list": lambda value: [1, value],
    "dict": lambda value: {"key": {2: value}},
    "object": Plain,
    "slots": Slotted,
    "dataclass": Options,
    "method": lambda value: Plain(value).method,
    "partial": lambda value: functools.partial(max, value),
    "keyword": lambda value: functools.partial(max, key=value),
    "closure": around,
    "default": default,
    "ordered": lambda value: OrderedDict(a=value),
    "deque": lambda value: deque([value]),
}
PAIRS: list[tuple[Any, Any]] = [
    (1, 2),
    (1, True),
    (1, 1.0),
    (1, "1"),
    (0.1, np.nextafter(0.1, 1)),
    (float("inf"), float("-inf")),
    (None, "None"),
    (b"a", b"b"),
    (1 + 2j, 1 + 3j),
    ([1, 2], [2, 1]),
    ((1, (2, 3)), ((1, 2), 3)),
    ({1, 2}, {1, 3}),
    ({"a": 1}, {"a": 2}),
    ({(1, 2): 3}, {(1, 2): 4}),
    (torch.ones(2), torch.zeros(2)),
    (torch.ones(2), torch.ones(1, 2)),
    (torch.ones(2), torch.ones(2, dtype=torch.float64)),
    (torch.ones(2, dtype=torch.bfloat16), torch.zeros(2, dtype=torch.bfloat16)),
    (np.ones(2), np.zeros(2)),
    (np.array(["a", None], dtype=object), np.array(["b", None], dtype=object)),
    (torch.float32, torch.float64),
    (torch.relu, torch.tanh),
    (torch.device("cpu"), torch.device("meta")),
    (range(3), range(4)),
    (Path("a"), Path("b")),
    (Options(1), Options(2)),
    (Options(1), Plain(1)),
    (Options, Plain),
    (list(range(1000)), [*range(999), 0]),
    (nn.CrossEntropyLoss(), nn.CrossEntropyLoss(label_smoothing=0.1)),
    (nn.CrossEntropyLoss(weight=torch.ones(2)), nn.CrossEntropyLoss(weight=torch.zeros(2))),
]


@pytest.mark.parametrize("holder", HOLDERS)
def test_what_differs_is_described_otherwise_and_equals_alike(holder: str) -> None:
    hold = HOLDERS[holder]
    for one, other in PAIRS:
        first = described(hold(one))
        assert json.dumps(first) == json.dumps(described(hold(copy.deepcopy(one))))
        assert json.dumps(first) != json.dumps(described(hold(other))), (one, other)
        assert readable(first)
        assert difference({"it": json.loads(json.dumps(first))}, {"it": first}) == ""
        assert difference({"it": first}, {"it": described(hold(other))})


def test_what_a_class_was_made_with_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    assert described(class_around(1)) == described(class_around(1)) != described(class_around(2))
    before = described(Plain())
    monkeypatch.setattr(Plain, "kind", "b")
    assert described(Plain()) != before


def test_what_does_not_count() -> None:
    used = Plain(2)
    before = described(used)
    assert used.double == 4  # kept in the object from now on
    assert described(used) == before
    assert described({"a": 1, "b": 2}) == described({"b": 2, "a": 1})
    assert described({1, 2, 3}) == described({3, 2, 1})
    assert described(np.float64(0.5)) == described(0.5)
    assert described((1, 2)) == described([1, 2])


def test_circles_and_what_is_met_twice() -> None:
    def ring(*widths: int) -> Plain:
        plains = [Plain() for _ in widths]
        for plain, following, width in zip(plains, [*plains[1:], plains[0]], widths, strict=True):
            plain.width = [width, following]
        return plains[0]

    assert described(ring(1, 2)) == described(ring(1, 2))
    assert len({json.dumps(described(ring(*w))) for w in ((1, 2), (2, 1), (1, 3), (1, 2, 1, 2), (1,))}) == 5
    shared = [1]
    assert described([shared, shared]) == described([[1], [1]])
    twice: Any = Plain(0)
    for _ in range(60):  # 2 ^ 60 ways through it
        twice = [twice, twice]
    assert json.dumps(described(twice)) != json.dumps(described([twice]))


def test_what_cannot_be_told_is_no_guess() -> None:
    with Path(os.devnull).open() as file:
        for thing in ((i for i in ()), threading.Lock(), file):
            for held in (thing, Plain(thing), [1, {"a": thing}], around(thing), [*range(500), thing], {"s": {thing}}):
                assert not readable(described(held))
                assert "cannot be read" in difference({"it": described(held)}, {"it": described(held)})


PROCESS = """
import functools, json, sys
import numpy as np, torch
from untrained.runtime.identity import code_of, described

def f(*things):
    return 1.0

class Slots:
    __slots__ = ()

state = {"a", "b", ("c", 1)}, torch.Generator(), np.random.default_rng(0), {}.get, Slots(), f, np.array([None])
print(code_of(f), json.dumps(described(functools.partial(f, *state))))
"""


def test_it_is_the_same_in_every_process(tmp_path: Path) -> None:
    (tmp_path / "hashes.py").write_text(PROCESS)
    told = set()
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        told.add(subprocess.check_output([sys.executable, "hashes.py"], text=True, cwd=tmp_path, env=environment))
    assert len(told) == 1
    assert " at 0x" not in told.pop()


def test_a_difference_is_one_short_line() -> None:
    assert difference({}, {"a": 1}) == difference(None, {"a": 1}) == "of unknown origin"
    assert difference({"a": 1, "b": 2}, {"a": 1}) == ""
    assert difference({"a": {"b": 1}}, {"a": {"b": 2}}) == "a: b 1, not 2"
    assert difference({"a": True}, {"a": 1}) == "a true, not 1"
    assert len(difference({"a": "x" * 1000}, {"a": "y" * 1000})) < 200
