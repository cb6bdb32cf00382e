"""A short form of `python -m tests.fuzzing`."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzzing.fuzz import fuzz
from fuzzing.targets import Target, files, texts

TEXTS = texts()
SETTINGS = settings(max_examples=40, deadline=None, database=None, derandomize=True)


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Target]:
    return files(tmp_path_factory.mktemp("files"))


@pytest.mark.parametrize("name", TEXTS)
def test_text_is_understood_or_refused_in_one_line(name: str) -> None:
    assert fuzz(TEXTS[name], range(40)).found == {}

    @SETTINGS
    @given(st.text())
    def any_text(text: str) -> None:
        assert fuzz(Target(TEXTS[name].read, lambda _: text), range(1)).found == {}

    any_text()


def test_files_are_read_or_refused_in_one_line(read: dict[str, Target]) -> None:
    for name, target in read.items():
        assert fuzz(target, range(max(400 // target.cost, 2))).found == {}, name


def test_what_goes_wrong_is_found() -> None:
    def careless(text: str) -> None:
        assert "x" not in text

    outcome = fuzz(Target(careless, lambda rng: rng.choice("xyz")), range(20))
    assert outcome.inputs == 20
    assert [where.partition(" in ")[0] for where in outcome.found] == ["AssertionError"]


# What longer runs have found.


def test_files_of_a_search_may_hold_anything(read: dict[str, Target]) -> None:
    run, best = read["run.json"].read, read["best.json, shown"].read
    for document in (b'{"arguments": true}', b"[" * 100_000, b'{"a":' * 100_000, b"[1]", b"9" * 5000, b"\xff"):
        for one in (run, best, read["data.json"].read, read["trained.json, shown"].read):
            assert fuzz(Target(one, lambda _, document=document: document), range(1)).found == {}, document[:20]


@pytest.mark.parametrize("text", ["slurm:" + "a" * 5000, "x" * 5000 + ".py:f", "\0.py:f", "a/\udc80:f"])
def test_names_that_no_file_can_have(text: str) -> None:
    for name in ("--executor", "--metrics"):
        assert fuzz(Target(TEXTS[name].read, lambda _: text), range(1)).found == {}


def test_a_message_holds_nothing_that_a_terminal_obeys() -> None:
    for text in ("params\x1b[2J <= x", "\U000633a1 <= y", "\u202eab > c"):
        assert fuzz(Target(TEXTS["--where"].read, lambda _, text=text: text), range(1)).found == {}
