"""Fields of a recipe that are searched for beside the architecture."""

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import BaseTrial

from untrained.errors import InputError, listed, shown
from untrained.objectives.recipe import Recipe

SHORT = {"lr": "learning_rate"}
"""What a field may be called for short."""
NOT_TUNED = {
    "compile": "it decides how fast a network is trained, not how good it becomes",
    "precision": "it decides how fast a network is trained: compare two searches instead",
}
TUNABLE = tuple(field.name for field in fields(Recipe) if field.name not in NOT_TUNED)
WHOLE = ("epochs", "batch_size")
WORDS = ("optimizer", "augment")


@dataclass(frozen=True)
class Tuned:
    """Hyper-parameters of trainings: fields of a recipe, and between what they are searched for.

    Args:
        distributions: Field -> Optuna's distribution.

    Example:
        >>> import optuna
        >>> tuned = read_tune("lr=1e-4..1e-1 log, augment=none|flip-crop+cutout")
        >>> tuned.asked_of(optuna.trial.FixedTrial({"learning_rate": 0.01, "augment": "none"}))
        {'learning_rate': 0.01, 'augment': 'none'}
    """

    distributions: Mapping[str, BaseDistribution]

    def asked_of(self, trial: BaseTrial) -> dict[str, Any]:
        """Asks a trial for a value of each field."""
        found = dict[str, Any]()
        for name, own in self.distributions.items():
            if isinstance(own, CategoricalDistribution):
                found[name] = trial.suggest_categorical(name, own.choices)
            elif isinstance(own, IntDistribution):
                found[name] = trial.suggest_int(name, own.low, own.high, step=own.step, log=own.log)
            elif isinstance(own, FloatDistribution):
                found[name] = trial.suggest_float(name, own.low, own.high, step=own.step, log=own.log)
        return found

    def held(self, recipe: Recipe) -> dict[str, Any]:
        """The values of a recipe, as far as they are among those that are searched for."""
        values = {name: getattr(recipe, name) for name in self.distributions}
        return {name: value for name, value in values.items() if _holds(self.distributions[name], value)}

    @property
    def most_epochs(self) -> int | None:
        """The longest training; None if the epochs are not searched for."""
        return max(self._ends("epochs"), default=None)

    def check_beside(self, recipe: Recipe) -> None:
        """Makes sure that each combination of values makes a recipe with what the recipe says of the other fields.

        Raises:
            InputError: A warm-up may be as long as a training.
        """
        warmup = max(self._ends("warmup"), default=recipe.warmup)
        epochs = min(self._ends("epochs"), default=recipe.epochs)
        if warmup >= epochs:
            raise InputError(f"tune: a warmup of {warmup:g} epochs may meet a training of {epochs}: give shorter ones")

    def _ends(self, field: str) -> tuple[Any, ...]:
        """The values of a field, or the bounds of a range; none if it is not searched for."""
        own: Any = self.distributions.get(field)
        if own is None:
            return ()
        return own.choices if isinstance(own, CategoricalDistribution) else (own.low, own.high)

    def without(self, names: Collection[str]) -> "Tuned | None":
        """What is left without some fields; None if nothing is."""
        left = {name: own for name, own in self.distributions.items() if name not in names}
        return Tuned(left) if left else None

    def __str__(self) -> str:
        return ", ".join(f"{name}={_told(own)}" for name, own in sorted(self.distributions.items()))


def _told(own: Any) -> str:
    if isinstance(own, CategoricalDistribution):
        return "|".join("none" if choice is None else str(choice).replace(",", "+") for choice in own.choices)
    step = "" if own.step in (None, 1) else f" step {own.step}"
    return f"{own.low}..{own.high}{' log' * own.log}{step}"


def read_tune(given: Any) -> Tuned | None:
    """Reads what is to be searched for beside the architecture.

    Args:
        given: Text, `field=low..high`, with ` log` behind it to search evenly in the logarithm, or `field=a|b|c`,
            separated by commas; or a mapping of fields to such texts without the name, to lists of values, or to
            Optuna's distributions. `lr` stands for `learning_rate`; several augmentations are joined by `+`.

    Returns:
        The hyper-parameters; None if there are none.

    Raises:
        InputError: A field is not one of a `Recipe`, or is not to be searched for; or its values cannot be.

    Example:
        >>> read_tune("weight_decay=0..0.1, batch_size=32|64").distributions
        {'weight_decay': FloatDistribution(high=0.1, log=False, low=0.0, step=None), 'batch_size': \
CategoricalDistribution(choices=(32, 64))}
    """
    if given is None or isinstance(given, Tuned):
        return given
    if isinstance(given, str):
        entries = [_split(entry) for entry in given.split(",") if entry.strip()]
    elif isinstance(given, Mapping):
        entries = list(given.items())
    else:
        raise InputError(f"tune {shown(given, 60)}: give text such as 'lr=1e-4..1e-1 log, batch_size=32|64'")
    if not entries:
        raise InputError("tune is empty: give fields of the recipe, as 'lr=1e-4..1e-1 log', or leave it out")
    found = dict[str, BaseDistribution]()
    for name, values in entries:
        field = _field(name)
        if field in found:
            raise InputError(f"tune {name!r} twice: give it once")
        found[field] = _distribution(field, values)
        _check(field, found[field])
    return Tuned(found)


