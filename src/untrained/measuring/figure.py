"""Figures by name, with their options: `params`, `latency(runtime=onnx,threads=4)`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from untrained.errors import InputError, listed
from untrained.measuring.runtimes import check_runtime
from untrained.measuring.subject import FUNCTIONS
from untrained.measuring.units import FIGURES
from untrained.metrics.base.options import checked_options, parse_name
from untrained.runtime.cores import cores
from untrained.runtime.devices import usable_device


@dataclass(frozen=True)
class Figure:
    """A figure of a network.

    Args:
        base: One of `FIGURES`.
        options: Those that are not left at their defaults.

    Example:
        >>> read_figure("latency(threads=1, runtime=onnx)")
        Figure(base='latency', options={'runtime': 'onnx'})
        >>> read_figure("latency( threads=1, runtime=onnx )").name
        'latency(runtime=onnx)'
    """

    base: str
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def name(self) -> str:
        """The one name of it, whatever order its options were given in."""
        written = ",".join(f"{key}={value}" for key, value in self.options.items())
        return f"{self.base}({written})" if written else self.base

    def check(self) -> None:
        """Makes sure that it can be measured on this machine.

        Raises:
            InputError: There is no such device, or a package is missing.
        """
        threads, device = self.options.get("threads", 1), self.options.get("device", "cpu")
        if threads > cores():
            raise InputError(f"{self.name}: this machine has {cores()} cores: give threads={cores()} or fewer")
        try:
            usable_device(device)
            check_runtime(self.options.get("runtime", "eager"), device)
        except InputError as error:
            raise InputError(f"{self.name}: {error}") from error


def read_figure(text: str, known: tuple[str, ...] = ()) -> Figure:
    """Reads a figure.

    Args:
        text: Its name, and options as `latency(runtime=onnx,threads=4)`.
        known: Further names that are right where it was given, for the message.

    Returns:
        The figure; options that say the default are left out.

    Raises:
        InputError: There is no such figure or option, or the option does not take such a value.
    """
    base, options = parse_name(text, "figure")
    if base not in FUNCTIONS:
        names = list(dict.fromkeys((*FIGURES, *known)))
        near = get_close_matches(base, names, n=1)
        meant = f"did you mean {near[0]!r}? " if near else ""
        raise InputError(f"no such figure: {meant}choose from {listed(names)}")
    checked = checked_options(base, FUNCTIONS[base], options, "figure")
    for option in ("threads", "batch"):
        if checked.get(option, 1) < 1:
            raise InputError(f"figure {base!r}: option {option}={checked[option]}: give at least 1")
    return Figure(base, checked)
