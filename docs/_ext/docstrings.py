"""Docstrings are plain text with some Markdown: `code`, tables, lists. Here they become reStructuredText.

A name of the package in backticks, as `Metric` or `search`, becomes a link.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from docutils import nodes
from pages import options_as_code
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.ext.napoleon import Config
from sphinx.ext.napoleon.docstring import GoogleDocstring
from sphinx.util.docutils import SphinxRole

import untrained

CODE = re.compile(r"(`+.+?`+)")
ITEM = re.compile(r"\s*(-|\d+\.) ")
SHORT = 28
"""Code of so many letters is not broken at the end of a line: `--out` would be, at its dashes."""
NAPOLEON: Any = Config(napoleon_use_rtype=False, napoleon_custom_sections=[("Attributes", "params_style")])


def as_rst(docstring: str) -> list[str]:
    """A docstring of ours as lines of reStructuredText."""
    return GoogleDocstring(translated(docstring.splitlines()), NAPOLEON).lines()


def translated(lines: Sequence[str]) -> list[str]:
    """The lines so that reStructuredText shows them as they are meant; Google's sections stay as they are."""
    found = list[str]()
    for kind, run in groupby(_kinds(lines), key=lambda pair: pair[0]):
        block = [line for _, line in run]
        found += {"code": list, "fence": _fenced, "table": _table, "text": _text}[kind](block)
    return found


def _kinds(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    fence = prompt = False
    for line in lines:
        text = line.strip()
        prompt = text.startswith(">>>") or (prompt and bool(text))
        if text.startswith("```") or fence:
            fence ^= text.startswith("```")
            yield "fence", line
        elif prompt:
            yield "code", line
        else:
            yield ("table" if text.startswith("|") and text.endswith("|") else "text"), line


def _fenced(lines: list[str]) -> Iterator[str]:
    indent = lines[0][: len(lines[0]) - len(lines[0].lstrip())]
    yield from ("", f"{indent}.. code-block:: {lines[0].strip(' `') or 'text'}", "")
    yield from (f"    {line}" if line.strip() else "" for line in lines[1:-1])
    yield ""


def _table(lines: list[str]) -> Iterator[str]:
    indent = lines[0][: len(lines[0]) - len(lines[0].lstrip())]
    yield from ("", f"{indent}.. list-table::", f"{indent}   :header-rows: 1", "")
    for line in (lines[0], *lines[2:]):
        cells = [_plain(cell.strip()) for cell in line.strip().strip("|").split("|")]
        yield from (f"{indent}   {'*' if k == 0 else ' '} - {cell}" for k, cell in enumerate(cells))
    yield ""


def _text(lines: list[str]) -> Iterator[str]:
    before = ""
    for line in lines:
        if ITEM.match(line) and before.strip() and not ITEM.match(before) and not before.startswith(" " * 4):
            yield ""  # a list of Markdown needs no empty line before it
        yield _plain(line)
        before = line


def _plain(line: str) -> str:
    """A line in which signs outside of `code` mean themselves."""
    parts = CODE.split(line)
    return "".join(
        part if k % 2 else options_as_code(re.sub(r"([*|\\]|(?<=\w)_(?!\w))", r"\\\1", part))
        for k, part in enumerate(parts)
    )


def _translate(_app: Sphinx, what: str, _name: str, _obj: Any, _options: Any, lines: list[str]) -> None:
    # Napoleon takes what stands before a colon in the first line of an attribute for its type.
    lines[:] = ["..", ""] * (what in ("attribute", "data", "property")) + translated(lines)


class Name(SphinxRole):
    """`name`: a link if the package has it, else code."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Is called for each `name`."""
        code = nodes.literal(self.rawtext, self.text, classes=["code"])
        name = self.text.removeprefix("untrained.").partition("(")[0]
        if name.partition(".")[0] not in untrained.__all__:
            return [code], []
        of = {"refdoc": self.env.docname, "refdomain": "py", "reftype": "obj", "reftarget": f"untrained.{name}"}
        return [addnodes.pending_xref(self.rawtext, code, **of, soft=True)], []


def _missing(_app: Sphinx, _env: Any, node: addnodes.pending_xref, content: nodes.Node) -> nodes.Node | None:
    """Text without a link for `code`, and for a type in a signature that exists and is told nowhere."""
    module, _, name = str(node.get("reftarget")).rpartition(".")
    exists = node.get("reftype") == "class" and hasattr(sys.modules.get(module), name)
    return content if exists or node.get("soft") else None


def _keep_short_code_whole(_app: Sphinx, doctree: nodes.document) -> None:
    for code in doctree.findall(nodes.literal):
        if len(code.astext()) <= SHORT:
            code["classes"].append("short")


def setup(app: Sphinx) -> dict[str, Any]:
    """Is called by Sphinx."""
    app.connect("autodoc-process-docstring", _translate, priority=100)  # before Napoleon
    app.connect("missing-reference", _missing)
    app.connect("doctree-read", _keep_short_code_whole)
    app.add_role("name", Name())
    app.config["default_role"] = "name"
    return {"parallel_read_safe": True, "parallel_write_safe": True}
