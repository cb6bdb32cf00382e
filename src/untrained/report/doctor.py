"""What a search finds on this machine: versions, devices, memory, tables, and what is missing."""

import os
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from untrained.benchmarks import SOURCES, data_folder
from untrained.benchmarks.base import BUNDLED
from untrained.errors import InputError, one_line
from untrained.report.text import plain_table
from untrained.runtime.cores import cores
from untrained.runtime.memory import available_memory, physical_memory

NEEDED = ("untrained", "torch", "optuna", "numpy", "scikit-learn", "pyarrow")
EXTRAS: dict[str, tuple[str, ...]] = {
    "onnx": ("onnx", "onnxscript", "onnxruntime"),
    "huggingface": ("datasets",),
    "ray": ("ray",),
    "dask": ("distributed",),
    "slurm": ("submitit",),
    "mpi": ("mpi4py",),
    "postgres": ("psycopg",),
    "draw": ("matplotlib",),
    "tensorboard": ("tensorboard",),
    "mlflow": ("mlflow-skinny",),
    "report": ("matplotlib", "plotly", "jinja2"),
}
"""Optional extra -> the packages that it adds."""
GIB = 2**30


def diagnosis(data_dir: str | Path | None = None) -> dict[str, Any]:
    """Looks at this machine. Nothing is kept, and nothing is fetched.

    Args:
        data_dir: The folder of the published tables; the one that UNTRAINED_DATA names if None.

    Returns:
        A JSON object: `python`, `system`, `packages` (name -> version), `extras` (name -> its `packages`, whether it is
        `complete`, and the line that `adds` it), `cores`, `memory` (bytes: `available`, `physical`), `devices`,
        `onnxruntime` (its providers; None without it), `tables` and `writable` (see there).

    Raises:
        InputError: There is no such folder of tables.

    Example:
        >>> found = diagnosis()
        >>> found["cores"] >= 1, found["devices"][0]["name"]
        (True, 'cpu')
    """
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} ({platform.machine()})",
        "packages": {name: _version(name) for name in NEEDED},
        "extras": {name: _extra(name) for name in EXTRAS},
        "cores": cores(),
        "memory": {"available": available_memory(), "physical": physical_memory()},
        "devices": _devices(),
        "onnxruntime": _providers(),
        "tables": _tables(data_dir),
        "writable": _writable(Path.cwd()),
    }


def check_extras(names: Mapping[str, Any] | list[str]) -> None:
    """Makes sure that these are optional extras of this package.

    Raises:
        InputError: One is not.
    """
    for name in names:
        if name not in EXTRAS:
            raise InputError(f"no extra {name!r}: choose from {', '.join(EXTRAS)}")


def render(found: Mapping[str, Any]) -> RenderableType:
    """Renders what was found.

    Args:
        found: See `diagnosis`.
    """
    rows = plain_table("This machine")
    rows.show_header = False
    rows.add_column(style="bold", no_wrap=True)
    rows.add_column(overflow="fold")
    rows.add_row("Python", f"{found['python']} on {found['system']}")
    rows.add_row("packages", ", ".join(f"{name} {known or 'missing'}" for name, known in found["packages"].items()))
    rows.add_row("CPU cores", f"{found['cores']} for this process")
    memory = found["memory"]
    rows.add_row("memory", f"{_gib(memory['available'])} available, {_gib(memory['physical'])} in all")
    for device in found["devices"]:
        rows.add_row("device", Text(_device(device)))
    if len(found["devices"]) == 1:
        rows.add_row("", "no CUDA, no MPS: networks are trained on the CPU")
    providers = found["onnxruntime"]
    rows.add_row("onnxruntime", "missing" if providers is None else ", ".join(providers))
    rows.add_row("tables", Text(_of_tables(found["tables"])))
    place = found["writable"]
    rows.add_row("folder", Text(f"{place['folder']}: {place['reason'] or 'can be written to'}"))
    extras = plain_table("Optional extras")
    for name in ("extra", "packages", "to add it"):
        extras.add_column(name, overflow="fold")
    for name, one in found["extras"].items():
        packages = ", ".join(f"{package} {known or 'missing'}" for package, known in one["packages"].items())
        extras.add_row(name, packages, Text(one["adds"] or ""), style="" if one["complete"] else "yellow")
    return Group(rows, Text(), extras)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _extra(name: str) -> dict[str, Any]:
    packages = {package: _version(package) for package in EXTRAS[name]}
    complete = None not in packages.values()
    adds = None if complete else f"pip install 'untrained[{name}]'"
    return {"packages": packages, "complete": complete, "adds": adds}


def _devices() -> list[dict[str, Any]]:
    """The CPU, and what PyTorch can compute on beside it; bytes of memory where they are known."""
    import torch

    from untrained.measuring.subject import device_name
    from untrained.runtime.devices import shared_at_once

    found: list[dict[str, Any]] = [{"name": "cpu", "model": device_name(torch.device("cpu"))}]
    for index in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        free, total = torch.cuda.mem_get_info(index)
        capability = ".".join(map(str, torch.cuda.get_device_capability(index)))
        model = f"{torch.cuda.get_device_name(index)}, compute capability {capability}"
        shared = (
            "side by side (CUDA MPS)" if shared_at_once() else "in turns (`nvidia-cuda-mps-control -d`: side by side)"
        )
        known = {"memory": total, "free": free, "processes": shared}
        found.append({"name": f"cuda:{index}", "model": model, **known})
    if torch.backends.mps.is_available():
        found.append({"name": "mps", "model": "Apple GPU", "memory": torch.mps.recommended_max_memory()})
    return found


def _providers() -> list[str] | None:
    try:
        import onnxruntime
    except ImportError:
        return None
    return list(onnxruntime.get_available_providers())


def _tables(data_dir: str | Path | None) -> dict[str, Any]:
    """`folder`, None if there is none to look in; the names of the published tables that are `there`, and `known`."""
    folder = None if data_dir is None and not os.environ.get("UNTRAINED_DATA") else data_folder(data_dir)
    known = [name for name in SOURCES if not (BUNDLED / name).is_file()]
    there = [] if folder is None else [name for name in known if (folder / name).is_file()]
    return {"folder": None if folder is None else str(folder), "there": there, "known": len(known)}


def _writable(folder: Path) -> dict[str, Any]:
    """Whether files can be made in a `folder`; if not, the `reason`."""
    reason: str | None = None
    try:
        with TemporaryFile(dir=folder) as file:
            file.write(b"0")
    except OSError as error:
        reason = f"cannot be written to ({error.strerror or one_line(error)}): give --out elsewhere"
    return {"folder": str(folder), "reason": reason}


def _of_tables(tables: Mapping[str, Any]) -> str:
    if tables["folder"] is None:
        return "none looked for: give --data-dir, or set UNTRAINED_DATA (untrained data)"
    return f"{len(tables['there'])} of {tables['known']} in {tables['folder']} (untrained data says which)"


def _device(device: Mapping[str, Any]) -> str:
    memory = f", {_gib(device['memory'])}" if "memory" in device else ""
    free = f" ({_gib(device['free'])} free)" if "free" in device else ""
    shared = f"; processes share it {device['processes']}" if "processes" in device else ""
    return f"{device['name']}: {device['model']}{memory}{free}{shared}"


def _gib(size: int) -> str:
    return f"{size / GIB:.1f} GiB"
