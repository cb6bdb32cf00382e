"""What a search leaves: in memory, as JSON, in a folder."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import optuna
from safetensors.torch import load_file, save
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError
from torch import Tensor, nn

from untrained.errors import InputError
from untrained.runtime.files import written_whole
from untrained.samplers.query import Query, best_query, queries
from untrained.spaces import SearchSpace, get_space

IDENTITY, BUDGET, POOL_SIZE, TOTAL_SECONDS = "identity", "budget", "pool", "seconds"
"""Attributes of the study; those of its trials stand in `samplers.query`."""
STUDY_FILE, SCORES_FILE, BEST_FILE, WEIGHTS_FILE = "study.db", "scores.parquet", "best.json", "best.safetensors"


@dataclass(frozen=True, eq=False)
class Result:
    """The outcome of a search.

    study: the whole history. architecture, value: the pick, the first of the best queries.
    reported: its test figures. sizes: its `params` and `flops` in millions, where known.
    rank: R_f of the pick in the pool (1 = best), with a table.
    weights: its trained weights. seconds: wall clock of this call.
    """

    study: optuna.Study
    space: SearchSpace
    architecture: str
    value: float
    reported: Mapping[str, float] = field(default_factory=dict)
    sizes: Mapping[str, float] = field(default_factory=dict)
    rank: int | None = None
    weights: Mapping[str, Tensor] | None = None
    seconds: float = 0.0

    @property
    def queries(self) -> list[Query]:
        """The finished queries in order."""
        return queries(self.study)

    @property
    def summary(self) -> dict[str, Any]:
        """The result as one JSON object: best, queries in order, sampler, seed, seconds and what was searched."""
        return summarise(self.study) | {
            "best": {
                "architecture": self.architecture,
                "value": self.value,
                "reported": {name: value if math.isfinite(value) else None for name, value in self.reported.items()},
                **({} if self.rank is None else {"rank": self.rank}),
                **self.sizes,
            },
            "seconds": round(self.seconds, 3),
        }

    def network(self) -> nn.Module:
        """The network of the pick, with its trained weights where there are any, in evaluation mode."""
        net = self.space.build(self.architecture)
        if self.weights is not None:
            net.load_state_dict(dict(self.weights))
        return net.eval()

    def save(self, folder: Path) -> None:
        """Writes `best.json`: the summary, and how to build the network again."""
        weights = WEIGHTS_FILE if self.weights is not None else None
        document = self.summary | {"network": {"architecture": self.architecture, "weights": weights}}
        with written_whole(folder / BEST_FILE) as path:
            path.write_text(json.dumps(document, indent=1, allow_nan=False) + "\n")


def summarise(study: optuna.Study) -> dict[str, Any]:
    """What a study holds of a search, finished or not, as a JSON object (see `Result.summary`)."""
    identity = study.user_attrs[IDENTITY]
    best = best_query(study)
    return {
        "best": best and {"architecture": best.architecture, "value": best.value, "reported": {}},
        "queries": [query.to_json() for query in queries(study)],
        "direction": study.direction.name.lower(),
        **{key: identity[key] for key in ("space", "space_options", "sampler", "seed", "metrics", "objective")},
        **{key: study.user_attrs[key] for key in (BUDGET, POOL_SIZE)},
        "seconds": study.user_attrs.get(TOTAL_SECONDS),
    }


def load_summary(folder: str | Path) -> dict[str, Any]:
    """The summary of the search in `folder`; without its test figures where it is unfinished."""
    folder = Path(folder)
    if (folder / BEST_FILE).is_file():
        return _read_best(folder)
    if not (folder / STUDY_FILE).is_file():
        raise InputError(f"no search in {str(folder)!r}: it has neither {BEST_FILE} nor {STUDY_FILE}")
    try:
        # Read-only: a search that is just making its tables must not meet us making them too.
        storage = sqlite_url(folder / STUDY_FILE, read_only=True)
        (name,) = optuna.get_all_study_names(storage)[:1]
        return summarise(optuna.load_study(study_name=name, storage=storage))
    except (SQLAlchemyError, ValueError, KeyError) as error:
        raise InputError(f"the search in {str(folder)!r} has not begun its first query") from error


def load_network(folder: str | Path, space: SearchSpace | None = None) -> nn.Module:
    """The network that the search in `folder` found, with its trained weights, in evaluation mode.

    space: needed only where the search was in a space of one's own.
    """
    folder = Path(folder)
    if not (folder / BEST_FILE).is_file():
        raise InputError(f"no finished search in {str(folder)!r}: it has no {BEST_FILE}")
    document = _read_best(folder)
    space = space or get_space(document["space"], **document["space_options"])
    net = space.build(document["network"]["architecture"])
    if document["network"]["weights"]:
        net.load_state_dict(load_file(folder / document["network"]["weights"]))
    return net.eval()


def sqlite_url(path: Path, *, read_only: bool = False) -> str:
    """The URL of a SQLite file, whatever characters its path has."""
    # SQLite's own URI form, quoted for SQLite; `URL` quotes it once more where SQLAlchemy unquotes (2.1 does, 2.0 not).
    query = {"uri": "true"} | ({"mode": "ro"} if read_only else {})
    return URL.create("sqlite", database=f"file:{quote(str(path.resolve()))}", query=query).render_as_string()


def _read_best(folder: Path) -> dict[str, Any]:
    try:
        return json.loads((folder / BEST_FILE).read_text())
    except ValueError as error:
        raise InputError(f"{folder / BEST_FILE} is broken: delete it and run the search again") from error


def save_weights(path: Path, architecture: str, weights: Mapping[str, Tensor]) -> None:
    """Writes a network's state as safetensors, with its architecture as metadata."""
    with written_whole(path) as temporary:
        temporary.write_bytes(save({k: v.contiguous() for k, v in weights.items()}, {"architecture": architecture}))
