"""The result of a search, in memory and as JSON."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optuna
from torch import Tensor

from untrained.errors import InputError
from untrained.measuring import unit_of
from untrained.runtime.files import written_whole
from untrained.samplers.query import Query, best_queries, queries
from untrained.searching.folder import BEST_FILE
from untrained.searching.interface import UNKNOWN, Interface
from untrained.searching.studies import BUDGET, IDENTITY, POOL_SIZE, TOTAL_SECONDS, VERSIONS, grown
from untrained.searching.tradeoffs import Axis, axes_of, front_of
from untrained.searching.trained import TrainedNetwork
from untrained.searching.weights import WEIGHTS_FILE
from untrained.spaces import SearchSpace


@dataclass(frozen=True, eq=False)
class Result:
    """The outcome of a search.

    Args:
        study: The whole history, an Optuna study.
        space: The space of the architectures.
        architecture: The pick, the first of the best queries.
        value: Its objective.
        reported: Its test figures, by name.
        sizes: Its `params` and `flops` in millions, if they are known; `memory` in MB and `latency` in milliseconds,
            if these were limited.
        columns: Limited figures of the pick that stand in a table.
        rank: The place of the pick in the pool by the objective (1 is best), if that is known.
        weights: The trained weights of the pick, if the objective gave any.
        seconds: Wall-clock seconds of all calls that made queries.
        folder: The folder of the search, if it has one.
        interface: What the networks take and give, as the data tell it.
        kept: Architecture -> the file in the folder with its trained weights, best first.
        recipe: How the network of the pick was trained (JSON); empty if it was not.
        hyperparameters: What was searched for beside the architecture, as the pick has it.

    Example:
        >>> from untrained import NASBench201, ScoreTable, search
        >>> import numpy as np
        >>> space = NASBench201()
        >>> archs = tuple(space.pool(20))
        >>> scores = ScoreTable(archs, ("convs",), np.array([[arch.count("conv")] for arch in archs], dtype=float))
        >>> result = search(space, lambda arch: arch.count("nor_conv_3x3"), budget=5, scores=scores)
        >>> len(result.queries), result.value == max(query.value for query in result.queries)
        (5, True)
    """

    study: optuna.Study
    space: SearchSpace
    architecture: str
    value: float
    reported: Mapping[str, float] = field(default_factory=dict)
    sizes: Mapping[str, float] = field(default_factory=dict)
    columns: Mapping[str, float] = field(default_factory=dict)
    rank: int | None = None
    weights: Mapping[str, Tensor] | None = None
    seconds: float = 0.0
    folder: Path | None = None
    interface: Interface = UNKNOWN
    kept: Mapping[str, str] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        identity, made = self.study.user_attrs[IDENTITY], self.queries
        failed = sum(query.state == "failed" for query in made)
        pruned = sum(query.state == "pruned" for query in made)
        reused = sum(query.reused for query in made)
        joined = f", {len(more)} joined later" if (more := grown(self.study)) else ""
        counts = (("failed", failed), ("stopped early", pruned), ("reused", reused))
        lines = {
            "architecture": self.architecture,
            **{name: f"{v:g}" if isinstance(v, float) else str(v) for name, v in self.hyperparameters.items()},
            "value": f"{self.value:g} ({self.study.direction.name.lower()}d)",
            **{name: f"{value:g}" for name, value in self.reported.items()},
            **{name: f"{value:.3f} {unit_of(name)}" for name, value in self.sizes.items()},
            **{name: f"{value:g}" for name, value in self.columns.items()},
            "queries": ", ".join([str(len(made)), *(f"{n} {what}" for what, n in counts if n)]),
            "pool": f"{self.study.user_attrs[POOL_SIZE]} architectures of {identity['space']}{joined}",
            **({} if self.rank is None else {"rank in the pool": str(self.rank)}),
            "sampler": f"{identity['sampler']}, seed {identity['seed']}",
            "weights": "none" if self.weights is None else f"{len(self.weights)} tensors",
            "seconds": f"{self.seconds:.1f}",
            "folder": "none: kept in memory only" if self.folder is None else str(self.folder),
        }
        return "\n".join(["Result", *(f"  {name:<16} {value}" for name, value in lines.items())])

    @property
    def queries(self) -> list[Query]:
        """The finished queries in order."""
        return queries(self.study)

    @property
    def front(self) -> list[Query]:
        """The queries that no other one is better than in all objectives, best value first; their `figures` hold those
        objectives that were known before. With one objective, the pick alone."""
        return front_in(self.study)

    @property
    def summary(self) -> dict[str, Any]:
        """The result as one JSON object: best, queries in order, sampler, seed, seconds and what was searched."""
        summary = summary_of(self.study)
        for one in summary.get("front", ()):
            one |= {"weights": self.kept[one["architecture"]]} if one["architecture"] in self.kept else {}
        return summary | {
            "best": {
                "architecture": self.architecture,
                "value": self.value,
                **({"hyperparameters": dict(self.hyperparameters)} if self.hyperparameters else {}),
                "reported": {name: value if math.isfinite(value) else None for name, value in self.reported.items()},
                **({} if self.rank is None else {"rank": self.rank}),
                **self.sizes,
                **({"columns": dict(self.columns)} if self.columns else {}),
            },
            "seconds": round(self.seconds, 3),
        }

    def network(self) -> TrainedNetwork:
        """The network of the pick, with its trained weights if there are any, in evaluation mode.

        Returns:
            Raw inputs in, as the data have them, and outputs or predictions out; `.network` is the bare network.
        """
        net = self.space.build(self.architecture)
        if self.weights is not None:
            net.load_state_dict(dict(self.weights))
        return TrainedNetwork(net, self.interface, architecture=self.architecture, value=self.value)

    def save(self, folder: Path) -> None:
        """Writes `best.json`: the summary, and how to build and use the network again. An equal file is left alone.

        Args:
            folder: The folder of the search.

        Raises:
            InputError: It cannot be written.
        """
        network = {
            "architecture": self.architecture,
            "decisions": self.space.to_params(self.architecture),
            "weights": WEIGHTS_FILE if self.weights is not None else None,
            **self.interface.to_json(),
        }
        best = {query.architecture: query for query in reversed(best_queries(self.study))}
        kept = [_picked(best[arch]) | {"weights": file} for arch, file in self.kept.items()]
        versions = self.study.user_attrs.get(VERSIONS, {})
        own = {"network": network, "kept": kept, "recipe": dict(self.recipe), "versions": versions}
        document = self.summary | own
        text = json.dumps(document, indent=1, allow_nan=False) + "\n"
        path = folder / BEST_FILE
        if not path.is_file() or path.read_text() != text:
            with written_whole(path) as temporary:
                temporary.write_text(text)


def front_in(study: optuna.Study) -> list[Query]:
    """The front of a study of a search: with one objective the best query, without values none."""
    made, axes = best_queries(study), axes_of(study.user_attrs.get(IDENTITY))
    return front_of(made, axes) if axes else made[:1]


def _on_front(query: Query, axes: Sequence[Axis]) -> dict[str, Any]:
    return _picked(query) | {"figures": {axis.name: query.figures[axis.name] for axis in axes[1:]}}


def _picked(query: Query) -> dict[str, Any]:
    further = {"hyperparameters": dict(query.hyperparameters)} if query.hyperparameters else {}
    return {"architecture": query.architecture, "value": query.value, **further}


def summary_of(study: optuna.Study) -> dict[str, Any]:
    """Sums up a study of a search, finished or not.

    Args:
        study: The study.

    Returns:
        A JSON object (see `Result.summary`), without test figures.

    Raises:
        InputError: The search has not begun.
    """
    attrs = study.user_attrs
    if not {IDENTITY, BUDGET, POOL_SIZE} <= attrs.keys():
        raise InputError(f"the search {study.study_name!r} has not begun its first query")
    identity, front = attrs[IDENTITY], front_in(study)
    axes, best = axes_of(identity), next(iter(front), None)
    return {
        "study": study.study_name,
        "best": best and {**_picked(best), "reported": {}},
        "queries": [query.to_json() for query in queries(study)],
        "direction": study.direction.name.lower(),
        **{key: identity[key] for key in ("space", "space_options", "sampler", "seed", "metrics", "objective")},
        **({"where": identity["where"]} if identity.get("where") else {}),
        **({"objectives": [{"name": axis.name, "direction": axis.direction} for axis in axes]} if axes else {}),
        **({"front": [_on_front(query, axes) for query in front]} if axes else {}),
        **{key: attrs[key] for key in (BUDGET, POOL_SIZE)},
        **({"grown": len(joined)} if (joined := grown(study)) else {}),
        "seconds": attrs.get(TOTAL_SECONDS),
    }
