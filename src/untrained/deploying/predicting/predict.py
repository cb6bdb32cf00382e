"""Predictions for files, each of which may be broken."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.utils import _pytree as pytree

from untrained.data import Task
from untrained.data.preparation import Preparation
from untrained.deploying.predicting.files import ARRAYS, files_of, holds_many, read_arrays
from untrained.errors import InputError
from untrained.runtime.interrupts import check_interrupt
from untrained.searching.trained import BATCH_SIZE, TrainedNetwork


@dataclass(frozen=True)
class Predicted:
    """Predictions of samples, in order.

    Args:
        task: What they mean.
        files: Of each sample, the file that it is from.
        rows: Its place in a file that holds many, from 0; None for a file of its own.
        predictions: What `TrainedNetwork.predict` gives for it, without the dimension of samples.
        failed: Files without predictions, and why.
    """

    task: Task
    files: list[str] = field(default_factory=list)
    rows: list[int | None] = field(default_factory=list)
    predictions: list[Any] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


def predict(network: TrainedNetwork, given: Sequence[str | Path], batch_size: int = BATCH_SIZE) -> Predicted:
    """Predicts files.

    Args:
        network: Makes the predictions.
        given: Pictures; CSV or Parquet files of rows; .npy or .npz files of arrays; folders and patterns of pictures.
        batch_size: Samples that go through the network at a time.

    Returns:
        The predictions, and which files have none.

    Raises:
        InputError: A folder or a pattern holds no files, or inputs do not come as files.
    """
    predicted = Predicted(network.task)
    paths, reads = files_of(given), type(network.interface.preparation).read is not Preparation.read
    if not reads and (other := next((path for path in paths if path.suffix.lower() not in ARRAYS), None)):
        raise InputError(f"inputs of this search do not come as files: give .npz or .npy arrays, not {str(other)!r}")
    for files in _together(paths, batch_size):
        check_interrupt()
        try:
            _add(predicted, files, _predictions(network, files, batch_size))
        except InputError as error:
            if len(files) == 1:
                predicted.failed[str(files[0])] = _named(files[0], error)
                continue
            for file in files:  # which of them it is
                try:
                    _add(predicted, [file], _predictions(network, [file], batch_size))
                except InputError as own:
                    predicted.failed[str(file)] = _named(file, own)
    return predicted


def _named(file: Path, error: InputError) -> str:
    """What is wrong with a file, by its name."""
    return str(error) if file.name in str(error) else f"{file}: {error}"


def _together(files: list[Path], batch_size: int) -> Iterator[list[Path]]:
    """Pictures in batches, and each file that holds many inputs by itself."""
    if batch_size < 1:
        raise InputError(f"batch_size {batch_size}: give at least 1")
    batch = list[Path]()
    for file in files:
        if batch and (holds_many(file) or len(batch) == batch_size):
            yield batch
            batch = []
        if holds_many(file):
            yield [file]
        else:
            batch.append(file)
    if batch:
        yield batch


def _predictions(network: TrainedNetwork, files: list[Path], batch_size: int) -> Any:
    first = files[0]
    if first.suffix.lower() in ARRAYS:
        return network.predict(read_arrays(first, network.interface.inputs), batch_size)
    return network.predict(network.interface.preparation.read(files), batch_size)


def _add(predicted: Predicted, files: list[Path], found: Any) -> None:
    count = len(pytree.tree_leaves(found)[0])
    samples = [pytree.tree_map_only(Tensor, lambda leaf, i=i: leaf[i], found) for i in range(count)]
    many = holds_many(files[0])
    predicted.predictions.extend(samples)
    predicted.files.extend([str(files[0])] * count if many else map(str, files))
    predicted.rows.extend(range(count) if many else [None] * count)
