"""What a page says of the pick, of the cost, and of all that runs the search again, as pairs of texts."""

import json
import shlex
from collections.abc import Mapping
from typing import Any

from untrained.measuring import FIGURES, is_figure, unit_of
from untrained.report.page.data import Contents, Row
from untrained.report.text import CALLED


def facts(shown: Contents) -> list[tuple[str, str]]:
    """What is known of the pick: (name, text)."""
    best = shown.summary.get("best")
    if best is None:
        return []
    found = [(shown.objective, f"{best['value']:.4g}")]
    found += [(str(name), "missing" if v is None else f"{v:.4g}") for name, v in best.get("reported", {}).items()]
    if "rank" in best:
        found.append(("rank in the pool", f"{best['rank']:,} of {shown.summary['pool']:,}"))
    sizes = sorted(filter(is_figure, best), key=lambda key: FIGURES.index(key.partition("(")[0]))
    found += [(str(CALLED.get(key, key)), f"{best[key]:.4g} {unit_of(key)}") for key in sizes]
    if "params" not in sizes and (pick := _pick(shown)) is not None and "params" in pick.figures:
        found.append(("parameters", f"{pick.figures['params']:.4g} {shown.units.get('params', '')}".strip()))
    found += [(str(name), f"{value:.4g}") for name, value in best.get("columns", {}).items()]
    if (pick := _pick(shown)) is not None:
        found.append(("query", f"{pick.place} of {len(shown.rows)}"))
    return found


def times(shown: Contents) -> list[tuple[str, str]]:
    """What the search cost: (name, text)."""
    evaluated = sum(row.query.seconds or 0.0 for row in shown.rows if not row.query.reused)
    held = sum(row.query.cost_seconds or 0.0 for row in shown.rows)
    total = shown.summary.get("seconds")
    found = [("evaluating queries", duration(evaluated))]
    if total is not None:
        found.append(("the whole search", duration(total)))
        if total > evaluated:
            found.append(("scoring the pool, choosing and the rest", duration(total - evaluated)))
    if held and abs(held - evaluated) > 0.5 * evaluated:
        found.append(("what the trainings are held to cost", duration(held)))
    return found


def duration(seconds: float) -> str:
    """A time as people say it.

    Example:
        >>> duration(7.25), duration(75), duration(7260)
        ('7.2 s', '1 min 15 s', '2 h 1 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min" if hours else f"{minutes} min {rest} s"


def command(run: Mapping[str, Any]) -> str:
    """The command line of a search; "" if the folder does not tell it."""
    arguments = run.get("arguments")
    if not isinstance(arguments, list):
        return ""
    return shlex.join(["untrained", str(run.get("command", "search")), *map(str, arguments)])


def records(shown: Contents) -> list[tuple[str, Any]]:
    """All that reproduces the search: (name, JSON)."""
    summary, scores = shown.summary, shown.scores
    found = {
        "study": summary["study"],
        "seed": summary["seed"],
        "sampler": summary["sampler"],
        "space": {"space": summary["space"], **summary["space_options"]},
        "metrics": summary["metrics"],
        "objective": summary["objective"],
        "recipe": summary.get("recipe"),
        "limits": summary.get("where"),
        "versions": shown.history.versions or summary.get("versions"),
        "identity": shown.history.identity,
        "fingerprint of the scores": None if scores is None else scores.fingerprint,
        "the scores were made with": None if scores is None else dict(scores.provenance),
        "working folder": shown.run.get("folder"),
    }
    return [(name, _text(value)) for name, value in found.items() if value not in (None, {}, [], "")]


def _text(value: Any) -> str:
    """JSON as people read it: flat lists in a line, flat objects in a line an entry."""
    if isinstance(value, list) and not any(isinstance(entry, dict | list) for entry in value):
        return ", ".join(map(_text, value))
    if isinstance(value, dict) and not any(isinstance(entry, dict | list) for entry in value.values()):
        return "\n".join(f"{name}: {_text(entry)}" for name, entry in value.items())
    return value if isinstance(value, str) else json.dumps(value, indent=1, ensure_ascii=False)


def _pick(shown: Contents) -> Row | None:
    return next((row for row in shown.rows if row.is_best), None)
