"""Spaces of a user's own, their options, and lists of architectures on the command line."""

from pathlib import Path

import pytest

from command_line import refused, untrained_cli
from untrained import NASBench201, ScoreTable

OWN = """
from optuna.distributions import IntDistribution
from torch import nn
from untrained import SearchSpace

class Plain(SearchSpace):
    \"\"\"A plain class.\"\"\"

    def __init__(self, num_classes=10, in_channels=3, width=1, kind="a", scales=(1.0,)):
        self.num_classes, self.in_channels, self.width, self.kind, self.scales = (
            num_classes, in_channels, width, kind, scales
        )

    distributions = {"w": IntDistribution(4, 8, step=4), "kernel": [(1, 1), (3, 3)]}

    def build(self, arch):
        p = self.to_params(arch)
        conv = nn.Conv2d(self.in_channels, p["w"] * self.width, p["kernel"])
        head = nn.Linear(p["w"] * self.width, self.num_classes)
        return nn.Sequential(conv, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)
"""
OF_TABLES = """
class Tables(Plain):
    has_networks = False
"""
SCORE = ["score", "--data", "digits", "--metrics", "params"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "own.py").write_text(OWN)
    return tmp_path


def test_a_plain_class_in_a_file_with_options(folder: Path) -> None:
    options = ["--space", "own.py:Plain", "--space-options", "width=2,kind=b,scales=(0.5,1),num_classes=11"]
    done = untrained_cli(*SCORE, *options, "--workers", "2", "--out", "s.parquet", cwd=folder)
    assert done.returncode == 0, done.stderr
    table = ScoreTable.load(folder / "s.parquet")
    assert table.archs == ("w=4,kernel=(1, 1)", "w=4,kernel=(3, 3)", "w=8,kernel=(1, 1)", "w=8,kernel=(3, 3)")
    # digits have 1 channel: 8 filters of 1 weight and a bias each, then 8 * 11 + 11.
    assert table.values[0, 0] == pytest.approx((8 * 2 + 8 * 11 + 11) / 1e6)
    assert table.provenance["space_options"] == {
        "num_classes": 11,
        "in_channels": 1,
        "width": 2,
        "kind": "b",
        "scales": [0.5, 1],
    }


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("widht=2", "no option 'widht': it has num_classes, in_channels, width, kind, scales"),
        ("width", "'width': write it as name=value"),
        ("num_classes=2", "num_classes=2: digits has 10 classes"),
        ("in_channels=3", "in_channels=3"),
    ],
)
def test_wrong_options(folder: Path, options: str, says: str) -> None:
    wrong = [*SCORE, "--space", "own.py:Plain", "--space-options", options, "--out", "s.parquet"]
    refused(*wrong, says=says, cwd=folder)


def test_lists_of_architectures_as_people_have_them(tmp_path: Path) -> None:
    archs = list(NASBench201())
    text = f"\ufeff{archs[3]}\r\n12\n(4, 3, 3, 0, 0, 0)\n\n{archs[3]}\n"
    (tmp_path / "archs.txt").write_text(text, encoding="utf-8")
    options = [*SCORE, "--space", "nasbench201", "--space-options", "N=1,C=4", "--archs", "archs.txt"]
    done = untrained_cli(*options, "--workers", "1", "--out", "s.parquet", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    naslib = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"
    assert ScoreTable.load(tmp_path / "s.parquet").archs == (archs[3], archs[12], naslib)
    (tmp_path / "archs.txt").write_text("12\n15625\n")
    refused(*options, "--out", "t.parquet", says="archs.txt, line 2: index 15625: .* 0 to 15624", cwd=tmp_path)


def test_spaces_are_listed_with_those_of_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "listed_space.py").write_text(OWN + OF_TABLES)
    info = tmp_path / "theirs-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[untrained.spaces]\ntheirs = listed_space:Plain\ntables = listed_space:Tables\n"
        "broken = nowhere:Space\nnasbench201 = listed_space:Plain\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    shown = untrained_cli("spaces").stdout
    assert "theirs" in shown
    assert "A plain class." in shown
    assert "error:" in shown
    assert shown.count("tables only") == 1
    assert shown.count("nasbench201") == 1


def test_a_space_of_tables_cannot_be_trained(folder: Path) -> None:
    (folder / "own.py").write_text(OWN + OF_TABLES)
    options = ["--data", "digits", "--budget", "2", "--metrics", "params"]
    refused("search", "--space", "own.py:Tables", *options, says="no networks, only tables.*--table", cwd=folder)
