"""Published tables behind one interface; against the shared ones where they are there."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from untrained.benchmarks import BENCHMARKS, SOURCES, Benchmark, data_folder, get_benchmarks, import_table
from untrained.benchmarks.base import useless
from untrained.benchmarks.nasbench201 import NASBENCH201
from untrained.benchmarks.other_tables import NASBENCH101, NASBENCH301, OTHER_TABLES
from untrained.benchmarks.transnas101 import TRANSNAS101
from untrained.errors import InputError
from untrained.objectives import TabularObjective
from untrained.scores import ScoreTable
from untrained.spaces import NASBench201, TransNASMacro

MACRO = list(TransNASMacro())
OWN = Benchmark(
    name="own",
    task="toy",
    objective="val",
    table="own.parquet",
    scores="own.parquet",
    space=TransNASMacro(),
    metrics=("a",),
    prefix="m_",
)


def write(path: Path, archs: list[str], **columns: object) -> Path:
    n = len(archs)
    given = {"arch": archs, "val": list(range(n)), "m_a": [float(i * i) for i in range(n)], **columns}
    pq.write_table(pa.table(given), path)
    return path


def test_every_row_of_the_papers_tables_has_a_name() -> None:
    names = [key.rsplit("/", 1)[0] for key in BENCHMARKS]
    assert len(BENCHMARKS) == 1 + 5 + 7 + 7 + len(OTHER_TABLES)
    assert names.count("nasbench201/cifar100") == 2
    assert [b.key for b in get_benchmarks(["nasbench201/cifar10"])] == ["nasbench201/cifar10/cifar10_val_12"]
    assert len(get_benchmarks(["transnas101-micro", "transnas101-micro/jigsaw"])) == 7
    for name, says in (
        ("imagenet", "digits-201, nasbench201, transnas101-micro"),
        ("nasbench201/svhn", "nasbench201/cifar10, "),
    ):
        with pytest.raises(InputError, match=f"unknown benchmark '{name}': .*choose from {says}"):
            get_benchmarks([name])


def test_every_file_has_a_source() -> None:
    assert {f for b in BENCHMARKS.values() for f in (b.table, b.scores)} == set(SOURCES)
    assert all(s.citation and s.licence and s.how for s in SOURCES.values())


def test_published_figures_are_where_they_belong() -> None:
    cifar100 = BENCHMARKS["nasbench201/cifar100/cifar10_val_12"].published
    assert (cifar100["HNAS"].mean, cifar100["HNAS"].std, cifar100["HNAS"].cost) == (71.75, 1.04, 3010)
    assert not BENCHMARKS["nasbench201/cifar100/cifar100_val_12"].published  # the paper did not use it
    layout = BENCHMARKS["transnas101-macro/room_layout/valid_neg_loss"].published
    assert (layout["HNAS"].mean, layout["HNAS"].std, layout["RoBoT"].mean) == (49, 6, 6)


METRICS = {
    "nasbench201": ("grad_norm", "snip", "grasp", "fisher", "synflow", "jacov"),
    "transnas101-micro": ("zen",),
    "transnas101-micro/class_scene": ("synflow", "epe_nas", "zen"),
    "transnas101-micro/class_object": ("synflow", "epe_nas", "fisher", "zen"),
    "transnas101-micro/jigsaw": ("synflow", "fisher", "zen"),
    "transnas101-micro/room_layout": ("synflow", "epe_nas", "zen"),
    "transnas101-macro": ("zen",),
    "transnas101-macro/class_scene": ("synflow", "zen", "epe_nas"),
    "transnas101-macro/class_object": ("synflow", "zen", "epe_nas"),
    "transnas101-macro/jigsaw": ("synflow", "zen", "fisher"),
    "transnas101-macro/room_layout": ("synflow", "zen", "epe_nas"),
}
"""What the published figures were computed with; the order decides which random numbers a metric's weight gets."""


