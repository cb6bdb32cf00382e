"""Metrics of a user's own: by name and options, from files, modules and entry points, in other processes."""

import copy
import importlib
import inspect
import os
import pickle
import subprocess
import sys
import types
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch

from toy import MLPs, toy_batch
from untrained.errors import InputError
from untrained.metrics import METRICS, Metric, get_metrics, metric, split_names
from untrained.probe import Probe
from untrained.runtime.identity import UNREADABLE
from untrained.scoring.pool import compute_scores

OWN = """
from typing import Literal
from untrained import Probe, metric

SCALE = 3

def helper(x):
    return SCALE * x

def layers(probe, times: int = 1):
    return helper(len(probe.layers)) * times

layers.direction = -1

@metric("widest", paper="none", needs=("forward pass",), cost="forward")
def widest(probe: Probe, which: Literal["largest", "smallest"] = "largest", eps: float = 0.5) -> float:
    \"\"\"The widest layer.\"\"\"
    sizes = [w.shape[0] for w in probe.weights]
    return (max(sizes) if which == "largest" else min(sizes)) + eps

class Counter:
    def __call__(self, probe):
        return len(probe.layers)

counter = Counter()
nothing = 3
nameless = lambda probe: 1.0
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text(OWN)
    return tmp_path / "own.py"


def probe() -> Probe:
    torch.manual_seed(0)
    return Probe(MLPs().build("width=8,depth=2,norm=False"), *toy_batch())


def names(*given: str | Metric | Callable[..., float]) -> list[str]:
    return [m.name for m in get_metrics(given)]


def test_names_split_at_commas_outside_brackets() -> None:
    assert split_names("a, b(x=1,y=2) ,c") == ["a", "b(x=1,y=2)", "c"]
    assert [m.name for m in get_metrics("snip,nwot")] == ["snip", "nwot"]


def test_options_stand_in_the_name_canonically(own: Path) -> None:
    assert names("own.py:widest(eps=2, which=smallest)") == ["widest(eps=2.0,which=smallest)"]
    assert names("own.py:widest(which='largest',eps=0.5)") == ["widest"]  # the defaults
    assert names("own.py:layers( times = 2 )") == ["layers(times=2)"]
    (found,) = get_metrics(["own.py:widest(which=smallest)"])
    assert found(probe()) == 3.5  # the head has 3 outputs
    assert found.with_options(which="largest").name == "widest"
    assert found.with_options(eps=1.5)(probe()) == 4.5


def test_a_metric_is_called_with_options(own: Path) -> None:
    (found,) = get_metrics(["own.py:widest"])
    assert found(probe(), which="smallest", eps=1.5) == found.with_options(which="smallest", eps=1.5)(probe()) == 4.5
    with pytest.raises(InputError, match="no option 'size'"):
        found(probe(), size=1)
    assert repr(found.with_options(eps=2)) == "widest(probe, which=largest, eps=2.0)"


def test_a_plain_function_is_a_metric(own: Path) -> None:
    (found,) = get_metrics(["own.py:layers(times=2)"])
    assert (found.direction, found(probe())) == (-1, 18.0)  # 3 layers x 3 x 2

    def mine(probe: Probe) -> float:
        return 5

    (found,) = get_metrics([mine])
    assert (found.name, found.direction, found(probe())) == ("mine", 1, 5.0)
    assert names("own.py:counter") == ["Counter"]


def test_a_name_in_the_table_must_be_a_name() -> None:
    for name in ("arch", "reasons", "two words", "a,b", ""):
        with pytest.raises(InputError, match="cannot be called"):
            replace(METRICS["snip"], name=name)
    with pytest.raises(InputError, match="direction 0 must be 1"):
        replace(METRICS["snip"], direction=0)  # pyright: ignore[reportArgumentType]


def test_an_imported_module_and_a_file_give_the_same(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(own.parent)
    by_file, by_module = (get_metrics([f"{place}:widest"])[0] for place in (str(own), "own"))
    assert by_file(probe()) == by_module(probe()) == 8.5
    assert by_file.source.split("#")[0] == "own.py:widest"
    assert by_module.source.split("#")[0] == "own:widest"
    assert by_file.source.split("#")[1] == by_module.source.split("#")[1]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("snap", r"unknown metric .snap.: did you mean .*swap.*choose from grad_norm.*package.module:Name"),
        ("snip(eps=1)", "metric 'snip' has no option 'eps': it has none"),
        ("own.py:widest(size=1)", "has no option 'size': it has which, eps"),
        ("own.py:widest(eps=big)", "option eps='big' must be a number"),
        ("own.py:widest(eps=True)", "option eps=True must be a number"),
        ("own.py:widest(which=middle)", "option which='middle' must be largest or smallest"),
        ("own.py:layers(times=1.5)", "option times=1.5 must be a whole number"),
        ("own.py:widest(eps)", r"write options as name\(option=value\)"),
        ("own.py:widest(eps=1,eps=2)", "option 'eps' is given twice"),
        ("own.py:narrowest", "own.py has no 'narrowest'"),
        ("other.py:widest", "no file 'other.py'"),
        ("no_such_package:widest", "cannot be imported: ModuleNotFoundError: No module named 'no_such_package'"),
        ("broken.py:widest", "cannot be imported: ZeroDivisionError: division by zero"),
        ("own.py:nothing", "is of type int: a metric is a function of a Probe"),
        ("own.py:Counter", "is the class Counter: a metric is a function"),
        ("own.py:nameless", "has no name: give it one"),
        ("own.py:helper2", "has no 'helper2'"),
        ("torch:add", "cannot be called with a Probe alone|has no name"),
        (":", "cannot be imported"),
    ],
)
def test_what_is_no_metric_is_one_clear_line(own: Path, given: str, message: str) -> None:
    (own.parent / "broken.py").write_text("1 / 0\n")
    with pytest.raises(InputError, match=message) as caught:
        get_metrics([given])
    assert "\n" not in str(caught.value)


def test_one_name_twice_is_refused(own: Path) -> None:
    for twice in ("snip,snip", "own.py:widest,own.py:widest(eps=0.5)"):
        with pytest.raises(InputError, match="given twice"):
            get_metrics(twice)
    with pytest.raises(InputError, match="no metric given"):
        get_metrics([])


def install(folder: Path, package: str, entries: str, monkeypatch: pytest.MonkeyPatch) -> None:
    info = folder / f"{package}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[untrained.metrics]\n{entries}\n")
    monkeypatch.syspath_prepend(folder)


def test_entry_points_are_names(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(own.parent, "first", "theirs = own:widest\nbroken = nowhere:x\nboth = own:widest", monkeypatch)
    install(own.parent, "second", "both = own:layers", monkeypatch)
    (found,) = get_metrics(["theirs(eps=1.5)"])
    assert (found.name, found(probe())) == ("theirs(eps=1.5)", 9.5)
    with pytest.raises(InputError, match="'broken' of package first cannot be loaded: ModuleNotFoundError"):
        get_metrics(["broken"])
    with pytest.raises(InputError, match=r"'both' comes with several packages \(second, first\)"):
        get_metrics(["both"])
    # Listed with where they come from; a broken one breaks no other.
    listed = subprocess.run(
        [sys.executable, "-m", "untrained", "metrics"],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": ":".join([str(own.parent), *sys.path])},
    )
    assert listed.returncode == 0, listed.stderr
    text = " ".join(listed.stdout.split())
    for part in (
        "theirs The widest layer. higher is better; forward; needs forward pass "
        "options: which=largest|smallest, eps=0.5 none from own:widest",
        "broken error: metric 'broken' of package first cannot be loaded: ModuleNotFoundError",
        "both error: metric 'both' comes with several packages",
        "naswot How unlike",
    ):
        assert part in text


def test_unpickled_elsewhere_it_is_the_same(own: Path) -> None:
    found = get_metrics(["own.py:widest(eps=2)", "own.py:layers", "own.py:counter", "snip"])
    (own.parent / "metrics.pkl").write_bytes(pickle.dumps(found))
    code = "import pickle; print([(m.name, m.options, m.source) for m in pickle.load(open('metrics.pkl', 'rb'))])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=own.parent)
    assert done.stdout.strip() == str([(m.name, m.options, m.source) for m in found]), done.stderr
    assert pickle.loads(pickle.dumps(found[0])) == found[0]


def test_scored_in_other_processes_the_file_is_found(own: Path) -> None:
    archs = list(MLPs())[:4]
    given = ["own.py:widest", "own.py:layers(times=2)", "params"]
    here = compute_scores(MLPs(), archs, given, toy_batch())
    there = compute_scores(MLPs(), archs, given, toy_batch(), workers=2)
    assert here.metrics == there.metrics == ("widest", "layers(times=2)", "params")
    assert (here.values == there.values).all()
    assert set(here.provenance["sources"]) == {"widest", "layers(times=2)"}


def source_of(text: str, path: Path, name: str = "layers") -> str:
    path.write_text(text)
    return get_metrics([f"{path}:{name}"])[0].source


def test_versions_of_a_metric_are_told_apart(own: Path) -> None:
    first = source_of(OWN, own)
    assert source_of(OWN, own) == first
    assert source_of(OWN.replace("SCALE = 3", "SCALE = 4"), own) != first
    assert source_of(OWN.replace("return SCALE * x", "return SCALE + x"), own) != first
    assert source_of(OWN.replace("times: int = 1", "times: int = 2"), own) != first
    assert source_of(OWN + "\nTABLE = {(1, 2): 3}", own) == first  # nothing that the metric uses
    assert source_of(OWN.replace("layers.direction = -1", "layers.direction = 1"), own) != first
    assert source_of(OWN.replace("SCALE = 3", "SCALE   =   3  # three"), own) == first
    moved = own.parent / "folder" / "own.py"
    moved.parent.mkdir()
    assert source_of("\n\n" + OWN, moved) == first


def made(scale: Any) -> Callable[[Probe], float]:
    def inner(probe: Probe) -> float:
        return scale

    return inner


def scaled(scale: Any, probe: Probe) -> float:
    return scale


class Scaled:
    def __init__(self, scale: Any) -> None:
        self.scale = scale

    def __call__(self, probe: Probe) -> float:
        return float(sum(self.scale))

    def method(self, probe: Probe) -> float:
        return self(probe)


@pytest.mark.parametrize(
    "make", [made, lambda scale: partial(scaled, scale), Scaled, lambda scale: Scaled(scale).method]
)
@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1.0, 2.0),
        ({1, 2}, {1, 3}),
        (torch.ones(2), torch.zeros(2)),
        (np.ones(2), np.ones(3)),
        ({(1, 2): [3]}, {(1, 2): [4]}),
        (Scaled([1]), Scaled([2])),
        ((1, 2, 1), (1, 2, 2)),
        (((1,), 2), (1, 2)),
        (torch.ones(2, dtype=torch.bfloat16), torch.ones(3, dtype=torch.bfloat16)),
        (torch.relu, torch.tanh),
        ({"a": 1, "b": 1}, {"a": 1, "b": "a"}),
    ],
)
def test_what_a_function_is_made_with_tells_it_apart(make: Callable[[Any], Any], one: Any, other: Any) -> None:
    def source(scale: Any) -> str:
        return metric("m", paper="none")(make(scale)).source

    assert source(one) == source(copy.deepcopy(one)) != source(other)


HASHES = """
import functools, sys
import numpy as np, torch
from untrained.metrics import Metric

