"""The constructor call of a layer of `torch.nn`, found from its attributes and tried out."""

import inspect
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from untrained.deploying.export.python.functions import Unnamed, function_name
from untrained.deploying.export.python.layout import written
from untrained.deploying.export.python.tree import MISSING, Argument, Call, Text, Tree, Value

OWN = {"_parameters", "_buffers", "_modules", "training"}
"""Entries of a module that its constructor call need not repeat."""


def is_layer(module: nn.Module) -> bool:
    """Whether a module is one of `torch.nn` or a subclass with the same forward pass, but no container."""
    return _class_of(module) is not None


def _class_of(module: nn.Module) -> type[nn.Module] | None:
    """The class of `torch.nn` that a module's forward pass is of."""
    for own in type(module).__mro__:
        if getattr(nn, own.__name__, None) is own and own not in (nn.Module, *CONTAINERS):
            same = all(
                getattr(type(module), name, None) is getattr(own, name, None) for name in ("forward", "_conv_forward")
            )
            return own if same else None
    return None


USUALLY_BARE = ("p", "negative_slope", "num_parameters")
"""Arguments with a default that are not written by name if they come first."""
CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict)


def constructor(module: nn.Module) -> Call:
    """Writes the call that makes a layer with the same settings; its weights are other ones.

    Raises:
        Unnamed: No call was found that makes such a layer.
    """
    own = _class_of(module)
    assert own is not None
    for uniform in (True, False):
        try:
            call = ADAPTERS.get(own, _general)(module, own, uniform)
            made = eval(written(call), {"nn": nn, "torch": torch, "F": F})
        except (TypeError, ValueError, AttributeError, RuntimeError, AssertionError):
            continue
        if _same(made, module):
            return call
    raise Unnamed(f"no call of nn.{own.__name__} makes it")


def _general(
    module: nn.Module, own: type[nn.Module], uniform: bool, initialiser: Callable[..., Any] | None = None
) -> Call:
    arguments = list[Argument]()
    skipped = False
    for name, parameter in inspect.signature(initialiser or own.__init__).parameters.items():
        if name in ("self", "device", "dtype") or (name == "mode" and initialiser is not None):
            continue
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        default = MISSING if parameter.default is parameter.empty else parameter.default
        value = getattr(module, name, MISSING)
        if value is MISSING and default is MISSING:
            raise AttributeError(name)
        if value is MISSING:
            skipped = True
            continue
        if name == "bias" and not isinstance(value, bool):
            given = getattr(module, "elementwise_affine", True) and getattr(module, "affine", True)
            value = value is not None or not given
        if name == "stride" and default is None and value == getattr(module, "kernel_size", MISSING):
            value = None
        if uniform:
            value = _collapsed(value)
        first = not arguments and name in USUALLY_BARE
        by_name = skipped or parameter.kind is parameter.KEYWORD_ONLY or (default is not MISSING and not first)
        arguments.append(Argument(name, _tree(value), _collapsed(default) if uniform else default, by_name))
    types = {tensor.dtype for tensor in module.parameters()} - {torch.float32}
    if types:
        arguments.append(Argument("dtype", Value(types.pop()), by_name=True))
    return Call(f"nn.{own.__name__}", tuple(arguments))


def _collapsed(value: Any) -> Any:
    """(3, 3) -> 3."""
    if isinstance(value, tuple) and value and all(type(part) is int and part == value[0] for part in value):
        return value[0]
    return value


def _tree(value: Any) -> Tree:
    if isinstance(value, torch.Size | list):
        value = tuple(value)
    if callable(value) and not isinstance(value, type):
        return Text(function_name(value))
    if isinstance(value, Tensor | nn.Module):
        raise Unnamed(f"an argument is a {type(value).__name__}")
    return Value(value)


def _required(**values: Any) -> list[Argument]:
    return [Argument(name, _tree(value)) for name, value in values.items()]


def _optional(own: type[nn.Module], **values: Any) -> list[Argument]:
    defaults = inspect.signature(own.__init__).parameters
    return [Argument(name, _tree(value), defaults[name].default, by_name=True) for name, value in values.items()]


