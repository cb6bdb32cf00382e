"""Benchmarks x samplers x seeds: what is written, whatever happens on the way."""

import json
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from untrained.benching import BenchResult, bench, collect, stored
from untrained.benching.result import ORDER, SCHEMA
from untrained.benching.run import COLUMNS, Run, run_search
from untrained.benchmarks import Benchmark
from untrained.errors import InputError
from untrained.runtime.journal import Journal
from untrained.spaces import TransNASMacro

ARCHS = TransNASMacro().pool(30, seed=1)
TOY = Benchmark(
    name="toy",
    task="sum",
    objective="val",
    space=TransNASMacro(),
    table="toy.parquet",
    scores="toy.parquet",
    metrics=("good", "bad"),
    budget=5,
    test="test",
    cost="cost",
)
SAMPLERS = ["random", "rea", "single"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Thirty skeletons: `good` is the value but for the sign of the best, `bad` its opposite; one has no value."""
    values = np.random.default_rng(0).permutation(30).astype(float)
    columns = {
        "arch": ARCHS,
        "val": pa.array(values, from_pandas=True, mask=values == 17),
        "test": values / 2,
        "cost": [10.0] * 30,
        "good": np.where(values == 29, -1, values),
        "bad": -values,
        "val_short": values[::-1],
    }
    pq.write_table(pa.table(columns), tmp_path / "toy.parquet")
    return tmp_path


def content(table: pa.Table) -> dict[str, list[object]]:
    """All but the one column that is another every time."""
    return table.drop_columns("seconds").to_pydict()


def run(folder: Path, benchmark: Benchmark = TOY, seeds: range = range(2), **options: object) -> BenchResult:
    given = {"samplers": SAMPLERS, "data_dir": folder} | options
    return bench([benchmark], seeds=seeds, **given)  # type: ignore[arg-type]


def of(result: BenchResult, sampler: str, seed: int = 0) -> dict[str, list[object]]:
    rows = [r for r in result.table.to_pylist() if (r["sampler"], r["seed"]) == (sampler, seed)]
    return {name: [row[name] for row in rows] for name in rows[0]}


def test_a_search_is_written_query_by_query(folder: Path) -> None:
    rows = of(run(folder), "single:good")
    assert rows["query"] == [1, 2, 3, 4, 5]
    assert rows["value"] == [28, 27, 26, 25, 24]  # the metric misplaces the best, 29
    assert rows["rank"] == [2] * 5
    assert rows["regret"] == [1] * 5
    assert rows["test"] == [14] * 5
    assert rows["cost"] == [10] * 5
    assert rows["state"] == ["complete"] * 5
    assert {rows[name][0] for name in ("benchmark", "task", "objective")} == {"toy", "sum", "val"}


def test_the_rank_is_of_the_best_so_far(folder: Path) -> None:
    rows = of(run(folder, budget=30), "single:bad")
    assert [v for v in rows["value"] if v is not None] == [v for v in range(30) if v != 17]
    assert rows["rank"][0] == 29  # of 29 with a value, the worst
    assert rows["rank"][-1] == 1
    assert rows["regret"][-1] == 0
    failed = rows["state"].index("failed")
    assert (failed, rows["value"][failed], rows["cost"][failed]) == (17, None, 0)
    assert rows["rank"][failed] == rows["rank"][failed - 1]


def test_a_minimised_objective(folder: Path) -> None:
    rows = of(run(folder, replace(TOY, direction="minimize")), "single:bad")
    assert rows["value"] == [0, 1, 2, 3, 4]
    assert rows["rank"] == [1] * 5
    assert rows["regret"] == [0] * 5


def test_the_same_numbers_in_any_number_of_processes(folder: Path) -> None:
    one, two = run(folder, workers=1), run(folder, workers=2)
    assert content(one.table) == content(two.table)
    assert one.table.schema == two.table.schema == SCHEMA
    keys = list(zip(*(one.table[name].to_pylist() for name in ORDER), strict=True))
    assert keys == sorted(keys)
    assert len(keys) == 4 * 2 * 5


def test_a_killed_bench_goes_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "bench.parquet"
    made = list[str]()

    def dies_at_fifth(run: Run) -> object:
        made.append(str(run))
        if len(made) == 5:
            raise KeyboardInterrupt
        return original(run)

    original = collect._run
    monkeypatch.setattr(collect, "_run", dies_at_fifth)
    with pytest.raises(KeyboardInterrupt):
        run(folder, path=path)
    partial = Path(f"{path}.partial")
    assert not path.exists()
    assert len(partial.read_text().splitlines()) == 1 + 4
    partial.write_bytes(partial.read_bytes()[:-9])  # torn within the last line
    progress = list[tuple[int, int]]()
    result = run(folder, path=path, on_run=lambda done, total: progress.append((done, total)))
    assert progress == [(3 + i, 8) for i in range(6)]
    assert not partial.exists()
    assert content(result.table) == content(run(folder).table) == content(pq.read_table(path))


def test_benches_that_share_a_file_lose_no_row(folder: Path) -> None:
    """Six at a time, each with a seed of its own: who does not get the file is told so, and tries again."""
    path, told = folder / "bench.parquet", list[str]()
    settings = {TOY.key: {"budget": 1}}
    row = {name: [0] for name in COLUMNS} | {"architecture": ["a"], "state": ["complete"], "phase": [None]}

    def one(seed: int) -> None:
        while True:
            try:
                with stored.store(path, settings) as store:
                    store.add((TOY.key, "random", seed), row)
                    time.sleep(0.001)
                    store.write()
                return
            except InputError as error:
                told.append(str(error))

    threads = [threading.Thread(target=one, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(pq.read_table(path)["seed"].to_pylist()) == list(range(6))
    assert all("another process is writing" in text for text in told)
    assert not Path(f"{path}.partial").exists()


def test_the_file_is_read_under_the_lock(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "bench.parquet"
    run(folder, seeds=range(1), samplers=["random"], path=path)
    original = stored.Journal

    def slow(partial: Path) -> Journal:
        """Another bench ends just before this one gets the lock."""
        monkeypatch.setattr(stored, "Journal", original)
        run(folder, seeds=range(1, 2), samplers=["random"], path=path)
        return original(partial)

    monkeypatch.setattr(stored, "Journal", slow)
    run(folder, seeds=range(2, 3), samplers=["random"], path=path)
    assert set(pq.read_table(path)["seed"].to_pylist()) == {0, 1, 2}


def test_more_samplers_and_seeds_come_to_what_is_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "bench.parquet"
    run(folder, seeds=range(1), samplers=["random"], path=path)
    first = path.read_bytes()
    made = list[tuple[str, int]]()
    monkeypatch.setattr(collect, "run_search", lambda r: made.append((r.sampler, r.seed)) or run_search(r))
    more = run(folder, samplers=["random", "rea"], path=path)
    assert made == [("random", 1), ("rea", 0), ("rea", 1)]
    again = run(folder, seeds=range(1), samplers=["random"], path=path)
    assert len(made) == 3
    assert set(again.table["sampler"].to_pylist()) == {"random"}  # what was asked for; the file keeps the rest
    assert content(pq.read_table(path)) == content(more.table)
    assert path.read_bytes() != first


def test_an_edited_table_is_read_again(folder: Path) -> None:
    assert of(run(folder), "single:good")["value"] == [28, 27, 26, 25, 24]
    table = pq.read_table(folder / "toy.parquet")
    doubled = pa.array([None if v is None else 2 * v for v in table["val"].to_pylist()])
    pq.write_table(table.set_column(1, "val", doubled), folder / "toy.parquet")
    assert of(run(folder), "single:good")["value"] == [56, 54, 52, 50, 48]


def test_another_bench_is_not_overwritten(folder: Path) -> None:
    path = folder / "bench.parquet"
    run(folder, samplers=["random"], path=path)
    with pytest.raises(InputError, match=r"holds other searches \(toy/sum/val: budget 5, not 6\): give another file"):
        run(folder, samplers=["random"], path=path, budget=6)
    with pytest.raises(InputError, match=r"holds other searches .*scores"):
        run(folder, samplers=["random"], path=path, metrics=["good"])
    with pytest.raises(InputError, match="is not a file of untrained bench"):
        run(folder, path=folder / "toy.parquet")
    for text, says in (("[1, 2]\n", "is not a file of unfinished results"), ("oops\n", "is not a file of unfinished")):
        (folder / "new.parquet.partial").write_text(text)
        with pytest.raises(InputError, match=says):
            run(folder, path=folder / "new.parquet")
    with pytest.raises(InputError, match=r"'bench.csv' is not a .parquet file"):
        run(folder, path=Path("bench.csv"))


def test_a_sampler_of_certain_metrics_has_them_for_itself(folder: Path) -> None:
    """The others learn from the benchmark's own metrics, as they do without it."""
    table = pq.read_table(folder / "toy.parquet")
    names = ("az_expressivity", "az_progressivity", "az_trainability", "flops")
    table = pa.table({**{c: table[c] for c in table.column_names}, **dict.fromkeys(names, table["good"])})
    pq.write_table(table, folder / "more.parquet")
    more = replace(TOY, table="more.parquet", scores="more.parquet")
    both = bench([more], ["rank_average", "az_nas"], seeds=[0], budget=3, data_dir=folder)
    (ran,) = both.ran
    assert ran.metrics == ("good", "bad")
    assert ran.asked == {}
    assert any("az_nas has besides: az_expressivity" in note for note in ran.notes)
    assert of(both, "az_nas")["value"] == [28, 27, 26]  # of `good`: the one that is worth 29 stands last
    alone = bench([more], ["rank_average"], seeds=[0], budget=3, data_dir=folder)
    assert of(alone, "rank_average")["architecture"] == of(both, "rank_average")["architecture"]


def test_what_cannot_run_is_skipped_with_its_reason(folder: Path) -> None:
    gone = replace(TOY, name="gone", table="gone.parquet")
    result = bench([TOY, gone], ["random", "hnas", "bohb"], [0], data_dir=folder)
    assert set(result.table["sampler"].to_pylist()) == {"random"}
    skipped = dict(result.skipped)
    assert "gone.parquet" in skipped["gone/sum/val"]
    assert "ntk_trace" in skipped["toy/sum/val hnas"]
    assert skipped["toy/sum/val bohb"] == "needs trainings of several lengths: the table has one"
    with pytest.raises(InputError, match=r"nothing to bench: gone/sum/val: no file"):
        bench([gone], ["random"], [0], data_dir=folder)


def test_opaque_architectures_need_samplers_that_ask_no_more(folder: Path) -> None:
    result = run(folder, replace(TOY, space=None))
    assert set(result.table["sampler"].to_pylist()) == {"random", "single:bad", "single:good"}
    assert "name the space" in dict(result.skipped)["toy/sum/val rea"]


def test_trainings_that_are_stopped_early(folder: Path) -> None:
    long = replace(TOY, fidelities={1: "val_short", 9: "val"}, cost_epochs=1)
    rows = of(run(folder, long, samplers=["bohb"], budget=20), "bohb")
    stopped = [i for i, state in enumerate(rows["state"]) if state == "pruned"]
    assert stopped
    assert all(rows["cost"][i] == 10 and rows["value"][i] is None for i in stopped)
    assert all(c == 100 for c, s in zip(rows["cost"], rows["state"], strict=True) if s == "complete")


def test_metrics_can_be_others_and_more(folder: Path) -> None:
    result = run(folder, samplers=["single"], metrics=["bad"], extra_metrics=["params"])
    assert set(result.table["sampler"].to_pylist()) == {"single:bad", "single:params"}
    assert result.ran[0].metrics == ("bad", "params")
    assert (result.ran[0].budget, result.ran[0].pool) == (5, 30)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"samplers": ["rando"]}, "unknown sampler 'rando'"),
        ({"budget": 0}, "budget 0"),
        ({"workers": 0}, "0 workers"),
        ({"seeds": range(0)}, "no seed"),
        ({"seeds": range(-1, 1)}, "seed -1"),
        ({"metrics": ["god"]}, "no metric 'god' in .*: there are"),
    ],
)
def test_bad_input_is_named(folder: Path, options: dict[str, object], says: str) -> None:
    with pytest.raises(InputError, match=says):
        run(folder, **options)  # type: ignore[arg-type]


def test_tables_that_share_nothing(folder: Path) -> None:
    others = sorted(set(TransNASMacro()) - set(ARCHS))[:2]
    pq.write_table(pa.table({"arch": others, "good": [1.0, 2.0], "bad": [2.0, 1.0]}), folder / "other.parquet")
    with pytest.raises(InputError, match=r"other.parquet and .*toy.parquet have no architecture in common"):
        run(folder, replace(TOY, scores="other.parquet"))


def test_the_papers_single_metric(shared_data: Path) -> None:
    """Training-free, best: one architecture of the published table, at the published cost within half a per cent."""
    result = bench(["nasbench201/cifar10"], ["single"], [0], data_dir=shared_data)
    rows = of(result, "single:synflow")
    assert round(float(str(rows["test"][-1])), 2) == 94.37
    assert rows["rank"][-1] == 1
    assert sum(float(str(cost)) for cost in rows["cost"]) == pytest.approx(3702, rel=0.005)
    assert json.dumps(dict(result.skipped)) == "{}"
