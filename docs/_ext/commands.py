"""A page for each command: what its `--help` says."""

import inspect
import re
from collections.abc import Iterable
from typing import Any

import typer.main
from pages import FOLDER, options_as_code, table, write
from sphinx.application import Sphinx

from untrained.cli import app as commands

GROUPS = {
    "Search": ("search", "resume", "score"),
    "Take home": ("train", "predict", "export", "measure"),
    "Look": ("show", "watch", "runs", "compare", "report", "draw", "data", "doctor", "cite"),
    "List": ("metrics", "spaces", "samplers"),
    "Compare and study": ("bench", "analyse", "reproduce"),
}
"""The commands in the order in which they are told; those of none come last."""


def make(_app: Sphinx | None = None) -> None:
    """Writes the pages."""
    write(FOLDER / "reference/commands", {name: page(f"untrained {name}", c) for name, c in known().items()})


def known() -> dict[str, Any]:
    """The commands by name."""
    root: Any = typer.main.get_command(commands)  # what it returns differs from version to version
    return root.commands


def index() -> str:
    """The commands in groups, each with its first sentence."""
    all_commands = known()
    grouped = {name for names in GROUPS.values() for name in names}
    groups = GROUPS | {"Further": tuple(name for name in all_commands if name not in grouped)}
    parts = list[str]()
    for group, names in groups.items():
        rows = [
            (f"[`untrained {name}`](commands/{name}.md)", sentence(all_commands[name]))
            for name in names
            if name in all_commands
        ]
        if rows:
            parts += [f"**{group}**", table(("command", "what it does"), rows)]
    return "\n\n".join(parts)


def sentence(command: Any) -> str:
    """The first sentence of a command's help."""
    return options_as_code(" ".join((command.help or "").split("\n\n")[0].split()))


def page(name: str, command: Any, level: int = 1) -> str:
    """All that the help of a command says, and of the commands below it."""
    parts = [f"{'#' * level} `{name}`", "\n\n".join(_paragraphs(command.help or ""))]
    below = getattr(command, "commands", {})
    arguments = [p for p in command.params if not p.opts[0].startswith("-")]
    usage = [name, *(["COMMAND"] if below else []), *((p.metavar or p.name.upper()) for p in arguments), "[OPTIONS]"]
    parts.append(f"```text\n{' '.join(usage)}\n```")
    if arguments:
        rows = ((f"`{p.metavar or p.name.upper()}`", _help(p)) for p in arguments)
        parts.append(f"{'#' * (level + 1)} Arguments\n\n{table(('argument', 'meaning'), rows)}")
    panels = dict[str, list[Any]]()
    for option in command.params:
        if option not in arguments and not option.hidden:
            panels.setdefault(option.rich_help_panel or "Options", []).append(option)
    types = inspect.signature(command.callback, eval_str=True).parameters if command.callback else {}
    for panel, options in panels.items():
        rows = ((_option(p, types), _help(p), _default(p)) for p in options)
        parts.append(f"{'#' * (level + 1)} {panel}\n\n{table(('option', 'meaning', 'default'), rows, empty=' ')}")
    if command.epilog:
        parts.append(f"{'#' * (level + 1)} Examples\n\n```sh\n{_examples(command.epilog)}\n```")
    for word, sub in below.items():
        parts.append(page(f"{name} {word}", sub, level + 1))
    return "\n\n".join(parts) + "\n"


def _paragraphs(text: str) -> Iterable[str]:
    paragraphs = re.sub(r"\[/?\w+\]", "", text).split("\n\n")
    return (options_as_code(" ".join(paragraph.split())) for paragraph in paragraphs)


def _option(option: Any, types: Any) -> str:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    if option.is_flag:
        return names
    kind = str(getattr(types.get(option.name), "annotation", ""))
    word = next((word for part, word in (("int", "N"), ("float", "X"), ("Path", "FILE")) if part in kind), "TEXT")
    return f"{names} {option.metavar or word}"


def _help(parameter: Any) -> str:
    return options_as_code(" ".join((parameter.help or "").split()))


def _default(option: Any) -> str:
    if option.required:
        return "required"
    value = option.default
    shown = option.show_default and not callable(value) and value not in (None, False, "")
    return f"`{value}`" if shown else ""


def _examples(epilog: str) -> str:
    lines = (line.strip() for line in re.sub(r"\[/?\w+\]", "", epilog).splitlines())
    return "\n".join(line for line in lines if line and line != "Examples")


def setup(app: Sphinx) -> dict[str, Any]:
    """Is called by Sphinx."""
    app.connect("builder-inited", make)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
