"""What an export needs to know of a trained network."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized
from torch.utils._pytree import tree_leaves, tree_map

from untrained.errors import InputError


@dataclass(frozen=True, eq=False)
class Exportable:
    """A trained network together with what comes before and after it.

    Args:
        prepare: Raw batch -> inputs of the network.
        network: Inputs -> outputs. It is copied, and exported in evaluation mode.
        example: A raw batch of at least one sample: a tensor, or a tuple or dictionary of tensors, n x ... each.
        classes: The names of the classes, in the order of the outputs.
        kind: The task: "classification" ends in a softmax over dimension 1 and "multi-label" in a sigmoid if
            probabilities are asked for, and so do such heads of "several"; other outputs stay as they are.
        heads: Of "several", the name and kind of each head.
        restore: Outputs of the network -> outputs in the units of the targets; None if they are that.
        about: What a reader of the exported file should know, such as the architecture and the value of the search.
        preparation: A JSON document that says what `prepare` does.

    Example:
        >>> scale = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(4))
        >>> trained = Exportable(scale, nn.Linear(4, 2), torch.rand(3, 1, 2, 2), ("cat", "dog"))
        >>> trained.inputs, trained.whole()(trained.batch(5)).shape
        ({'inputs': 'float32 n x 1 x 2 x 2'}, torch.Size([5, 2]))
    """

    prepare: nn.Module
    network: nn.Module
    example: Any
    classes: tuple[str, ...] = ()
    kind: str = "classification"
    heads: Mapping[str, str] = field(default_factory=dict)
    restore: nn.Module | None = None
    about: Mapping[str, str] = field(default_factory=dict)
    preparation: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        leaves = tree_leaves(self.example)
        if not leaves or not all(isinstance(leaf, Tensor) and leaf.ndim and len(leaf) for leaf in leaves):
            raise InputError("an export needs an example batch: a tensor, or a tuple or dictionary of tensors, n x ...")

    def whole(self, probabilities: bool = True) -> "Whole":
        """Copies preprocessing, network and last step into one module on the CPU, in evaluation mode.

        Args:
            probabilities: Whether the outputs become probabilities, if the task has any.
        """
        last = last_step(self.kind, self.heads) if probabilities else None
        try:
            copies = deepcopy((self.prepare, self.network, self.restore or nn.Identity()))
        except (RuntimeError, TypeError) as error:
            raise InputError(f"the network cannot be copied, so it cannot be exported: {error}") from error
        for part in copies:
            _settle_parametrized(part)
        return Whole(*(part.cpu().eval() for part in copies), last=last)

    def batch(self, n: int) -> Any:
        """A raw batch of `n` samples: those of the example, again and again."""
        return tree_map(lambda t: t.detach().cpu()[torch.arange(n) % len(t)], self.example)

    @property
    def inputs(self) -> dict[str, str]:
        """Name -> type and shape of each raw input, such as {"images": "uint8 n x 3 x 32 x 32"}."""
        leaves = tree_leaves(self.example)
        if isinstance(self.example, Mapping):
            names = list(map(str, self.example))
        elif len(leaves) > 1:
            names = [f"input_{i}" for i in range(len(leaves))]
        else:
            names = ["images" if leaves[0].dtype == torch.uint8 and leaves[0].ndim == 4 else "inputs"]
        return {name: described(leaf) for name, leaf in zip(names, leaves, strict=True)}

    def meaning(self, probabilities: bool = True) -> str:
        """What the outputs are: "probabilities", "logits" or "outputs"."""
        if self.kind == "segmentation":
            return "logits"
        if self.kind not in LAST_STEPS:
            return "outputs"
        return "probabilities" if probabilities else "logits"


LAST_STEPS: dict[str, nn.Module] = {"classification": nn.Softmax(dim=1), "multi-label": nn.Sigmoid()}
"""Kind of task -> what makes probabilities of its outputs."""


class EachHead(nn.Module):
    """The last step of each head: a dictionary or a tuple of outputs -> the same of probabilities.

    Args:
        heads: Name -> kind of task, in the order of the outputs.
    """

    def __init__(self, heads: Mapping[str, str]) -> None:
        super().__init__()
        self.kinds = dict(heads)

    def forward(self, outputs: Any) -> Any:
        """Probabilities of heads that have any; other outputs as they are."""
        steps = {name: LAST_STEPS.get(kind, nn.Identity()) for name, kind in self.kinds.items()}
        if isinstance(outputs, Mapping):
            return {name: steps[name](part) if name in steps else part for name, part in outputs.items()}
        return tuple(step(part) for step, part in zip(steps.values(), outputs, strict=True))


def last_step(kind: str, heads: Mapping[str, str]) -> nn.Module | None:
    """What makes probabilities of outputs; None if nothing does.

    Args:
        kind: Of the task.
        heads: Name -> kind of task, of several heads.
    """
    if kind == "several" and LAST_STEPS.keys() & set(heads.values()):
        return EachHead(heads)
    return LAST_STEPS.get(kind)


class Whole(nn.Module):
    """Raw batch -> outputs.

    Args:
        prepare: Raw batch -> inputs of the network.
        network: Inputs -> outputs.
        restore: Outputs -> outputs in the units of the targets.
        last: What is done to these; None for nothing.
    """

    def __init__(
        self, prepare: nn.Module, network: nn.Module, restore: nn.Module, last: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.prepare = prepare
        self.network = network
        self.restore = restore
        self.last = last

    def forward(self, raw: Any) -> Any:
        """The outputs for a raw batch."""
        outputs = self.restore(self.network(self.prepare(raw)))
        return outputs if self.last is None else self.last(outputs)


def _settle_parametrized(network: nn.Module) -> None:
    """Makes plain parameters of weights that are computed from others, as weight normalisation does."""
    for module in list(network.modules()):
        if is_parametrized(module):
            names = list(module._modules["parametrizations"]._modules)  # pyright: ignore[reportOptionalMemberAccess]
            values = {name: getattr(module, name).detach().clone() for name in names}
            module.__class__ = type(module).__mro__[1]  # not removed by torch: copies share the class with the original
            del module._modules["parametrizations"]
            for name, value in values.items():
                module.register_parameter(name, nn.Parameter(value))


def described(tensor: Tensor) -> str:
    """Type and shape of a batch, as "uint8 n x 3 x 32 x 32"."""
    return " x ".join([f"{str(tensor.dtype).removeprefix('torch.')} n", *map(str, tensor.shape[1:])])
