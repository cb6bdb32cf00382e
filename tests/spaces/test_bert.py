"""FlexiBERT's encoders: the published parameters, operations against torch's and SciPy's own, strings."""

import random
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import scipy.fft
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spaces.networks import losses, parameters
from untrained.errors import InputError
from untrained.spaces import BERTs, get_space, remade_space
from untrained.spaces.bert_network import SelfAttention, SpanConvolution, Transformed
from untrained.testing import check_space

SMALL = "32;SA-SDP-h2-f64x1;LT-DFT-h4-f128x2"
OPERATIONS = ("SA-SDP", "SA-WMA", "LT-DFT", "LT-DCT", "DSC-3", "DSC-5")


def test_all_published_parameters_are_reproduced(shared_data: Path) -> None:
    """The table counts encoders without a last layer, all at width 256 and with 1,024 features between linear layers:
    its authors' script makes networks with the defaults of these two. 38 of its architectures have them.
    """
    space = BERTs(2, 30522, 512, "flexibert")
    columns = ["arch", "metric_number_of_parameters"]
    rows = [row.values() for row in pq.read_table(shared_data / "flexibert_glue.parquet", columns=columns).to_pylist()]
    assert len(rows) == 491
    counted = [(re.sub(r"-f\d+", "-f1024", re.sub(r"^\d+", "256", arch)), arch, count) for arch, count in rows]
    assert sum(full == arch for full, arch, _ in counted) == 38
    for full, arch, published in counted:
        assert space.to_arch(space.to_params(arch)) == arch
        assert round(space.sizes(full)["params"] * 1e6) - (256 * 2 + 2) == published, arch
    for full, _, published in random.Random(0).sample(counted, 5):
        assert parameters(space, full) - (256 * 2 + 2) == published


def test_the_number_of_networks() -> None:
    """2 widths; 2 or 4 layers, each with 6 operations, 2 numbers of heads, 2 widths and 2 depths of linear layers."""
    assert BERTs(scale="flexibert").size == 2 * (48**2 + 48**4)


def test_parameters_counted_by_hand() -> None:
    """Width 32, 10 tokens, 7 places, 3 classes.

    embeddings 10*32 + 7*32 + norm 64 = 608. First layer: queries, keys, values and the layer behind 4*(32*32 + 32),
    norm 64, linear layers 32*64 + 64 + 64*32 + 32, norm 64, in all 8,544. Second: before the transform 32*32 + 32,
    linear layers 32*128 + 128 + 128*128 + 128 + 128*32 + 32, norm 64, in all 25,984. Head 32*3 + 3.
    """
    assert parameters(BERTs(3, 10, 7), SMALL) == 608 + 8544 + 25_984 + 99


def test_what_is_counted_is_what_the_networks_have() -> None:
    for scale in ("micro", "flexibert"):
        space, rng = BERTs(5, 30, 8, scale), random.Random(0)
        for _ in range(20):
            arch = space.crossover(space.mutate(space.sample(rng), rng), space.sample(rng), rng)
            assert space.to_arch(space.to_params(arch)) == arch == space.canonical(arch)
            assert space.sizes(arch)["params"] == parameters(space, arch) / 1e6


def test_attention_is_torchs_own() -> None:
    torch.manual_seed(0)
    ours, theirs, x = SelfAttention(16, 4).eval(), nn.MultiheadAttention(16, 4, batch_first=True), torch.randn(2, 7, 16)
    parts = [ours.query, ours.key, ours.value]
    theirs.load_state_dict(
        {
            "in_proj_weight": torch.cat([part.weight for part in parts]),
            "in_proj_bias": torch.cat([part.bias for part in parts]),
            "out_proj.weight": torch.eye(16),
            "out_proj.bias": torch.zeros(16),
        }
    )
    torch.testing.assert_close(ours(x), theirs(x, x, x)[0])
    weighted = SelfAttention(16, 4, weighted=True).eval()
    weighted.load_state_dict(ours.state_dict() | {"weight.weight": torch.eye(16)})
    torch.testing.assert_close(weighted(x), ours(x))


