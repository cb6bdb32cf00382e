"""`untrained train`."""

import contextlib
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

import untrained
from untrained.cli.output import stderr, stdout
from untrained.cli.recipe import HELP, with_recipe
from untrained.cli.resume import InterruptedSearch, Trust, check_trusted, made_in, read_run, search_context
from untrained.cli.search import training_of
from untrained.errors import InputError
from untrained.report.progress import progress_bars

EXAMPLES = """
[bold]Examples[/bold]

  untrained train runs/photos --top 3 --epochs 100 --seeds 3

  untrained train runs/photos --top 1 --epochs 100 --on train+valid
"""
EVERY = 10.0
"""Seconds between two lines on the epochs of a training."""


@with_recipe
def train(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The --out folder of a search.")],
    top: Annotated[int, typer.Option(help="How many architectures, the best of the search.")] = 3,
    seeds: Annotated[int, typer.Option(help="How many trainings of each.")] = 3,
    on: Annotated[str, typer.Option(help="What to learn from: train, or train+valid.")] = "train",
    recipe: Any = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or mps (default: that of the search).")] = None,
    threads: Annotated[
        int | None, typer.Option(help="CPU threads of each training (default: those of the search).")
    ] = None,
    trust: Trust = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Train the best architectures of a search again, in full, with several seeds.

    What is not given is as it was in the search, hyper-parameters that it tuned included. Each training is saved after
    each epoch: repeat the command to go on with one that was stopped. Other options train beside what is there.
    """
    from untrained.objectives.tuning import read_tune

    with _read(folder):
        made = read_run(folder)
    check_trusted(made, folder, trust=trust)
    with contextlib.ExitStack() as stack:
        place = folder.resolve()
        bars = stack.enter_context(progress_bars(stderr(), enabled=not as_json))
        stack.enter_context(made_in(made, folder))
        with search_context(context, made["arguments"]) as inner:
            params = dict(inner.params)
        if params["data"] is None:
            raise InputError(f"the search in {str(folder)!r} looked values up in a table: there is nothing to train")
        params |= {name: value for name, value in (("device", device), ("threads", threads)) if value is not None}
        searched = {name: params[name] for name in HELP if params[name] is not None}
        if (tuned := read_tune(params["tune"])) is not None:
            params["tune"] = tuned.without(recipe)
        objective = training_of(params, searched | recipe, bars.training)
        lines = _Lines(quiet=as_json)
        try:
            found = untrained.refit(
                place,
                objective,
                top=top,
                seeds=seeds,
                on=on,  # type: ignore[arg-type] - checked there
                on_epoch=lines.epoch,
                on_run=lines.run,
            )
        except KeyboardInterrupt as error:
            raise InterruptedSearch(folder, "the same command goes on after the last whole epoch") from error
    if as_json:
        typer.echo(json.dumps(found.to_json()))
    else:
        from untrained.report.trained import render

        stdout().print(render(found.to_json()))


@contextlib.contextmanager
def _read(folder: Path) -> Iterator[None]:
    """A search made from Python has no command line to go by."""
    try:
        yield
    except InputError as error:
        if "from Python" not in str(error):
            raise
        text = f"the latest search in {str(folder)!r} was made from Python: call untrained.refit({str(folder)!r}, ...)"
        raise InputError(text) from error


class _Lines:
    """Prints a line on each training that ends, and some on the epochs of those that take their time.

    Args:
        quiet: Print none.
    """

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._last = time.monotonic()

    def epoch(self, arch: str, seed: int, done: int, epochs: int, figures: Mapping[str, float]) -> None:
        """Called after each epoch."""
        if self._quiet or done == epochs or time.monotonic() - self._last < EVERY:
            return
        self._last = time.monotonic()
        self._say(f"  seed {seed}, epoch {done} of {epochs}{_figures('valid', figures)}: {arch}")

    def run(self, run: Any, done: int, total: int) -> None:
        """Called after each training."""
        self._last = time.monotonic()
        how = f"failed, {run.reason}" if run.reason else f"{run.seconds:.1f} s"
        figures = _figures("valid", run.valid) + _figures("test", run.test)
        self._say(f"training {done} of {total}, seed {run.seed}, {how}{figures}: {run.architecture}")

    def _say(self, text: str) -> None:
        if not self._quiet:
            stderr().print(text, soft_wrap=True)


def _figures(of: str, figures: Mapping[str, float]) -> str:
    from untrained.report.trained import figure

    return "".join(f", {of} {name} {figure(value)}" for name, value in figures.items())
