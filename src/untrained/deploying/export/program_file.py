"""Export as a program of `torch.export`: a .pt2 file."""

import io
from pathlib import Path

import torch
from torch.export import ExportedProgram

from untrained.deploying.export.exportable import Exportable
from untrained.deploying.export.exported import checked_difference
from untrained.errors import InputError, one_line
from untrained.runtime.files import written_whole
from untrained.runtime.tracing import SAMPLES, quiet, traced

TOLERANCE = 1e-5


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
    return traced(exportable.whole(probabilities), (exportable.batch(SAMPLES),), format)