@pytest.mark.parametrize("length", [1, 6, 7])
def test_transforms_are_those_of_fourier_libraries(length: int) -> None:
    torch.manual_seed(0)
    x = torch.randn(2, length, 24)
    for heads in (2, 4):
        fourier, cosine = (Transformed(24, heads, cosine=cosine) for cosine in (False, True))
        parts = fourier.input(x).unflatten(-1, (heads, -1))
        torch.testing.assert_close(fourier(x), torch.fft.fft2(parts, dim=(1, 3)).real.flatten(2), atol=1e-4, rtol=1e-4)
        parts = cosine.input(x).unflatten(-1, (heads, -1)).detach().numpy()
        theirs = torch.as_tensor(scipy.fft.dctn(parts, axes=(1, 3))).flatten(2)
        torch.testing.assert_close(cosine(x), theirs, atol=1e-4, rtol=1e-4)


def test_a_convolution_weighs_each_place_by_a_kernel_of_its_own() -> None:
    """Place by place and head by head, written as ConvBERT's equations are."""
    torch.manual_seed(0)
    module, x = SpanConvolution(16, 4, 3).eval(), torch.randn(2, 6, 16)
    convolved = module(x)[..., 8:]
    query, values = module.query(x), module.conv_out(x)
    span = module.pointwise(F.conv1d(x.mT, module.depthwise.weight, padding=1, groups=16).mT)
    for place in range(6):
        kernels = module.conv_kernel(span[:, place] * query[:, place]).view(2, 2, 3).softmax(-1)
        for head in range(2):
            expected = torch.zeros(2, 4)
            for offset in (-1, 0, 1):
                if 0 <= place + offset < 6:
                    seen = values[:, place + offset, 4 * head : 4 * head + 4]
                    expected = expected + kernels[:, head, offset + 1, None] * seen
            torch.testing.assert_close(convolved[:, place, 4 * head : 4 * head + 4], expected)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_few_steps_lower_the_loss(operation: str) -> None:
    torch.manual_seed(0)
    space, arch = BERTs(3, 20, 12), f"32;{operation}-h4-f64x1;{operation}-h2-f64x2"
    tokens, labels = torch.randint(0, 20, (24, 12)), torch.arange(24) % 3
    assert space.build(arch)(tokens[:, :5]).shape == (24, 3)  # shorter sequences run
    before, after = losses(space, arch, tokens, labels, steps=40)
    assert after < before / 2


def test_the_order_of_tokens_counts_for_each_operation() -> None:
    torch.manual_seed(0)
    tokens = torch.arange(12).view(1, 12)
    for operation in OPERATIONS:
        net = BERTs(3, 20, 12).build(f"32;{operation}-h2-f64x1").eval()
        assert not torch.allclose(net(tokens), net(tokens.flip(1)), atol=1e-6), operation


def test_the_space_passes_the_checks_for_spaces() -> None:
    space, tokens = BERTs(3, 20, 12), torch.arange(96).view(8, 12) % 20
    batch: tuple[Tensor, Tensor] = tokens, torch.arange(8) % 3
    report = check_space(space, batch=batch, pool=4)
    assert report.passed, report


@pytest.mark.parametrize("arch", ["", "32", SMALL[1:] + ";", SMALL.replace("x1", ""), SMALL.replace(";", ",")])
def test_malformed_strings_are_named(arch: str) -> None:
    with pytest.raises(InputError, match=r"malformed architecture .*: expected the form 256;SA-WMA-h4"):
        BERTs().to_params(arch)


def test_wrong_values_and_options_are_named() -> None:
    with pytest.raises(InputError, match=r"operation_2=.*LT-XYZ.* is not one of SA-SDP"):
        BERTs().to_params(SMALL.replace("DFT", "XYZ"))
    with pytest.raises(InputError, match=r"with 2, 4 layers"):
        BERTs(scale="flexibert").to_params("256;SA-SDP-h2-f512x1")
    with pytest.raises(InputError, match="bert option scale='huge': choose from micro, flexibert"):
        BERTs(scale="huge")
    with pytest.raises(ValueError, match=r"sequences of 9 tokens: .* at most 8"):
        BERTs(length=8).build(SMALL)(torch.zeros(1, 9, dtype=torch.long))


def test_options_are_filled_from_the_data_and_remembered() -> None:
    space = get_space("bert", {"num_classes": 5, "vocabulary": 99, "length": 7})
    assert space == BERTs(5, 99, 7) == remade_space("bert", space.options)
