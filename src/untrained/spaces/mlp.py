"""Perceptrons for tables, plain and residual (Gorishniy et al., "Revisiting Deep Learning Models for Tabular Data",
NeurIPS 2021).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from torch import Tensor, nn

from untrained.spaces.conditional import ConditionalSpace
from untrained.spaces.facts import check_whole
from untrained.spaces.outline import Outline
from untrained.spaces.picture import Chain, Picture, Stage

NARROWEST = 8
"""Units of the narrowest layer."""
WIDEST = 1024
"""Units of the widest first layer."""
ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "gelu": nn.GELU, "silu": nn.SiLU}
NORMS: dict[str, type[nn.Module]] = {"none": nn.Identity, "batch": nn.BatchNorm1d, "layer": nn.LayerNorm}


@dataclass(frozen=True)
class MLPs(ConditionalSpace):
    """Perceptrons for tables: layers, width and its course, activation, normalisation, dropout, residual connections.

    From a linear model (`depth=0`) to six layers of 1,024 units, for tables of a hundred rows to hundreds of thousands.
    In a `funnel`, each layer has half the units of the one before, and at least 8; in a `block`, all have `width`.
    With `residual`, each layer but the first adds its input to its output.

    Strings have the decisions with an effect only: `depth=0` says all of a linear model, and one layer has neither
    `shape` nor `residual`.

    Args:
        num_classes: outputs of the network; 1 for one number (regression).
        in_features: columns of the table, as they reach the network.

    Raises:
        InputError: if an option is not a whole number of at least 1.

    Example:
        >>> space = MLPs(num_classes=3, in_features=4)
        >>> space.sizes("depth=1,width=8,act=relu,norm=none,dropout=0.0")
        {'params': 6.7e-05, 'flops': 6.4e-05}
    """

    num_classes: int = 10
    in_features: int = 16

    def __post_init__(self) -> None:
        check_whole(self.name, num_classes=self.num_classes, in_features=self.in_features)

    @property
    def name(self) -> str:
        """`mlp`."""
        return "mlp"

    @property
    def distributions(self) -> Mapping[str, BaseDistribution]:
        """`depth`, `width`, `shape`, `act`, `norm`, `dropout`, `residual`."""
        return _DISTRIBUTIONS

    def inactive(self, params: Mapping[str, Any]) -> tuple[str, ...]:
        """Everything else in a linear model; `shape` and `residual` in a network of one layer."""
        if params["depth"] == 0:
            return tuple(name for name in _DISTRIBUTIONS if name != "depth")
        return ("shape", "residual") if params["depth"] == 1 else ()

    @property
    def size(self) -> int:
        """The linear model, networks of one layer, and those of two to six."""
        counts = {name: decision.count or 0 for name, decision in self.decisions.items()}
        one = prod(counts[name] for name in ("width", "act", "norm", "dropout"))
        return 1 + one + (counts["depth"] - 2) * one * counts["shape"] * counts["residual"]

    def build(self, arch: str) -> nn.Module:
        """The network: n x in_features rows -> n x num_classes outputs."""
        p = self.to_params(arch)
        widths = _widths(p)
        layers = [
            Layer(before, units, p["act"], p["norm"], p["dropout"], residual=k > 0 and p["residual"])
            for k, (before, units) in enumerate(zip((self.in_features, *widths), widths, strict=False))
        ]
        return nn.Sequential(*layers, nn.Linear((self.in_features, *widths)[-1], self.num_classes))

    def picture(self, arch: str, inputs: Any = None) -> Picture:
        """The network, layer by layer."""
        p = self.to_params(arch)
        net = Outline(lambda: self.build(arch), self.options, inputs)
        layers = [
            net.block(
                "linear",
                "linear",
                str(k),
                details=(
                    f"{p['norm']} norm" if p["norm"] != "none" else "",
                    p["act"],
                    f"dropout {p['dropout']:g}" if p["dropout"] else "",
                    "residual" if k and p["residual"] else "",
                ),
            )
            for k in range(p["depth"])
        ]
        hidden = [Stage(tuple(layers))] if layers else []
        stages = (Stage((net.input(),)), *hidden, Stage((net.block("linear", "linear", str(p["depth"])),)))
        return Picture(self.name, arch, (Chain("network", stages),), net.params(""))

    def sizes(self, arch: str) -> dict[str, float]:
        """`params` and `flops` in millions, counted without building the network."""
        p = self.to_params(arch)
        params = flops = 0
        units = self.in_features
        for k, width in enumerate(_widths(p)):
            projected = k > 0 and p["residual"] and units != width
            weights = units * width * (1 + projected)
            params += weights + width * (1 + 2 * (p["norm"] != "none"))
            flops += weights + width * (2 * (p["norm"] == "batch") + (p["act"] == "relu"))
            units = width
        params += units * self.num_classes + self.num_classes
        flops += units * self.num_classes
        return {"params": params / 1e6, "flops": flops / 1e6}


_DISTRIBUTIONS: dict[str, BaseDistribution] = {
    "depth": IntDistribution(0, 6),
    "width": IntDistribution(NARROWEST, WIDEST, log=True),
    "shape": CategoricalDistribution(("block", "funnel")),
    "act": CategoricalDistribution(tuple(ACTIVATIONS)),
    "norm": CategoricalDistribution(tuple(NORMS)),
    "dropout": FloatDistribution(0.0, 0.5, step=0.1),
    "residual": CategoricalDistribution((False, True)),
}


def _widths(params: Mapping[str, Any]) -> Sequence[int]:
    halvings = range(params["depth"]) if params.get("shape") == "funnel" else [0] * params["depth"]
    return [max(NARROWEST, params["width"] >> k) for k in halvings]


class Layer(nn.Module):
    """Linear layer, normalisation, activation, dropout; around them the input is added if wanted.

    Weights are drawn as in He et al. (ICCV 2015), and biases are zero.

    Args:
        before, units: features of the input and of the output.
        act: a name of `ACTIVATIONS`.
        norm: a name of `NORMS`.
        dropout: the probability that a unit is dropped.
        residual: add the input, by a linear map without a bias if its number of features differs.
    """

    def __init__(self, before: int, units: int, act: str, norm: str, dropout: float, *, residual: bool) -> None:
        super().__init__()
        self.linear = nn.Linear(before, units)
        self.norm = NORMS[norm](units)
        self.act = ACTIVATIONS[act]()
        self.dropout = nn.Dropout(dropout)
        self.residual = residual
        self.shortcut = nn.Linear(before, units, bias=False) if residual and before != units else nn.Identity()
        nn.init.kaiming_normal_(self.linear.weight, nonlinearity="relu")
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: Tensor) -> Tensor:
        """n x before -> n x units."""
        y = self.dropout(self.act(self.norm(self.linear(x))))
        return y + self.shortcut(x) if self.residual else y