@pytest.mark.parametrize("key", [b.key for b in (*NASBENCH201, *TRANSNAS101)])
def test_the_published_tables_load(key: str, shared_data: Path) -> None:
    benchmark = BENCHMARKS[key]
    if not (shared_data / benchmark.table).is_file():
        with pytest.raises(InputError, match=rf"no file .*{benchmark.table}.*untrained data --data-dir .* says how"):
            benchmark.objective_options(shared_data)
        return
    objective = TabularObjective(**benchmark.objective_options(shared_data))
    benchmark.check(objective.archs, objective.path)
    scores = benchmark.load_scores(shared_data)
    assert set(scores.archs) <= set(objective.archs)
    assert benchmark.space is not None
    assert objective.archs == tuple(benchmark.space)
    assert scores.metrics == METRICS.get(f"{benchmark.name}/{benchmark.task}", METRICS[benchmark.name])
    assert scores.provenance["left_out"] == {}
    assert len(scores) == (9445 if benchmark.name == "nasbench201" else len(objective.archs))


ROWS = {"accelnas": 5125, "hwgpt-small": 10_000, "flexibert": 491, "nasbench201-robust": 9445}
"""Architectures of the pool, as the papers' authors and the table's publishers state them."""


@pytest.mark.parametrize("key", [b.key for b in OTHER_TABLES if b.name in ROWS])
def test_the_other_tables_load(key: str, shared_data: Path) -> None:
    benchmark = BENCHMARKS[key]
    objective = TabularObjective(**benchmark.objective_options(shared_data))
    scores = benchmark.load_scores(shared_data)
    assert len(scores) == ROWS[benchmark.name]
    assert scores.metrics == benchmark.metrics
    assert scores.provenance["left_out"] == {}
    assert set(scores.archs) <= set(objective.archs)
    if benchmark.space is not None:
        benchmark.check(objective.archs[:50], objective.path, whole=False)


def test_samples_are_imported_as_their_sources_say(tmp_path: Path, shared_data: Path) -> None:
    """500 cells of NAS-Bench-101 and 725 of DARTS, the commands that `untrained data` prints."""
    for file, benchmark, given in (
        ("zc_nasbench101.json", NASBENCH101, {"task": "cifar10"}),
        ("nasbench301_metrics_subset.parquet", NASBENCH301, {}),
    ):
        how = SOURCES[benchmark.table].how
        columns = re.findall(r"--columns (\S+)", how)
        space = benchmark.space if "--space" in how else None
        options: dict[str, Any] = given | ({"columns": columns[0].split(",")} if columns else {})
        import_table(shared_data / file, tmp_path / benchmark.table, space=space, **options)
        assert len(benchmark.load_scores(tmp_path)) == {"nasbench101": 500, "nasbench301": 725}[benchmark.name]
        objective = TabularObjective(**benchmark.objective_options(tmp_path))
        assert 80 < objective(objective.archs[0]).value < 96


def test_columns_that_a_file_gains_change_nothing(tmp_path: Path) -> None:
    write(tmp_path / "own.parquet", MACRO)
    before = OWN.load_scores(tmp_path)
    write(tmp_path / "own.parquet", MACRO, m_final_a=[1.0, *range(1, len(MACRO))], m_b=list(range(len(MACRO))))
    after = OWN.load_scores(tmp_path)
    assert (after.metrics, after.fingerprint) == (("a",), before.fingerprint)
    assert OWN.load_scores(tmp_path, ["final_a"]).metrics == ("final_a",)  # still there to be asked for
    with pytest.raises(InputError, match="no metric can be used: give some of a, final_a, b"):
        replace(OWN, metrics=()).load_scores(tmp_path)


def test_sizes_are_counted_where_no_table_has_them(tmp_path: Path) -> None:
    write(tmp_path / "own.parquet", MACRO)
    scores = OWN.load_scores(tmp_path, ["a", "params", "flops"])
    size = TransNASMacro().sizes(MACRO[7])
    assert scores.select([MACRO[7]]).values.tolist() == [[49.0, size["params"], size["flops"]]]
    write(tmp_path / "own.parquet", MACRO, m_params=[1.5 * i for i in range(len(MACRO))])
    assert OWN.load_scores(tmp_path, ["params"]).values[2, 0] == 3.0  # as it stands there


