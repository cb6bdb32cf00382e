"""One training that survives the death of its process: it goes on after the last whole epoch, to the bit."""

import copy
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save
from torch import Tensor

from untrained.errors import InputError
from untrained.objectives import EvaluationFailed, TrainingObjective
from untrained.objectives.training import Part
from untrained.runtime.files import parsed, removed, written_whole
from untrained.runtime.tensors import copied
from untrained.searching.weights import save_weights

CHECKPOINT, WEIGHTS, DONE = "checkpoint.safetensors", "weights.safetensors", "result.json"


@dataclass(frozen=True)
class Run:
    """One training of an architecture.

    Args:
        architecture: The architecture.
        seed: Decides its initial weights, the order of samples and the augmentation.
        folder: Where its weights are, in the folder of the search.
        valid: The figures on the validation data after the last epoch, by name; empty if it learnt from these, too.
        test: Those on the test data; empty if there are none.
        seconds: How long it took.
        epochs: The figures on the validation data after each epoch.
        reason: Why it failed; None if it did not.
    """

    architecture: str
    seed: int
    folder: str
    valid: Mapping[str, float] = field(default_factory=dict)
    test: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    epochs: tuple[Mapping[str, float], ...] = ()
    reason: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The run as a JSON object."""
        return asdict(self) | {"epochs": [dict(figures) for figures in self.epochs]}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Run":
        """Makes a run again.

        Args:
            document: What `to_json` gave.
        """
        given: dict[str, Any] = dict(document) | {"epochs": tuple(document["epochs"])}
        return cls(**given)


OnEpoch = Callable[[str, int, int, int, Mapping[str, float]], None]
"""Called with (architecture, seed, epochs done, epochs in all, figures on the validation data)."""


def train(
    objective: TrainingObjective,
    arch: str,
    seed: int,
    on: Part,
    root: Path,
    folder: str,
    on_epoch: OnEpoch | None = None,
) -> Run:
    """Trains an architecture, or goes on with it, or reads how it went.

    Args:
        objective: Trains.
        arch: The architecture.
        seed: The seed.
        on: "train" or "train+valid".
        root: The folder of the search.
        folder: The folder of this training in it.
        on_epoch: Called after each epoch.

    Returns:
        The run. One that failed is not remembered: the next call tries it again.

    Raises:
        InputError: A file cannot be written, or the data cannot be used.
        KeyboardInterrupt: After Ctrl-C, SIGTERM or SIGHUP; the next call goes on.
    """
    place = root / folder
    if (done := read_done(place / DONE)) is not None:
        removed(place / CHECKPOINT)  # a kill came before it was
        return done
    objective = copy.copy(objective)
    objective.seed = seed
    start, before = time.perf_counter(), 0.0
    history = list[Mapping[str, float]]()
    try:
        with objective.begun(arch, on) as fit:
            if (saved := _read_checkpoint(place / CHECKPOINT)) is not None:
                tensors, document = saved
                fit.load_state(tensors, document["state"])
                history, before = document["epochs"], document["seconds"]
            while fit.done < fit.recipe.epochs:
                history.append(dict(fit.epoch()))
                tensors, state = fit.state()
                seconds = before + time.perf_counter() - start
                document = {"state": state, "epochs": history, "seconds": seconds}
                _write_checkpoint(place / CHECKPOINT, tensors, document)
                if on_epoch:
                    on_epoch(arch, seed, fit.done, fit.recipe.epochs, fit.figures)
            weights, valid = copied(fit.weights()), dict(fit.figures)
        save_weights(place / WEIGHTS, weights, {"architecture": arch, "seed": str(seed)})
        test = {name.removeprefix("test_"): figure for name, figure in objective.report(arch, weights).items()}
    except EvaluationFailed as error:
        return Run(arch, seed, folder, seconds=before + time.perf_counter() - start, reason=str(error))
    run = Run(arch, seed, folder, valid, test, before + time.perf_counter() - start, tuple(history))
    with written_whole(place / DONE) as temporary:
        temporary.write_text(json.dumps(run.to_json(), indent=1) + "\n")
    removed(place / CHECKPOINT)
    return run


def read_done(path: Path) -> Run | None:
    """Reads how a training went; None if it is not done, or the file is broken."""
    try:
        return Run.from_json(read_json(path))
    except (TypeError, KeyError):
        return None


def read_json(path: Path) -> dict[str, Any]:
    """Reads a JSON object; an empty one if the file is missing or broken."""
    try:
        document = parsed(path.read_text())
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def _write_checkpoint(path: Path, tensors: Mapping[str, Tensor], document: Any) -> None:
    """Tensors and the JSON beside them in one file: a kill leaves both of the same epoch."""
    own = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    content = save(own, {"document": json.dumps(document)})
    with written_whole(path) as temporary:
        temporary.write_bytes(content)


def _read_checkpoint(path: Path) -> tuple[dict[str, Tensor], Any] | None:
    """What was written; None if there is none, or it is broken: then the training begins anew."""
    try:
        with safe_open(path, "pt") as file:
            document = parsed((file.metadata() or {})["document"])
        return load(path.read_bytes()), document
    except (SafetensorError, OSError, ValueError, KeyError):
        return None


def check_seed_count(seeds: int) -> None:
    """Makes sure that there is something to train.

    Raises:
        InputError: There is not.
    """
    if not isinstance(seeds, int) or seeds < 1:
        raise InputError(f"seeds {seeds!r}: give at least 1 training of each architecture")
