"""Trained weights, saved and found again."""

import json
import shutil
from collections.abc import Callable, Collection, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import cast

from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save
from torch import Tensor

from untrained.errors import InputError
from untrained.runtime.files import parsed, removed, written_whole
from untrained.runtime.tensors import copied
from untrained.searching import KEEP

WEIGHTS_FILE, WEIGHTS_FOLDER = "best.safetensors", "weights"
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
        tied = parsed(_metadata(path).get(TIED, "{}"))
        return weights | {name: weights[other] for name, other in tied.items()}
    except (SafetensorError, OSError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{path} holds no weights: run the search, or the training, again, which makes them anew"
        ) from error


class KeptWeights:
    """The trained weights of the best queries of a search.

    In a folder, `weights/` holds a file for each, and `best.safetensors` is the same file as that of the best one. A
    file is named after the architecture and how it was evaluated, so that all searches of a folder share it. In memory
    only the best ones are kept.

    Args:
        folder: None for memory only.
        study: The name of the study.
        evaluation: Stands for how the architectures were evaluated: the weights of another evaluation are others.
        most: How many of the best queries keep their weights.

    Attributes:
        elsewhere: Architectures whose weights other searches of the folder keep.
    """

    def __init__(self, folder: Path | None, study: str, evaluation: str, most: int = KEEP) -> None:
        self.folder = folder
        self.most = most
        self._study = study
        self._evaluation = evaluation
        self.elsewhere: set[str] = set()
        self._best: tuple[str, dict[str, Tensor]] | None = None

    def keep(self, arch: str, weights: Mapping[str, Tensor], place: int) -> None:
        """Keeps the weights of an architecture, if it is one of the best.

        Args:
            arch: The architecture; here and in every method, the key of its query if it has hyper-parameters.
            weights: Name -> tensor.
            place: Its place among the queries so far; 1 is the best.

        Raises:
            TypeError: safetensors cannot hold them.
            InputError: A file cannot be written.
        """
        if place > self.most or (self.folder is None and place > 1):
            return
        own = copied(weights)
        if place == 1:
            self._best = arch, own
        if self.folder is not None:
            about = {"architecture": arch, "evaluation": self._evaluation, "study": self._study}
            save_weights(self.folder / self._file(arch), own, about)
            if place == 1:
                self._put_first(self.folder, arch)

    def drop_all_but(self, needed: Callable[[], Collection[str]]) -> None:
        """Deletes the weights that no search of the folder counts among its best any more.

        Args:
            needed: Gives the best architectures of this search, and those at work. It is called once the files are
                listed: whoever has written one of them has said before what it is of.
        """
        if self.folder is None:
            return
        found = {path: _metadata(path) for path in (self.folder / WEIGHTS_FOLDER).glob("*.safetensors")}
        own = {path: about.get("architecture") for path, about in found.items() if self._is_own(about)}
        if left := {path: arch for path, arch in own.items() if arch not in self.elsewhere}:
            archs = needed()
            for path, arch in left.items():
                if arch not in archs:
                    removed(path)

    def of(self, arch: str) -> Mapping[str, Tensor] | None:
        """Finds the weights of an architecture; None if they were not kept."""
        if self._best is not None and self._best[0] == arch:
            return self._best[1]
        for path in self._paths(arch):
            try:
                found = load_weights(path)
            except InputError:
                continue  # as good as lost: the pick is trained again
            self._best = arch, found
            return found
        return None

    def file_of(self, arch: str) -> str | None:
        """Finds the file in the folder that holds the weights of an architecture; None if they were not kept."""
        paths = self._paths(arch)
        return str(paths[0].relative_to(cast(Path, self.folder)).as_posix()) if paths else None

    def is_filed(self, arch: str) -> bool:
        """Tells whether `best.safetensors` holds the weights of an architecture; True if there is no folder."""
        return self.folder is None or self._is_of(self.folder / WEIGHTS_FILE, arch)

    def _put_first(self, folder: Path, arch: str) -> None:
        """Makes `best.safetensors` the file of an architecture."""
        best = folder / WEIGHTS_FILE
        about = _metadata(best)
        if (
            "evaluation" in about
            and not (before := folder / _file(about["architecture"], about["evaluation"])).exists()
        ):
            before.parent.mkdir(exist_ok=True)
            best.replace(before)  # an earlier version has no other file of them
        with written_whole(best) as temporary:
            try:
                temporary.hardlink_to(folder / self._file(arch))
            except OSError:  # a file system without such links
                shutil.copyfile(folder / self._file(arch), temporary)

    def _paths(self, arch: str) -> list[Path]:
        """The files that hold the weights of an architecture; earlier versions had them all in the folder itself."""
        if self.folder is None:
            return []
        found = [self.folder / self._file(arch), *sorted(self.folder.glob("*.safetensors"))]
        return [path for path in found if self._is_of(path, arch)]

    def _is_of(self, path: Path, arch: str) -> bool:
        about = _metadata(path)
        return about.get("architecture") == arch and self._is_own(about)

    def _is_own(self, about: Mapping[str, str]) -> bool:
        return about.get("evaluation") == self._evaluation

    def _file(self, arch: str) -> str:
        return _file(arch, self._evaluation)


def _file(arch: str, evaluation: str) -> str:
    return f"{WEIGHTS_FOLDER}/{blake2b(f'{evaluation} {arch}'.encode(), digest_size=6).hexdigest()}.safetensors"


def _metadata(path: Path) -> dict[str, str]:
    """What a file of weights says of itself; empty if it is missing or broken."""
    try:
        with safe_open(path, "pt") as file:
            return file.metadata() or {}
    except (SafetensorError, OSError):
        return {}
