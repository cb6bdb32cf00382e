"""Nested state as tensors and JSON, which can be written without pickle; and the state of random numbers."""

import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

TENSOR, PAIRS = "<tensor>", "<pairs>"


def flattened(state: Any) -> tuple[dict[str, Tensor], Any]:
    """Takes nested state apart.

    Args:
        state: Tensors, numbers, strings, None, and lists, tuples and dictionaries of these. A tuple becomes a list.

    Returns:
        The tensors by their path; and the rest as JSON, from which `nested` makes the state again.

    Example:
        >>> tensors, document = flattened({"step": 3, "sums": {0: torch.zeros(2)}})
        >>> list(tensors), nested(tensors, document)["sums"][0]
        (['sums.0'], tensor([0., 0.]))
    """
    tensors = dict[str, Tensor]()

    def walk(value: Any, path: str) -> Any:
        if isinstance(value, Tensor):
            name = path or "state"
            tensors[name] = value.detach()
            return {TENSOR: name}
        if isinstance(value, Mapping):
            pairs = [(key, walk(part, f"{path}.{key}".lstrip("."))) for key, part in value.items()]
            return dict(pairs) if all(type(key) is str for key in value) else {PAIRS: [list(pair) for pair in pairs]}
        if isinstance(value, list | tuple):
            return [walk(part, f"{path}.{i}".lstrip(".")) for i, part in enumerate(value)]
        return value

    return tensors, walk(state, "")


def nested(tensors: Mapping[str, Tensor], document: Any) -> Any:
    """Puts state together again.

    Args:
        tensors: What `flattened` gave.
        document: Likewise.

    Returns:
        The state.
    """
    if isinstance(document, list):
        return [nested(tensors, part) for part in document]
    if not isinstance(document, Mapping):
        return document
    if TENSOR in document:
        return tensors[document[TENSOR]]
    if PAIRS in document:
        return {key: nested(tensors, part) for key, part in document[PAIRS]}
    return {key: nested(tensors, part) for key, part in document.items()}


def random_state(device: torch.device) -> dict[str, Any]:
    """The state of the streams of random numbers that `seeded` starts anew.

    Args:
        device: The device of the network.
    """
    kind, keys, *position = np.random.get_state(legacy=True)
    version, words, gauss = random.getstate()
    state: dict[str, Any] = {
        "torch": torch.get_rng_state(),
        "numpy": [kind, torch.from_numpy(np.asarray(keys).astype(np.int64)), *position],
        "python": [version, torch.tensor(words), gauss],
    }
    if device.type != "cpu":
        state["device"] = torch.get_device_module(device).get_rng_state(device)
    return state


def set_random_state(state: Mapping[str, Any], device: torch.device) -> None:
    """Lets the streams go on from a state.

    Args:
        state: What `random_state` gave.
        device: The device of the network.
    """
    torch.set_rng_state(state["torch"].cpu())
    kind, keys, *position = state["numpy"]
    np.random.set_state((kind, keys.cpu().numpy().astype(np.uint32), *position))
    version, words, gauss = state["python"]
    random.setstate((version, tuple(words.tolist()), gauss))
    if device.type != "cpu" and "device" in state:
        torch.get_device_module(device).set_rng_state(state["device"].cpu(), device)
