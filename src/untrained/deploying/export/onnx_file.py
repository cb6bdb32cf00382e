"""Export to ONNX, checked with onnxruntime."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

import untrained
from untrained.deploying.export.exportable import Exportable
from untrained.deploying.export.exported import checked_difference
from untrained.deploying.export.program_file import exported_program
from untrained.runtime.files import written_whole
from untrained.runtime.onnx_models import check_packages, onnx_program, session_of
from untrained.runtime.tracing import SAMPLES, quiet

TOLERANCE = 1e-3
"""A resized pixel that lies between two whole numbers may be rounded otherwise by another library."""


def write(exportable: Exportable, path: Path, probabilities: bool) -> tuple[tuple[Path, ...], float]:
    """Writes preprocessing, network and last step as one graph, for any batch size.

    Args:
        exportable: The network.
        path: The file.
        probabilities: Whether the outputs become probabilities.

    Returns:
        The file, and the largest difference of an output in onnxruntime.

    Raises:
        InputError: A package is missing, the network has no ONNX form, or the file differs from it.
    """
    check_packages("exporting to ONNX")
    with quiet(), written_whole(path) as temporary:
        inputs, outputs = list(exportable.inputs), _outputs(exportable, probabilities)
        traced = exported_program(exportable, probabilities, "onnx")
        program = onnx_program(traced, inputs, outputs)
        _name_batch(program.model.graph)
        program.model.metadata_props.update(_metadata(exportable, probabilities))
        program.save(temporary)
        session = session_of(str(temporary), torch.get_num_threads())

        def run(batch: Any) -> list[Tensor]:
            arrays = [leaf.numpy() for leaf in tree_leaves(batch)]
            feed = dict(zip(inputs, arrays, strict=True))
            named = {entry.name for entry in session.get_inputs()}  # an input that nothing reads may be left out
            return [torch.from_numpy(o) for o in session.run(outputs, {k: v for k, v in feed.items() if k in named})]

        difference = checked_difference(run, exportable, probabilities, TOLERANCE, path.name)
    return (path,), difference


def _name_batch(graph: Any) -> None:
    """Calls the number of samples `batch`; torch numbers its symbols, as s31."""
    symbols = {str(entry.shape[0]) for entry in graph.inputs if entry.shape and not isinstance(entry.shape[0], int)}
    for value in (*graph.inputs, *(output for node in graph for output in node.outputs)):
        for place, size in enumerate(value.shape or ()):
            if str(size) in symbols and not isinstance(size, int):
                value.shape[place] = type(size)("batch")


def _outputs(exportable: Exportable, probabilities: bool) -> list[str]:
    """Names of the outputs: those of a dictionary's heads, or numbered."""
    with torch.no_grad():
        outputs = exportable.whole(probabilities)(exportable.batch(SAMPLES))
    name, count = exportable.meaning(probabilities), len(tree_leaves(outputs))
    if isinstance(outputs, Mapping) and len(outputs) == count:
        taken = exportable.inputs
        return [f"{key}_output" if key in taken else str(key) for key in outputs]
    return [name] if count == 1 else [f"{name}_{i}" for i in range(count)]


def _metadata(exportable: Exportable, probabilities: bool) -> dict[str, str]:
    return {
        **{str(key): str(value) for key, value in exportable.about.items()},
        "task": exportable.kind,
        "preparation": json.dumps(dict(exportable.preparation)),
        "classes": json.dumps(exportable.classes),
        "inputs": json.dumps(exportable.inputs),
        "outputs": exportable.meaning(probabilities),
        "untrained": untrained.__version__,
        "torch": torch.__version__,
    }
