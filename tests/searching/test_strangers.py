"""A folder of a search may come from anybody: what its files name is not run."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from toy import MLPs
from untrained import load_network
from untrained.errors import InputError

MLP = "width=8,depth=1,norm=False"


def best(folder: Path, **changed: Any) -> Path:
    document = {
        "space": "toy:MLPs",
        "space_options": {"num_classes": 3},
        "network": {"architecture": MLP, "weights": None},
    }
    (folder / "best.json").write_text(json.dumps(document | changed))
    return folder


def test_the_code_that_a_file_names_is_neither_imported_nor_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    ran = tmp_path / "ran"
    (tmp_path / "strange.py").write_text(f"open({str(ran)!r}, 'w')\n")
    for space, options in (
        ("strange:Space", {}),
        (f"{tmp_path}/strange.py:Space", {}),
        ("os:system", {"command": f"touch {ran}"}),
        ("pathlib:Path", {}),
        ("antigravity:x", {}),
        ("toy:toy_batch", {}),
        (":MLPs", {}),
    ):
        with pytest.raises(InputError, match="give the space"):
            load_network(best(tmp_path, space=space, space_options=options))
    assert not ran.exists()
    assert not {"strange", "antigravity"} & sys.modules.keys()


def test_a_space_that_is_given_or_in_use_serves(tmp_path: Path) -> None:
    inputs = torch.zeros(2, 1, 4, 4)
    assert load_network(best(tmp_path))(inputs).shape == (2, 3)  # this test has imported it
    assert load_network(best(tmp_path, space="strange:Space"), MLPs())(inputs).shape == (2, 3)
    cell = "|none~0|+|none~0|none~1|+|none~0|none~1|skip_connect~2|"
    options = {"N": 1, "C": 4, "num_classes": 10, "in_channels": 1}
    given = {"space": "nasbench201", "space_options": options, "network": {"architecture": cell, "weights": None}}
    assert load_network(best(tmp_path, **given))(torch.zeros(2, 1, 8, 8)).shape[0] == 2


@pytest.mark.parametrize("changed", [{"network": None}, {"network": {}}, {"network": []}, {"space_options": 3}])
def test_a_broken_file_is_named(tmp_path: Path, changed: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"best\.json is broken"):
        load_network(best(tmp_path, **changed))
