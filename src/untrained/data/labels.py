"""Labels as files have them, made the classes 0 to K - 1."""

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from untrained.errors import InputError, listed, shown


def as_classes(
    labels: NDArray[Any],
    source: str,
    names: tuple[str, ...] = (),
    called: Callable[[int], str] = "row {}".format,
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Checks labels, and numbers the classes.

    Args:
        labels: n numbers 0 to K - 1, or names of classes.
        source: what messages call the data.
        names: the names of classes 0, 1, ..., if they are known. Not each of them needs to have an image then.
        called: row -> what messages call it.

    Returns:
        The n classes and the K names: those given, the labels themselves in alphabetical order, or "0", "1", ...

    Raises:
        InputError: there are no labels, no classes, numbers with gaps, or fewer than two classes.

    Example:
        >>> as_classes(np.array(["dog", "cat", "dog"]), "pets.parquet")
        (array([1, 0, 1]), ('cat', 'dog'))
    """
    if len(labels) == 0:
        raise InputError(f"{source} is empty: it has no images")
    if labels.dtype.kind in "USO":
        numbers, names = _numbered(labels, source, called)
    else:
        numbers = _checked(labels, source, called)
        names = names if numbers.max() < len(names) else _counted(numbers, source)
    there = np.unique(numbers)
    if len(there) == 1:
        raise InputError(f"{source} has only class {names[there[0]]}: at least two classes are needed")
    return numbers, names


def matched(
    labels: NDArray[Any],
    source: str,
    classes: tuple[str, ...],
    of: str,
    called: Callable[[int], str] = "row {}".format,
) -> NDArray[np.int64]:
    """Numbers the labels of test data by the classes of the training data.

    Args:
        labels: n labels, of the same kind as those of the training data.
        source: what messages call the test data.
        classes: the names of the K classes.
        of: what messages call the training data.
        called: row -> what messages call it.

    Raises:
        InputError: a label is none of the classes.

    Example:
        >>> matched(np.array(["dog"]), "test.parquet", ("cat", "dog"), "train.parquet")
        array([1])
    """
    if len(labels) == 0:
        raise InputError(f"{source} is empty: it has no images")
    if labels.dtype.kind in "USO":
        places = {name: place for place, name in enumerate(classes)}
        for name in labels:
            if name not in places:
                raise InputError(f"{source} has label {shown(str(name))}, which {of} has not: it has {listed(classes)}")
        return np.array([places[name] for name in labels], dtype=np.int64)
    numbers = _checked(labels, source, called)
    if numbers.max() >= len(classes):
        raise InputError(f"{source} has label {numbers.max()}, which {of} has not: it has {len(classes)} classes")
    return numbers


def gaps(there: Sequence[int], most: int = 5) -> str:
    """The numbers below the largest that are not there, for a message; "" if there are none.

    Args:
        there: Numbers of at least 0.
        most: How many are named.

    Example:
        >>> gaps([1, 3]), gaps([0, 1]), gaps([0, 1000], most=2)
        ('0, 2', '', '1, 2 and 997 more')
    """
    known = set(there)
    count = max(known) + 1 - len(known)
    first = list(islice((number for number in range(max(known)) if number not in known), most))
    return ", ".join(map(str, first)) + (f" and {count - most} more" if count > most else "")


def _numbered(
    labels: NDArray[Any], source: str, called: Callable[[int], str]
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    for row, label in enumerate(labels):
        if not isinstance(label, str) or not label:
            raise InputError(f"{source}: label {shown(label)} in {called(row)} is not a class: give numbers or names")
    names, numbers = np.unique(labels.astype(str), return_inverse=True)
    return numbers.astype(np.int64), tuple(names.tolist())


def _checked(labels: NDArray[Any], source: str, called: Callable[[int], str]) -> NDArray[np.int64]:
    if labels.dtype.kind not in "fiub":
        raise InputError(f"{source}: label {shown(labels[0])} is not a number; labels must be 0, 1, 2, ... or names")
    wrong = ~np.isfinite(labels) | (labels < 0) | (labels != np.round(labels)) | (labels >= 2**53)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InputError(
            f"{source}: label {labels[row]} in {called(row)} is not a class; labels must be 0, 1, 2, ... or names "
            "(numbers to be predicted: give the task regression)"
        )
    return labels.astype(np.int64)


def _counted(numbers: NDArray[np.int64], source: str) -> tuple[str, ...]:
    there = np.unique(numbers)
    if missing := gaps(there.tolist()):
        raise InputError(
            f"{source}: labels {listed(there, 5)} have gaps, none is {missing}: number the {len(there)} "
            f"classes 0 to {len(there) - 1}, or give names"
        )
    return tuple(str(number) for number in there)
