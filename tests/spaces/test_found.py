"""Spaces found by name, in files and packages, and architectures in the forms that people have."""

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from toy import MLPs, toy_batch
from untrained.errors import InputError
from untrained.scoring.pool import compute_scores
from untrained.spaces import (
    ArchitectureList,
    NASBench201,
    SearchSpace,
    TransNASMacro,
    TransNASMicro,
    as_space,
    get_space,
    read_archs,
    remade_space,
)

OWN = """
from dataclasses import dataclass
from optuna.distributions import IntDistribution
from torch import nn
from untrained import SearchSpace

class Plain(SearchSpace):
    def __init__(self, num_classes=10, in_channels=3, width=1):
        self.num_classes, self.in_channels, self.width = num_classes, in_channels, width

    @property
    def distributions(self):
        return {"w": IntDistribution(4, 8, step=4)}

    def build(self, arch):
        return nn.Linear(self.to_params(arch)["w"], self.num_classes)

class Needy(Plain):
    def __init__(self, width):
        super().__init__(width=width)

class Doubled(Plain):
    def __init__(self, width=1):
        super().__init__(width=2 * width)

class Refusing(Plain):
    def __init__(self):
        raise RuntimeError("no\\nway")

def factory(width=1):
    return Plain(width=width)

def wrong():
    return 3

ready = Plain(width=7)
number = 5
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "own.py").write_text(OWN)
    return tmp_path / "own.py"


def test_a_space_from_a_file(own: Path) -> None:
    space = get_space("own.py:Plain", {"num_classes": 4, "task": "jigsaw"}, width=2)
    assert space.options == {"num_classes": 4, "in_channels": 3, "width": 2}
    assert space.name == f"{own}:Plain"
    again = remade_space(space.name, space.options)
    assert (type(again), again.options) == (type(space), space.options)
    assert get_space("own.py:factory", width=3).options["width"] == 3
    assert get_space("own.py:ready").options["width"] == 7
    # It reaches a process that has not imported the file.
    (own.parent / "space.pkl").write_bytes(pickle.dumps(space))
    code = "import pickle; s = pickle.load(open('space.pkl', 'rb')); print(s.pool(), s.width)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "['w=4', 'w=8'] 2", done.stderr


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("own.py:Plain", {"widht": 2}, "no option 'widht': it has num_classes, in_channels, width"),
        ("own.py:Needy", {}, "cannot be made: .*width"),
        ("own.py:Refusing", {}, "cannot be made: RuntimeError: no$"),
        ("own.py:number", {}, "is 5: a space is a subclass of SearchSpace"),
        ("own.py:wrong", {}, "gives 3: a space is a subclass"),
        ("own.py:nn", {}, "a space is a subclass"),
        ("own.py:plain", {}, "did you mean 'Plain'"),
        ("untrained:Metric", {}, "the class Metric: a space is a subclass"),
        ("untrained:SearchSpace", {}, "cannot be made: .*abstract"),
        ("nasbench2O1", {}, "did you mean 'nasbench201'"),
        ("nasbench201", {"width": 2}, "no option 'width'"),
    ],
)
def test_what_is_no_space_is_one_line(own: Path, name: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        get_space(name, **options)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) <= 300


def test_a_space_that_cannot_be_made_again_says_so(own: Path) -> None:
    with pytest.raises(InputError, match="made again"):
        remade_space("own.py:Doubled", get_space("own.py:Doubled", width=1).options)


def test_what_stands_for_a_space(own: Path) -> None:
    assert as_space(MLPs) == MLPs()
    assert as_space(space := NASBench201(N=1)) is space
    assert as_space("transnas101-macro") == TransNASMacro()
    given: Any = MLPs
    table = compute_scores(given, MLPs().pool(2), ["params"], toy_batch())
    assert table.archs == tuple(MLPs().pool(2))
    with pytest.raises(InputError, match=r"Needy is a class: give Needy\(\.\.\.\).*width"):
        as_space(type(get_space("own.py:Needy", width=1)))
    for wrong in (3, int, None, ["a", "b"]):
        with pytest.raises(InputError, match="not a space: give an instance"):
            as_space(wrong)


def test_spaces_of_installed_packages(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = own.parent / "theirs-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[untrained.spaces]\ntheirs = own:Plain\n")
    monkeypatch.syspath_prepend(own.parent)
    assert get_space("theirs", width=5).options["width"] == 5


def test_what_spaces_know_of_themselves() -> None:
    assert [space.opaque for space in (MLPs(), ArchitectureList(["a"]))] == [False, True]
    assert MLPs().sizes("width=4,depth=1,norm=True") == {}
    assert TransNASMicro().sizes("64-41414-1_02_333").keys() == {"params", "flops"}


@pytest.mark.parametrize(
    ("space", "text", "arch"),
    [
        (NASBench201(), "12", list(NASBench201())[12]),
        # NASLib numbers skip_connect, none, nor_conv_3x3, nor_conv_1x1, avg_pool_3x3; edges 01, 02, 03, 12, 13, 23.
        (
            NASBench201(),
            "(4, 3, 2, 0, 1, 0)",
            "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_3x3~0|none~1|skip_connect~2|",
        ),
        (
            NASBench201(),
            "[0, 0,0,0,0,4,]",
            "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|skip_connect~1|avg_pool_3x3~2|",
        ),
        (TransNASMicro(), "(1, 0, 2, 3, 3, 3)", "64-41414-1_02_333"),
        (TransNASMicro(), "0", "64-41414-0_00_000"),
        (TransNASMacro(), "(4, 1, 1, 1, 0, 0)", "64-4111-basic"),
        (TransNASMacro(), "\ufeff64-4111-basic\r\n", "64-4111-basic"),
        (MLPs(), " width=4,depth=1,norm=True ", "width=4,depth=1,norm=True"),
        (ArchitectureList(["a b", "c"]), "a b", "a b"),
    ],
)
def test_architectures_in_other_forms(space: SearchSpace, text: str, arch: str) -> None:
    assert space.read(text) == arch


@pytest.mark.parametrize(
    ("space", "text"),
    [
        (NASBench201(), "15625"),
        (NASBench201(), "-1"),
        (NASBench201(), "(4, 3, 2, 0, 1)"),
        (NASBench201(), "(5, 3, 2, 0, 1, 0)"),
        (NASBench201(), "()"),
        (NASBench201(), "1e3"),
        (TransNASMicro(), "(4, 0, 2, 3, 3, 3)"),
        (TransNASMicro(), "(1, 0, 2)"),
        (TransNASMacro(), "(1, 1, 1, 1, 0, 0)"),
        (TransNASMacro(), "3256"),
        (MLPs(), "12"),
        (ArchitectureList(["a"]), "0"),
    ],
)
def test_what_is_in_no_known_form(space: SearchSpace, text: str) -> None:
    with pytest.raises(InputError):
        space.read(text)


def test_lists_in_files(tmp_path: Path) -> None:
    path = tmp_path / "archs.txt"
    archs = list(NASBench201())
    path.write_text(f"\ufeff{archs[3]}\r\n\n 12 \n(4, 3, 3, 0, 0, 0)\n{archs[3]}\n", encoding="utf-8")
    assert read_archs(path, NASBench201()) == [archs[3], archs[12], NASBench201().read("(4, 3, 3, 0, 0, 0)")]
    path.write_text(f"{archs[0]}\nnonsense\n")
    with pytest.raises(InputError, match=r"archs.txt, line 2: malformed architecture 'nonsense'"):
        read_archs(path, NASBench201())
    for content, words in ((b"\xff\xfe\x00", "not a text file"), (b"\n \n", "names no architecture")):
        path.write_bytes(content)
        with pytest.raises(InputError, match=words):
            read_archs(path, NASBench201())
    with pytest.raises(InputError, match="no file"):
        read_archs(tmp_path / "other.txt", NASBench201())
