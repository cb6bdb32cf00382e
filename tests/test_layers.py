"""Imports run strictly downward (docs: the way of the data)."""

import ast
from pathlib import Path

import pytest

import untrained

PACKAGE = Path(untrained.__file__).parent

# Lowest first; what stands on one line does not import each other.
LEVELS = (
    {"errors"},
    {"runtime"},
    {"data", "spaces", "probe"},
    {"metrics"},
    {"scores", "measuring"},
    {"scoring", "samplers", "objectives"},
    {"benchmarks", "searching", "testing"},
    {"benching", "analysis", "deploying"},
    {"report", "reproducing"},
    {"cli"},
    {"__main__"},
)
LEVEL = {part: height for height, parts in enumerate(LEVELS) for part in parts}
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def part_of(path: Path) -> str:
    """The folder or file of the package that `path` belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_parts(path: Path) -> set[str]:
    """The parts of the package that the file imports, at its top or anywhere inside."""
    parts = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [node.module or ""]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        parts |= {name.split(".")[1] for name in names if name.startswith("untrained.")}
    return parts


def test_every_part_has_its_level() -> None:
    assert {part_of(path) for path in MODULES} == set(LEVEL)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_downward(path: Path) -> None:
    own = part_of(path)
    for part in imported_parts(path) - {own}:
        assert LEVEL[part] < LEVEL[own], f"{own} imports {part}"


def test_importing_the_package_is_light() -> None:
    import subprocess
    import sys

    heavy = ("torch", "optuna", "pyarrow", "sklearn", "scipy.stats", "typer", "rich")
    # The second is what each scoring process imports: its own module, and the one that the command line started from.
    for imports, needs in (
        ("untrained", []),
        ("untrained.cli", ["typer", "rich"]),  # all that `--help` needs
        ("untrained.scoring.one_network, untrained.__main__", ["torch", "optuna"]),
    ):
        code = f"import sys, {imports}; print([m for m in {heavy} if m in sys.modules])"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == str(needs)


def test_every_public_name_is_there() -> None:
    for name in untrained.__all__:
        assert getattr(untrained, name) is not None
    # The name means the verb, also after its module was imported under the package.
    assert callable(untrained.search)
