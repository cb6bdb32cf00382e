"""Trained weights, saved and found again."""

import json
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save
from torch import Tensor

from untrained.errors import InputError
from untrained.runtime.files import written_whole
from untrained.runtime.tensors import copied

WEIGHTS_FILE = "best.safetensors"
TIED = "tied"


def save_weights(path: Path, weights: Mapping[str, Tensor], about: Mapping[str, str]) -> None:
    """Writes weights as safetensors; of tied weights one is written, and the others are named in the metadata.

    Args:
        path: The file.
        weights: Name -> tensor, as `copied` gives them.
        about: What they are the weights of, as metadata.

    Raises:
        TypeError: safetensors cannot hold such a tensor.
        InputError: The file cannot be written.
    """
    first = dict[int, str]()
    tied = {name: first[id(tensor)] for name, tensor in weights.items() if first.setdefault(id(tensor), name) != name}
    own = {name: tensor for name, tensor in weights.items() if name not in tied}
    try:
        content = save(own, {**about, TIED: json.dumps(tied)} if tied else dict(about))
    except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise TypeError(f"the weights cannot be saved: {error}") from error
    with written_whole(path) as temporary:
        temporary.write_bytes(content)


def load_weights(path: Path) -> dict[str, Tensor]:
    """Reads what `save_weights` wrote; tied weights are one tensor again.

    Args:
        path: The file.

    Returns:
        Name -> tensor, on the CPU.

    Raises:
        InputError: The file is missing or broken.
    """
    try:
        weights = load(path.read_bytes())  # not mapped to memory: the file may be replaced while they are in use
        tied = json.loads(_metadata(path).get(TIED, "{}"))
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} holds no weights: search again, which trains the pick again") from error
    return weights | {name: weights[other] for name, other in tied.items()}


class KeptWeights:
    """The trained weights of the best query of a study, in memory and in a folder.

    The folder holds the weights of the latest search in `best.safetensors`; those of an earlier one are set aside under
    the name of its study when another begins to write, so that a later search can still take them over.

    Args:
        folder: None for memory only.
        study: The name of the study.
        evaluation: Stands for how the architectures were evaluated: the weights of another evaluation are others.
    """

    def __init__(self, folder: Path | None, study: str, evaluation: str) -> None:
        self.folder = folder
        self._study = study
        self._evaluation = evaluation
        self._kept: tuple[str, dict[str, Tensor]] | None = None

    def keep(self, arch: str, weights: Mapping[str, Tensor]) -> None:
        """Keeps the weights of the best architecture so far.

        Args:
            arch: The architecture.
            weights: Name -> tensor.

        Raises:
            TypeError: safetensors cannot hold them.
            InputError: The file cannot be written.
        """
        own = copied(weights)
        self._kept = arch, own
        if self.folder is not None:
            path = self.folder / WEIGHTS_FILE
            of = _metadata(path).get("study", self._study)
            if of != self._study:
                path.replace(self.folder / f"{quote(of, safe='')}.safetensors")
            save_weights(path, own, {"architecture": arch, "evaluation": self._evaluation, "study": self._study})

    def of(self, arch: str) -> Mapping[str, Tensor] | None:
        """Finds the weights of an architecture; None if they were not kept."""
        if self._kept is not None and self._kept[0] == arch:
            return self._kept[1]
        for path in [] if self.folder is None else sorted(self.folder.glob("*.safetensors")):
            about = _metadata(path)
            if (about.get("architecture"), about.get("evaluation")) != (arch, self._evaluation):
                continue
            try:
                found = load_weights(path)
            except InputError:
                continue  # as good as lost: the pick is trained again
            self._kept = arch, found
            return found
        return None

    def is_filed(self, arch: str) -> bool:
        """Tells whether `best.safetensors` holds the weights of an architecture; True if there is no folder."""
        if self.folder is None:
            return True
        about = _metadata(self.folder / WEIGHTS_FILE)
        return (about.get("architecture"), about.get("study")) == (arch, self._study)


def _metadata(path: Path) -> dict[str, str]:
    """What a file of weights says of itself; empty if it is missing or broken."""
    try:
        with safe_open(path, "pt") as file:
            return file.metadata() or {}
    except (SafetensorError, OSError):
        return {}
