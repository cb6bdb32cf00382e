"""Runs the notebooks of this folder in an empty folder, and stores their outputs, which the site shows.

python docs/notebooks/run.py
python docs/notebooks/run.py table_to_network
"""

import argparse
import shutil
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parent
NAMES = tuple(sorted(path.stem for path in FOLDER.glob("*.ipynb")))
SECONDS = 600
"""How long a cell may take on a busy machine."""


def executed(name: str, folder: Path) -> Any:
    """The notebook with the outputs of a run in a folder, which has digits.csv."""
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    shutil.copy(FOLDER / "digits.csv", folder)
    client = NotebookClient(notebook, timeout=SECONDS, resources={"metadata": {"path": str(folder)}})
    client.execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # when it ran
    return notebook


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("names", nargs="*", default=NAMES, choices=NAMES, metavar="NAME")
    for name in parser.parse_args().names:
        with tempfile.TemporaryDirectory() as folder:
            nbformat.write(executed(name, Path(folder)), FOLDER / f"{name}.ipynb")


if __name__ == "__main__":
    main()
