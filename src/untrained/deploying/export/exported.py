"""What an export wrote, and how it is compared with the network."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from untrained.deploying.export.exportable import Exportable
from untrained.errors import InputError

BATCHES = (1, 2, 5)
"""Batch sizes on which an exported file is compared with the network."""


@dataclass(frozen=True)
class Exported:
    """Files of an export that agree with the network.

    Args:
        format: One of `FORMATS`.
        paths: The files, the one to start from first.
        difference: The largest difference between an output of the file and of the network.
        seconds: How long writing and comparing took.

    Example:
        >>> Exported("onnx", (Path("network.onnx"),), 1.2e-7, 3.4).line
        'network.onnx: differs from the network by at most 1.2e-07 (batches of 1, 2 and 5), 3.4 s'
    """

    format: str
    paths: tuple[Path, ...]
    difference: float
    seconds: float

    @property
    def line(self) -> str:
        """One line for people."""
        files = " and ".join(map(str, self.paths))
        sizes = f"batches of {', '.join(map(str, BATCHES[:-1]))} and {BATCHES[-1]}"
        return f"{files}: differs from the network by at most {self.difference:.2g} ({sizes}), {self.seconds:.1f} s"


def checked_difference(
    run: Callable[[Any], Any], exportable: Exportable, probabilities: bool, tolerance: float, name: str
) -> float:
    """Compares an exported file with the network, on `BATCHES`.

    Args:
        run: Raw batch -> outputs, of the file.
        exportable: The network.
        probabilities: Whether the file gives probabilities.
        tolerance: The largest difference that is allowed, as a part of the largest output (and at least of 1).
        name: Of the file, for the message.

    Returns:
        The largest difference of an output.

    Raises:
        InputError: The difference is too large, or the file does not run at a batch size.
    """
    whole = exportable.whole(probabilities)
    worst = 0.0
    for n in BATCHES:
        batch = exportable.batch(n)
        wanted = _outputs(whole, batch, n, "the network")
        found = _outputs(run, batch, n, name)
        for a, b in zip(found, wanted, strict=True):
            difference, allowed = _difference(a, b)
            if not difference <= tolerance * allowed:
                raise InputError(
                    f"{name} differs from the network by {difference:.2g} on a batch of {n} samples (allowed: "
                    f"{tolerance * allowed:.2g}), so it is not kept: does the network draw random numbers, or "
                    "depend on the size of the batch?"
                )
            worst = max(worst, difference)
    return worst


def _outputs(run: Callable[[Any], Any], batch: Any, n: int, name: str) -> list[Tensor]:
    try:
        with torch.no_grad():
            return tree_leaves(run(batch))
    except Exception as error:  # of any runtime, and of the user's own code
        reason = " ".join(str(error).split())[:120]
        raise InputError(f"{name} does not run on a batch of {n} samples, so no file is left: {reason}") from error


def _difference(found: Tensor, wanted: Tensor) -> tuple[float, float]:
    """The largest difference (NaN if the shapes differ or only one of the two is NaN), and the largest value."""
    if found.shape != wanted.shape:
        return float("nan"), 1.0
    found, wanted = found.double(), wanted.double()
    same = (found == wanted) | (found.isnan() & wanted.isnan())
    apart = torch.where(same, 0.0, (found - wanted).abs())
    return float(apart.max()) if apart.numel() else 0.0, max(1.0, float(wanted.nan_to_num().abs().max()))
