"""What a study tells of a search beyond its summary."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from untrained.samplers.query import Query, queries
from untrained.searching.folder import STUDY_FILE, loaded, studies_in
from untrained.searching.studies import IDENTITY, VERSIONS, grown, searches


@dataclass(frozen=True)
class History:
    """What a study tells of a search beyond its summary.

    Args:
        queries: The finished queries in order.
        curves: Number of a trial -> the values that it reported on the way, by step.
        identity: All that the history depends on.
        versions: Package -> its version.
        joined: The architectures that joined the pool while the search ran, in order.
    """

    queries: tuple[Query, ...] = ()
    curves: Mapping[int, Mapping[int, float]] = field(default_factory=dict)
    identity: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    joined: tuple[str, ...] = ()


def load_history(folder: str | Path, study: str) -> History:
    """Reads the study of a search.

    Args:
        folder: The folder of the search.
        study: The name of the study.

    Returns:
        Its history; an empty one if the study is not in the folder but in a database.

    Raises:
        InputError: The study cannot be read.
    """
    folder = Path(folder)
    if not (folder / STUDY_FILE).is_file():
        return History()
    with studies_in(folder) as storage:
        found = next((one for one in searches(storage) if one.study_name == study), None)
        if found is None:
            return History()
        read = loaded(storage, found)
        curves = {trial.number: dict(trial.intermediate_values) for trial in read.get_trials(deepcopy=False)}
        attrs = read.user_attrs
        return History(tuple(queries(read)), curves, attrs[IDENTITY], attrs.get(VERSIONS, {}), tuple(grown(read)))
