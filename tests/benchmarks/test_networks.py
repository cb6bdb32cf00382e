"""Scores of our own for the networks of a benchmark."""

from pathlib import Path

import pytest

from untrained import Benchmark, NASBench201, Scoring, load_data
from untrained.benchmarks.networks import equal_networks, networks_of, score_benchmark
from untrained.errors import InputError
from untrained.scores import ScoreTable

SPACE = NASBench201(N=1, C=4, in_channels=1)
DEAD = "|{}~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|"
"""Cells whose first edge leads nowhere."""
SAME = [DEAD.format(op) for op in ("none", "nor_conv_1x1", "avg_pool_3x3")]
OTHERS = [DEAD.format("none").replace("3x3~0", f"{k}x{k}~0") for k in (1,)] + [SPACE.pool(3)[0]]


def table(folder: Path, archs: list[str]) -> Benchmark:
    rows = "\n".join(f"{arch},{50 + i}" for i, arch in enumerate(archs))
    (folder / "mine.csv").write_text(f"arch,acc\n{rows}\n")
    return Benchmark("mine", "digits", "acc", "mine.csv", "mine.csv", SPACE)


def test_equal_networks_stand_together() -> None:
    archs = [OTHERS[0], SAME[0], OTHERS[1], SAME[1], SAME[2]]
    groups = equal_networks(SPACE, archs)
    assert sorted(map(len, groups)) == [1, 1, 3]
    assert SAME in groups
    again = equal_networks(SPACE, [archs[0], *archs[:0:-1]])
    assert [set(group) for group in again] == [set(group) for group in groups]  # the order is not that of the table
    orders = {tuple(map(len, equal_networks(SPACE, archs, seed))) for seed in range(8)}
    assert len(orders) > 1


def test_a_prefix_is_scored_and_extended(tmp_path: Path) -> None:
    archs = [*SAME, *OTHERS]
    benchmark, path = table(tmp_path, archs), tmp_path / "scores.parquet"
    batch = load_data("digits").batch(8)
    counted = []
    for networks in (1, 3):
        scored = score_benchmark(
            benchmark, tmp_path, Scoring(["layers"], batch), path, networks=networks,
            progress=lambda done, total: counted.append((done, total)),
        )  # fmt: skip
        assert set(scored.archs) == {a for group in equal_networks(SPACE, archs)[:networks] for a in group}
    assert (1, 1) in counted
    assert (1, 3) in counted  # what was scored is there
    stored = ScoreTable.load(path)
    value = dict(zip(stored.archs, stored.values[:, 0].tolist(), strict=True))
    assert set(value) == set(archs)
    assert len({value[arch] for arch in SAME}) == 1
    # with one cell a stage: the stem, three convolutions in each of two reductions, the last layer, and three cells
    assert value[SAME[0]] == 1 + 2 * 3 + 1 + 3


def test_what_cannot_be_scored(tmp_path: Path) -> None:
    benchmark = table(tmp_path, SAME)
    scoring = Scoring(["layers"], load_data("digits").batch(8))
    with pytest.raises(InputError, match="2 networks: give 1 to 1, the distinct ones of mine/digits/acc"):
        score_benchmark(benchmark, tmp_path, scoring, tmp_path / "s.parquet", networks=2)
    with pytest.raises(InputError, match="its networks have 10 classes, the data 100"):
        networks_of(benchmark, {"num_classes": 100})
    with pytest.raises(InputError, match="no space builds its networks: give --space"):
        networks_of(Benchmark("mine", "a", "acc", "t.csv", "t.csv"), {})
    assert not (tmp_path / "s.parquet").exists()
