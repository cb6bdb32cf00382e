"""`untrained resume`, and the file by which `untrained search` prepares it."""

import contextlib
import json
import re
import shlex
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import typer

from untrained.errors import InputError, shown

NOT_KEPT = ("out", "as_json", "storage")
"""Options of a search that `run.json` does not keep: they are given again or have an entry of their own."""


CODE = re.compile(r"(?:^|[\s,;=(])((?:[^\s,;=()]+\.py|[A-Za-z_][\w.]*):[A-Za-z_]\w*)")
"""Something to be imported: file.py:Name, or package.module:Name."""
Trust = Annotated[bool, typer.Option("--trust", help="Run the code of others that the folder names, as a space's.")]


EXAMPLES = """
[bold]Examples[/bold]

  untrained resume runs/digits

  untrained resume runs/digits --budget 20
"""


class InterruptedSearch(Exception):
    """A search that was stopped. Its text says how to go on; typer would lose the text of a `KeyboardInterrupt`.

    Args:
        folder: The folder of the search.
        how: How to go on, if it is not by `untrained resume`.
    """

    def __init__(self, folder: Path, how: str | None = None) -> None:
        trust = "" if how else " --trust" * bool(named_code(read_run(folder)))
        super().__init__(how or f"untrained resume {shlex.quote(str(folder))}{trust} goes on where it was")


def resume(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The --out folder of a search.")],
    budget: Annotated[int | None, typer.Option(help="A larger budget to go on to.")] = None,
    storage: Annotated[str | None, typer.Option(help="The --storage of the search, if its URL has a password.")] = None,
    trust: Trust = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Go on with the latest search of a folder: nothing needs to be typed again."""
    made = read_run(folder)
    url = storage or made["storage"]
    if made["has_password"] and storage is None:
        raise InputError(f"the password of {made['storage']} is not kept: give --storage URL")
    check_trusted(made, folder, trust=trust, storage=made["storage"] if storage is None else None)
    arguments = [*made["arguments"], "--out", str(folder.resolve())]
    arguments += [] if budget is None else ["--budget", str(budget)]
    arguments += [] if url is None else ["--storage", url]
    arguments += ["--json"] if as_json else []
    with made_in(made, folder), search_context(context, arguments) as inner:
        if budget is None and is_finished(folder):
            how = f"untrained resume {shlex.quote(str(folder))} --budget N goes on"
            typer.echo(f"note: it is finished: {how}", err=True)
        inner.command.invoke(inner)


def is_finished(folder: Path) -> bool:
    """Whether the result of a search stands in its folder, and all the queries of its budget are in it."""
    from untrained.searching.folder import BEST_FILE, read_json

    if not (folder / BEST_FILE).is_file():
        return False
    best = read_json(folder / BEST_FILE)
    return len(best.get("queries", ())) >= best.get("budget", 0)


def named_code(made: Mapping[str, Any]) -> list[str]:
    """What the command line of a search has imported, or connects to, that may run code which is not this package's.

    Args:
        made: What `read_run` gave.
    """
    arguments = [str(argument) for argument in made["arguments"]]
    logs = {value for option, value in pairwise(arguments) if option == "--log"}  # "tensorboard:DIR" is no code
    read = [argument for argument in arguments if "://" not in argument and argument not in logs]
    found = [name for argument in read for name in CODE.findall(argument)]
    found += [value for value in logs if "://" in value and "mlflow:sqlite:" not in value]
    return found + [value for option, value in pairwise(arguments) if option == "--executor" and "://" in value]


def check_trusted(made: Mapping[str, Any], folder: Path, *, trust: bool, storage: str | None = None) -> None:
    """Makes sure that nothing is run or opened because a file says so, unless the user says so, too.

    A folder may be a stranger's, and `run.json` names what to import.

    Args:
        made: What `read_run` gave.
        folder: The folder of the search.
        trust: Whether the user has said so.
        storage: A storage that the file names.

    Raises:
        InputError: The file names code or a storage, and the user has not said so.
    """
    named = [*named_code(made), *([] if storage is None else [storage])]
    if named and not trust:
        raise InputError(
            f"{folder} names code or a place that is not this package's ({shown(', '.join(named), 100)}): "
            "add --trust if you know who made it"
        )


@contextlib.contextmanager
def made_in(made: Mapping[str, Any], folder: Path) -> Iterator[None]:
    """Works in the folder that a search was made in: relative paths and modules mean what they meant.

    Args:
        made: What `read_run` gave.
        folder: The folder of the search.

    Raises:
        InputError: It is gone.
    """
    if not Path(made["folder"]).is_dir():
        raise InputError(f"{folder} was made from {made['folder']!r}, which is gone: give the whole command again")
    with contextlib.chdir(made["folder"]):
        yield


def write_run(folder: Path, context: typer.Context) -> None:
    """Writes the command line of a search to `run.json` in its folder. An equal file is not written again.

    Args:
        folder: The folder of the search.
        context: The command and its options.
    """
    from untrained.runtime.files import written_whole
    from untrained.searching.folder import RUN_FILE
    from untrained.searching.storage import shown_storage

    storage = context.params["storage"]
    shown = None if storage is None else shown_storage(storage)
    document = {
        "command": "search",
        "arguments": _given(context),
        "folder": str(Path.cwd()),
        "storage": shown,
        "has_password": shown != storage,
    }
    text = json.dumps(document, indent=1) + "\n"
    path = folder / RUN_FILE
    if not path.is_file() or path.read_text() != text:
        with written_whole(path) as temporary:
            temporary.write_text(text)


def read_run(folder: Path) -> dict[str, Any]:
    """Reads what `write_run` wrote.

    Args:
        folder: The folder of a search.

    Returns:
        A JSON object with `arguments`, `folder` (the working folder), `storage` and `has_password`.

    Raises:
        InputError: The folder holds no search, or none of the command line.
    """
    from untrained.runtime.files import parsed
    from untrained.searching.folder import RUN_FILE, STUDY_FILE

    path = folder / RUN_FILE
    if not path.is_file():
        if (folder / STUDY_FILE).is_file():
            raise InputError(f"the latest search in {str(folder)!r} was made from Python: call search() again there")
        raise InputError(f"no search in {str(folder)!r}: it has no {RUN_FILE}")
    try:
        document = parsed(path.read_text())
        arguments = document["arguments"]
        texts = isinstance(arguments, list) and all(isinstance(word, str) for word in (*arguments, document["folder"]))
        if texts and isinstance(document["storage"], str | None) and "has_password" in document:
            return document
    except (LookupError, TypeError, ValueError):
        pass
    raise InputError(f"{path} is broken: give the whole command again")


def _given(context: typer.Context) -> list[str]:
    """The options of a command as they were given, without those of `NOT_KEPT`."""
    words = list[str]()
    for param in context.command.params:
        source = context.get_parameter_source(param.name or "")
        if source is None or source.name != "COMMANDLINE" or param.name in NOT_KEPT:
            continue
        value = context.params[param.name or ""]
        if value is False:
            words.append(param.secondary_opts[0])
        else:
            words += [param.opts[0]] if value is True else [param.opts[0], str(value)]
    return words


def search_context(context: typer.Context, arguments: list[str]) -> Any:
    """Reads the arguments of a search.

    Args:
        context: The command at work.
        arguments: As they stand in `run.json`.

    Returns:
        A context of the command `search`, with its `params`.
    """
    parent: Any = context.parent
    return parent.command.get_command(parent, "search").make_context("search", arguments, parent=parent)
