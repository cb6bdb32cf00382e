"""NAS-Bench-101: published parameters, the published number of distinct cells, strings."""

import json
import random
from itertools import combinations, product
from pathlib import Path

import pytest
import torch

from spaces.networks import losses, parameters
from untrained.errors import InputError
from untrained.spaces import NASBench101, get_space, remade_space
from untrained.spaces.nasbench101 import OPS

SPACE = NASBench101()
INCEPTION = "conv1x1+conv3x3+conv3x3+conv3x3+maxpool3x3|01+02+03+05+16+26+34+46+56"


def test_parameters_of_500_published_cells_are_reproduced(shared_data: Path) -> None:
    table = json.loads((shared_data / "zc_nasbench101.json").read_text())["cifar10"]
    assert len(table) == 500
    for key, row in table.items():
        assert SPACE.sizes(SPACE.read(key))["params"] == row["params"], key
    for key in random.Random(0).sample(list(table), 5):
        assert parameters(SPACE, SPACE.read(key)) / 1e6 == table[key]["params"]


def test_the_published_number_of_distinct_cells() -> None:
    """1, 6, 84 and 2,441 graphs of 2 to 5 vertices (Ying et al., figure 1 of the supplement)."""
    found = dict[int, set[str]]()
    for vertices in (2, 3, 4, 5):
        pairs = [*combinations(range(vertices), 2)]
        known = found.setdefault(vertices, set())
        for ops in product(OPS, repeat=vertices - 2):
            for edges in product((0, 1), repeat=len(pairs)):
                arch = f"{'+'.join(ops)}|{'+'.join(f'{u}{v}' for (u, v), e in zip(pairs, edges, strict=True) if e)}"
                try:
                    known.add(SPACE.canonical(arch))
                except InputError:  # a vertex on no way, or no edge at all
                    continue
    assert {vertices: len(archs) for vertices, archs in found.items()} == {2: 1, 3: 6, 4: 84, 5: 2441}


def test_strings_say_what_has_an_effect() -> None:
    params = SPACE.to_params("conv1x1|01+12")
    assert {name for name, value in params.items() if value == 1} == {"edge_01", "edge_16"}
    assert SPACE.to_arch(params | {"op_3": "maxpool3x3", "edge_23": 1}) == "conv1x1|01+12"  # on no way
    assert [name for name in SPACE.decisions_of("conv1x1|01+12") if name.startswith("op")] == ["op_1"]
    rng = random.Random(0)
    for _ in range(50):
        arch = SPACE.sample(rng)
        assert SPACE.to_arch(SPACE.to_params(arch)) == arch
        assert SPACE.canonical(SPACE.canonical(arch)) == SPACE.canonical(arch)
        assert SPACE.canonical(SPACE.mutate(arch, rng)) != SPACE.canonical(arch)


def test_a_cell_can_gain_and_lose_vertices() -> None:
    rng, counts = random.Random(0), set[int]()
    arch = INCEPTION
    for _ in range(300):
        before, arch = arch, SPACE.mutate(arch, rng)
        assert SPACE.canonical(before) != arch == SPACE.canonical(arch)
        counts.add(len(arch.split("|")[0].split("+")))
    assert counts >= {1, 2, 3, 4, 5}


@pytest.mark.parametrize(
    ("arch", "words"),
    [
        ("", "malformed"),
        ("conv3x3|01+12|", "malformed"),
        ("conv7x7|01+12", "malformed"),
        ("conv3x3|01+13", "malformed"),
        ("conv3x3|10+12", "malformed"),
        ("conv3x3|02", "each on a way from input to output"),
        (INCEPTION + "+36", "at most 9 edges"),
        ("(0, 1, 1)", "49 numbers"),
    ],
)
def test_bad_strings_are_named(arch: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        SPACE.read(arch)


def test_the_network_maps_images_to_logits() -> None:
    space = NASBench101(N=1, C=8, num_classes=4, in_channels=1)
    for arch in ("|01", "conv3x3|01+02+12", INCEPTION):
        assert space.build(arch)(torch.randn(2, 1, 9, 6)).shape == (2, 4)
        assert parameters(space, arch) / 1e6 == space.sizes(arch)["params"]


def test_a_few_steps_lower_the_loss() -> None:
    torch.manual_seed(0)
    images, labels = torch.randn(16, 1, 8, 8), torch.arange(16) % 4
    before, after = losses(NASBench101(1, 8, 4, 1), INCEPTION, images, labels, steps=20)
    assert after < before / 2


def test_options_are_filled_from_the_data_and_remembered() -> None:
    space = get_space("nasbench101", {"num_classes": 4, "in_channels": 1, "image_size": 8}, N=1)
    assert space == NASBench101(1, 128, 4, 1) == remade_space("nasbench101", space.options)
    with pytest.raises(InputError, match=r"C=4: .*give at least 5"):
        NASBench101(C=4)
