"""Samples of a user's data set as pairs (input, target) of tensors."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from torch import Tensor
from torch.utils import _pytree as pytree
from torch.utils.data import Dataset

from untrained.data.own.parts import as_input
from untrained.data.own.targets import TargetForm
from untrained.data.resizing import Resize
from untrained.errors import InputError, listed, shown

TARGET_KEYS = ("label", "labels", "target", "targets", "y", "class")
"""What the target of a sample may be called if nobody says; the first that is there."""
INPUT_KEYS = ("image", "img", "pixel_values", "input_ids", "x", "input", "inputs")
"""What the input may be called, if there are others beside it; the first that is there."""

Names = str | Sequence[str] | None


@dataclass(frozen=True)
class Pairing:
    """Which parts of a sample are the input and the target.

    Args:
        inputs: Keys of a sample that is a dictionary: one, or several for an input that is a dictionary; None of a
            sample that is a tuple, of which the last part is the target.
        target: Likewise.
    """

    inputs: str | tuple[str, ...] | None = None
    target: str | tuple[str, ...] | None = None

    def __call__(self, sample: Any) -> tuple[Any, Any]:
        """The input and the target of a sample, or of a batch of them."""
        if self.inputs is not None and self.target is not None:
            return _chosen(sample, self.inputs), _chosen(sample, self.target)
        return (sample[0] if len(sample) == 2 else tuple(sample[:-1])), sample[-1]


def pairing_of(sample: Any, what: str, inputs: Names = None, target: Names = None) -> Pairing:
    """Finds the input and the target of samples.

    Args:
        sample: One of them.
        what: What messages call the data, such as "training".
        inputs: The keys of the input; found if None.
        target: The keys of the target; found if None.

    Raises:
        InputError: The sample is neither a tuple nor a dictionary, or has no such keys.

    Example:
        >>> pairing_of({"image": 0, "label": 1, "id": 2}, "training")
        Pairing(inputs='image', target='label')
    """
    if isinstance(sample, Mapping):
        goal = _keys(sample, target, what) or next((key for key in TARGET_KEYS if key in sample), None)
        if goal is None:
            raise InputError(
                f"a sample of the {what} data has the keys {listed(sample)}: which is the target? Give target="
            )
        rest = [key for key in sample if key not in ((goal,) if isinstance(goal, str) else goal)]
        known = next((key for key in INPUT_KEYS if key in rest), rest[0] if len(rest) == 1 else None)
        given = _keys(sample, inputs, what) or known
        if given is None:
            raise InputError(
                f"a sample of the {what} data has the keys {listed(sample)}: which is the input? Give inputs="
            )
        return Pairing(given, goal)
    if inputs is not None or target is not None:
        option = "target" if inputs is None else "inputs"
        raise InputError(f"a sample of the {what} data is a {type(sample).__name__}, without keys: leave {option}= out")
    if not isinstance(sample, tuple | list) or len(sample) < 2:
        raise InputError(
            f"a sample of the {what} data is a {type(sample).__name__}: give pairs (input, target) or dictionaries"
        )
    return Pairing()


class Samples(Dataset[tuple[Any, Any]]):
    """The samples of a data set as pairs of tensors.

    Args:
        data: The data set.
        pairing: Which parts of its samples are input and target.
        form: How targets become tensors.
        what: What messages call the data, such as "training".
        resize: What is done to pictures of Pillow.
    """

    def __init__(self, data: Any, pairing: Pairing, form: TargetForm, what: str, resize: Resize | None = None) -> None:
        self.data, self.pairing, self.form, self.what, self.resize = data, pairing, form, what, resize

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self._pair(self.data[index])

    def _pair(self, sample: Any) -> tuple[Any, Any]:
        inputs, target = self.pairing(sample)
        return as_input(inputs, f"an input of the {self.what} data", self.resize), self.form(target)


class Collated(Samples):
    """Samples that become batches by a user's `collate_fn`, as of a `DataLoader`.

    Args:
        data: The data set.
        collate: Its samples -> a batch: a pair or a dictionary.
        pairing: Which parts of a batch are input and target.
        form: How targets become tensors.
        what: What messages call the data.
        resize: What is done to pictures of Pillow.
    """

    def __init__(
        self,
        data: Any,
        collate: Callable[[list[Any]], Any],
        pairing: Pairing,
        form: TargetForm,
        what: str,
        resize: Resize | None = None,
    ) -> None:
        super().__init__(data, pairing, form, what, resize)
        self.collate = collate

    def __getitem__(self, index: int) -> Any:
        return Sample(self, self.data[index])

    def collate_fn(self, samples: list[Any]) -> tuple[Any, Any]:
        """The batch of some samples."""
        return self._pair(self.collate([sample.own for sample in samples]))


class Sample(Sequence[Any]):
    """One sample, which keeps what the user's `collate_fn` takes: a pair (input, target), made when it is asked for.

    Args:
        of: The data.
        own: The sample as the user's data set gives it.
    """

    def __init__(self, of: Collated, own: Any) -> None:
        self.of, self.own = of, own

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: Any) -> Any:
        return tuple(self)[index]

    def __iter__(self) -> Iterator[Any]:
        batch = self.of.collate_fn([self])
        return iter(pytree.tree_map_only(Tensor, lambda t: t[0], batch))


def _chosen(sample: Any, keys: str | tuple[str, ...]) -> Any:
    return sample[keys] if isinstance(keys, str) else {key: sample[key] for key in keys}


def _keys(sample: Mapping[str, Any], named: Names, what: str) -> str | tuple[str, ...] | None:
    if named is None:
        return None
    if isinstance(named, str):
        named = named if named in sample or "," not in named else [name.strip() for name in named.split(",")]
    for name in [named] if isinstance(named, str) else named:
        if name not in sample:
            raise InputError(f"a sample of the {what} data has no {shown(name, 40)}: it has {listed(sample)}")
    return named if isinstance(named, str) else tuple(named)


def length_of(data: Any, what: str) -> int:
    """How many samples a data set has.

    Args:
        data: Anything with a length.
        what: What messages call it, such as "training".

    Raises:
        InputError: It has no length, or no samples.
    """
    try:
        length = len(cast(Any, data))
    except TypeError:
        length = None
    if length is None or not hasattr(data, "__getitem__"):
        raise InputError(
            f"the {what} data, {type(data).__name__}, has no length: give a data set with __len__ and __getitem__"
        )
    if length == 0:
        raise InputError(f"the {what} data is empty")
    return length
