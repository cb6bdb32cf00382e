"""A few networks of a space on the data, before anything is spent: how they are trained, and whether they fit."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from untrained.data import Data
from untrained.errors import InputError, listed, one_line
from untrained.objectives.goal import Goal
from untrained.objectives.losses import Misfit
from untrained.objectives.optimisation import usual_optimizer, usual_precision
from untrained.runtime.calling import call_network
from untrained.runtime.seeding import seeded
from untrained.spaces import SearchSpace

TRIED = 3
"""Networks of a space that are looked at."""


def some_networks(space: SearchSpace) -> list[nn.Module]:
    """Builds the first networks of a space's pool; one that cannot be built is left out, and fails when it is trained.

    Args:
        space: The space.
    """
    return list(_built(space, space.pool(TRIED, 0, at_most=True)))


def _built(space: SearchSpace, archs: Sequence[str]) -> Iterator[nn.Module]:
    for arch in archs:
        try:
            with seeded(0):
                yield space.build(arch)
        except Exception:  # whatever a space raises
            continue


def usual(networks: Sequence[nn.Module], data: Data, device: torch.device) -> dict[str, Any]:
    """What a recipe that leaves something open is resolved by (see `Recipe.resolved`).

    Args:
        networks: Some of the space.
        data: What they are trained on: tables and sequences are rows.
        device: Where.
    """
    inputs, samples = data.example, len(data.split("train"))
    rows = isinstance(inputs, Tensor) and inputs.ndim == 2
    optimizer = "adamw" if rows or not networks else usual_optimizer(networks)
    table = rows and inputs.is_floating_point()
    return {"optimizer": optimizer, "precision": usual_precision(device), "samples": samples, "table": table}


def check_fit(networks: Sequence[nn.Module], data: Data, goal: Goal) -> None:
    """Makes sure that one of the networks takes a sample of the data, and that loss and metrics take what it returns.

    If one does, others that do not are at fault themselves, and fail when they are trained.

    Args:
        networks: Some of the space, on the CPU.
        data: The data.
        goal: The loss and the measures.

    Raises:
        InputError: None does: the set-up is at fault.
    """
    errors = list[str]()
    with seeded(0), torch.no_grad():
        _, targets = data.split("train").batch([0])
        for network in networks:
            try:
                outputs = call_network(network.eval(), data.example)
            except Exception as error:
                breaks = f"a network breaks on inputs of {_shapes(data.example)}: {one_line(error)}"
                errors.append(f"{breaks}; does the space fit the data? untrained spaces says what each is for")
                continue
            try:
                goal.try_out(outputs, targets)
                return
            except Misfit as error:
                errors.append(str(error))
            except Exception as error:
                where = f"outputs of {_shapes(outputs)} and targets of {_shapes(targets)}"
                errors.append(f"loss or metric breaks on {where}: {one_line(error)}")
    if errors:
        raise InputError(errors[0])


def _shapes(values: Any) -> str:
    return listed(str(tuple(leaf.shape)) for leaf in pytree.tree_leaves(values) if isinstance(leaf, Tensor))