def _recurrent(module: nn.Module, own: type[nn.Module], uniform: bool) -> Call:
    call = _general(module, own, uniform, nn.RNNBase.__init__)
    extra = _required(nonlinearity=module.nonlinearity) if isinstance(module, nn.RNN) else []
    named = [Argument(a.name, a.value, "tanh", by_name=True) for a in extra]
    return Call(call.function, (*call.arguments, *named))


def _attention(module: Any, own: type[nn.Module], uniform: bool) -> Call:
    required = _required(embed_dim=module.embed_dim, num_heads=module.num_heads)
    optional = _optional(
        own,
        dropout=module.dropout,
        bias=module.in_proj_bias is not None,
        add_bias_kv=module.bias_k is not None,
        add_zero_attn=module.add_zero_attn,
        kdim=None if module.kdim == module.embed_dim else module.kdim,
        vdim=None if module.vdim == module.embed_dim else module.vdim,
        batch_first=module.batch_first,
    )
    return Call(f"nn.{own.__name__}", (*required, *optional))


def _transformer_layer(module: Any, own: type[nn.Module], uniform: bool) -> Call:
    required = _required(d_model=module.linear1.in_features, nhead=module.self_attn.num_heads)
    optional = _optional(
        own,
        dim_feedforward=module.linear1.out_features,
        dropout=module.dropout.p,
        layer_norm_eps=module.norm1.eps,
        batch_first=module.self_attn.batch_first,
        norm_first=module.norm_first,
        bias=module.linear1.bias is not None,
    )
    activation = module.activation
    by_default = activation is F.relu
    made = Text(written(constructor(activation)) if isinstance(activation, nn.Module) else function_name(activation))
    named = [] if by_default else [Argument("activation", made, by_name=True)]
    return Call(f"nn.{own.__name__}", (*required, *optional[:2], *named, *optional[2:]))


def _transformer(module: Any, own: type[nn.Module], uniform: bool) -> Call:
    layer = constructor(module.layers[0])
    kind = "encoder_layer" if own is nn.TransformerEncoder else "decoder_layer"
    arguments = [Argument(kind, layer), Argument("num_layers", Value(len(module.layers)))]
    if module.norm is not None:
        arguments.append(Argument("norm", constructor(module.norm), by_name=True))
    if own is nn.TransformerEncoder:
        arguments += _optional(own, enable_nested_tensor=module.enable_nested_tensor, mask_check=module.mask_check)
    return Call(f"nn.{own.__name__}", tuple(arguments))


ADAPTERS: dict[type[nn.Module], Callable[[Any, type[nn.Module], bool], Call]] = {
    nn.LSTM: _recurrent,
    nn.GRU: _recurrent,
    nn.RNN: _recurrent,
    nn.MultiheadAttention: _attention,
    nn.TransformerEncoderLayer: _transformer_layer,
    nn.TransformerDecoderLayer: _transformer_layer,
    nn.TransformerEncoder: _transformer,
    nn.TransformerDecoder: _transformer,
}
"""Layers that do not keep the arguments of their constructor under the same names."""


def _same(made: nn.Module, module: nn.Module) -> bool:
    """Whether two layers have the same settings and shapes, with all that is inside."""
    pairs = list(zip(made.modules(), module.modules(), strict=False))
    if len(pairs) != len(list(module.modules())) or len(pairs) != len(list(made.modules())):
        return False
    return _shapes(made) == _shapes(module) and all(_settings(a).items() <= _settings(b).items() for a, b in pairs)


def _shapes(module: nn.Module) -> dict[str, Any]:
    tensors = (*module.named_parameters(remove_duplicate=False), *module.named_buffers(remove_duplicate=False))
    return {name: (tuple(tensor.shape), tensor.dtype) for name, tensor in tensors}


def _settings(module: nn.Module) -> dict[str, Any]:
    """Settings by name, as text if they are no plain values."""
    found = {name: value for name, value in vars(module).items() if name not in OWN and "hook" not in name}
    return {name: value if callable(value) else repr(value) for name, value in found.items() if "_flat_" not in name}
