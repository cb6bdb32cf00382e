"""A pool that is read piece by piece has the candidates that it has in memory."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from untrained import ArchitectureList, ScoreTable
from untrained.errors import InputError
from untrained.samplers import Mixture, mixture, shortlist
from untrained.samplers.query import Query

N, MOST = 3_000, 200
ARCHS = tuple(f"a{k}" for k in range(N))


@pytest.fixture
def whole(monkeypatch: pytest.MonkeyPatch) -> ScoreTable:
    monkeypatch.setattr(mixture, "CANDIDATES", MOST)
    rng = np.random.default_rng(0)
    values = rng.lognormal(size=(N, 4)).round(2)  # with ties
    values[:, 3] = 7.0  # tells nothing
    values[rng.random((N, 4)) < 0.02] = np.nan
    values[:, 3] = np.where(np.isnan(values[:, 3]), 7.0, values[:, 3])
    told = ("the network calls no ReLU", "the kernel is singular")
    reasons = {ARCHS[i]: {"snip": told[i % 2]} for i in np.flatnonzero(np.isnan(values[:, 0]))}
    return ScoreTable(ARCHS, ("snip", "ntk_condition_number", "m", "same"), values, reasons, {"seed": 0})


def in_groups(table: ScoreTable, path: Path) -> Path:
    table.save(path)
    pq.write_table(pq.read_table(path), path, row_group_size=300)
    return path


def test_it_has_the_candidates_of_the_table_in_memory_with_their_places(whole: ScoreTable, tmp_path: Path) -> None:
    found = shortlist(in_groups(whole, tmp_path / "pool.parquet"), seed=3, most=MOST)
    space = ArchitectureList(ARCHS)
    in_memory, short = (Mixture(table, space, budget=9, seed=3) for table in (whole, found))
    rows = in_memory._candidates
    assert set(found.archs) == {whole.archs[row] for row in rows}
    assert len(found) == len(rows) == MOST
    place = np.array([whole.index[arch] for arch in found.archs])
    np.testing.assert_array_equal(found.values, whole.values[place])
    assert found.directions == whole.directions
    assert found.reasons == {arch: whole.reasons[arch] for arch in found.archs if arch in whole.reasons}
    np.testing.assert_allclose(short._metrics, in_memory._metrics[place], rtol=1e-12)


def test_a_search_knows_as_much_by_it(whole: ScoreTable, tmp_path: Path) -> None:
    found = shortlist(in_groups(whole, tmp_path / "pool.parquet"), seed=3, most=MOST)
    space = ArchitectureList(ARCHS)
    in_memory, short = (Mixture(table, space, budget=9, seed=3) for table in (whole, found))
    history = [Query(found.archs[k], float(found.values[k, 2]), number=k) for k in range(6) if found.values[k, 2] > 0]
    rows = {arch: k for k, arch in enumerate(found.archs)}
    trusts = [sampler.choose(history).metric_weights for sampler in (in_memory, short)]
    assert trusts[0] == pytest.approx(trusts[1], rel=0.01)
    assert short.choose(history).architecture in rows


def test_a_small_pool_is_whole_and_no_csv_is_read(whole: ScoreTable, tmp_path: Path) -> None:
    path = in_groups(whole, tmp_path / "pool.parquet")
    assert shortlist(path, ["m"], most=N).fingerprint == ScoreTable.load(path, ["m"]).fingerprint
    assert shortlist(path, most=MOST).fingerprint != shortlist(path, seed=1, most=MOST).fingerprint
    some = shortlist(path, most=MOST)
    picked = some.select(some.archs[:5], ["m"])
    assert some.quantiles is not None
    np.testing.assert_array_equal(picked.quantiles, some.quantiles[:5, [2]])
    whole.save(tmp_path / "pool.csv")
    with pytest.raises(InputError, match="from Parquet"):
        shortlist(tmp_path / "pool.csv")
    with pytest.raises(InputError, match="no metric column 'n'"):
        shortlist(path, ["n"], most=MOST)
