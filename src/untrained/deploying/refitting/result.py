"""The outcome of trainings in full: which network is taken, and what can be said of the others."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from untrained.deploying.refitting.luck import Luck, Spread
from untrained.deploying.refitting.run import WEIGHTS, Run
from untrained.objectives import Direction
from untrained.runtime.files import written_whole
from untrained.searching.folder import TRAINED_FILE
from untrained.searching.interface import UNKNOWN, Interface
from untrained.searching.saved import load_network
from untrained.searching.trained import TrainedNetwork
from untrained.spaces import SearchSpace


@dataclass(frozen=True)
class Candidate:
    """An architecture that was trained again.

    Args:
        architecture: The architecture.
        place: Its place in the search, 1 for the pick.
        value: Its value in the search.
        runs: Its trainings, a seed each.
        hyperparameters: Those that its query in the search had.
        recipe: How it was trained (JSON).
    """

    architecture: str
    place: int
    value: float
    runs: tuple[Run, ...]
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)

    @property
    def finished(self) -> tuple[Run, ...]:
        """The trainings that did not fail."""
        return tuple(run for run in self.runs if run.reason is None)

    def valid(self, name: str) -> Spread | None:
        """A figure on the validation data over the trainings; None if it was not measured."""
        return _spread([run.valid for run in self.finished], name)

    def test(self, name: str) -> Spread | None:
        """A figure on the test data over the trainings; None if it was not measured."""
        return _spread([run.test for run in self.finished], name)


@dataclass(frozen=True, eq=False)
class Refit:
    """The best architectures of a search, trained again.

    Args:
        folder: The folder of the search.
        space: The space.
        candidates: The architectures, in the order of the search.
        on: What they learnt from, "train" or "train+valid".
        measures: The names of the figures; the first was searched for.
        direction: Which way it is better.
        luck: Of the search's pick; None if it is not among the candidates.
        earlier: Architecture -> mean validation figure of trainings on "train" alone by the same recipe, if there are
            any, for a refit on "train+valid".
        recipe: How the first of them was trained (JSON).
        interface: What the networks take and give.
        about: What else `trained.json` says: the search, the versions, and which folder the trainings are in.

    Example:
        >>> from untrained import NASBench201, Recipe, Scoring, TrainingObjective, refit, search
        >>> space = NASBench201(N=1, C=2, in_channels=1)
        >>> objective = TrainingObjective(space, "digits", Recipe(epochs=1))
        >>> cell = "|none~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|"
        >>> _ = search(space, objective, budget=1, pool=[cell], scores=Scoring(["params"]), out="run")
        >>> found = refit("run", objective, top=1, seeds=1)
        >>> found.taken.architecture == cell, found.network().source
        (True, 'untrained train, seed 1, 1 epoch on train')
    """

    folder: Path
    space: SearchSpace
    candidates: tuple[Candidate, ...]
    on: str
    measures: tuple[str, ...]
    direction: Direction
    luck: Luck | None = None
    earlier: Mapping[str, float] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)
    interface: Interface = UNKNOWN
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def better(self) -> int:
        """1 if more is better, -1 if less is."""
        return 1 if self.direction == "maximize" else -1

    @property
    def chosen_by(self) -> str:
        """What decided which architecture is taken. The test data never do."""
        if self.on == "train":
            return f"mean valid {self.measures[0]}"
        if self._known_before:
            return f"mean valid {self.measures[0]} of the trainings on train alone"
        return "value in the search, as the validation data were learnt from"

    @property
    def pick(self) -> Candidate:
        """The architecture that is taken."""
        there = [one for one in self.candidates if one.finished]
        if self.on == "train":
            return max(there, key=lambda one: self.better * _mean(one.valid(self.measures[0])))
        if self._known_before:
            return max(there, key=lambda one: self.better * self.earlier[one.architecture])
        return there[0]

    @property
    def taken(self) -> Run:
        """The training that is taken: the best of the pick on the validation data, else its first."""
        runs = self.pick.finished
        name = self.measures[0]
        return max(runs, key=lambda run: self.better * run.valid[name]) if self.on == "train" else runs[0]

    @property
    def _known_before(self) -> bool:
        return all(one.architecture in self.earlier for one in self.candidates if one.finished)

    @property
    def weights(self) -> str:
        """The file with the weights of the training that is taken, in the folder of the search."""
        return f"{self.taken.folder}/{WEIGHTS}"

    @property
    def source(self) -> str:
        """Which network is taken, in a few words."""
        epochs = (self.pick.recipe or self.recipe).get("epochs", len(self.taken.epochs))
        return f"untrained train, seed {self.taken.seed}, {epochs} epoch{'s' * (epochs != 1)} on {self.on}"

    def network(self) -> TrainedNetwork:
        """The network that is taken, with its weights, in evaluation mode."""
        return load_network(self.folder, self.space, which="trained")

    def to_json(self) -> dict[str, Any]:
        """What `trained.json` holds."""
        taken, first = self.taken, self.measures[0]
        return {
            "space": self.space.name,
            "space_options": self.space.options,
            "network": {
                "architecture": taken.architecture,
                "decisions": self.space.to_params(taken.architecture),
                "weights": self.weights,
                "value": taken.valid.get(first),
                "seed": taken.seed,
                "source": self.source,
                "chosen_by": self.chosen_by,
                **self.interface.to_json(),
            },
            "on": self.on,
            "metric": first,
            "direction": self.direction,
            "architectures": [self._described(one) for one in self.candidates],
            "luck": None if self.luck is None else self.luck.to_json(),
            "recipe": dict(self.pick.recipe or self.recipe),
            **self.about,
        }

    def _described(self, one: Candidate) -> dict[str, Any]:
        def spreads(kind: str) -> dict[str, Any]:
            found = {name: getattr(one, kind)(name) for name in self.measures}
            return {name: asdict(spread) for name, spread in found.items() if spread is not None}

        return {
            "architecture": one.architecture,
            "place": one.place,
            "value": one.value,
            **({"hyperparameters": dict(one.hyperparameters)} if one.hyperparameters else {}),
            "valid": spreads("valid"),
            "test": spreads("test"),
            "runs": [run.to_json() for run in one.runs],
        }

    def save(self) -> None:
        """Writes `trained.json` to the folder of the search.

        Raises:
            InputError: It cannot be written.
        """
        text = json.dumps(self.to_json(), indent=1) + "\n"
        with written_whole(self.folder / TRAINED_FILE) as temporary:
            temporary.write_text(text)


def _spread(figures: list[Mapping[str, float]], name: str) -> Spread | None:
    found = [one[name] for one in figures if name in one]
    return Spread.of(found) if found else None


def _mean(spread: Spread | None) -> float:
    assert spread is not None
    return spread.mean
