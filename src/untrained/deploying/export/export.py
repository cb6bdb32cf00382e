"""The verb `export_network`."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from untrained.deploying.export import onnx_file, program_file, python_file, weights_file
from untrained.deploying.export.exportable import Exportable
from untrained.deploying.export.exported import Exported
from untrained.deploying.export.trained import exportable_of
from untrained.errors import InputError, shown
from untrained.searching.trained import TrainedNetwork


class Format(NamedTuple):
    """A format to export to."""

    suffix: str
    """Of the file."""
    write: Callable[[Exportable, Path, bool], tuple[tuple[Path, ...], float]]
    """Writes and compares: network, path, whether outputs are probabilities -> the files and the difference."""
    about: str
    """One line for people."""


FORMATS = {
    "onnx": Format(".onnx", onnx_file.write, "preprocessing and network as one graph, for any ONNX runtime"),
    "torch-export": Format(".pt2", program_file.write, "preprocessing and network, for torch.export.load"),
    "python": Format(".py", python_file.write, "readable code of preprocessing and network, and a .pt file of weights"),
    "state-dict": Format(".safetensors", weights_file.write, "the weights alone, and a JSON file that says of what"),
}
"""Name -> format."""


def export_network(
    network: Exportable | TrainedNetwork, format: str, path: str | Path | None = None, probabilities: bool = True
) -> Exported:
    """Writes a trained network to a file, and compares what the file computes with what the network does.

    Args:
        network: From `load_network` or `Result.network`; or an `Exportable`, for networks from elsewhere.
        format: "onnx", "torch-export", "python" or "state-dict".
        path: The file; None for `network` with the suffix of the format.
        probabilities: Whether outputs become probabilities, if the task has any; logits otherwise.

    Returns:
        The files, and the largest difference of an output.

    Raises:
        InputError: The network cannot be written in this format, or a package is missing. No file is left.

    Example:
        >>> from untrained.deploying.export import Exportable
        >>> trained = Exportable(nn.Flatten(), nn.Linear(4, 2), torch.rand(3, 1, 2, 2), ("cat", "dog"))
        >>> export_network(trained, "state-dict", "weights.safetensors").difference
        0.0
    """
    if format not in FORMATS:
        raise InputError(f"unknown format {shown(format, 40)}: choose from {', '.join(FORMATS)}")
    chosen = FORMATS[format]
    began = time.perf_counter()
    target = Path(f"network{chosen.suffix}" if path is None else path)
    if target.is_dir():
        raise InputError(f"{target} is a folder: give the name of a file, as {target / f'network{chosen.suffix}'}")
    exportable = network if isinstance(network, Exportable) else exportable_of(network)
    paths, difference = chosen.write(exportable, target, probabilities)
    return Exported(format, paths, difference, time.perf_counter() - began)
