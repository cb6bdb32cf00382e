"""Export of the weights alone: safetensors, and a JSON file that says what they are the weights of."""

import json
from pathlib import Path
from typing import Any

import torch

import untrained
from untrained.deploying.export.exportable import Exportable, Whole
from untrained.deploying.export.exported import checked_difference
from untrained.errors import InputError
from untrained.runtime.files import written_whole
from untrained.searching.weights import copied, load_weights, save_weights


def write(exportable: Exportable, path: Path, probabilities: bool) -> tuple[tuple[Path, ...], float]:
    """Writes the weights of the bare network, and `<name>.json` beside them.

    Args:
        exportable: The network.
        path: The file of weights.
        probabilities: As the other formats; the JSON file says what the outputs are.

    Returns:
        The two files, and the largest difference of an output of a network with the weights that were read back.

    Raises:
        InputError: safetensors cannot hold the weights.
    """
    beside = path.with_suffix(".json")
    if beside == path:
        raise InputError(f"{path}: .json is the suffix of the file beside the weights, give another, as .safetensors")
    again = exportable.whole(probabilities)
    try:
        with written_whole(path) as weights, written_whole(beside) as document:
            save_weights(weights, copied(exportable.network.state_dict()), {"untrained": untrained.__version__})
            again.network.load_state_dict(load_weights(weights))
            difference = checked_difference(again, exportable, probabilities, 0.0, path.name)
            document.write_text(json.dumps(_document(exportable, again), indent=2) + "\n")
    except TypeError as error:
        raise InputError(f"{path} cannot be written: {error}") from error
    return (path, beside), difference


def _document(exportable: Exportable, whole: Whole) -> dict[str, Any]:
    tensors = whole.prepare.state_dict()
    return {
        "build": dict(exportable.about),
        "inputs": exportable.inputs,
        "preparation": dict(exportable.preparation)
        or {"module": repr(whole.prepare), "tensors": {name: tensor.tolist() for name, tensor in tensors.items()}},
        "task": exportable.kind,
        "classes": exportable.classes,
        "heads": dict(exportable.heads),
        "outputs": exportable.meaning(False),
        "restored by": repr(whole.restore) if exportable.restore is not None else None,
        "probabilities": repr(whole.last) if whole.last is not None else None,
        "versions": {"untrained": untrained.__version__, "torch": torch.__version__},
    }
