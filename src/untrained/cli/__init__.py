"""The command line: a thin wrapper of the library, a file a command."""

import sys
import warnings
from typing import Annotated, cast

import typer

import untrained
from untrained.cli import analyse, bench, score, search
from untrained.cli.data import data
from untrained.cli.lists import metrics, spaces
from untrained.cli.samplers import samplers
from untrained.cli.show import show
from untrained.errors import InputError
from untrained.runtime.interrupts import exit_code, signals_raise

app = typer.Typer(
    name="untrained",
    help="Find a good neural architecture before training many.",
    invoke_without_command=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
INTERRUPTED = 130
"""What typer makes of a `KeyboardInterrupt`."""

app.command(epilog=search.EXAMPLES)(search.search)
app.command(epilog=score.EXAMPLES)(score.score)
app.command(epilog=bench.EXAMPLES)(bench.bench)
app.command(epilog=analyse.EXAMPLES)(analyse.analyse)
for command in (show, metrics, spaces, samplers):
    app.command()(command)
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
    sys.path.insert(0, "")  # a space of one's own in the current folder, as `python -m` finds it
    warnings.showwarning = lambda message, *_, **__: typer.echo(f"warning: {message}", err=True)
    # typer keeps click's UsageError in a different place from version to version
    usage_error = cast(type[typer.BadParameter], typer.BadParameter.__bases__[0])
    try:
        with signals_raise():
            code = app(standalone_mode=False)
    except InputError as error:
        typer.echo(f"error: {error}", err=True)
        code = 2
    except OSError as error:
        typer.echo(f"error: {error.filename or 'the file'}: {error.strerror or error}", err=True)
        code = 2
    except usage_error as error:
        typer.echo(f"error: {' '.join(error.format_message().split())}{_given(error)} (see --help)", err=True)
        code = 2
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    if code == INTERRUPTED:
        code = exit_code()
        typer.echo("interrupted: with an --out or --storage, the same command goes on where it was", err=True)
    sys.exit(code if isinstance(code, int) else 0)


def _given(error: typer.BadParameter) -> str:
    """The value that the option at fault was given, where the message leaves it out."""
    for flag in getattr(getattr(error, "param", None), "opts", ()):
        for word, following in zip(sys.argv, [*sys.argv[1:], ""], strict=True):
            value = following if word == flag else word.removeprefix(f"{flag}=") if word.startswith(f"{flag}=") else ""
            if value and repr(value) not in error.format_message():
                return f", not {value!r}"
    return ""