def _split(entry: str) -> tuple[str, str]:
    name, equals, values = entry.partition("=")
    if not (equals and name.strip() and values.strip()):
        raise InputError(f"tune {shown(entry.strip(), 60)}: write FIELD=LOW..HIGH or FIELD=A|B, as 'lr=1e-4..1e-1 log'")
    return name.strip(), values.strip()


def _field(name: Any) -> str:
    field = SHORT.get(name, name)
    if isinstance(field, str):
        field = field.strip().replace("-", "_")
    if field in NOT_TUNED:
        raise InputError(f"tune {name!r}: {NOT_TUNED[field]}")
    if field in TUNABLE:
        return field
    if field in ("score_batch_size", "metrics", "strict", "pool", "workers"):
        raise InputError(f"tune {name!r}: it belongs to the scoring without training, not to a training")
    near = get_close_matches(str(field), (*TUNABLE, *SHORT), n=1)
    meant = f"did you mean {near[0]!r}? " if near else ""
    raise InputError(f"tune {shown(name, 40)}: {meant}choose from {listed(TUNABLE, len(TUNABLE))}")


def _distribution(field: str, given: Any) -> BaseDistribution:
    if isinstance(given, BaseDistribution):
        return given
    if isinstance(given, str):
        text = given.strip()
        if ".." in text:
            return _range(field, text)
        given = [_value(field, word) for word in text.split("|")]
    if not isinstance(given, list | tuple) or not given:
        raise InputError(f"tune {field} {shown(given, 60)}: give LOW..HIGH, A|B, a list, or a distribution of Optuna")
    if len(set(map(repr, given))) < len(given):
        raise InputError(f"tune {field} {shown(given, 60)}: a value is there twice")
    return CategoricalDistribution(tuple(given))


def _range(field: str, text: str) -> BaseDistribution:
    match = re.fullmatch(r"(\S+?)\.\.(\S+?)(\s+log)?", text)
    if field in WORDS or match is None:
        right = "A|B" if field in WORDS else "LOW..HIGH, or LOW..HIGH log"
        raise InputError(f"tune {field}={shown(text, 60)}: write {right}")
    low, high = (_value(field, word) for word in match.groups()[:2])
    log = match[3] is not None
    if low >= high:
        raise InputError(f"tune {field}={low}..{high}: give the lower bound first, and a higher one")
    if log and low <= 0:
        raise InputError(f"tune {field}={low}..{high} log: the logarithm needs a lower bound above 0, as 1e-5")
    return IntDistribution(low, high, log=log) if field in WHOLE else FloatDistribution(low, high, log=log)


def _value(field: str, word: str) -> Any:
    word = word.strip()
    if field == "augment":
        return word.replace("+", ",")
    if field in WORDS:
        return word
    if word == "none" and field in ("clip", "ema"):
        return None
    kind = int if field in WHOLE else float
    try:
        number = kind(word)
        if math.isfinite(number):
            return number
    except ValueError:
        pass
    right = "a whole number" if kind is int else "a finite number"
    raise InputError(f"tune {field}: {shown(word, 40)} is not {right}")


def _check(field: str, own: BaseDistribution) -> None:
    """Makes sure that a recipe takes the values: all of a list, the bounds of a range."""
    if isinstance(own, CategoricalDistribution):
        values = own.choices
    elif isinstance(own, IntDistribution | FloatDistribution):
        values = (own.low, own.high)
    else:
        raise InputError(f"tune {field} {shown(own, 60)}: give a distribution of Optuna")
    for value in values:
        try:
            made = replace(Recipe(), **{"epochs": 10**9} if field == "warmup" else {}, **{field: value})
        except InputError as error:
            raise InputError(f"tune {error}") from None
        if field == "augment" and made.augment != value:
            raise InputError(f"tune augment {value!r}: write it as {made.augment.replace(',', '+')!r}")


def _holds(own: BaseDistribution, value: Any) -> bool:
    if isinstance(own, CategoricalDistribution):
        return any(type(choice) is type(value) and choice == value for choice in own.choices)
    return isinstance(value, int | float) and own._contains(own.to_internal_repr(value))
