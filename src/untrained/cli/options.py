"""Options of several commands, and functions that read them."""

import ast
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

import untrained
from untrained.errors import InputError
from untrained.runtime.cores import cores as cores
from untrained.searching import POOL

Space = Annotated[
    str | None,
    typer.Option("--space", help="A space's name (untrained spaces), or your own as file.py:name or module:name."),
]
SpaceOptions = Annotated[str, typer.Option(help="Options of the space, as N=1,C=8.")]
Data = Annotated[
    str | None,
    typer.Option(
        "--data", help="digits, wine, a folder of pictures, a .csv, .parquet or .npz file, or file.py:make_data."
    ),
]
Resize = Annotated[
    str | None, typer.Option(help="Size of all images, as 64 or 64x48 (width x height): centre crop, then scaled.")
]
Subset = Annotated[int | None, typer.Option(help="Use so many samples of --data, drawn class by class.")]
ImageColumn = Annotated[str | None, typer.Option(help="Column of pictures or file names (default: found).")]
Target = Annotated[str | None, typer.Option(help="Column to predict, or several at commas (default: found).")]
Task = Annotated[str | None, typer.Option(help="classification, multi-label, regression or segmentation.")]
Inputs = Annotated[
    str | None, typer.Option(help="Columns of a table that a network sees, as a,b (default: all but the target).")
]
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Folder of the tables.", envvar="UNTRAINED_DATA", show_default=False)
]
DATA_OPTIONS = ("resize", "subset", "image_column", "target", "task", "inputs")
"""What `chosen_data` takes beside names."""
Metrics = Annotated[
    str | None,
    typer.Option("--metrics", help="Separated by commas: names (untrained metrics), module:name or file.py:name."),
]
Strict = Annotated[bool, typer.Option("--strict", help="Count Conv2d and Linear only, as the public code does.")]
Seed = Annotated[int, typer.Option(help="Decides the pool, the scored networks, the batch and the sampler.")]
BatchSize = Annotated[int, typer.Option(help="Images of the batch that the metrics see.")]
ScoreBatchSize = Annotated[
    int | None, typer.Option(help="Samples of the batch that the metrics see (default: 32, or what small data have).")
]
Workers = Annotated[
    int | None,
    typer.Option(
        help="Scoring processes; they change no score (default: all cores, and on a GPU at most 4, or 8 with CUDA MPS)."
    ),
]
OnExecutor = Annotated[
    str | None,
    typer.Option(
        "--executor", help="Where: processes (here, the default), ray, ray://host, dask://host:port, slurm:..., mpi."
    ),
]
Pool = Annotated[int | None, typer.Option(help=f"How many architectures of the space to score (default: {POOL}).")]


MOST_SEEDS = 100_000


def seeds_in(text: str) -> range:
    """Reads seeds: 10 for 0..9, or 10:20 for 10..19."""
    from untrained.runtime.seeding import check_seed

    first, colon, end = text.partition(":")
    try:
        seeds = range(int(first), int(end)) if colon else range(int(first))
    except ValueError as error:
        raise InputError(f"seeds {text!r}: give a number, as 10, or a range, as 10:20") from error
    if not seeds:
        raise InputError(f"seeds {text!r} are none: give at least one")
    check_seed(seeds[0])
    check_seed(seeds[-1])
    if len(seeds) > MOST_SEEDS:
        raise InputError(f"seeds {text!r} are {len(seeds):,}: give at most {MOST_SEEDS:,}")
    return seeds


def names_in(text: str | None) -> tuple[str, ...] | None:
    """Reads names separated by commas; None for None."""
    from untrained.metrics import split_names

    return None if text is None else tuple(filter(None, split_names(text)))


def chosen_data(name: str, test: str | None, given: Mapping[str, Any]) -> Any:
    """Reads the data that a command was given.

    Args:
        name: The value of `--data`.
        test: The value of `--test-data`, or None.
        given: The parameters of the command, `DATA_OPTIONS` among them.

    Returns:
        The data.

    Raises:
        InputError: They cannot be used.
    """
    options = {option: given[option] for option in DATA_OPTIONS}
    return untrained.as_data(name, test=test, image=options.pop("image_column"), **options)


