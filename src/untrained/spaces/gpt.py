"""The search space of HW-GPT-Bench (Sukthanker et al., "HW-GPT-Bench", NeurIPS 2024): GPTs."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from torch import nn

from untrained.errors import InputError, listed, shown
from untrained.spaces.attention import drawn_layer
from untrained.spaces.conditional import ConditionalSpace
from untrained.spaces.facts import check_whole
from untrained.spaces.gpt_network import GPT
from untrained.spaces.outline import Outline
from untrained.spaces.picture import Chain, Picture, Stage


@dataclass(frozen=True)
class Scale:
    """Bounds of a space: the widths; (least, most, step) of layers, heads and ratios; features of a head."""

    width: tuple[int, ...]
    layers: tuple[int, int, int]
    heads: tuple[int, int, int]
    ratio: tuple[int, int, int]
    head_width: int


SCALES = {
    "micro": Scale((32, 64, 96, 128), (1, 6, 1), (2, 8, 2), (1, 4, 1), head_width=16),
    "small": Scale((192, 384, 768), (10, 12, 1), (4, 12, 4), (2, 4, 1), head_width=64),
}
"""Name -> bounds: of small networks for few cores, and of HW-GPT-Bench's small scale."""


@dataclass(frozen=True)
class GPTs(ConditionalSpace):
    """Language models: width, number of layers, biases, and for each layer its heads and the ratio of its MLP.

    `e384;l10;h12,4,...;m2,3,...;b0`, as HW-GPT-Bench writes it: width, layers, heads and ratio of each layer, biases.
    With `scale="small"` and a vocabulary of 50,254 tokens, the parameters are those of the benchmark, which counts
    the embedding and the last layer apart.

    The networks give, for each place of a sequence, logits of the next token: n x length tokens become
    n x vocabulary x length outputs. Their targets are the same sequences, one place further.

    Args:
        vocabulary: how many tokens there are; they are the numbers from 0.
        length: tokens of a sequence; shorter sequences run, too.
        scale: bounds of the decisions: `micro` or `small`.

    Raises:
        InputError: if an option is not a whole number of at least 1, or there is no such scale.

    Example:
        >>> space = GPTs(vocabulary=50254, scale="small")
        >>> arch = "e384;l10;h12,4,12,12,4,4,4,8,12,4;m2,3,4,2,3,3,2,3,2,4;b0"
        >>> space.sizes(arch)
        {'params': 58.468608}
    """

    vocabulary: int = 256
    length: int = 128
    scale: str = "micro"

    def __post_init__(self) -> None:
        check_whole(self.name, vocabulary=self.vocabulary, length=self.length)
        if self.scale not in SCALES:
            raise InputError(f"gpt option scale={shown(self.scale)}: choose from {listed(SCALES)}")

    @property
    def name(self) -> str:
        """`gpt`."""
        return "gpt"

    @property
    def distributions(self) -> Mapping[str, BaseDistribution]:
        """`width`, `layers`, `bias`, and `heads_i`, `ratio_i` of each layer i."""
        return _DISTRIBUTIONS[self.scale]

    def inactive(self, params: Mapping[str, Any]) -> list[str]:
        """The heads and ratios of layers that the network does not have."""
        most = SCALES[self.scale].layers[1]
        return [f"{name}_{i}" for i in range(params["layers"] + 1, most + 1) for name in ("heads", "ratio")]

    @property
    def size(self) -> int:
        """For each width, number of layers and biases or none, the heads and ratios of so many layers."""
        counts = {name: self.decisions[name].count or 0 for name in ("width", "bias", "heads_1", "ratio_1")}
        least, most, _ = SCALES[self.scale].layers
        layer = counts["heads_1"] * counts["ratio_1"]
        return counts["width"] * counts["bias"] * sum(layer**depth for depth in range(least, most + 1))

    def to_arch(self, params: Mapping[str, Any]) -> str:
        """The string of the benchmark, which has no place for decisions without an effect."""
        params = self.active(params)
        layers = params["layers"]
        heads, ratios = (
            ",".join(str(params[f"{name}_{i}"]) for i in range(1, layers + 1)) for name in ("heads", "ratio")
        )
        return f"e{params['width']};l{layers};h{heads};m{ratios};b{params['bias']}"

    def to_params(self, arch: str) -> dict[str, Any]:
        """Decision -> value, of the layers that there are."""
        match = re.fullmatch(r"e(\d+);l(\d+);h([\d,]+);m([\d,]+);b([01])", arch, re.ASCII)
        width, layers, *lists, bias = match.groups() if match else ("", "0", "", "", "")
        texts = {name: text.split(",") for name, text in zip(("heads", "ratio"), lists, strict=True)}
        least, most, _ = SCALES[self.scale].layers
        if not least <= int(layers) <= most or any(len(values) != int(layers) for values in texts.values()):
            form = f"expected the form e384;l10;h12,4,...;m2,3,...;b0 with {least} to {most} layers"
            raise InputError(f"malformed architecture {shown(arch)}: {form}")
        decisions = self.decisions
        params = {name: decisions[name].read(text) for name, text in (("width", width), ("bias", bias))}
        params["layers"] = int(layers)
        for i in range(1, int(layers) + 1):
            params |= {f"{name}_{i}": decisions[f"{name}_{i}"].read(values[i - 1]) for name, values in texts.items()}
        return params

    def build(self, arch: str) -> nn.Module:
        """The network; see `GPT`."""
        p = self.to_params(arch)
        layers = [(p[f"heads_{i}"], p[f"ratio_{i}"] * p["width"]) for i in range(1, p["layers"] + 1)]
        head_width = SCALES[self.scale].head_width
        return GPT(p["width"], layers, head_width, self.vocabulary, self.length, bias=bool(p["bias"]))

    def picture(self, arch: str, inputs: Any = None) -> Picture:
        """The network, layer by layer."""
        p = self.to_params(arch)
        net = Outline(lambda: self.build(arch), self.options, inputs)
        layers = [
            drawn_layer(net, f"blocks.{i - 1}", p[f"heads_{i}"], p[f"ratio_{i}"]) for i in range(1, p["layers"] + 1)
        ]
        stages = (
            Stage((net.input(),)),
            Stage((net.block("embedding", "embedding", "wte"),)),
            Stage(tuple(layers)),
            Stage((net.block("linear", "linear", "ln_f", "lm_head", details=("the next token",)),)),
        )
        return Picture(self.name, arch, (Chain("network", stages),), net.params(""))

    def sizes(self, arch: str) -> dict[str, float]:
        """`params` in millions, counted without building the network."""
        p = self.to_params(arch)
        width, params = p["width"], 2 * self.vocabulary * p["width"] + 2 * p["width"]
        for i in range(1, p["layers"] + 1):
            inner, hidden = p[f"heads_{i}"] * SCALES[self.scale].head_width, p[f"ratio_{i}"] * width
            params += 4 * width * inner + 3 * width * hidden + 4 * width
            params += p["bias"] * (3 * inner + width + 2 * hidden + width)
        return {"params": params / 1e6}


def _distributions(scale: Scale) -> dict[str, BaseDistribution]:
    def bounds(values: tuple[int, int, int]) -> IntDistribution:
        return IntDistribution(values[0], values[1], step=values[2])

    return {
        "width": CategoricalDistribution(scale.width),
        "layers": bounds(scale.layers),
        "bias": IntDistribution(0, 1),
        **{
            f"{name}_{i}": bounds(values)
            for i in range(1, scale.layers[1] + 1)
            for name, values in (("heads", scale.heads), ("ratio", scale.ratio))
        },
    }


_DISTRIBUTIONS = {name: _distributions(scale) for name, scale in SCALES.items()}
