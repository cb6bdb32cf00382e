"""The verb `refit`: trains the best architectures of a search again, with several seeds."""

import json
from collections.abc import Callable, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any, get_args

from untrained.deploying.refitting.luck import Luck, Spread
from untrained.deploying.refitting.result import Candidate, Refit
from untrained.deploying.refitting.run import DONE, OnEpoch, Run, check_seed_count, read_done, read_json, train
from untrained.errors import InputError, listed, shown
from untrained.objectives import Recipe, TrainingObjective
from untrained.objectives.training import Part
from untrained.objectives.tuning import read_tune
from untrained.runtime.files import written_whole
from untrained.runtime.interrupts import interruptible
from untrained.searching.claims import only_search_in
from untrained.searching.identity import evaluation_identity, short_hash, versions
from untrained.searching.interface import Interface
from untrained.searching.remembered import check_same_data
from untrained.searching.result import Result
from untrained.searching.saved import load_summary
from untrained.spaces import SearchSpace, remade_space

FOLDER, ABOUT = "trained", "trainings.json"

OnRun = Callable[[Run, int, int], None]
"""Called with (a training that ended, trainings done, trainings in all)."""


def refit(
    found: Result | str | Path,
    objective: TrainingObjective | None = None,
    *,
    data: Any = None,
    recipe: Recipe | None = None,
    space: SearchSpace | None = None,
    top: int = 3,
    seeds: int = 3,
    on: Part = "train",
    on_epoch: OnEpoch | None = None,
    on_run: OnRun | None = None,
) -> Refit:
    """Trains the best architectures of a search again, in full, each with several seeds.

    Each training is saved after each epoch. Called again, trainings that are done are not repeated, and one that was
    cut off goes on after its last whole epoch, to the bit. Another recipe trains beside what is there.

    If the search tuned hyper-parameters, each architecture is trained with those of its query; what `recipe` says
    otherwise counts before them, and of an `objective` only the fields are tuned that it has in its `tune`.

    The architecture with the best mean on the validation data is taken, and of its trainings the best one there; the
    test data decide nothing. On "train+valid" nothing is left to decide by: then it is the best of trainings on "train"
    by the same recipe if there are any, else the search's pick.

    Args:
        found: The search, or its folder.
        objective: How to train, and on what: the data of the search. If None, it is made of `data` and `recipe`.
        data: The data of the search, as `search` takes them.
        recipe: How to train; that of the search if None.
        space: The space of the search, if it does not come with an installed package.
        top: How many architectures, the best of the search.
        seeds: How many trainings of each. They are fresh: the search's own seed is not among them.
        on: "train", or "train+valid" to learn from the validation data, too.
        on_epoch: Called with (architecture, seed, epochs done, epochs in all, figures).
        on_run: Called with (a training that ended, trainings done, trainings in all).

    Returns:
        Means, spreads, and the network that is taken. `trained.json` in the folder holds them, too.

    Raises:
        InputError: Something given cannot be used, the data are not those of the search, or no training succeeded.
        KeyboardInterrupt: After Ctrl-C, SIGTERM or SIGHUP; called again, it goes on.

    Example:
        ```python
        trained = refit("runs/photos", data="photos/", recipe=Recipe(epochs=100), top=3, seeds=3)
        print(trained.taken, trained.network())
        ```
    """
    folder = _folder(found)
    if not isinstance(top, int) or top < 1:
        raise InputError(f"top {top!r}: give at least 1 architecture")
    check_seed_count(seeds)
    if on not in get_args(Part):
        raise InputError(f"on {shown(on, 40)}: choose from {', '.join(get_args(Part))}")
    summary = load_summary(folder)
    if objective is None:
        space = found.space if isinstance(found, Result) and space is None else space
        objective = _objective(summary, data, recipe, space)
    _check(folder, summary, objective)
    best = [(one, objective.fixed(_tuned(one, objective))) for one in _best(summary, top)]
    first = int(summary["objective"].get("seed", 0)) + 1
    total, done = len(best) * seeds, 0
    candidates = list[Candidate]()
    with only_search_in(folder / FOLDER), interruptible("step"):
        for number, (query, own) in enumerate(best, start=1):
            place, arch, runs = _folder_of(own, on), query["architecture"], list[Run]()
            _describe(folder / place, own, on)
            for seed in range(first, first + seeds):
                runs.append(train(own, arch, seed, on, folder, f"{place}/{_name(arch, seed)}", on_epoch))
                done += 1
                if on_run:
                    on_run(runs[-1], done, total)
            how = _tuned(query, objective), own.training.to_json()
            candidates.append(Candidate(arch, number, query["value"], tuple(runs), *how))
        whole = [(query["architecture"], own) for query, own in best] if on == "train+valid" else []
        earlier = {arch: _earlier(folder, own, arch) for arch, own in whole}
        if not any(one.finished for one in candidates):
            raise InputError(f"none of the {total} trainings succeeded: {candidates[0].runs[0].reason}")
        result = Refit(
            folder,
            objective.space,
            tuple(candidates),
            on,
            objective.goal.names,
            objective.direction,
            _luck(folder, summary, best[0][1], candidates[0]),
            {name: mean for name, mean in earlier.items() if mean is not None},
            best[0][1].training.to_json(),
            Interface.of(objective.data),
            {
                "search": summary.get("study"),
                "versions": versions(),
                "data": objective.data.name,
                "folder": _folder_of(best[0][1], on),
            },
        )
        result.save()
    return result


def _folder(found: Result | str | Path) -> Path:
    if not isinstance(found, Result):
        return Path(found)
    if found.folder is None:
        raise InputError("the search kept nothing: give it a folder, search(..., out=...), which the trainings go to")
    return found.folder


