"""Export as a program of `torch.export`: a .pt2 file."""

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch.export import Dim, ExportedProgram
from torch.utils._pytree import tree_map

from untrained.deploying.export.builtin import length, replaced
from untrained.deploying.export.exportable import Exportable
from untrained.deploying.export.exported import checked_difference
from untrained.errors import InputError, one_line
from untrained.runtime.files import written_whole

TOLERANCE = 1e-5
SAMPLES = 3
"""Of the batch that is traced: batches of 1 are taken for a constant."""


def write(exportable: Exportable, path: Path, probabilities: bool) -> tuple[tuple[Path, ...], float]:
    """Writes preprocessing, network and last step as one program.

    Args:
        exportable: The network.
        path: The file.
        probabilities: Whether the outputs become probabilities.

    Returns:
        The file, and the largest difference of an output.

    Raises:
        InputError: The network cannot be traced, or the file differs from it.
    """
    with quiet():
        content = io.BytesIO()
        traced = exported_program(exportable, probabilities, "torch-export")
        try:
            torch.export.save(traced, content)
            content.seek(0)
            program = torch.export.load(content).module()
        except Exception as error:  # what torch cannot write or read again
            raise InputError(f"the network cannot be exported as torch-export: {one_line(error)}") from error
        difference = checked_difference(program, exportable, probabilities, TOLERANCE, path.name)
    with written_whole(path) as temporary:
        temporary.write_bytes(content.getvalue())
    return (path,), difference


def exported_program(exportable: Exportable, probabilities: bool, format: str) -> ExportedProgram:
    """Traces preprocessing, network and last step for any batch size."""
    whole, batch = exportable.whole(probabilities), exportable.batch(SAMPLES)
    shapes = (tree_map(lambda _: {0: Dim.AUTO}, batch),)
    try:
        with torch.no_grad(), replaced(whole.modules(), {"len": length}):
            return torch.export.export(whole, (batch,), dynamic_shapes=shapes, strict=False)
    except Exception as error:  # torch.export raises whatever the network's code raises
        raise InputError(f"the network cannot be exported as {format}: {one_line(error)}") from error


@contextmanager
def quiet() -> Iterator[None]:
    """Silences warnings and logs of exporters: what is wrong with a file, the comparison finds."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
