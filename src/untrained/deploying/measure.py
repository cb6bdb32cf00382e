"""The verb `measure`: what one network weighs, and what an inference takes on this machine."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import torch
from torch import nn

from untrained.errors import InputError, one_line, shown
from untrained.measuring import Measurement, Subject, Unsteady, measured, read_figure
from untrained.measuring.runtimes import RUNTIMES, Runtime
from untrained.measuring.subject import device_name
from untrained.runtime.devices import usable_device
from untrained.runtime.processes import unordered
from untrained.searching.saved import load_network
from untrained.searching.trained import TrainedNetwork
from untrained.searching.weights import copied, save_weights

LIMIT = 120.0
"""Seconds that compiling and measuring the compiled network may take."""


@dataclass(frozen=True)
class Measured:
    """Figures of one network.

    Args:
        architecture: Which one it is; "" if that is not known.
        figures: `params` and `flops` in millions, `memory` in MB (10^6 bytes) at most during an inference, and `disk`,
            the MB of a file of its weights.
        latencies: Runtime -> `median` in ms, `spread` (90th less 10th percentile, over the median) and `passes`.
        missing: What could not be measured -> why.
        batch: How many samples go through at a time, for memory and latencies.
        threads: Of one operation on the CPU.
        device: What the device calls itself.

    Example:
        >>> Measured("", {"params": 0.05}, {"eager": {"median": 0.12, "spread": 0.03, "passes": 160}})
        Measured
          params     0.05 M
          latency    eager     0.12 ms (spread 3 %, 160 passes)
          measured   batch 1, 1 thread of the CPU
    """

    architecture: str
    figures: Mapping[str, float]
    latencies: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    batch: int = 1
    threads: int = 1
    device: str = ""

    def lines(self) -> list[tuple[str, str]]:
        """The figures for people: what each is, and what was found."""
        units = {"params": "M", "flops": "M", "memory": "MB, the most during an inference", "disk": "MB of weights"}
        found = [(name, f"{self.figures[name]:.4g} {unit}") for name, unit in units.items() if name in self.figures]
        found += [(name, f"not measured: {why}") for name, why in self.missing.items() if name not in RUNTIMES]
        for runtime in (*self.latencies, *(name for name in self.missing if name in RUNTIMES)):
            text = f"not measured: {self.missing.get(runtime)}"
            if runtime in self.latencies:
                one = self.latencies[runtime]
                text = f"{one['median']:.3g} ms (spread {100 * one['spread']:.0f} %, {one['passes']} passes)"
            found.append(("" if any(name == "latency" for name, _ in found) else "latency", f"{runtime:<9} {text}"))
        threads = f"{self.threads} thread{'s' * (self.threads > 1)} of {self.device or 'the CPU'}"
        return [*found, ("measured", f"batch {self.batch}, {threads}")]

    def __repr__(self) -> str:
        head = f"Measured {self.architecture}".strip()
        return "\n".join([head, *(f"  {name:<10} {text}" for name, text in self.lines())])

    def to_json(self) -> dict[str, Any]:
        """The figures as one JSON object."""
        how = {"batch": self.batch, "threads": self.threads, "device": self.device}
        latencies = {runtime: dict(one) for runtime, one in self.latencies.items()}
        known = {"architecture": self.architecture, **self.figures, "latency": latencies}
        return known | how | {"missing": dict(self.missing)}


def measure(
    network: str | Path | TrainedNetwork | nn.Module,
    example: Any = None,
    *,
    which: str | None = None,
    runtimes: Sequence[str] = RUNTIMES,
    threads: int = 1,
    batch: int = 1,
    device: str = "cpu",
    limit: float = LIMIT,
    architecture: str = "",
    on_runtime: Callable[[str], None] | None = None,
) -> Measured:
    """Measures all cheap figures of one network.

    What cannot be measured, as a package is missing or the machine is busy, stands in `missing` with its reason.

    Args:
        network: The folder of a search; or a network, trained or not. Preparing inputs is not measured.
        example: The input of a bare network, n x ..., of which the first sample is taken; not needed otherwise.
        which: Which network of a folder (see `load_network`).
        runtimes: Of "eager", "onnx" (onnxruntime) and "compile" (`torch.compile`, in a process of its own).
        threads: Of one operation on the CPU.
        batch: How many samples go through at a time.
        device: "cpu", "cuda", ...
        limit: Seconds that "compile" may take.
        architecture: What the network is called, if it is a bare one.
        on_runtime: Called with each runtime before the network is measured in it.

    Returns:
        The figures.

    Raises:
        InputError: There is no such folder, runtime or device, or no example.

    Example:
        >>> found = measure(nn.Linear(10, 5), torch.zeros(1, 10), runtimes=[])
        >>> found.figures["params"], found.figures["memory"]
        (5.5e-05, 0.00028)
    """
    if unknown := [one for one in runtimes if one not in RUNTIMES]:
        raise InputError(f"runtime {shown(unknown[0], 40)}: choose from {', '.join(RUNTIMES)}")
    if not limit > 0:
        raise InputError(f"limit {limit}: give seconds above 0")
    how = {"threads": threads, "batch": batch, "device": device}
    _check(how)
    if isinstance(network, str | Path):
        network = load_network(network, which=which)
    if isinstance(network, TrainedNetwork):
        architecture = network.architecture
        with torch.no_grad():
            example = network.prepare(network.example(1))
        network = network.network
    if example is None:
        raise InputError("a bare network is measured on an example: give one, n x ...")
    subject = Subject(partial(_same, network), example)
    figures, latencies, missing = dict[str, float](), dict[str, Mapping[str, Any]](), dict[str, str]()
    for name in ("params", "flops", "memory"):
        found = _tried(subject, name, {"batch": batch} if name == "memory" else {})
        _put(found, name, figures, missing)
    figures["disk"] = _weights_megabytes(network)
    for runtime in dict.fromkeys(runtimes):
        if on_runtime is not None:
            on_runtime(runtime)
        found = _latency(subject, cast(Runtime, runtime), how, limit)
        if isinstance(found, str):
            missing[runtime] = found
        else:
            latencies[runtime] = {"median": found.value, **found.details}
    return Measured(architecture, figures, latencies, missing, batch, threads, device_name(usable_device(device)))


def _check(options: Mapping[str, Any]) -> None:
    read_figure(f"latency({','.join(f'{name}={value}' for name, value in options.items())})").check()


def _same(network: nn.Module) -> nn.Module:
    return network


def _put(found: Measurement | str, name: str, figures: dict[str, float], missing: dict[str, str]) -> None:
    if isinstance(found, str):
        missing[name] = found
    else:
        figures[name] = found.value


def _tried(subject: Subject, base: str, options: Mapping[str, Any]) -> Measurement | str:
    """A figure, or why there is none."""
    try:
        return measured(subject, base, options)
    except (Unsteady, InputError) as error:
        return str(error)
    except Exception as error:  # whatever the network raises
        return one_line(error)


def _latency(subject: Subject, runtime: Runtime, how: Mapping[str, Any], limit: float) -> Measurement | str:
    options = {"runtime": runtime, **how}
    try:
        _check(options)
    except InputError as error:
        return str(error)
    if runtime != "compile":
        return _tried(subject, "latency", options)
    work = partial(_tried, subject, "latency")
    (found,) = unordered(work, [options], 1, died=lambda _, why: why, limit_seconds=limit, again=False)
    return found


def _weights_megabytes(network: nn.Module) -> float:
    """The size of the file that the folder of a search keeps the weights in."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "weights.safetensors"
        save_weights(path, copied(network.state_dict()), {})
        return path.stat().st_size / 1e6
