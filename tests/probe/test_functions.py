"""The vocabulary of torch functions agrees with torch."""

import inspect
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from untrained.probe import functions
from untrained.probe.functions import LINEAR, SIGNATURES, bound, is_relu

X, W, B = torch.randn(2, 4, 6, 6), torch.randn(4, 2, 3, 3), torch.randn(4)
CALLS: list[tuple[Any, tuple[Any, ...]]] = [
    (F.conv2d, (X, W, B, 2, 1, 2, 2)),
    (F.conv1d, (X[:, :, 0], W[..., 0], B, 2, 1, 2, 2)),
    (F.conv3d, (X[None].movedim(1, 2), W[..., None].expand(-1, -1, -1, -1, 2), B, 2, 1, 1, 2)),
    (F.conv_transpose2d, (X, W, B, 2, 1, 1, 2, 1)),
    (F.linear, (X, torch.randn(3, 6), torch.randn(3))),
    (F.embedding, (torch.tensor([[0, 1]]), X[0, 0], 1)),
    (F.batch_norm, (X, B, B.abs(), B, B, False, 0.3, 0.2)),
    (F.instance_norm, (X, B.clone(), B.abs(), B, B, True, 0.3, 0.2)),
    (F.layer_norm, (X, (6,), X[0, 0, 0], X[0, 0, 1], 0.2)),
    (F.rms_norm, (X, (6,), X[0, 0, 0], 0.2)),
    (F.group_norm, (X, 2, B, B, 0.2)),
    (F.hardtanh, (X, -0.3, 0.4, False)),
    (F.avg_pool2d, (X, 2)),
    (F.max_pool2d, (X, 2)),
    (F.adaptive_avg_pool2d, (X, 2)),
    (F.scaled_dot_product_attention, (X, X, X)),
    (torch.mm, (X[0, 0], X[0, 1])),
    (torch.addmm, (X[0, 0], X[0, 1], X[0, 2])),
    (torch.baddbmm, (X[0], X[0], X[1])),
    (torch.flatten, (X,)),
    (torch.mean, (X,)),
]


@pytest.mark.parametrize(("func", "args"), CALLS, ids=lambda value: getattr(value, "__name__", ""))
def test_arguments_by_name_are_those_by_position(func: Any, args: tuple[Any, ...]) -> None:
    named = dict(zip(SIGNATURES[func], args, strict=False))
    if func is torch.mm:
        named["mat2"] = named.pop("other")  # the one name that torch does not give to all functions of its kind
    assert torch.equal(func(**named), func(*args))


@pytest.mark.parametrize(
    "func",
    [F.batch_norm, F.instance_norm, F.layer_norm, F.rms_norm, F.group_norm, F.hardtanh],
    ids=lambda f: f.__name__,
)
def test_defaults_are_those_of_torch(func: Any) -> None:
    for name, parameter in inspect.signature(func).parameters.items():
        default = ... if parameter.default is parameter.empty else parameter.default
        assert SIGNATURES[func][name] == default, name


def test_keywords_and_defaults() -> None:
    given = bound(F.conv2d, (X, W), {"groups": 2, "bias": B})
    assert given["weight"] is W
    assert given["bias"] is B
    assert (given["stride"], given["padding"], given["dilation"], given["groups"]) == (1, 0, 1, 2)


def test_relus_are_those_that_begin_at_zero() -> None:
    assert is_relu(F.hardtanh, (X, 0.0, 6.0), {})
    assert is_relu(F.hardtanh, (X,), {"min_val": 0})
    assert is_relu(Tensor.relu_, (X,), {})
    assert not is_relu(F.hardtanh, (X,), {})
    assert not is_relu(F.gelu, (X,), {})


ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "permute": (0, 2, 1),
    **dict.fromkeys(("transpose", "movedim", "moveaxis", "swapaxes", "swapdims"), (1, 2)),
    **dict.fromkeys(("reshape", "view", "expand", "repeat"), (2, 4, 6)),
    "unsqueeze": (0,),
    "unflatten": (1, (2, 2)),
    "split": (2,),
    "chunk": (2,),
    "narrow": (1, 0, 2),
    "__getitem__": (1,),
    "roll": (1, 0),
    "flip": ([0],),
}


def test_linear_functions_are_linear() -> None:
    """f(2 x - y) = 2 f(x) - f(y), with the other arguments kept."""
    x, y = torch.randn(2, 2, 4, 6, dtype=torch.float64)
    checked = 0
    linear: list[Any] = list(LINEAR)
    for func in linear:
        name = func.__name__
        arguments = (2,) if "pool" in name else ARGUMENTS.get(name, ())
        if func in (torch.reshape, torch.permute):
            arguments = (arguments,)
        given = [2 * x - y, x, y]
        if name in ("t", "__get__"):  # of matrices
            given = [t[0] for t in given]
        elif "3d" in name:
            given = [t[None] for t in given]
        parts = zip(*(_several(func(t, *arguments)) for t in given), strict=True)
        for combined, of_x, of_y in parts:
            assert torch.allclose(combined, 2 * of_x - of_y)
            checked += 1
    assert checked > 40


def _several(output: Any) -> Any:
    return (output,) if isinstance(output, Tensor) else output


def test_a_function_has_one_kind_among_kinds_that_exclude_each_other() -> None:
    kinds = [
        "LAYERS",
        "NORMS",
        "POOLS",
        "ACTIVATIONS",
        "DROPOUTS",
        "SUMS",
        "DIFFERENCES",
        "PRODUCTS",
        "MATRIX_PRODUCTS",
    ]
    kinds += ["ADDED_MATRIX_PRODUCTS", "OTHER_MATRIX_PRODUCTS", "RECURRENT", "RECURRENT_CELLS", "RESHAPES", "MOVES"]
    kinds += ["SELECTIONS", "JOINTS", "MEANS", "MAXIMA"]
    for k, kind in enumerate(kinds):
        for other in kinds[k + 1 :]:
            assert not getattr(functions, kind) & getattr(functions, other), (kind, other)
