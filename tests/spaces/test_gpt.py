"""HW-GPT-Bench's language models: the published parameters, causality, strings."""

import random
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch

from spaces.networks import losses, parameters
from untrained.errors import InputError
from untrained.spaces import GPTs, get_space, remade_space

SMALL = "e32;l2;h2,4;m1,2;b1"


def test_all_published_parameters_are_reproduced(shared_data: Path) -> None:
    space = GPTs(vocabulary=50254, length=1024, scale="small")
    rows = pq.read_table(shared_data / "hwgpt_small.parquet", columns=["arch", "params"]).to_pylist()
    assert len(rows) == 10_000
    for row in rows:
        assert space.sizes(row["arch"])["params"] == row["params"] / 1e6, row["arch"]
    for row in random.Random(0).sample(rows, 5):
        assert space.to_arch(space.to_params(row["arch"])) == row["arch"]
        assert parameters(space, row["arch"]) == row["params"]


def test_parameters_counted_by_hand() -> None:
    """Width 32, 10 tokens, heads of 16.

    embedding and last layer 2*10*32; each layer two norms of 64; first layer: queries, keys and values 32*96 + 96,
    projection 32*32 + 32, MLP 2*(32*32 + 32) + 32*32 + 32, in all 7,520; second: 32*192 + 192, 64*32 + 32,
    2*(32*64 + 64) + 64*32 + 32, in all 14,848; last norm 64.
    """
    assert parameters(GPTs(vocabulary=10), SMALL) == 640 + 7520 + 14_848 + 64


def test_the_number_of_networks() -> None:
    """HW-GPT-Bench's small scale: 3 widths, with biases or without, 10 to 12 layers of 3 heads x 3 ratios."""
    assert GPTs(scale="small").size == 3 * 2 * (9**10 + 9**11 + 9**12)


def test_what_is_counted_is_what_the_networks_have() -> None:
    space, rng = GPTs(vocabulary=30, length=8), random.Random(0)
    for _ in range(20):
        arch = space.mutate(space.sample(rng), rng)
        assert space.to_arch(space.to_params(arch)) == arch == space.canonical(arch)
        assert space.sizes(arch)["params"] == parameters(space, arch) / 1e6


def test_a_token_changes_what_stands_behind_it_only() -> None:
    torch.manual_seed(0)
    net, tokens = GPTs(vocabulary=30, length=12).build(SMALL), torch.randint(0, 30, (2, 12))
    before = net(tokens)
    assert before.shape == (2, 30, 12)
    tokens[:, 5] = (tokens[:, 5] + 1) % 30
    after = net(tokens)
    assert torch.equal(before[..., :5], after[..., :5])
    assert (before[..., 5:] != after[..., 5:]).any(1).all()


def test_positions_are_seen_by_their_distance_only() -> None:
    """Rotary positions: of equal tokens, each place attends alike; of different ones, their order counts."""
    torch.manual_seed(0)
    net = GPTs(vocabulary=30, length=12).build(SMALL)
    equal = net(torch.full((1, 12), 7))
    torch.testing.assert_close(equal, equal[..., :1].expand_as(equal))
    ordered = net(torch.tensor([[1, 2, 3], [2, 1, 3]]))
    assert not torch.allclose(ordered[0, :, -1], ordered[1, :, -1], atol=1e-9)


def test_a_few_steps_lower_the_loss() -> None:
    torch.manual_seed(0)
    text = torch.randint(0, 9, (4, 13)).repeat(1, 2)
    before, after = losses(GPTs(9, 25), SMALL, text[:, :-1], text[:, 1:], steps=40)
    assert after < before / 1.5


@pytest.mark.parametrize("arch", ["", SMALL[1:], SMALL.replace("l2", "l3"), SMALL.replace("b1", "b2"), SMALL + ";"])
def test_malformed_strings_are_named(arch: str) -> None:
    with pytest.raises(InputError, match="malformed architecture"):
        GPTs().to_params(arch)


def test_wrong_values_and_options_are_named() -> None:
    with pytest.raises(InputError, match=r"width=.*33.* is not one of 32"):
        GPTs().to_params(SMALL.replace("e32", "e33"))
    with pytest.raises(InputError, match="gpt option scale='huge': choose from micro, small"):
        GPTs(scale="huge")
    with pytest.raises(ValueError, match=r"sequences of 9 tokens: .* at most 8"):
        GPTs(length=8).build(SMALL)(torch.zeros(1, 9, dtype=torch.long))


def test_options_are_filled_from_the_data_and_remembered() -> None:
    space = get_space("gpt", {"num_classes": 99, "vocabulary": 99, "length": 7})
    assert space == GPTs(99, 7) == remade_space("gpt", space.options)