def test_metrics_that_tell_nothing_are_left_out_and_said(tmp_path: Path) -> None:
    n = len(MACRO)
    some = pa.array([1.0 * i if i % 3 == 0 else None for i in range(n)])
    nothing = pa.array([None] * n, pa.float64())
    dead = {"m_const": [2.0] * n, "m_nothing": nothing, "m_some": some, "m_inf": [np.inf] * n}
    write(tmp_path / "own.parquet", MACRO, **dead)
    scores = OWN.load_scores(tmp_path, extra=["const", "nothing", "some", "inf"])
    assert scores.metrics == ("a",)
    assert scores.provenance["left_out"] == {
        "const": "is 2 throughout",
        "nothing": "has no score",
        "some": "has scores for 1086 of 3256",
        "inf": "has no score",
    }
    with pytest.raises(InputError, match="no metric can be used: const is 2 throughout, nothing has no score"):
        OWN.load_scores(tmp_path, ["const", "nothing"])
    with pytest.raises(InputError, match=r"no metric 'zen' in .*: there are a, const"):
        OWN.load_scores(tmp_path, ["zen"])


def test_useless() -> None:
    nan = np.nan
    assert useless(np.array([1.0, 2.0, nan])) == ""
    assert useless(np.array([1.0, nan, nan, 2.0])) == ""  # half is enough
    assert useless(np.array([1.0, nan, nan])) == "has scores for 1 of 3"


def test_wrong_architectures_are_named(tmp_path: Path) -> None:
    path = write(tmp_path / "own.parquet", [*MACRO[:5], "64-1111-basic"])
    with pytest.raises(
        InputError, match=r"own.parquet: '64-1111-basic' is not an architecture of space 'transnas101-m"
    ):
        OWN.load_scores(tmp_path)
    OWN.check(MACRO[:5], path)
    whole = replace(OWN, whole=True)
    whole.check(MACRO, path)
    with pytest.raises(InputError, match=rf"lacks 2 of the 3256 .*'{MACRO[4]}' first: get the file again"):
        whole.check(MACRO[:4] + MACRO[5:-1], path)
    write(tmp_path / "own.parquet", [MACRO[0], MACRO[0]])
    with pytest.raises(InputError, match=f"'{MACRO[0]}' stands twice"):
        OWN.load_scores(tmp_path)
    replace(OWN, space=None).check(["anything"], path)


@pytest.mark.parametrize("keep", [0, 10, 200, -10], ids=["empty", "head", "half", "torn"])
def test_broken_files_are_named(tmp_path: Path, keep: int) -> None:
    path = write(tmp_path / "own.parquet", MACRO[:50])
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError, match=r"own.parquet' is not a readable Parquet file"):
        OWN.load_scores(tmp_path)
    with pytest.raises(InputError, match=r"own.parquet' is not a readable Parquet file"):
        TabularObjective(**OWN.objective_options(tmp_path))


def test_only_the_columns_asked_for_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "own.parquet", MACRO, m_b=[1.0] * len(MACRO))
    read = list[list[str]]()
    original = pq.read_table
    monkeypatch.setattr(
        pq, "read_table", lambda path, columns, **how: read.append(columns) or original(path, columns=columns, **how)
    )
    OWN.load_scores(tmp_path, ["a"])
    TabularObjective(**OWN.objective_options(tmp_path))
    ScoreTable.load(tmp_path / "own.parquet", ["m_b"])
    assert read == [["arch", "m_a"], ["arch", "val"], ["arch", "m_b"]]


def test_the_folder_is_given_or_named_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UNTRAINED_DATA", raising=False)
    with pytest.raises(InputError, match="no folder of tables: give --data-dir, or set UNTRAINED_DATA"):
        data_folder()
    monkeypatch.setenv("UNTRAINED_DATA", str(tmp_path))
    assert data_folder() == tmp_path
    with pytest.raises(InputError, match="no folder '/nowhere'"):
        data_folder("/nowhere")


def test_nasbench201_stands_for_its_networks() -> None:
    for benchmark in get_benchmarks(["nasbench201"]):
        assert isinstance(benchmark.space, NASBench201)
        assert benchmark.space.num_classes == {"cifar10": 10, "cifar100": 100}.get(benchmark.task, 120)
        assert benchmark.fidelities[12] == benchmark.objective