def chosen_space(name: str | None, options: str, images: Any) -> Any:
    """Makes the space that a command was given.

    Args:
        name: The value of `--space`.
        options: The value of `--space-options`, `N=1,C=8`: numbers, True, False, None, tuples of these, or words.
        images: The data; a space with such options takes its numbers of classes and channels from it. Or None.

    Returns:
        The space.

    Raises:
        InputError: If there is no such space or option, or an option does not fit the data, or the space
            has no networks to train.
    """
    from untrained.metrics import split_names
    from untrained.spaces import get_space

    given = dict(map(_space_option, filter(None, split_names(options))))
    if images is None:
        return get_space(name or "", **given)
    facts = images.facts
    classes, channels = given.get("num_classes"), given.get("in_channels")
    if isinstance(classes, int) and classes < facts.get("num_classes", 0):
        raise InputError(f"space option num_classes={classes}: {images.name} has {facts['num_classes']} classes")
    if isinstance(channels, int) and channels != facts.get("in_channels", channels):
        raise InputError(
            f"space option in_channels={channels}: the {images.samples} of {images.name} have {facts['in_channels']}"
        )
    space = get_space(name or "", facts, **given)
    if not space.has_networks:
        raise InputError(f"space {name!r} has no networks, only tables: untrained search --table takes it")
    return space


def _space_option(part: str) -> tuple[str, Any]:
    key, equals, text = (word.strip() for word in part.partition("="))
    if not (equals and key):
        raise InputError(f"space option {part!r}: write it as name=value")
    try:
        return key, ast.literal_eval(text)
    except (ValueError, SyntaxError):  # a word
        return key, {"true": True, "false": False}.get(text, text)


def pool_of(space: Any, pool: int | None, seed: int) -> list[str]:
    """Draws `pool` architectures; if None, `POOL` of them, or all of a smaller space."""
    return space.pool(POOL, seed, at_most=True) if pool is None else space.pool(pool, seed)


def check_archs(space: Any, archs: Sequence[str], path: Path) -> None:
    """Checks architectures that were read from a file.

    Args:
        space: The space.
        archs: The architectures.
        path: The file, for the message.

    Raises:
        InputError: If one of them is none of the space's.
    """
    for arch in archs:
        try:
            space.to_params(arch)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error


def warn_if_minimised(column: str) -> None:
    """Warns that a column is maximised, if by its name less of it is better."""
    if sounds_minimised(column):
        hint = f"{column!r} sounds like less is better, and is maximised: for less, --direction minimize"
        typer.echo(f"warning: {hint}", err=True)


def sounds_minimised(column: str) -> bool:
    """Tells whether less of a figure is better by its name: of a loss, but not of a negative loss."""
    words = re.split(r"[^a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", column).lower())
    less = {"loss", "error", "err", "latency", "energy", "perplexity", "rmse", "mse", "mae", "seconds"}
    return bool(less & set(words)) and not {"neg", "negative", "minus"} & set(words)


def scoring(metrics: str | None, images: Any, batch_size: int, seed: int) -> dict[str, Any]:
    """Makes the metrics, and as many batches as they need.

    Args:
        metrics: The value of `--metrics`; None for RoBoT's six.
        images: The data.
        batch_size: Images of a batch.
        seed: Decides which images.

    Returns:
        Arguments of `Scoring`: `metrics`, `batch` and `second_batch`.
    """
    from untrained.metrics import get_metrics

    chosen = get_metrics(untrained.ROBOT_METRICS if metrics is None else metrics)
    pairs = any("second batch" in m.needs for m in chosen)
    return {
        "metrics": chosen,
        "batch": images.batch(batch_size, seed),
        "second_batch": images.second_batch(batch_size, seed) if pairs else None,
    }


UNITS = {"": 1, "s": 1, "min": 60, "m": 60, "h": 3_600, "d": 86_400}


def seconds_in(text: str | None) -> float | None:
    """Reads a time as people write it.

    Args:
        text: Seconds, or a number with a unit: s, min (or m), h, d.

    Returns:
        Seconds; None for None.

    Raises:
        InputError: If it is no such time, or 0.

    Example:
        >>> seconds_in("90"), seconds_in("1.5h")
        (90.0, 5400.0)
    """
    if text is None:
        return None
    found = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([a-z]*)\s*", text)
    if found is None or found[2] not in UNITS or float(found[1]) == 0:
        raise InputError(f"a time of {text!r}: give seconds above 0, or a number with a unit, as 30min, 2h or 1d")
    return float(found[1]) * UNITS[found[2]]
