"""Writes a page: one file of HTML that needs no network."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from untrained.errors import InputError, one_line
from untrained.report.page.render import check_installed
from untrained.runtime.files import written_whole

REPORT_FILE, COMPARISON_FILE = "report.html", "comparison.html"


def write_report(
    what: str | Path | Sequence[str | Path],
    out: str | Path | None = None,
    *,
    study: str | None = None,
    space: Any = None,
) -> Path:
    """Writes one HTML file on a search, finished or not; on several searches beside each other; or on a bench.

    The file opens without a network. What it is on may be a stranger's: nothing that the files name is imported or run,
    and all that they say is escaped.

    Args:
        what: The folder of a search; several folders, whose latest searches are compared; or the Parquet file of a
            bench.
        out: The file. By default `report.html` in the folder, `comparison.html` here, or the file of the bench with the
            ending `.html`.
        study: Which of the searches in the one folder; None for the latest.
        space: The space of the one search, or the function that is one; without it, a space of one's own is not drawn.

    Returns:
        The file.

    Raises:
        InputError: There is no such search or bench, a file of it is broken, the searches do not have one objective,
            the page cannot be written, or Plotly or Jinja is not installed.

    Example:
        ```python
        path = untrained.write_report("runs/digits")
        path = untrained.write_report(["runs/small", "runs/large"], "both.html")
        path = untrained.write_report("bench.parquet")
        ```
    """
    check_installed()
    given = [Path(what)] if isinstance(what, str | Path) else list(dict.fromkeys(map(Path, what)))
    if not given:
        raise InputError("nothing to report on: give a folder of a search, several, or the Parquet file of a bench")
    several = len(given) > 1
    if several and (study is not None or space is not None):
        raise InputError("--study and --space go with one search: give one folder")
    files = [path for path in given if path.suffix == ".parquet" and not path.is_dir()]
    if files and (several or study is not None or space is not None):
        raise InputError(f"{str(files[0])!r} is a bench: give it alone, without --study and --space")
    if files:
        path, made = files[0].with_suffix(".html"), lambda: _bench(files[0])
    elif several:
        path, made = Path(COMPARISON_FILE), lambda: _comparison(given)
    else:
        path, made = given[0] / REPORT_FILE, lambda: _search(given[0], study, space)
    path = path if out is None else checked_path(out)
    text = _made(given, made)
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="replace")
    return path


def checked_path(path: str | Path) -> Path:
    """The path of a file that a page can be written to.

    Raises:
        InputError: It has another ending, or is a folder.
    """
    path = Path(path)
    if path.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"{str(path)!r}: give a file that ends in .html")
    if path.is_dir():
        raise InputError(f"{str(path)!r} is a folder: give a file in it")
    return path


def _made(given: Sequence[Path], make: Callable[[], str]) -> str:
    """A page on files that may have been written by anything."""
    from jinja2 import TemplateError

    try:
        return make()
    except InputError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError, TemplateError) as error:
        names = " or ".join(repr(str(path)) for path in given)
        raise InputError(f"the files in {names} are not what a search writes ({one_line(error)})") from error


def _search(folder: Path, study: str | None, space: Any) -> str:
    from untrained.report.page.data import read
    from untrained.report.page.search import page

    return page(read(folder, study, space), space)


def _comparison(folders: Sequence[Path]) -> str:
    from untrained.report.page.comparison import page, read

    return page(read(folders))


def _bench(path: Path) -> str:
    from untrained.benching import load_bench
    from untrained.report.page.bench import page

    return page(path, load_bench(path))
