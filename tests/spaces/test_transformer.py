"""Transformers for sequences: counted by hand, against torch's own layer, trained a little."""

import pytest
import torch
from torch import nn

from spaces.networks import losses, parameters
from untrained.errors import InputError
from untrained.spaces import Transformers, get_space, remade_space
from untrained.spaces.attention import Block

SPACE = Transformers(num_classes=3, vocabulary=20, length=12)


def test_parameters_counted_by_hand() -> None:
    """Width 16, two layers of ratio 2.

    embeddings 20*16 + 12*16 = 512; each layer: two norms 64, queries, keys and values 16*48 + 48 = 816, projection
    16*16 + 16 = 272, MLP 16*32 + 32 + 32*16 + 16 = 1,072, in all 2,224; last norm 32, head 16*3 + 3 = 51.
    """
    assert parameters(SPACE, "width=16,depth=2,heads=4,ratio=2,dropout=0.1") == 512 + 2 * 2224 + 32 + 51


def test_what_is_counted_is_what_the_networks_have() -> None:
    assert SPACE.size == 8 * 6 * 4 * 4 * 4
    for arch in SPACE.pool(20):
        assert SPACE.sizes(arch)["params"] == parameters(SPACE, arch) / 1e6


def test_a_block_computes_what_torchs_own_layer_does() -> None:
    torch.manual_seed(0)
    ours = Block(16, 4, 40).eval()
    theirs = nn.TransformerEncoderLayer(
        16, 4, 40, activation="gelu", batch_first=True, norm_first=True, dropout=0.0
    ).eval()
    renamed = {"attn.qkv.": "self_attn.in_proj_", "attn.proj": "self_attn.out_proj", "mlp.fc": "linear"}

    def name(ours: str) -> str:
        for old, new in renamed.items():
            ours = ours.replace(old, new)
        return ours

    theirs.load_state_dict({name(key): value for key, value in ours.state_dict().items()})
    x = torch.randn(3, 7, 16)
    torch.testing.assert_close(ours(x), theirs(x))
    causal = Block(16, 4, 40, causal=True).eval()
    causal.load_state_dict(ours.state_dict())
    mask = nn.Transformer.generate_square_subsequent_mask(7)
    torch.testing.assert_close(causal(x), theirs(x, src_mask=mask, is_causal=True))


def test_a_few_steps_lower_the_loss() -> None:
    torch.manual_seed(0)
    tokens, labels = torch.randint(0, 20, (24, 12)), torch.arange(24) % 3
    for arch in SPACE.pool(3, seed=1):
        assert SPACE.build(arch)(tokens[:, :5]).shape == (24, 3)  # shorter sequences run
        before, after = losses(SPACE, arch, tokens, labels, steps=20)
        assert after < before / 2


def test_options_are_filled_from_the_data_and_remembered() -> None:
    space = get_space("transformer", {"num_classes": 2, "vocabulary": 99, "length": 7})
    assert space == Transformers(2, 99, 7) == remade_space("transformer", space.options)
    with pytest.raises(InputError, match="transformer option length=0: give a whole number"):
        Transformers(length=0)
    with pytest.raises(ValueError, match=r"sequences of 9 tokens: .* at most 7"):
        space.build(space.pool(1)[0])(torch.zeros(1, 9, dtype=torch.long))
