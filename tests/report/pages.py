"""Pages as tests see them: parsed, with their figures; and names that are scripts."""

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

NASTY = "<script>alert(1)</script><img src=x onerror=alert(2)>&amp;\"'%{x} $x$ {{ 7 * 7 }} ]]> -->"


class Parsed(HTMLParser):
    """Elements, attributes, text and scripts of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags, self.attributes, self.scripts, self.text = (
            list[str](),
            list[tuple[str, str | None]](),
            list[str](),
            "",
        )
        self._inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self._inside = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts[-1] += data
        elif self._inside != "style":
            self.text += data

    @property
    def figures(self) -> dict[str, Any]:
        return json.loads(self.scripts[0])


def parsed(path: Path) -> Parsed:
    """The page in a file."""
    return Parsed(path.read_text())
