"""A data set by its name or file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from untrained.data.builtin import TABLES, builtin_table
from untrained.data.huggingface import from_huggingface, is_saved, load_saved
from untrained.data.load_images import has_images, load_images
from untrained.data.resizing import Resize
from untrained.data.source import Wanted
from untrained.data.tabular import is_table, load_table
from untrained.errors import InputError


def load_data(
    source: str | Path,
    test: str | Path | None = None,
    *,
    resize: "Resize | int | str | tuple[int, int] | None" = None,
    subset: int | None = None,
    image: str | None = None,
    target: str | Sequence[str] | None = None,
    task: str | None = None,
    inputs: str | Sequence[str] | None = None,
) -> Any:
    """Reads images or a table, and splits what there is into train, valid and test.

    Args:
        source: One of

            - `digits`: the 1,797 grey 8 x 8 images that come with scikit-learn; `iris`, `wine`, `breast_cancer` or
              `diabetes`, which are tables;
            - a folder with a folder of pictures for each class, or one for each split with such folders inside; or
              folders `images` and `masks` with pictures of the same names, for segmentation;
            - `FILE.parquet` with a column of pictures (bytes, also in Hugging Face's struct) and one of targets, or a
              folder of such files;
            - `FILE.csv` or `FILE.parquet` with a column of file names, relative to the file, and one of targets, and
              maybe a column `split`;
            - `FILE.npz`: arrays `x` (n x h x w, n x c x h x w or n x h x w x c) and `y`, or those of splits: `x_train`
              and `y_train`, `train_images` and `train_labels`;
            - a folder that `save_to_disk` of Hugging Face's `datasets` wrote;
            - any other `FILE.csv` or `FILE.parquet`: a table, in which each row is a sample.

            Labels are 0 to K - 1, names of classes, or rows of 0 and 1.
        test: Another of these, for testing. Parts that neither sets apart, a fifth of the images each, are drawn class
            by class with a fixed seed.
        resize: The size of all images then: the side of a square, text WIDTHxHEIGHT, or (height, width). The largest
            centred part of each image that has these proportions is scaled (bilinear, antialiased).
        subset: How many samples to use, drawn class by class with a fixed seed; all if None.
        image: The column of pictures or file names; found by what it holds if None.
        target: The column to be predicted, or several; found by its name (label, class, target, y) if None, and beside
            pictures by what it holds.
        task: "classification", "multi-label", "regression" or, of images, "segmentation"; told by the targets if None.
        inputs: Of a table: the columns that a network sees; all that tell something if None.

    Returns:
        `ImageData`: the images, read when they are asked for, with their targets and splits; or `TableData`; or, of
        Hugging Face's data sets that are no tables, `DatasetData`. (Typed as anything, so that each can be used as what
        it is.)

    Raises:
        InputError: A file is missing or broken, or its targets do not fit the task.

    Example:
        >>> from untrained import load_data
        >>> {name: len(rows) for name, rows in load_data("digits").splits.items()}
        {'train': 1079, 'valid': 359, 'test': 359}
        >>> load_data("digits", resize=16, subset=100).shape
        (1, 16, 16)
    """
    named = target if target is None or isinstance(target, str) else ",".join(target)
    wanted = Wanted(None if resize is None else Resize.of(resize), image, named, task)
    if Path(source).is_dir() and is_saved(Path(source)):
        other = None if test is None else load_saved(Path(test))
        options = {"target": target, "task": task, "resize": resize, "subset": subset}
        name = Path(source).resolve().name
        return from_huggingface(load_saved(Path(source)), other, inputs=inputs or image, name=name, **options)
    builtin = str(source) in TABLES
    if not builtin and not (is_table(Path(source)) and not has_images(Path(source), wanted)):
        if inputs is not None:
            raise InputError(f"inputs {inputs!r}: {str(source)!r} holds images, and these are columns of a table")
        return load_images(source, test, wanted, subset)
    if resize is not None or image is not None:
        option = "resize" if resize is not None else "image"
        raise InputError(f"{option} is for images, and {str(source)!r} is a table without a column of pictures")
    if not builtin:
        return load_table(source, test, target=target, task=task, inputs=inputs, subset=subset)
    table, found = builtin_table(str(source))
    name = str(source)
    return load_table(table, test, target=target or found, task=task, inputs=inputs, subset=subset, name=name)
