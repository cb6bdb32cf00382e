"""Networks, batches and values of the public implementations, and which metric and options give each of them."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from untrained.metrics import METRICS, Metric
from untrained.probe import Probe
from untrained.spaces.cell import parse_cell
from untrained.spaces.nasbench201_network import OPERATIONS, NASBench201Network

FOLDER = Path(os.environ.get("UNTRAINED_SHARED", Path(__file__).parents[3] / "shared")) / "reference"


@cache
def read(name: str) -> dict[str, Any]:
    return json.loads((FOLDER / name).read_text())


@cache
def batches() -> dict[str, Tensor]:
    return load_file(FOLDER / "batch.safetensors")


class Residual(nn.Module):
    def __init__(self, main: nn.Module, shortcut: nn.Module | None) -> None:
        super().__init__()
        self.main = main
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        return self.main(x) + (x if self.shortcut is None else self.shortcut(x))


def _module(layer: Mapping[str, Any]) -> nn.Module:
    match layer["type"]:
        case "conv":
            c_in, c_out, k = layer["in"], layer["out"], layer["k"]
            return nn.Conv2d(c_in, c_out, k, layer["s"], layer["p"], groups=layer["groups"], bias=layer["bias"])
        case "bn":
            return nn.BatchNorm2d(layer["c"])
        case "relu":
            return nn.ReLU()
        case "maxpool":
            return nn.MaxPool2d(layer["k"], layer["s"])
        case "avgpool":
            return nn.AvgPool2d(layer["k"], layer["s"])
        case "gap":
            return nn.AdaptiveAvgPool2d(1)
        case "flatten":
            return nn.Flatten()
        case "linear":
            return nn.Linear(layer["in"], layer["out"])
        case "residual":
            shortcut = _sequential(layer["shortcut"]) if layer["shortcut"] else None
            return Residual(_sequential(layer["main"]), shortcut)
    raise ValueError(layer["type"])


def _sequential(layers: list[Mapping[str, Any]]) -> nn.Sequential:
    return nn.Sequential(*map(_module, layers))


def network(name: str, dtype: torch.dtype, weights: Path | None = None) -> nn.Module:
    """The network called `name`, with its weights, and then those of the file `weights` where given."""
    spec = read("nets.json")[name]
    if spec["kind"] == "generic":
        net: nn.Module = _sequential(spec["layers"])
    else:
        cell = parse_cell(spec["arch_str"], tuple(OPERATIONS))
        net = NASBench201Network(cell, spec["N"], spec["C"], spec["classes"], spec["input"][0])
    net.load_state_dict(load_file(FOLDER / "weights" / f"{name}.safetensors"))
    if weights is not None:
        missing = net.load_state_dict(load_file(weights), strict=False)
        assert not missing.unexpected_keys
        with torch.no_grad():
            for key, parameter in net.named_parameters():
                if key.endswith("bias"):
                    parameter.zero_()
    return net.to(dtype)


@dataclass(frozen=True)
class Reading:
    """The metric that stands for one entry of the values, and what it is asked on."""

    metric: str
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    batch: str = "x"
    drawn_weights: bool = False

    def build(self) -> Metric:
        return METRICS[self.metric].with_options(**self.options)


@lru_cache(2)
def probe(name: str, dtype: torch.dtype, batch: str = "x", drawn_weights: bool = False, seed: int = 0) -> Probe:
    """The same for metrics that ask for the same one after the other: they share its passes."""
    drawn = FOLDER / "zen_draws" / f"{name}.safetensors" if drawn_weights else None
    net, b = network(name, dtype, drawn), batches()
    x = b[batch].to(dtype)
    if batch != "x":
        return Probe(net, x, seed=seed)
    return Probe(net, x, b["y"], second=(b["x2"].to(dtype), b["y2"]), seed=seed)


def score(name: str, reading: Reading, dtype: torch.dtype, seed: int = 0) -> float:
    return reading.build()(probe(name, dtype, reading.batch, reading.drawn_weights, seed))


_HNAS = {"mode": "train", "output": "target", "layerwise": True}
_GRADIENT = ("grad_norm", "snip", "plain", "grasp", "fisher", "l2_norm", "synflow", "synflow_bn")
_ITS_OWN = "zero-cost-nas-own-NAS201Model"

READINGS: dict[str, Reading] = {
    **{f"{name}/{code}": Reading(name) for name in _GRADIENT for code in ("zero-cost-nas", "NASLib")},
    **{f"{name}/{_ITS_OWN}": Reading(name) for name in (*_GRADIENT, "jacob_cov")},
    "zico/ZiCo": Reading("zico"),
    "zico_accumulating/MeCo": Reading("zico", {"halves": True, "accumulate": True}),
    "jacob_cov/zero-cost-nas": Reading("jacob_cov"),
    "jacov/NASLib": Reading("jacov"),
    "epe_nas/NASLib": Reading("epe_nas"),
    "nwot/NASLib": Reading("nwot"),
    "naswot_relu_only/nas-without-training": Reading("naswot"),
    "nwot_double_count/NASLib": Reading("nwot", {"by_class_name": True}),
    "naswot/nas-without-training": Reading("naswot", {"by_class_name": True}),
    "naswot_linear_kernel/HNAS": Reading("naswot", {"by_class_name": True, "kernel": "linear"}),
    "linear_regions_x/TENAS": Reading("linear_regions"),
    "linear_regions_lr/TENAS": Reading("linear_regions", batch="lr_x"),
    "swap/SWAP": Reading("swap"),
    "swap_regularised/SWAP": Reading("swap", {"mu": 100, "sigma": 5000}),
    "swap_random/SWAP": Reading("swap", {"draws": 1}),
    "ntk_cond_eval/TENAS": Reading("ntk_condition_number"),
    "ntk_cond_train/TENAS": Reading("ntk_condition_number", {"mode": "train"}),
    "ntk_cond/HNAS": Reading("ntk_condition_number", _HNAS),
    "ntk_trace/HNAS": Reading("ntk_trace"),
    "gradsign_sum/GradSign": Reading("gradsign"),
    "gradsign_mean/GradSign": Reading("gradsign", {"mean": True}),
    "vkdnw_entropy/VKDNW": Reading("vkdnw", {"reading": "code"}),
    "vkdnw_entropy_paper/VKDNW": Reading("vkdnw"),
    "vkdnw_dim/VKDNW": Reading("vkdnw", {"part": "dimension"}),
    "az_expressivity/AZ-NAS": Reading("az_expressivity"),
    "az_progressivity/AZ-NAS": Reading("az_progressivity"),
    "az_trainability/AZ-NAS": Reading("az_trainability", {"signs": "hash"}),
    "az_expressivity_random/AZ-NAS": Reading("az_expressivity", {"redraw": True}),
    "az_progressivity_random/AZ-NAS": Reading("az_progressivity", {"redraw": True}),
    "az_trainability_random/AZ-NAS": Reading("az_trainability", {"redraw": True}),
    "meco/MeCo": Reading("meco", {"inputs": "batch", "modules": "all"}, batch="meco_x"),
    "meco_random/MeCo": Reading("meco", {"size": 64, "modules": "all"}),
    "zen_fixed/NASLib": Reading("zen", {"reading": "code", "drawn": False}),
    "zen_gaussian_fixed/NASLib": Reading("zen", {"reading": "code", "drawn": False}, drawn_weights=True),
    "zen_random/NASLib": Reading("zen", {"reading": "code"}),
    "params/NASLib": Reading("params"),
    "flops/NASLib": Reading("flops"),
}

ANOTHER_NETWORK = {
    f"synflow/{_ITS_OWN}": "its own network keeps BatchNorm on in two blocks",
    f"l2_norm/{_ITS_OWN}": "its own network holds the weights of all five candidate operations",
}
"""Entries that no reading gives: the implementation scores another network than the one described."""
