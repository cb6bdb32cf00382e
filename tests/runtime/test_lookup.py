"""Things found by name: in a registry, a user's file, a module, an installed package."""

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from untrained.errors import InputError, listed, one_line
from untrained.runtime.lookup import SourceFile, file_of, look_up, with_file

REGISTRY = {"ours": 1, "other": 2} | {f"number{i}": i for i in range(3000)}

OWN = """
from neighbour import VALUE

class Thing:
    def __init__(self, size):
        self.size = size

    def __reduce_ex__(self, protocol):
        from untrained.runtime.lookup import with_file
        return with_file(type(self), super().__reduce_ex__(protocol))

value = VALUE
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "neighbour.py").write_text("VALUE = 5\n")
    (tmp_path / "own_things.py").write_text(OWN)
    return tmp_path / "own_things.py"


def install(folder: Path, package: str, entries: str, monkeypatch: pytest.MonkeyPatch) -> None:
    info = folder / f"{package}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[untrained.things]\n{entries}\n")
    monkeypatch.syspath_prepend(folder)


def test_every_way_to_name_a_thing(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(own.parent, "theirs", "installed = own_things:value", monkeypatch)
    assert look_up("thing", "ours", REGISTRY) == 1
    assert look_up("thing", "mine", REGISTRY, {"mine": "other"}) == 2
    assert look_up("thing", f"{own}:value", REGISTRY) == 5
    assert look_up("thing", "own_things:value", REGISTRY) == 5
    assert look_up("thing", "installed", REGISTRY) == 5
    assert look_up("thing", "installed", {"installed": 7}) == 7


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("our", ["unknown thing 'our'", "did you mean 'ours'", "and 2995 more"]),
        ("zzz", ["unknown thing 'zzz'", "choose from ours", "file.py:Name"]),
        ("x", ["'xs'"]),
        ("own_things.py:valu", ["no 'valu'", "did you mean 'value'"]),
        ("nowhere.py:value", ["no file 'nowhere.py'"]),
        ("no_such_module:value", ["cannot be imported", "no_such_module"]),
        ("broken.py:value", ["cannot be imported", "ZeroDivisionError"]),
        ("leaves.py:value", ["cannot be imported", "SystemExit"]),
        ("wrong.py:value", ["cannot be imported", "SyntaxError"]),
        ("long.py:value", ["cannot be imported", "ValueError: aaa"]),
        ("fails", ["'fails' of package theirs", "ModuleNotFoundError"]),
        ("twice", ["several packages", "theirs", "others"]),
        (":value", ["cannot be imported"]),
    ],
)
def test_what_is_not_found_is_one_short_line(
    own: Path, monkeypatch: pytest.MonkeyPatch, name: str, words: list[str]
) -> None:
    monkeypatch.chdir(own.parent)
    install(own.parent, "theirs", "fails = nowhere:x\ntwice = own_things:value\nxs = own_things:value", monkeypatch)
    install(own.parent, "others", "twice = own_things:value", monkeypatch)
    Path("broken.py").write_text("1 / 0\n")
    Path("leaves.py").write_text("raise SystemExit(3)\n")
    Path("wrong.py").write_text("def\n")
    Path("long.py").write_text("raise ValueError('a' * 5000 + '\\nsecond line')\n")
    with pytest.raises(InputError) as caught:
        look_up("thing", name, {"xs": 1} if name == "x" else REGISTRY)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) <= 300
    for word in words:
        assert word in message


def test_a_file_is_loaded_once_and_again_when_it_was_edited(own: Path) -> None:
    first = look_up("thing", f"{own}:Thing", {})
    assert look_up("thing", f"{own}:Thing", {}) is first
    own.write_text(OWN + "edited = True\n")
    second = look_up("thing", f"{own}:Thing", {})
    assert second is not first
    file = file_of(first)
    assert file is not None
    assert file.code == OWN.encode()
    assert file_of(Path) is None


def test_an_instance_reaches_another_process_as_this_one_has_it(own: Path) -> None:
    thing = look_up("thing", f"{own}:Thing", {})(3)
    own.write_text("raise ValueError('edited meanwhile')\n")
    (own.parent / "thing.pkl").write_bytes(pickle.dumps(thing))
    code = "import pickle; print(pickle.load(open('thing.pkl', 'rb')).size)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=own.parent)
    assert done.stdout.strip() == "3", done.stderr
    assert with_file(Path, (Path, ("a",))) == (Path, ("a",))


def test_a_file_that_fails_leaves_no_module(own: Path) -> None:
    broken = own.with_name("broken.py")
    broken.write_text("value = 1 / 0\n")
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            SourceFile(broken)


def test_lists_and_errors_are_short() -> None:
    assert listed([]) == "none"
    assert listed(range(10)) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9"
    assert listed(range(133)).endswith("9 and 123 more")
    assert listed(["x" * 40] * 9).endswith("x and 6 more"), "three of these fill the line"
    assert one_line(ValueError()) == "ValueError"
    assert one_line(ValueError("first\nsecond")) == "ValueError: first"
    assert len(one_line(ValueError("a" * 1000))) < 230
