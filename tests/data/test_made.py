"""`file.py:make_data`: data from a function of one's own."""

from pathlib import Path
from typing import Any

import cloudpickle
import pytest
import torch

from untrained.data import as_data
from untrained.errors import InputError

SOURCE = """
import torch
from torch.utils.data import Dataset

class Own(Dataset):
    def __init__(self, n):
        self.x = torch.randn(n, 3)
    def __len__(self):
        return len(self.x)
    def __getitem__(self, i):
        return self.x[i], i % 2

def make_data():
    return {"train": Own(20), "valid": Own(10)}

def named():
    return "digits"

def raises():
    raise RuntimeError("no such server")

def leaves():
    raise SystemExit(1)

def nothing():
    pass

def number():
    return 5

def empty():
    return Own(0)

def itself():
    return itself

number_of = 7
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / "own.py"
    path.write_text(SOURCE)
    return path


def test_it_gives_what_the_function_returns(file: Path) -> None:
    data = as_data(f"{file}:make_data")
    assert data.facts == {"num_classes": 2, "in_features": 3}
    assert data.name == f"{file}:make_data"
    assert as_data(f"{file}:named").name == "digits"


def test_random_numbers_inside_are_the_same_in_every_run(file: Path) -> None:
    before = torch.random.get_rng_state()
    first, again = (as_data(f"{file}:make_data").fingerprint for _ in range(2))
    assert first == again
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_function_can_be_given_itself() -> None:
    def make() -> Any:
        return {"train": (torch.randn(8, 2), torch.arange(8) % 2), "valid": (torch.randn(8, 2), torch.arange(8) % 2)}

    assert as_data(make).facts == {"num_classes": 2, "in_features": 2}
    data = cloudpickle.loads(cloudpickle.dumps(as_data(make)))
    assert data.name.endswith("make")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("raises", "raises' raised RuntimeError: no such server"),
        ("leaves", "leaves' raised SystemExit"),
        ("nothing", "nothing' gave None: let it return a data set"),
        ("number", "number': 5 is no data"),
        ("number_of", "7 is no data|gave 7"),
        ("empty", "empty': the training data is empty"),
        ("itself", "gave <function itself"),
        ("make_dta", "has no 'make_dta': did you mean 'make_data'"),
    ],
)
def test_what_goes_wrong_is_told_in_one_line(file: Path, name: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        as_data(f"{file}:{name}")
    assert len(str(caught.value)) <= 300


def test_a_missing_file_or_module_is_told() -> None:
    with pytest.raises(InputError, match=r"no file 'gone\.py'"):
        as_data("gone.py:make_data")
    with pytest.raises(InputError, match="cannot be imported"):
        as_data("no_such_module:make_data")
