"""The command line: a thin wrapper of the library, with a file for each command."""

import re
import sys
import warnings
from typing import Annotated, cast

import typer

import untrained
from untrained.cli import (
    analyse,
    bench,
    cite,
    doctor,
    draw,
    export,
    lists,
    measure,
    predict,
    report,
    reproduce,
    resume,
    runs,
    samplers,
    score,
    search,
    show,
    streams,
    train,
    watch,
)
from untrained.cli.data import data
from untrained.cli.resume import InterruptedSearch
from untrained.errors import InputError
from untrained.runtime.interrupts import exit_code, signals_raise

app = typer.Typer(
    name="untrained",
    help="Find a good neural architecture before training many.",
    invoke_without_command=True,
    add_completion=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
INTERRUPTED = 130
"""What typer makes of a `KeyboardInterrupt`."""

app.command(epilog=search.EXAMPLES)(search.search)
app.command(epilog=train.EXAMPLES)(train.train)
app.command(epilog=predict.EXAMPLES)(predict.predict)
app.command(epilog=score.EXAMPLES)(score.score)
app.command(epilog=bench.EXAMPLES)(bench.bench)
app.command(epilog=analyse.EXAMPLES)(analyse.analyse)
app.command(epilog=export.EXAMPLES)(export.export)
app.command(epilog=measure.EXAMPLES)(measure.measure)
app.command(epilog=reproduce.EXAMPLES)(reproduce.reproduce)
app.command(epilog=draw.EXAMPLES)(draw.draw)
app.command(epilog=doctor.EXAMPLES)(doctor.doctor)
app.command(epilog=cite.EXAMPLES)(cite.cite)
app.command(epilog=runs.RUNS_EXAMPLES)(runs.runs)
app.command(epilog=runs.COMPARE_EXAMPLES)(runs.compare)
app.command(epilog=watch.EXAMPLES)(watch.watch)
app.command(epilog=report.EXAMPLES)(report.report)
app.command(epilog=show.EXAMPLES)(show.show)
app.command(epilog=resume.EXAMPLES)(resume.resume)
app.command(epilog=lists.METRICS_EXAMPLES)(lists.metrics)
app.command(epilog=lists.SPACES_EXAMPLES)(lists.spaces)
app.command(epilog=samplers.EXAMPLES)(samplers.samplers)
app.add_typer(data, name="data")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"untrained {untrained.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main() -> None:
    """Runs the command line: one clear line and exit code 2 for bad input, 130 for Ctrl-C (SIGTERM 143, SIGHUP 129)."""
    streams.prepare()
    if not sys.flags.safe_path:
        sys.path.append("")  # for `--space module:Class`; last, so that no file here stands for an installed package
    warnings.showwarning = lambda message, *_, **__: streams.say(f"warning: {message}")
    # typer keeps click's UsageError in a different place from version to version
    usage_error = cast(type[typer.BadParameter], typer.BadParameter.__bases__[0])
    how = "with an --out or --storage, the same command goes on where it was"
    try:
        with signals_raise():
            code = app(standalone_mode=False)
    except InputError as error:
        code = _said(str(error))
    except BrokenPipeError:
        code = 1
    except OSError as error:
        code = _said(f"{error.filename or 'the output'}: {error.strerror or error}")
    except UnicodeEncodeError as error:
        code = _said(f"{error.object!r} is no text in UTF-8: give another name")
    except usage_error as error:
        message = re.sub(r"Input should be (a valid \w+).*", r"give \1", " ".join(error.format_message().split()))
        code = _said(f"{message}{_given(error)} (see --help)")
    except InterruptedSearch as error:
        code, how = INTERRUPTED, str(error)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    if code == INTERRUPTED:
        code = exit_code()
        streams.say(f"interrupted: {how}")
    sys.exit(streams.flush(code if isinstance(code, int) else 0))


def _said(why: str) -> int:
    streams.say(f"error: {why}")
    return 2


def _given(error: typer.BadParameter) -> str:
    """The bad value for a message that does not show it; "" if it does."""
    for flag in getattr(getattr(error, "param", None), "opts", ()):
        for word, following in zip(sys.argv, [*sys.argv[1:], ""], strict=True):
            value = following if word == flag else word.removeprefix(f"{flag}=") if word.startswith(f"{flag}=") else ""
            if value and repr(value) not in error.format_message():
                return f", not {value!r}"
    return ""
