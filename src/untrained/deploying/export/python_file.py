"""Export as one readable Python file and a file of weights."""

import io
from pathlib import Path
from typing import Any

import torch

from untrained.deploying.export.exportable import Exportable
from untrained.deploying.export.exported import checked_difference
from untrained.deploying.export.python.text import file_text
from untrained.errors import InputError, one_line
from untrained.runtime.files import written_whole
from untrained.runtime.tracing import quiet
from untrained.searching.weights import copied

TOLERANCE = 1e-5


def write(exportable: Exportable, path: Path, probabilities: bool) -> tuple[tuple[Path, ...], float]:
    """Writes preprocessing and network as classes that need torch alone, and `<name>.pt` with the weights.

    Args:
        exportable: The network.
        path: The Python file.
        probabilities: Whether `predict` gives probabilities.

    Returns:
        The two files, and the largest difference of an output of `predict`.

    Raises:
        InputError: `torch.fx` cannot follow the network, or the file differs from it.
    """
    beside = path.with_suffix(".pt")
    if path.suffix != ".py":
        raise InputError(f"{path}: give a name that ends in .py")
    whole = exportable.whole(probabilities)
    with quiet():
        text = file_text(exportable, whole, path.stem, probabilities)
        parts = {"Preprocess": whole.prepare, "Network": whole.network}
        if exportable.restore is not None:
            parts["Restore"] = whole.restore
        with written_whole(path) as source, written_whole(beside) as weights:
            source.write_text(text, encoding="utf-8")
            module = _imported(text, path)
            state = {
                f"{name.lower()}.{key}": part.state_dict()[key]
                for name, part in parts.items()
                for key in module[name]().state_dict()
            }
            content = io.BytesIO()
            torch.save(copied(state), content)
            weights.write_bytes(content.getvalue())
            model = _loaded(module, weights, path)
            run = module["predict"]
            difference = checked_difference(
                lambda raw: run(raw, model), exportable, probabilities, TOLERANCE, path.name
            )
    return (path, beside), difference


def _imported(text: str, path: Path) -> dict[str, Any]:
    """The names of the written file, as an import gives them."""
    names: dict[str, Any] = {"__name__": path.stem, "__file__": str(path)}
    try:
        exec(compile(text, str(path), "exec"), names)
    except Exception as error:
        raise InputError(f"{path.name} does not run, so it is not kept: {one_line(error)}") from error
    return names


def _loaded(module: dict[str, Any], weights: Path, path: Path) -> Any:
    try:
        return module["load"](weights)
    except Exception as error:
        raise InputError(f"{path.name} does not take the weights, so it is not kept: {one_line(error)}") from error
