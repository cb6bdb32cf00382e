"""Every metric on a device that is not the CPU, for machines that have none; prints what it finds as JSON.

    python tests/probe/second_device.py networks    # scores there and on the CPU
    python tests/probe/second_device.py drawing     # of a network that draws random numbers there

The device is an acting one: its tensors hold CPU tensors, which do the work. As with a GPU, an operation on tensors of
two devices fails (but for numbers, and indices), none of its tensors is a numpy array, and it has its own stream of
random numbers. PyTorch takes a device before the first backward pass only: that is why this is a program of its own.
"""

import copy
import json
import sys
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

from untrained.metrics import METRICS
from untrained.probe import Probe
from untrained.runtime import seeding
from untrained.spaces import NASBench201


class Module:
    """What `torch.acting` offers."""

    stream = torch.Generator()

    def get_rng_state(self, _device: Any) -> Tensor:
        return self.stream.get_state()

    def set_rng_state(self, state: Tensor, _device: Any) -> None:
        self.stream.set_state(state)

    def is_initialized(self) -> bool:
        return True

    def is_available(self) -> bool:
        return True

    def device_count(self) -> int:
        return 1

    def current_device(self) -> int:
        return 0

    def manual_seed_all(self, seed: int) -> None:
        self.stream.manual_seed(seed)

    def _is_in_bad_fork(self) -> bool:
        return False

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16]

    def synchronize(self, _device: Any) -> None:
        pass


class Acting(Tensor):
    """A tensor of the device."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> "Acting":
        shape = {"strides": held.stride(), "storage_offset": held.storage_offset()}
        tensor = Tensor._make_wrapper_subclass(cls, held.size(), dtype=held.dtype, device=DEVICE, **shape)
        tensor.held = held
        return tensor

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return call(func, args, kwargs or {})


class OnDevices(TorchDispatchMode):
    """Inside, tensors can be made on the device and brought there."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return call(func, args, kwargs or {})


module = Module()
_setup_privateuseone_for_python_backend("acting", backend_module=module)
DEVICE = torch.device("acting:0")
ACROSS = ("copy_", "_to_copy", "index", "index_put", "index_put_")
"""Operations that take tensors of the CPU, too, as on CUDA."""


def call(func: Any, args: Any, kwargs: Any) -> Any:
    parts, structure = pytree.tree_flatten((args, kwargs))
    there = [part for part in parts if isinstance(part, Acting)]
    here = [part for part in parts if isinstance(part, Tensor) and not isinstance(part, Acting) and part.ndim > 0]
    target = kwargs.get("device")
    if there and here and func.__name__.partition(".")[0] not in ACROSS:
        raise RuntimeError(f"expected all tensors to be on the same device: {func}")
    on = bool(there) if target is None else torch.device(target).type == DEVICE.type
    if func.__name__.startswith("copy_"):
        on = isinstance(args[0], Acting)
    held = [part.held if isinstance(part, Acting) else part for part in parts]
    held = [torch.device("cpu") if isinstance(part, torch.device) else part for part in held]
    args, kwargs = pytree.tree_unflatten(held, structure)
    if not on:
        return func(*args, **kwargs)
    state = torch.get_rng_state()
    torch.set_rng_state(module.stream.get_state())
    output = func(*args, **kwargs)
    module.stream.set_state(torch.get_rng_state())
    torch.set_rng_state(state)
    known = {id(part.held): part for part in there}  # what an operation in place returns is its argument
    return pytree.tree_map_only(Tensor, lambda t: known[id(t)] if id(t) in known else Acting(t), output)


class Tokens(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.embed, self.inner, self.head = nn.Embedding(11, 8), inner, nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.inner(self.embed(x)).mean(1))


def networks() -> Iterator[tuple[str, nn.Module, Tensor]]:
    cell = "|nor_conv_3x3~0|+|skip_connect~0|nor_conv_1x1~1|+|avg_pool_3x3~0|nor_conv_3x3~1|none~2|"
    images = torch.randn(8, 3, 12, 12)
    yield "cell", NASBench201(N=1, C=4).build(cell), images
    yield (
        "plain",
        nn.Sequential(
            *(nn.Conv2d(3, 4, 3, padding="same"), nn.BatchNorm2d(4, affine=False), nn.ReLU(inplace=True)),
            *(nn.Conv2d(4, 6, 3, groups=2, bias=False), nn.Hardswish(), nn.MaxPool2d(2)),
            *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 5)),
        ),
        images,
    )
    yield (
        "no statistics",
        nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU6(), nn.Conv2d(4, 5, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        images,
    )
    yield "table", nn.Sequential(nn.Linear(7, 9), nn.LayerNorm(9), nn.ReLU(), nn.Linear(9, 5)), torch.randn(8, 7)
    layer = nn.TransformerEncoderLayer(8, 2, 12, dropout=0.0, batch_first=True)
    yield "attention", Tokens(layer), torch.randint(11, (8, 4))


def scores(net: nn.Module, x: Tensor, y: Tensor, device: torch.device, **settings: Any) -> dict[str, Any]:
    net = copy.deepcopy(net).to(device)
    x, y, other = x.to(device), y.to(device), x.roll(1, -1).to(device)
    probe = Probe(net, x, y, second=(other, y), seed=3, **settings)
    found = dict[str, Any]()
    for name, metric in METRICS.items():
        if name != "latency":
            try:
                found[name] = metric(probe)
            except Exception as error:  # compared as well
                found[name] = f"{type(error).__name__}: {error}"
    return found


def drawing() -> dict[str, Any]:
    """Scores of a network that draws from the device's stream, at two places of the stream, and is that left alone?"""
    net = nn.Sequential(nn.Linear(7, 9), nn.ReLU(), nn.Dropout(0.4), nn.Linear(9, 5))
    found = dict[str, Any](left_alone=True)
    for place in ("first", "second"):
        module.stream.manual_seed(len(place))
        before = module.stream.get_state()
        with OnDevices():
            found[place] = scores(net, torch.ones(8, 7) * torch.arange(7), torch.arange(8) % 5, DEVICE)
            found[f"{place}, chunks"] = scores(net, torch.ones(8, 7), torch.arange(8) % 5, DEVICE, chunk=3)
        found["left_alone"] &= torch.equal(before, module.stream.get_state())
    return found


def in_both_places() -> dict[str, Any]:
    found = dict[str, Any]()
    for name, net, x in networks():
        y = torch.arange(8) % 5
        settings_of = {"": {}, ", chunks": {"chunk": 3}, ", double": {"dtype": torch.float64}}
        if name in ("cell", "attention"):  # slow, and small ones have chunks and double precision as well
            settings_of = {"": {}}
        for kind, settings in settings_of.items():
            found[name + kind] = [scores(net, x, y, torch.device("cpu"), **settings)]
            with OnDevices():
                found[name + kind].append(scores(net, x, y, DEVICE, **settings))
    return found


if __name__ == "__main__":
    seeding.Generator = lambda _device: torch.Generator()  # only a device in C++ can have generators of its own
    torch.manual_seed(0)
    print(json.dumps(drawing() if sys.argv[1:] == ["drawing"] else in_both_places()))
