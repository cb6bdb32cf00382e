"""The site: each part has a page, everything public is told, and links that no site checks lead somewhere."""

import re
import sys
from collections import Counter
from pathlib import Path

import pytest

import untrained
from command_line import untrained_cli
from documented import ROOT
from untrained.benchmarks import BENCHMARKS
from untrained.metrics import METRICS
from untrained.samplers import SAMPLERS
from untrained.spaces import SPACES

pytest.importorskip("sphinx", reason="the site is built with the extra docs")
pytest.importorskip("latex2mathml", reason="the site is built with the extra docs")
sys.path.append(str(ROOT / "docs/_ext"))

import api
import catalogue
import commands
import pages
from docstrings import as_rst, translated
from latex2mathml.converter import convert


@pytest.mark.parametrize("registry", ["metrics", "spaces", "samplers", "benchmarks"])
def test_every_part_has_a_page_and_a_row(registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"metrics": METRICS, "spaces": SPACES, "samplers": SAMPLERS, "benchmarks": BENCHMARKS}[registry]
    monkeypatch.setattr(catalogue, "CATALOGUE", tmp_path)
    (tmp_path / registry).mkdir()
    (tmp_path / registry / "gone.md").write_text("# a part that is no more")
    catalogue.make()
    assert {path.stem for path in (tmp_path / registry).iterdir()} == {name.replace("/", "-") for name in known}
    rows = re.findall(rf"\]\({registry}/([^)]+)\.md\)", catalogue.TABLES[registry]())
    assert rows == [name.replace("/", "-") for name in known]


def test_a_page_says_what_the_registry_says() -> None:
    page = catalogue.metric_page(METRICS["ntk_condition_number"])
    for said in (
        "Better\n: lower",
        "sample gradients",
        "TE-NAS",
        "`mode` | `eval` | `eval`, `train`",
        "@inproceedings{chen2021",
    ):
        assert said in page


def test_all_that_is_exported_is_told_once() -> None:
    pages = [{name for module in modules for name, _ in api.things(module)} for _, modules in api.TOPICS.values()]
    told = Counter(name for page in pages for name in page)
    assert {name.removeprefix("untrained.") for name in told if name.count(".") == 1} == {*untrained.__all__}
    assert {name for name, times in told.items() if times > 1} == set()


def test_every_constant_says_what_it_is() -> None:
    """By the string below the line that assigns it, which the reference shows."""
    modules = [module for _, modules in api.TOPICS.values() for module in modules]
    assert [name for module in modules for name, thing in api.things(module) if not api.said_of(name, thing)] == []


def test_every_option_of_a_command_is_on_its_page() -> None:
    for name, command in commands.known().items():
        page = commands.page(f"untrained {name}", command)
        asked = set(re.findall(r"(?<!\w)--[a-z][a-z-]+", untrained_cli(name, "--help").stdout)) - {"--help"}
        assert {option for option in asked if option not in page} == set(), name


def test_docstrings_mean_what_they_say() -> None:
    text = "Sum |w g| * 2, `a|b` as before:\n- one\n- two_\n\n| a | b |\n|---|---|\n| `x` | 1 |"
    assert "\n".join(translated(text.splitlines())) == (
        "Sum \\|w g\\| \\* 2, `a|b` as before:\n\n- one\n- two\\_\n\n\n"
        ".. list-table::\n   :header-rows: 1\n\n   * - a\n     - b\n   * - `x`\n     - 1\n"
    )
    example = ["Example:", "    >>> 2 ** 3 | 1", "    9"]
    assert translated(example) == example
    assert ":param x: What it is." in as_rst("Does it.\n\nArgs:\n    x: What it is.")


def test_cells_hold_no_column_of_their_own_and_empty_columns_go() -> None:
    made = pages.table(("a", "b", "c"), [("|x|", "", ""), ("y", "", "z")])
    assert made == "| a | c |\n| --- | --- |\n| \\|x\\| | – |\n| y | z |\n"


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_links_lead_to_files(page: str) -> None:
    text = re.sub(r"```.*?```", "", (ROOT / page).read_text(), flags=re.DOTALL)
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_metric_but_sizes_has_a_formula_that_can_be_drawn() -> None:
    assert {m.name for m in METRICS.values() if not m.formula} == {"params", "flops", "layers", "latency"}
    for metric in filter(lambda metric: metric.formula, METRICS.values()):
        assert "\\" not in re.sub(r"<[^>]*>", "", convert(metric.formula)), metric.name


def test_what_options_mean_is_read_from_docstrings() -> None:
    said = (
        "Does it.\n\nArgs:\n    x: What it is,\n        in all.\n    y, z: 3: not more.\n\nReturns:\n    z: nothing.\n"
    )
    assert catalogue.meanings(said) == {"x": "What it is, in all.", "y": "3: not more.", "z": "3: not more."}