def f(probe, *things):
    return 1.0

class Slots:
    __slots__ = ()

things = torch.relu, torch.Generator(), np.random.default_rng(0), {}.get, Slots(), {"a", "b", "c"}, f, np.array([None])
print([Metric("m", functools.partial(f, thing), 1, (), "none").source for thing in things])
"""


def test_a_version_is_the_same_in_every_process(tmp_path: Path) -> None:
    (tmp_path / "hashes.py").write_text(HASHES)
    told = set()
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        told.add(subprocess.check_output([sys.executable, "hashes.py"], text=True, cwd=tmp_path, env=environment))
    assert len(told) == 1


def test_without_a_file_there_is_no_version() -> None:
    module = types.ModuleType("prompt")
    sys.modules["prompt"] = module
    try:
        exec("def mine(probe):\n    return 1\n", vars(module))
        assert Metric("mine", module.mine, 1, (), "").source == f"prompt:mine#{UNREADABLE}"
    finally:
        del sys.modules["prompt"]


def test_a_reloaded_module_is_another_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "reloaded_metrics.py").write_text(OWN)
    module = importlib.import_module("reloaded_metrics")
    before = get_metrics([module.layers])[0].source
    (tmp_path / "reloaded_metrics.py").write_text(OWN.replace("SCALE = 3", "SCALE = 4"))
    importlib.reload(module)
    assert get_metrics([module.layers])[0].source != before


def undecorated(probe: Probe) -> float:
    return 2.0


decorated = metric("decorated", paper="none")(undecorated)


def test_a_function_that_a_metric_is_made_of_is_still_itself() -> None:
    assert pickle.loads(pickle.dumps(undecorated)) is undecorated
    again = pickle.loads(pickle.dumps(decorated))
    assert again == decorated
    assert again.function is undecorated
    assert pickle.loads(pickle.dumps(metric("again", paper="none")(undecorated))).function is undecorated
    by_parts = metric("partial", paper="none")(partial(scaled, 3.0))
    assert pickle.loads(pickle.dumps(by_parts))(probe()) == 3.0


@metric("optional", paper="none")
def optional(probe: Probe, k: int = 1) -> float:
    return float(k)


def test_a_decorated_function_reaches_other_processes_too() -> None:
    assert pickle.loads(pickle.dumps(optional.function)) is optional.function
    for function in (partial(optional.function, k=2), partial(METRICS["fisher"].function, fan_in=False)):
        again = pickle.loads(pickle.dumps(Metric("p", function, 1, (), "none")))
        assert again(probe()) == function(probe())


def test_what_a_metric_says_of_itself() -> None:
    told = inspect.getdoc(METRICS["ntk_condition_number"])
    assert told is not None
    for part in ("eigenvalue", "Paper: Chen, Gong & Wang", "Direction: lower is better", "Needs: sample gradients"):
        assert part in told


@pytest.mark.parametrize("wrong", [{"needs": ("second_batch",)}, {"needs": "labels"}, {"cost": "huge"}])
def test_words_that_mean_nothing(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"metric 'm': (needs|cost) .* must be"):
        metric("m", paper="none", **wrong)(undecorated)


@pytest.mark.parametrize("value", ["3", True, None, torch.ones(2), np.bool_(True), np.complex128(1)])
def test_what_is_no_number(value: Any) -> None:
    with pytest.raises(TypeError, match="it must return a number"):
        Metric("m", lambda _: value, 1, (), "none")(probe())


@pytest.mark.parametrize("value", [torch.ones(1, requires_grad=True), np.float32(1), np.ones((1, 1)), 1])
def test_what_is_a_number(value: Any) -> None:
    assert Metric("m", lambda _: value, 1, (), "none")(probe()) == 1.0


def test_a_resumed_run_with_another_version_is_refused(own: Path, tmp_path: Path) -> None:
    archs = list(MLPs())[:2]
    path = tmp_path / "scores.parquet"

    def run() -> None:
        compute_scores(MLPs(), archs, ["own.py:layers"], toy_batch(), path=path)

    run()
    run()
    own.write_text(OWN.replace("SCALE = 3", "SCALE = 5"))
    with pytest.raises(InputError, match=r"another call .*'layers' have changed"):
        run()


def test_ours_have_no_source_but_the_package() -> None:
    assert {m.source for m in METRICS.values()} == {""}


def literal(probe: Probe, mode: Literal["a", "b"] | None = None, k: float = 1) -> float:
    return k


def test_options_of_several_types() -> None:
    found = metric("literal", paper="none")(literal)
    assert found.with_options(mode="a").name == "literal(mode=a)"
    assert found.with_options(mode=None, k=1.0).name == found.with_options(k=1).name == "literal"
    with pytest.raises(InputError, match="mode='c' must be a or b or None"):
        found.with_options(mode="c")
