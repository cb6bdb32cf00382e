"""TransNAS-Bench-101: strings, twins, sizes; against the published tables where they are there."""

import random
from collections import defaultdict
from itertools import product
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from spaces.behaviours import behaviour
from untrained.errors import InputError
from untrained.spaces import SearchSpace, TransNASMacro, TransNASMicro, get_space
from untrained.spaces.cell import EDGES
from untrained.spaces.transnas101 import TASKS

SPACES: tuple[SearchSpace, ...] = (TransNASMicro(), TransNASMacro())


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_strings_and_parameters_are_the_same_thing(space: SearchSpace) -> None:
    archs = list(space)
    assert len(archs) == len(set(archs)) == space.size
    for arch in archs[:: len(archs) // 100]:
        params = space.to_params(arch)
        assert space.to_arch(params) == arch
        assert all(dist._contains(dist.to_internal_repr(params[key])) for key, dist in space.distributions.items())


def test_operations_stand_on_their_edges() -> None:
    assert TransNASMicro().to_params("64-41414-1_02_333") == {
        "0->1": "skip_connect",
        "0->2": "none",
        "1->2": "nor_conv_1x1",
        "0->3": "nor_conv_3x3",
        "1->3": "nor_conv_3x3",
        "2->3": "nor_conv_3x3",
    }


def test_the_macro_space_is_what_the_rule_leaves() -> None:
    codes = ("".join(code) for depth in (4, 5, 6) for code in product("1234", repeat=depth))
    kept = {c for c in codes if 1 <= sum(d in "24" for d in c) <= 3 and 1 <= sum(d in "34" for d in c) <= 4}
    assert {arch.split("-")[1] for arch in TransNASMacro()} == kept
    assert len(kept) == 3256  # as published


@pytest.mark.parametrize(
    ("space", "arch"),
    [
        (TransNASMicro(), "64-41414-1_02_334"),
        (TransNASMicro(), "64-41414-1_02_33"),
        (TransNASMicro(), "64-4111-basic"),
        (TransNASMicro(), "64-41414-1_02_333\n"),
        (TransNASMacro(), "64-1111-basic"),
        (TransNASMacro(), "64-444-basic"),
        (TransNASMacro(), "64-4444-basic"),
        (TransNASMacro(), "32-4111-basic"),
        (TransNASMacro(), "64-41414-1_02_333"),
        (TransNASMacro(), ""),
    ],
)
def test_bad_strings_are_named(space: SearchSpace, arch: str) -> None:
    for use in (space.to_params, space.canonical, space.build):
        with pytest.raises(InputError, match="malformed architecture") as refusal:
            use(arch)
        assert repr(arch) in str(refusal.value)
        assert "\n" not in str(refusal.value)


def test_parameters_outside_the_macro_space_give_no_architecture() -> None:
    space = TransNASMacro()
    arch = space.to_arch({f"layer_{i}": "1" if i < 5 else "-" for i in range(1, 7)})
    assert arch == "64-1111-basic"
    with pytest.raises(InputError, match="malformed"):
        space.to_params(arch)


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_mutants_and_samples_stay_in_the_space(space: SearchSpace) -> None:
    rng = random.Random(0)
    arch = space.sample(rng)
    seen = set()
    for _ in range(300):
        mutant = space.mutate(arch, rng)
        before, after = space.to_params(arch), space.to_params(mutant)
        assert mutant != arch
        assert sum(before[key] != after[key] for key in before) == 1 or len(arch) != len(mutant)
        arch = mutant
        seen.add(len(arch))
    assert len(seen) == (3 if isinstance(space, TransNASMacro) else 1)


def test_twins() -> None:
    canonical = TransNASMicro().canonical
    # Nothing reaches the output; or one 1x1 convolution does, by one of two ways.
    assert canonical("64-41414-3_00_003") == "64-41414-0_00_000"
    assert canonical("64-41414-2_00_010") == canonical("64-41414-0_20_001") == canonical("64-41414-0_00_200")
    # A skip out of the input is a convolution where the cell changes its shape: one more, or one used twice.
    assert canonical("64-41414-1_00_020") != canonical("64-41414-0_00_200")
    assert canonical("64-41414-1_00_110") != canonical("64-41414-1_01_011")
    # Which of two equal convolutions comes first makes no difference; what they feed does.
    assert canonical("64-41414-2_30_011") == canonical("64-41414-3_20_011")
    assert canonical("64-41414-2_30_021") != canonical("64-41414-3_20_021")
    archs = list(TransNASMicro())
    twins = {canonical(arch) for arch in archs}
    assert {canonical(arch) for arch in twins} == twins


def test_twins_are_exactly_the_cells_that_compute_the_same() -> None:
    """A second derivation: in cells that keep the shape a skip is its input, elsewhere it is a convolution, too."""
    space, by_behaviour, by_twin = TransNASMicro(), defaultdict(set), defaultdict(set)
    for arch in space:
        ops = tuple(space.to_params(arch).values())
        changing = [f"reducing {op}" if i == 0 and op != "none" else op for (i, _), op in zip(EDGES, ops, strict=True)]
        by_behaviour[behaviour(ops), behaviour(changing)].add(arch)
        by_twin[space.canonical(arch)].add(arch)
    assert set(map(frozenset, by_behaviour.values())) == set(map(frozenset, by_twin.values()))


def test_twins_agree_with_the_table(shared_data: Path) -> None:
    """The table trained some twins once and copied the figures: what it holds equal, we hold equal."""
    columns = ["train_loss", "valid_loss", "test_loss"]
    table = pq.read_table(shared_data / "transnas101_micro_class_object.parquet", columns=["arch", *columns])
    groups = dict[tuple[float, ...], set[str]]()
    for arch, *figures in zip(*(table[name].to_pylist() for name in ("arch", *columns)), strict=True):
        groups.setdefault(tuple(figures), set()).add(TransNASMicro().canonical(arch))
    assert len(groups) == 2963
    assert all(len(group) == 1 for group in groups.values())


def test_sizes_by_hand() -> None:
    # Stem 864 + 64 + 18,432 + 128; one skip a cell, a convolution in the three that change shape; head 512 x 63 + 63.
    stem, skips = 864 + 64 + 18_432 + 128, 64 * 128 + 2 * 128 + 128 * 256 + 2 * 256 + 256 * 512 + 2 * 512
    sizes = TransNASMicro("class_scene").sizes("64-41414-0_00_100")
    assert sizes["params"] == (stem + skips + 512 * 63 + 63) / 1e6
    # Stem: 128 x 128 maps, then 64 x 64; 864 + 64 + 32 (ReLU) and 18,432 + 128 for each place.
    flops = 128**2 * (864 + 64 + 32) + 64**2 * (18_432 + 128)
    for channels, side in ((64, 64), (128, 32), (256, 16)):  # ReLU on what comes in, then half as high and wide
        flops += channels * side**2 + (channels * 2 * channels + 4 * channels) * (side // 2) ** 2
    assert sizes["flops"] == (flops + 512 * 9**2 + 512 * 63) / 1e6


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("space", [TransNASMicro, TransNASMacro], ids=["micro", "macro"])
def test_sizes_are_those_of_the_table(
    space: type[TransNASMicro] | type[TransNASMacro], task: str, shared_data: Path
) -> None:
    made = space(task)
    columns = ["arch", "metric_subset_params", "metric_subset_flops"]
    table = pq.read_table(shared_data / f"{made.name.replace('-', '_')}_{task}.parquet", columns=columns)
    archs, params, flops = (table[name].to_pylist() for name in columns)
    assert archs == list(made)
    known = [i for i, value in enumerate(params) if value is not None]
    assert len(known) > 600
    for i in known:
        assert made.sizes(archs[i]) == {"params": params[i], "flops": flops[i]}


def test_tasks_have_names() -> None:
    assert len(TASKS) == 7
    for task in TASKS:
        assert TransNASMacro(task).sizes("64-4111-basic")["params"] > 2
    options = {"task": "jigsaw", "num_classes": 1000, "in_channels": 3, "image_size": 64}
    assert get_space("transnas101-micro", task="jigsaw").options == options
    with pytest.raises(InputError, match=r"unknown TransNAS-Bench-101 task 'jig': choose from class_object, "):
        get_space("transnas101-micro", task="jig")