def _objective(
    summary: Mapping[str, Any], data: Any, recipe: Recipe | None, space: SearchSpace | None
) -> TrainingObjective:
    """Trains as the search did, but for what is given."""
    if data is None:
        raise InputError("refit needs the data of the search: give data=, or the objective")
    kind = summary["objective"].get("kind")
    if kind != "training":
        raise InputError(f"the search evaluated by {shown(kind, 40)}, not by a recipe: give the TrainingObjective")
    own, searched = remade_space(summary["space"], summary["space_options"]) if space is None else space, None
    if (tune := summary["objective"].get("tune")) is None:
        searched = Recipe.from_json(summary["objective"])
    else:
        beside = summary["objective"]["tune_beside"]
        try:
            searched = Recipe(**json.loads(beside))
        except ValueError:
            raise InputError("the recipe of the search is too long to be remembered: give the objective") from None
    chosen = searched if recipe is None else recipe
    tuned = None if tune is None else read_tune(tune)
    return TrainingObjective(own, data, chosen, tune=tuned and tuned.without(chosen.chosen.keys() if recipe else ()))


def _tuned(query: Mapping[str, Any], objective: TrainingObjective) -> dict[str, Any]:
    """The hyper-parameters of a query that the objective takes."""
    names = () if objective.hyperparameters is None else objective.hyperparameters.distributions
    return {name: value for name, value in query.get("hyperparameters", {}).items() if name in names}


def _check(folder: Path, summary: Mapping[str, Any], objective: TrainingObjective) -> None:
    if not isinstance(objective, TrainingObjective):
        raise InputError(f"{type(objective).__name__} has no recipe to train by: give a TrainingObjective")
    own = objective.space.name, json.loads(json.dumps(objective.space.options, default=str))
    searched = summary["space"], summary["space_options"]
    if own != searched:
        raise InputError(f"the search in {folder} was in the space {_said(*searched)}, not {_said(*own)}")
    check_same_data(folder, objective.data)


def _said(name: str, options: Mapping[str, Any]) -> str:
    return f"{name}({listed(f'{key}={value}' for key, value in options.items())})"


def _best(summary: Mapping[str, Any], top: int) -> list[dict[str, Any]]:
    """The best queries of a search, of each architecture the best one."""
    sign = 1 if summary["direction"] == "minimize" else -1
    valued = [query for query in summary["queries"] if query["value"] is not None and "reason" not in query]
    if not valued:
        raise InputError("no query of the search gave a value: there is nothing to train")
    found = dict[str, dict[str, Any]]()
    for query in sorted(valued, key=lambda query: sign * query["value"]):
        found.setdefault(query["architecture"], query)
    return list(found.values())[:top]


def _identity(objective: TrainingObjective, on: str) -> dict[str, Any]:
    """What a training depends on, besides architecture and seed."""
    identity = evaluation_identity(objective.space, objective)
    own = {key: value for key, value in identity["objective"].items() if key != "seed"}
    return identity | {"objective": own, "on": on, "versions": versions()}


def _folder_of(objective: TrainingObjective, on: str) -> str:
    """The folder of the trainings by one recipe."""
    words = f"{objective.training.epochs}-epochs-{on.replace('+', '-')}"
    return f"{FOLDER}/{words}-{short_hash(_identity(objective, on))}"


def _name(arch: str, seed: int) -> str:
    return f"{_hash(arch)}-seed{seed}"


def _hash(arch: str) -> str:
    return blake2b(arch.encode(), digest_size=6).hexdigest()


def _describe(place: Path, objective: TrainingObjective, on: str) -> None:
    """Writes into a folder what its trainings depend on, for people."""
    path = place / ABOUT
    if not path.is_file():
        with written_whole(path) as temporary:
            temporary.write_text(json.dumps(_identity(objective, on), indent=1) + "\n")


def _luck(folder: Path, summary: Mapping[str, Any], objective: TrainingObjective, pick: Candidate) -> Luck:
    """Fresh trainings compare with the search's if they differ in the seed only, whenever they were made."""
    name, searched = objective.goal.names[0], dict(summary["objective"])
    if searched.pop("tune", None) is not None:
        del searched["tune_beside"]
        searched |= {key: value for key, value in summary.get("recipe", {}).items() if key in searched}
    fresh = _figures(_alike(folder, searched), pick.architecture, name)
    better = 1 if objective.direction == "maximize" else -1
    return Luck(pick.value, Spread.of(fresh) if fresh else None, better, len(summary["queries"]))


def _earlier(folder: Path, objective: TrainingObjective, arch: str) -> float | None:
    """The mean validation figure of finished trainings on "train" by the same recipe; None without any."""
    place, name = folder / _folder_of(objective, "train"), objective.goal.names[0]
    figures = _figures([place], arch, name)
    return Spread.of(figures).mean if figures else None


def _alike(folder: Path, objective: Mapping[str, Any]) -> list[Path]:
    """The folders of trainings on "train" whose objective is that of the search, but for the seed."""
    found, wanted = list[Path](), {key: value for key, value in objective.items() if key != "seed"}
    for path in sorted((folder / FOLDER).glob(f"*/{ABOUT}")):
        identity = read_json(path)
        if (identity.get("objective"), identity.get("on")) == (wanted, "train"):
            found.append(path.parent)
    return found


def _figures(places: list[Path], arch: str, name: str) -> list[float]:
    """A figure on the validation data of each finished training of an architecture."""
    paths = [path for place in places for path in sorted(place.glob(f"{_hash(arch)}-seed*/{DONE}"))]
    return [run.valid[name] for path in paths if (run := read_done(path)) is not None and name in run.valid]
