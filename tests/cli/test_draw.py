"""`untrained draw`: architectures, and what a search has found."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from command_line import refused, untrained_cli

CELL = "|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|"
NET = """
from torch import nn

def build(trial, num_classes=10, in_channels=3):
    width = trial.suggest_categorical("width", [4, 8])
    return nn.Sequential(nn.Conv2d(in_channels, width, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                         nn.Linear(width, num_classes))
"""


def words(path: Path) -> list[str | None]:
    """The text in an SVG."""
    return [element.text for element in ElementTree.parse(path).iter("{http://www.w3.org/2000/svg}text")]


def test_an_architecture(tmp_path: Path) -> None:
    done = untrained_cli("draw", CELL, "--space", "nasbench201", "--space-options", "N=2,C=8", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "picture: nasbench201.svg\n"), done.stderr
    assert {"nasbench201", CELL, "nor_conv_3x3", "× 2"} <= {*words(tmp_path / "nasbench201.svg")}


def test_a_space_of_ones_own_and_data(tmp_path: Path) -> None:
    (tmp_path / "my_net.py").write_text(NET)
    command = ("draw", "width=8", "--space", "my_net.py:build", "--data", "digits", "--theme", "dark")
    done = untrained_cli(*command, "--out", "here/net.svg", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "picture: here/net.svg\n"), done.stderr
    assert {"my_net.py:build", "Conv2d 3×3", "8×8×1", "6×6×8"} <= {*words(tmp_path / "here/net.svg")}
    done = untrained_cli(*command, "--out", "-", cwd=tmp_path)
    assert done.stdout.startswith("<svg")
    assert done.stderr == ""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search of one network."""
    folder = tmp_path_factory.mktemp("found")
    (folder / "archs.txt").write_text(CELL)
    where = ("--space", "nasbench201", "--space-options", "N=1,C=4", "--data", "digits", "--subset", "60")
    how = ("--archs", "archs.txt", "--metrics", "params", "--budget", "1", "--epochs", "1", "--workers", "1")
    done = untrained_cli("search", *where, *how, "--out", "run", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_what_a_search_has_found(folder: Path) -> None:
    done = untrained_cli("draw", "run", cwd=folder)
    assert (done.returncode, done.stdout) == (0, "picture: run/network.svg\n"), done.stderr
    assert {CELL, "8×8×1", "8×8×4"} <= {*words(folder / "run/network.svg")}  # digits have 8 x 8 pixels


def test_bad_input(folder: Path, tmp_path: Path) -> None:
    at = {"cwd": tmp_path}
    refused("draw", "no", "--space", "nasbench201", says="malformed architecture 'no'", **at)
    refused("draw", CELL, says="is no folder of a search: .*--space", **at)
    refused("draw", CELL, "--space", "nowhere", says="'nowhere'", **at)
    refused(
        "draw", CELL, "--space", "nasbench201", "--out", "a.gif", says="'a.gif': give a file that ends in .svg", **at
    )
    refused("draw", CELL, "--space", "nasbench201", "--theme", "pink", says="'pink': choose from auto", **at)
    refused("draw", str(tmp_path), says="no search in", **at)
    refused("draw", "run", "--data", "digits", says="'run' is a folder", cwd=folder)
    (tmp_path / "file").touch()
    refused("draw", CELL, "--space", "nasbench201", "--out", "file/a.svg", says="file/a.svg cannot be written", **at)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_search_in_a_table_alone_has_nothing_to_draw(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("arch,accuracy,params\n" + "".join(f"net{k},{k},{k}\n" for k in range(4)))
    done = untrained_cli(
        *("search", "--table", "t.csv", "--column", "accuracy", "--metrics", "params", "--budget", "2", "--out", "run"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    refused("draw", "run", says="in a table without a space", cwd=tmp_path)
