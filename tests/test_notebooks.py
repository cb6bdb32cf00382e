"""The notebooks of the documentation run, and have the outputs that the site shows."""

import re
import runpy
from pathlib import Path

import nbformat
import pytest

FOLDER = Path(__file__).parents[1] / "docs/notebooks"
NAMES = sorted(path.stem for path in FOLDER.glob("*.ipynb"))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")  # of the kernel's own packages
def test_a_notebook_runs(name: str, tmp_path: Path) -> None:
    executed = runpy.run_path(str(FOLDER / "run.py"))["executed"](name, tmp_path)
    assert all(cell.execution_count for cell in executed.cells if cell.cell_type == "code")


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_stored_with_its_outputs(name: str) -> None:
    text = (FOLDER / f"{name}.ipynb").read_text()
    code = [cell for cell in nbformat.reads(text, as_version=4).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert any("image/svg+xml" in output.get("data", {}) for cell in code for output in cell.outputs)
    assert not re.findall(r"Traceback|/tmp/|/home/|/root/", text)
    assert len(text) < 500_000
