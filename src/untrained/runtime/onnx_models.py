"""ONNX models, and the sessions of onnxruntime that run them. The packages are imported when they are needed."""

from collections.abc import Sequence
from typing import Any

import torch
from torch.export import ExportedProgram

from untrained.errors import InputError, one_line


def check_packages(what: str) -> None:
    """Makes sure that the packages of the extra `onnx` are there.

    Args:
        what: What needs them, for the message.

    Raises:
        InputError: One is missing.
    """
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise InputError(f"{what} needs {error.name}: pip install 'untrained[onnx]'") from error


def onnx_program(traced: ExportedProgram, inputs: Sequence[str], outputs: Sequence[str]) -> Any:
    """Makes the ONNX program of a traced network.

    Args:
        traced: The network.
        inputs: Names of its inputs; empty for names of torch's.
        outputs: Names of its outputs, likewise.

    Raises:
        InputError: It has no ONNX form.
    """
    try:
        return torch.onnx.export(
            traced, (), dynamo=True, input_names=inputs or None, output_names=outputs or None, verbose=False
        )
    except Exception as error:  # of several packages
        cause = error.__cause__ or error
        raise InputError(f"the network cannot be exported as onnx: {one_line(cause)}") from error


def session_of(model: str | bytes, threads: int) -> Any:
    """Makes a session of onnxruntime on the CPU.

    Args:
        model: The path of a file, or its content.
        threads: How many threads one operation takes.

    Raises:
        InputError: onnxruntime cannot run the model.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what goes wrong is raised as well
    options.intra_op_num_threads = threads
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise InputError(f"onnxruntime cannot run the exported network: {one_line(error)}") from error
