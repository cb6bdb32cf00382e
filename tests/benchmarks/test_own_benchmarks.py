"""Benchmarks of one's own, by the same names as metrics and spaces."""

from pathlib import Path

import pytest

from untrained import Benchmark
from untrained.benchmarks import BENCHMARKS, get_benchmarks
from untrained.errors import InputError

MINE = """
from untrained import Benchmark
ONE = Benchmark("mine", "a", "val", "t.csv", "t.csv", metrics=("m",))
MANY = [ONE, Benchmark("mine", "b", "val", "t.csv", "t.csv", metrics=("m",))]
def made():
    return MANY
NONE = []
WRONG = 3
"""


def test_benchmarks_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    two = ["mine/a/val", "mine/b/val"]
    for name, keys in (("ONE", two[:1]), ("MANY", two), ("made", two)):
        assert [benchmark.key for benchmark in get_benchmarks([f"{path}:{name}"])] == keys
    both = get_benchmarks([f"{path}:ONE", "nasbench201/cifar10", f"{path}:MANY"])
    assert [benchmark.key for benchmark in both] == ["mine/a/val", "nasbench201/cifar10/cifar10_val_12", "mine/b/val"]
    for name, says in (
        ("NONE", "give a Benchmark, several, or a function"),
        ("WRONG", "is 3: give a Benchmark"),
        ("MNAY", "has no 'MNAY': did you mean 'MANY'"),
    ):
        with pytest.raises(InputError, match=says):
            get_benchmarks([f"{path}:{name}"])


def test_near_names_are_offered() -> None:
    with pytest.raises(InputError, match=r"unknown benchmark 'nasbench202'.*did you mean 'nasbench201'"):
        get_benchmarks(["nasbench202"])
    with pytest.raises(InputError, match="did you mean 'transnas101-micro/jigsaw'"):
        get_benchmarks(["transnas101-micro/jigsw"])
    assert get_benchmarks(list(BENCHMARKS)) == list(BENCHMARKS.values())


def test_a_further_file_of_metrics(tmp_path: Path) -> None:
    """Joined by architecture; where both files have a metric the further one's counts; alone it need not be joined."""
    (tmp_path / "own.csv").write_text("arch,val,m,n\na,1,10,5\nb,2,20,6\nc,3,30,7\n")
    (tmp_path / "further.csv").write_text("arch,n,x\nc,70,0.3\na,50,0.1\nd,80,0.4\n")
    two = Benchmark("mine", "a", "val", "own.csv", "own.csv", metrics=("m",), further="further.csv")
    joined = two.load_scores(tmp_path, extra=("x", "n"))
    assert (joined.archs, joined.metrics) == (("a", "c"), ("m", "x", "n"))
    assert joined.values.tolist() == [[10, 0.1, 50], [30, 0.3, 70]]
    assert two.load_scores(tmp_path, ["x"]).archs == ("c", "a", "d")
    assert two.load_scores(tmp_path).archs == ("a", "b", "c")
    with pytest.raises(InputError, match=r"no metric 'y' in .*further.csv and .*own.csv: there are n, x, m"):
        two.load_scores(tmp_path, ["y"])
    (tmp_path / "further.csv").write_text("arch,x\ne,1\nf,2\n")
    with pytest.raises(InputError, match="have no architecture in common"):
        two.load_scores(tmp_path, extra=["x"])
