"""What a study says for people who look at it with other programs, such as Optuna's dashboard.

A search reads none of it: what it needs itself stands in `samplers.query`.
"""

import math
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

import optuna
from optuna.exceptions import ExperimentalWarning

from untrained.measuring import is_figure, unit_of
from untrained.objectives import Objective, TabularObjective, TrainingObjective
from untrained.scores import ScoreTable
from untrained.searching.allowed import NOTHING, Allowed
from untrained.searching.figures import Figures
from untrained.searching.runs import data_of, measure_of
from untrained.spaces import SearchSpace

REPORTED = "reported"
"""Attribute of a study: the pick of a search that has ended, and its test figures. It goes when the search goes on."""
SIZES = ("params", "flops")
LONGEST = 24
"""Characters of each part of the name of a study."""


@dataclass
class Readable:
    """Attributes of trials that people read.

    Args:
        space: Counts or builds the networks.
        objective: What evaluates them. Sizes are for trainings only: others may take less time than to count.
        scores: Gives the scores so far.
        example: An input of the networks as a batch of one; None if there is none.
        allowed: Knows figures that are limited, or objectives.
    """

    space: SearchSpace
    objective: Objective
    scores: Callable[[], ScoreTable]
    example: Any = None
    allowed: Allowed = NOTHING
    _figures: Figures = field(init=False)

    def __post_init__(self) -> None:
        self._figures = Figures(self.space, self.example)

    def before(self, arch: str) -> dict[str, float]:
        """What is known of an architecture before it is evaluated: its scores, and its limited figures.

        Args:
            arch: The architecture.

        Returns:
            Attribute -> value. A table of results has the scores, or stands beside them: nothing is repeated of it.
        """
        if isinstance(self.objective, TabularObjective):
            return {}
        own, columns = self.allowed.figures_of(arch)
        table = self.scores()
        row = table.values[table.index[arch]] if arch in table.index else ()
        scores = {f"score {name}": float(score) for name, score in zip(table.metrics, row, strict=False)}
        return _known({_with_unit(name): value for name, value in own.items()} | dict(columns) | scores)

    def after(self, arch: str, figures: Mapping[str, float]) -> dict[str, float]:
        """What is known once it has been evaluated: what its network weighs, and all that was measured.

        Args:
            arch: The architecture.
            figures: What the evaluation gave beside the value.
        """
        trained = isinstance(self.objective, TrainingObjective)
        names = [n for n in SIZES if n == "params" or self.example is not None] if trained else []
        sizes = {_with_unit(name): self._figures.value(arch, name) for name in names}
        prefix = "valid_" if trained else ""
        return _known(sizes | {f"{prefix}{name}": value for name, value in figures.items()})


def study_name(identity: Mapping[str, Any], digest: str) -> str:
    """Makes the name of a study that people can tell from others: space, data, sampler, seed.

    Args:
        identity: What the history of the search depends on.
        digest: Six characters that stand for it, as two searches may differ in more than their names.

    Example:
        >>> objective = {"kind": "training", "data": "photos/cats and dogs"}
        >>> study_name({"space": "nets.py:build", "objective": objective, "sampler": "mixture", "seed": 0}, "0a1b2c")
        'build-cats_and_dogs-mixture-seed0-0a1b2c'
    """
    space = str(identity["space"]).rpartition(":")[2]
    data = PurePath(data_of(identity)).name
    parts = (space, data, identity["sampler"], f"seed{identity['seed']}", digest)
    words = (re.sub(r"[^A-Za-z0-9_.=]+", "_", str(part)).strip("_")[:LONGEST] for part in parts)
    return "-".join(filter(None, words))


def name_metric(study: optuna.Study, identity: Mapping[str, Any]) -> None:
    """Tells a study what its values are called."""
    wanted = [measure_of(identity)]
    if study.metric_names != wanted:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            study.set_metric_names(wanted)


def tell_pick(study: optuna.Study, arch: str | None = None, reported: Mapping[str, float] | None = None) -> None:
    """Writes down the pick of a search that has ended. While it goes on, its test figures stand nowhere in the study.

    Args:
        study: The study.
        arch: The pick; None for a search that goes on.
        reported: Its test figures.
    """
    figures = {name: value if math.isfinite(value) else None for name, value in (reported or {}).items()}
    wanted = None if arch is None else {"architecture": arch, **figures}
    if study.user_attrs.get(REPORTED) != wanted:
        study.set_user_attr(REPORTED, wanted)


def _with_unit(name: str) -> str:
    return f"{name} ({unit_of(name)})" if is_figure(name) else name


def _known(values: Mapping[str, float]) -> dict[str, float]:
    """Those that are numbers: JSON has no others."""
    return {name: value for name, value in values.items() if math.isfinite(value)}
