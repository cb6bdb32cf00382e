"""Samplers by name: of this package, of a user's file or module, of an installed package."""

from pathlib import Path

import numpy as np
import optuna
import pytest

from untrained import search
from untrained.errors import InputError
from untrained.samplers import SAMPLERS, Greedy, get_sampler, sampler_info
from untrained.samplers.registry import installed_samplers
from untrained.scores import ScoreTable
from untrained.spaces import ArchitectureList

ARCHS = ("a", "b", "c")
TABLE = ScoreTable(ARCHS, ("m", "n"), np.array([[1.0, 3.0], [2.0, 1.0], [3.0, 2.0]]))
SPACE = ArchitectureList(list(ARCHS))

OWN = '''
from optuna.samplers import RandomSampler
from untrained.samplers import Greedy, SamplerInfo

class LastMetric(Greedy):
    """Down the ranking of the last metric.

    More about it.
    """
    def __init__(self, table, space, *, seed=0):
        super().__init__(table, space, table.values[:, -1], seed=seed)

def plain(table, space, *, budget, seed):
    return RandomSampler(seed=seed)

def anything(*args, **given):
    return given

def wrong(table):
    return None

number = 3
known = SamplerInfo("known", LastMetric, "known by its info", "theirs", metrics=(("synflow",),), colour="#112233")
'''


@pytest.fixture
def own(tmp_path: Path) -> str:
    path = tmp_path / "own_samplers.py"
    path.write_text(OWN)
    return str(path)


def place(arch: str) -> float:
    return ARCHS.index(arch)


def first(name: str) -> str:
    study = optuna.create_study(direction="maximize", sampler=get_sampler(name, TABLE, SPACE, 3, 0))
    return SPACE.to_arch(study.ask(dict(SPACE.distributions)).params)


def test_own_samplers_are_used_as_those_of_the_package(own: str) -> None:
    assert first(f"{own}:LastMetric") == "a"
    assert first("untrained.samplers:RoBoT") == first("robot")
    info = sampler_info(f"{own}:LastMetric")
    assert (info.name, info.summary) == (f"{own}:LastMetric", "Down the ranking of the last metric.")
    assert isinstance(get_sampler(f"{own}:plain", TABLE, SPACE, 3, 0), optuna.samplers.RandomSampler)


def test_an_own_info_says_what_it_needs(own: str) -> None:
    assert sampler_info(f"{own}:known").colour == "#112233"
    with pytest.raises(InputError, match=r"known' needs the metric 'synflow': the scores have m, n"):
        get_sampler(f"{own}:known", TABLE, SPACE, 3, 0)


def test_a_search_with_an_own_sampler(own: str) -> None:
    result = search(SPACE, place, budget=3, sampler=f"{own}:LastMetric", scores=TABLE)
    assert [query.architecture for query in result.queries] == ["a", "c", "b"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("robo", "did you mean 'robot'.*choose from robot, mixture, random, rea"),
        ("single", "takes a metric: write single:METRIC"),
        ("rea:synflow", "takes no metric: write rea"),
        ("OWN:number", "is of type int: give a class or function of"),
        ("OWN:wrong", "cannot be called .*: give a class or function of"),
        ("OWN:absent", "has no 'absent'"),
        ("OWN:anything", "is of type dict: it must be an Optuna sampler"),
    ],
)
def test_what_is_no_sampler_is_said(own: str, name: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        get_sampler(name.replace("OWN", own), TABLE, SPACE, 3, 0)
    assert len(str(caught.value).replace(own, "")) <= 300


def test_installed_samplers(own: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = "\n".join(["[untrained.samplers]", "last = own_samplers:LastMetric", "bad = own_samplers:number"])
    package = tmp_path / "theirs-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text(f"{entries}\nrobot = own_samplers:LastMetric\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert first("last") == "a"
    assert sampler_info("robot") is SAMPLERS["robot"]
    listed = {info.name: info for info in installed_samplers()}
    assert listed["last"].citation == "from own_samplers:LastMetric"
    assert "error" in listed["bad"].summary
    assert "robot" not in listed


def test_a_metric_is_part_of_the_name() -> None:
    sampler = get_sampler("single:n", TABLE, SPACE, 3, 0)
    assert isinstance(sampler, Greedy)
    assert sampler.merit.tolist() == [3, 1, 2]
