"""`untrained cite`: entries that parse, and that say what the registries and docstrings say."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from command_line import refused, untrained_cli
from untrained import METRICS, SAMPLERS, SPACES
from untrained.report import bibliography
from untrained.report.bibliography import PAPERS, Reference
from untrained.report.citing import bibtex, references

YEAR = re.compile(r"(?<![\d.])(?:19|20)\d\d(?![\d.]\d)")
FIELDS = {
    "inproceedings": {"author", "title", "booktitle", "year"},
    "article": {"author", "title", "journal", "year"},
    "misc": {"author", "title", "howpublished", "year"},
}


def parsed(text: str) -> dict[str, tuple[str, dict[str, str]]]:
    """Key -> (type, fields) of a BibTeX file, by its grammar: what is outside of entries is a comment."""
    entries, place = dict[str, tuple[str, dict[str, str]]](), 0
    while (place := text.find("@", place)) >= 0:
        head = re.compile(r"@(\w+)\{([^\s,{}]+),").match(text, place)
        assert head, text[place : place + 40]
        place, fields = head.end(), dict[str, str]()
        while field := re.compile(r"\s*(\w+)\s*=\s*\{").match(text, place):
            depth, place = 1, field.end()
            start = place
            while depth:
                depth += {"{": 1, "}": -1}.get(text[place], 0)
                place += 1
            assert field[1] not in fields
            fields[field[1]] = text[start : place - 1]
            place += text[place] == ","
        end = re.compile(r"\s*\}").match(text, place)
        assert end, text[place : place + 40]
        place = end.end()
        assert head[2] not in entries, f"{head[2]} twice"
        entries[head[2]] = (head[1], fields)
    return entries


def named_in(text: str, papers: tuple[str, ...]) -> None:
    """The years of the papers are those in the text, and so are their authors: the first, or all that it lists."""
    found = [PAPERS[paper] for paper in papers]
    assert sorted(set(YEAR.findall(text))) == sorted({str(reference.year) for reference in found}), text
    if " & " in text:
        assert any(all_known(reference, text) for reference in found), text
    own = bibliography._plain(text)
    for reference in found:
        later = reference.title.startswith("Zero-Cost Proxies")  # "as in ICLR 2021"
        assert later or bibliography._plain(reference.families[0]) in own, (reference, text)


def all_known(reference: Reference, text: str) -> bool:
    """Whether the authors that a text lists before a title are those of the reference, in order."""
    listed = re.split(r",? et al\.|, (?=[A-Z\w-]+:? )|,? \d{4}", text, maxsplit=1)[0]
    listed = listed.rpartition("(")[2]
    families = [bibliography._plain(name) for name in re.split(r", | & ", listed)]
    wanted = [bibliography._plain(name) for name in reference.families]
    return wanted[: len(families)] == families or wanted[0] in families[0]


@pytest.mark.parametrize("name", METRICS)
def test_metrics_have_the_papers_that_they_name(name: str) -> None:
    papers = bibliography.METRICS[name]
    if papers or "no paper" not in METRICS[name].paper:
        named_in(METRICS[name].paper, papers)


@pytest.mark.parametrize("name", SAMPLERS)
def test_samplers_have_the_papers_that_they_name(name: str) -> None:
    papers = bibliography.SAMPLERS[name]
    if papers and name != "mixture":  # of this project, built on RoBoT
        named_in(SAMPLERS[name].citation, papers)
        assert any(_title(paper)[:25] in bibliography._plain(SAMPLERS[name].citation) for paper in papers)


@pytest.mark.parametrize("name", SPACES)
def test_spaces_have_the_papers_that_they_name(name: str) -> None:
    named_in((sys.modules[SPACES[name].__module__].__doc__ or "").split("\n\n")[0], bibliography.SPACES[name])


def test_nothing_is_left_over() -> None:
    assert METRICS.keys() == bibliography.METRICS.keys()
    assert SAMPLERS.keys() == bibliography.SAMPLERS.keys()
    assert SPACES.keys() == bibliography.SPACES.keys()
    given = (bibliography.METRICS, bibliography.SAMPLERS, bibliography.SPACES, bibliography.DATA, bibliography.TABLES)
    used = {paper for one in given for papers in one.values() for paper in papers}
    assert used | {"optuna", "pytorch"} == PAPERS.keys()


def test_every_entry_parses_and_holds_what_is_known() -> None:
    entries = parsed("\n\n".join(reference.to_bibtex() for reference in PAPERS.values()))
    assert len(entries) == len(PAPERS)
    for reference in PAPERS.values():
        kind, fields = entries[reference.key]
        assert re.fullmatch(r"[a-z]+\d{4}[a-z0-9]+", reference.key)
        assert FIELDS[kind] - ({"howpublished"} if not reference.venue else set()) == fields.keys()
        assert fields["title"] == f"{{{reference.title}}}"
        assert [" ".join(reversed(name.split(", "))) for name in fields["author"].split(" and ")] == list(
            reference.authors
        )
        assert not re.search(r"[&%$#_~^\\]", "".join(fields.values()))  # what TeX would take for a command


def test_robot_as_its_authors_cite_it() -> None:
    assert PAPERS["robot"].to_bibtex().splitlines() == [
        "@inproceedings{he2024robustifying,",
        "  author = {He, Zhenfeng and Shu, Yao and Dai, Zhongxiang and Low, Bryan Kian Hsiang},",
        "  title = {{Robustifying and Boosting Training-Free Neural Architecture Search}},",
        "  booktitle = {International Conference on Learning Representations (ICLR)},",
        "  year = {2024},",
        "}",
    ]


SUMMARY: dict[str, Any] = {
    "study": "one",
    "sampler": "mixture",
    "metrics": ["fisher(fan_in=False)", "params", "mine.py:@own\n}"],
    "space": "nasbench201",
    "objective": {"kind": "table", "file": "nasbench201_accuracy.parquet", "column": "cifar10_val_12"},
}


def test_what_a_search_used_is_cited_once_and_the_rest_is_named(tmp_path: Path) -> None:
    (tmp_path / "best.json").write_text(json.dumps(SUMMARY))
    done = untrained_cli("cite", str(tmp_path))
    assert done.returncode == 0, done.stderr
    wanted = ["robot", "theis", "blockswap", "zerocost", "nasbench201", "optuna"]
    assert list(parsed(done.stdout)) == [PAPERS[name].key for name in wanted]
    assert "% no paper is known of: metric 'mine.py:?own" in done.stdout
    assert "table 'nasbench201_accuracy.parquet'" in done.stdout
    document = json.loads(untrained_cli("cite", str(tmp_path), "--json").stdout)
    assert [one["key"] for one in document["references"]] == list(parsed(done.stdout))
    assert document["references"][4]["for"] == ["space 'nasbench201'", "table 'nasbench201_accuracy.parquet'"]
    assert len(document["unknown"]) == 1


def test_data_and_tools_of_a_training() -> None:
    training = SUMMARY | {"sampler": "single:snip", "objective": {"kind": "training", "data": "digits"}}
    found, unknown = references(training | {"metrics": ["snip"], "space": "mine:Space"})
    wanted = ["snip", "zerocost", "digits", "sklearn", "optuna", "pytorch"]
    assert list(found) == [PAPERS[name] for name in wanted]
    assert unknown == ["space 'mine:Space'"]
    assert len(parsed(bibtex(training))) > 6


def test_bad_input_is_one_line(tmp_path: Path) -> None:
    refused("cite", str(tmp_path / "none"), says="no search in")
    refused("cite", str(tmp_path), says="no search in")
    (tmp_path / "best.json").write_text('{"study": "one"}')
    refused("cite", str(tmp_path), says="broken")


def _title(paper: str) -> str:
    return bibliography._plain(PAPERS[paper].title)
