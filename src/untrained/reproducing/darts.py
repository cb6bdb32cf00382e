"""RoBoT in the DARTS space (He et al., ICLR 2024, section 6.3): search with small networks, train a large one."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

from untrained.data import Data, as_data
from untrained.deploying.refitting.run import OnEpoch, Run, train
from untrained.errors import InputError, listed, shown
from untrained.objectives import Recipe, TrainingObjective
from untrained.runtime.interrupts import interruptible
from untrained.scoring.pool import Progress, Scoring
from untrained.searching.claims import only_search_in
from untrained.searching.identity import short_hash
from untrained.searching.search import search
from untrained.searching.spend import OnQuery
from untrained.spaces import as_space
from untrained.spaces.darts import DARTS

METRICS = ("grad_norm", "snip", "grasp", "fisher", "synflow", "jacov")
SEARCHED, TRAINED = "search", "trained"
"""Folders of the two parts."""


@dataclass(frozen=True)
class DARTSScale:
    """The figures of the procedure; the defaults are the published ones for CIFAR-10.

    Args:
        pool: Random pairs of cells, which are scored.
        score_batch: Samples that the metrics see.
        budget: Trainings of the search, T.
        C: Channels of the networks of the search.
        layers: Cells of these.
        drop_path: Of these.
        recipe: How these are trained.
        final_C: Channels of the large network.
        final_layers: Its cells.
        final_drop_path: Of it.
        final_auxiliary: Weight of the loss of its auxiliary head; 0 for none.
        final_recipe: How it is trained.
    """

    pool: int = 60_000
    score_batch: int = 64
    budget: int = 25
    C: int = 16
    layers: int = 5
    drop_path: float = 0.2
    recipe: Recipe = field(
        default_factory=lambda: Recipe(
            epochs=10, batch_size=576, optimizer="sgd", learning_rate=0.1, weight_decay=3e-4, clip=5.0
        )
    )
    final_C: int = 36
    final_layers: int = 20
    final_drop_path: float = 0.2
    final_auxiliary: float = 0.4
    final_recipe: Recipe = field(
        default_factory=lambda: Recipe(
            epochs=600,
            batch_size=96,
            optimizer="sgd",
            learning_rate=0.025,
            weight_decay=3e-4,
            clip=5.0,
            augment="flip-crop,cutout",
        )
    )


DARTS_SCALES: dict[str, DARTSScale] = {
    "small": DARTSScale(
        pool=24,
        score_batch=16,
        budget=5,
        C=8,
        layers=3,
        drop_path=0.0,
        recipe=Recipe(epochs=10, batch_size=64, optimizer="sgd", learning_rate=0.1, weight_decay=3e-4, clip=5.0),
        final_C=12,
        final_layers=5,
        final_drop_path=0.0,
        final_auxiliary=0.0,
        final_recipe=Recipe(
            epochs=10, batch_size=64, optimizer="sgd", learning_rate=0.1, weight_decay=3e-4, clip=5.0, augment="cutout"
        ),
    ),
    "full": DARTSScale(),
}
"""`small` takes minutes on two cores; `full` is the published one."""

DIFFERS = (
    "a fifth of the training data is held out for validation, and not half of it",
    "drop_path has its probability from the first epoch on, and does not grow to it; learning rates end at 0",
    "the metrics are those of this package: synflow without BatchNorm, jacov of each network on its own",
    "all networks are scored on one batch, each with initial weights of its own",
    "the pick has the best validation value; the authors' script compares values with a number of an architecture",
)
"""What is not as in the paper and its scripts, at any scale."""


@dataclass(frozen=True)
class Reproduced:
    """What the procedure gave.

    Args:
        genotype: The cells of the pick, as papers write them.
        architecture: The same as this package writes it.
        search: The summary of the search.
        params: Parameters of the large network, in millions.
        run: Its training.
        metric: What the search was for.
        scale: The figures of the procedure.
        differs: What is not as in the paper.
    """

    genotype: str
    architecture: str
    search: Mapping[str, Any]
    params: float
    run: Run
    metric: str
    scale: DARTSScale
    differs: tuple[str, ...] = DIFFERS

    def to_json(self) -> dict[str, Any]:
        """The result as a JSON object."""
        scale = asdict(self.scale) | {
            "recipe": self.scale.recipe.to_json(),
            "final_recipe": self.scale.final_recipe.to_json(),
        }
        return {
            "genotype": self.genotype,
            "architecture": self.architecture,
            "params": self.params,
            "metric": self.metric,
            "trained": self.run.to_json(),
            "differs": list(self.differs),
            "scale": scale,
            "search": dict(self.search),
        }


def reproduce_darts(
    data: Any,
    out: str | Path,
    scale: DARTSScale | str = "small",
    *,
    seed: int = 0,
    workers: int = 1,
    jobs: int = 1,
    device: str = "auto",
    on_scored: Progress | None = None,
    on_query: OnQuery | None = None,
    on_epoch: OnEpoch | None = None,
) -> Reproduced:
    """Searches the DARTS space by RoBoT with small networks, then trains the pick's large network.

    Called again with the same folder, it goes on where it was: after the last query, or the last epoch.

    Args:
        data: What `as_data` takes; images with classes. The paper's are CIFAR-10.
        out: A folder for both parts.
        scale: The figures of the procedure, or a name of `DARTS_SCALES`.
        seed: Decides every random draw.
        workers: Processes that score.
        jobs: How many trainings of the search at once.
        device: Where to train.
        on_scored: Called with (architectures scored, architectures in all).
        on_query: Called with (a finished query, queries done, budget).
        on_epoch: Called with (architecture, seed, epochs done, epochs in all, figures) of the large network.

    Returns:
        The pick, how it was found, and how its large network does.

    Raises:
        InputError: There is no such scale, the data cannot be used, or the large network cannot be trained.
        KeyboardInterrupt: After Ctrl-C, SIGTERM or SIGHUP; called again, it goes on.

    Example:
        ```python
        found = reproduce_darts("cifar10.parquet", "runs/darts", "small")
        print(found.genotype, found.run.test)
        ```
    """
    if isinstance(scale, str) and scale not in DARTS_SCALES:
        raise InputError(f"unknown scale {shown(scale, 40)}: choose from {listed(DARTS_SCALES)}")
    chosen = DARTS_SCALES[scale] if isinstance(scale, str) else scale
    found, folder = as_data(data), Path(out)
    if found.task.kind != "classification" or "in_channels" not in found.facts:
        raise InputError(f"{found.name}: the procedure is for images with a class each")
    space = _space(found, chosen.C, chosen.layers, chosen.drop_path)
    result = search(
        space,
        TrainingObjective(space, found, chosen.recipe, seed=seed, device=device),
        budget=chosen.budget,
        sampler="robot",
        scores=Scoring(METRICS, found.batch(chosen.score_batch, seed), workers=workers),
        pool=chosen.pool,
        seed=seed,
        jobs=jobs,
        out=folder / SEARCHED,
        on_scored=on_scored,
        on_query=on_query,
    )
    large = _space(found, chosen.final_C, chosen.final_layers, chosen.final_drop_path, chosen.final_auxiliary)
    objective = TrainingObjective(large, found, chosen.final_recipe, device=device)
    of = short_hash({"arch": result.architecture, "space": large.options, "recipe": objective.training.to_json()})
    with only_search_in(folder / TRAINED), interruptible("step"):
        run = train(objective, result.architecture, seed + 1, "train", folder, f"{TRAINED}/{of}", on_epoch)
    if run.reason is not None:
        raise InputError(f"the large network could not be trained: {run.reason}")
    return Reproduced(
        space.genotype(result.architecture),
        result.architecture,
        result.summary,
        large.sizes(result.architecture)["params"],
        run,
        objective.goal.names[0],
        chosen,
    )


def _space(data: Data, channels: int, layers: int, drop_path: float, auxiliary: float = 0.0) -> DARTS:
    """The space whose networks fit the data."""
    facts = as_space("darts", data.facts).options
    return cast(
        DARTS, DARTS(**{**facts, "C": channels, "layers": layers, "drop_path": drop_path, "auxiliary": auxiliary})
    )
