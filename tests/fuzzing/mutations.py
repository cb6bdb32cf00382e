"""Inputs that are almost right, which get further than random ones."""

import random
from collections.abc import Sequence

ODD = (
    *("", " ", "\t", "\0", "\n", "é", "中", "\ud800", "\u202e", "١", "﹢", "𝟚", "\ufeff"),
    *("0", "-0", "-1", "1e999", "-1e-999", "nan", "inf", "1_0", "0x10", "1j", "9" * 40, "9" * 5000, "1e5000", "٣"),
    *(
        "None",
        "True",
        "null",
        "[]",
        "{}",
        "()",
        '""',
        "'",
        '"',
        "\\",
        "%s",
        "{0}",
        "{x}",
        "[/]",
        "[bold]",
        "~",
        "$HOME",
    ),
    *("<=", ">=", "==", "<", ">", "=", ",", ";", ":", "|", "..", ".", "-", "+", "*", "/", "(", ")", "[", "]", "{", "}"),
    *("(" * 300, "[" * 3000, '{"a":' * 3000, "a" * 10_000, "lambda: 0", "__import__('os')", "../..", "file:///etc"),
)


def mutated(examples: Sequence[str], words: Sequence[str], rng: random.Random) -> str:
    """An example with some pieces cut, doubled, swapped, or replaced by odd ones or by those of other examples."""
    text = rng.choice(examples)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        start, end = sorted(rng.randrange(len(text) + 1) for _ in range(2))
        if rng.random() < 0.7:
            end = min(end, start + rng.randrange(6))
        match rng.randrange(7):
            case 0:
                piece = ""
            case 1:
                piece = 2 * text[start:end]
            case 2:
                piece = rng.choice(ODD)
            case 3:
                piece = rng.choice((*words, ""))
            case 4:
                piece = chr(rng.choice((rng.randrange(128), rng.randrange(0x3000), rng.randrange(0x10FFFF))))
            case 5:
                other = rng.choice(examples)
                piece = other[rng.randrange(len(other) + 1) :][: rng.randrange(20)]
            case _:
                piece = text[start:end][::-1]
        text = (text[:start] + piece + text[end:])[:20_000]
    return text


def words_of(examples: Sequence[str]) -> list[str]:
    """The words of examples, and what stands between them."""
    import re

    return sorted({word for example in examples for word in re.findall(r"\w+|\W", example)})


def mutated_json(document: object, rng: random.Random) -> object:
    """A JSON document in which some value is another one, or missing."""
    odd = (None, True, 0, -1, 1.5, 1e308, 10**400, "", "x", "../x", [], [1], {}, {"a": 1}, "\ud800", "[/]", [[]] * 3)
    if isinstance(document, dict) and document and rng.random() < 0.9:
        key = rng.choice(list(document))
        copy = dict(document)
        if rng.random() < 0.1:
            del copy[key]
        else:
            copy[key] = mutated_json(document[key], rng)
        return copy
    if isinstance(document, list) and document and rng.random() < 0.8:
        place = rng.randrange(len(document))
        return [mutated_json(one, rng) if number == place else one for number, one in enumerate(document)]
    return rng.choice(odd)
