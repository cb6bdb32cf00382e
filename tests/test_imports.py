"""What is imported before anything is done: only what everybody needs."""

import subprocess
import sys

HEAVY = {"scipy", "sklearn", "sqlalchemy", "pandas", "matplotlib", "kornia", "torchmetrics", "onnx", "rich", "typer"}


def imported_by(code: str) -> set[str]:
    listed = f"import sys; {code}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    return set(
        subprocess.run([sys.executable, "-c", listed], capture_output=True, text=True, check=True).stdout.split()
    )


def test_a_search_begins_without_what_it_may_not_need() -> None:
    first = "import untrained; untrained.search, untrained.load_data, untrained.Recipe, untrained.NASBench201"
    found = imported_by(first)
    assert {"torch", "optuna"} <= found
    assert not HEAVY & found


def test_the_package_alone_imports_next_to_nothing() -> None:
    assert not (HEAVY | {"torch", "numpy", "optuna"}) & imported_by("import untrained")
