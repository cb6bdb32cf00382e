"""What a data set holds, as text for the terminal."""

from collections import Counter
from typing import Any, cast

import numpy as np
from rich.console import Console
from rich.text import Text

from untrained.data import Data, ImageData, TableData
from untrained.errors import WIDEST, listed
from untrained.report.text import print_table

MOST = 30
"""Classes that are listed."""


def print_data(console: Console, data: Data) -> None:
    """Prints what a data set holds: its task, sizes and counts.

    Args:
        console: Prints it.
        data: The data.
    """
    task = data.task
    outputs = "" if task.outputs is None else f", {task.outputs:,} {_outputs(task.kind, task.outputs)}"
    console.print(Text(f"{data.name}: {task.kind}{outputs}", "bold"))
    if isinstance(data, ImageData):
        _print_images(console, data)
    if isinstance(data, TableData):
        _print_columns(console, data)
    rows = data.rows() or {}
    splits = {name: data.raw(name) for name in ("train", "valid", "test")}
    sizes = {name: len(cast(Any, split)) for name, split in splits.items() if split is not None}
    header = ("", *sizes, "all")
    lines = [(data.samples, *_counts(list(sizes.values())))]
    labels = data.target.values if isinstance(data, TableData) else getattr(data, "labels", None)
    if task.kind in ("classification", "multi-label") and isinstance(labels, np.ndarray):
        lines += _classes(task, labels, rows)
    print_table(console, "", header, lines)


def _print_images(console: Console, data: ImageData) -> None:
    kinds = data.kinds()
    sizes, modes = Counter[Any](), Counter[Any]()
    for (mode, size), count in kinds.items():
        sizes[size] += count
        modes[mode] += count
    console.print(Text(f"  sizes  {_most(sizes, lambda size: f'{size[0]:,} x {size[1]:,}')}"))
    console.print(Text(f"  modes  {_most(modes, str)}"))
    form = data.form
    total = form.nbytes * sum(map(len, data.splits.values()))
    how = "" if data.resize is None else ", centre crop, bilinear"
    where = "in memory" if data.fits else "decoded as they are needed"
    shape = f"{form.width:,} x {form.height:,} {form.mode or f'{form.channels} channels'}, {form.dtype}{how}"
    console.print(Text(f"  read   {shape}; {_size(total)}, {where}"))


def _print_columns(console: Console, data: TableData) -> None:
    columns, inputs = data.preparation.columns, data.inputs
    kinds = Counter(column.holds for column in columns)
    console.print(Text(f"  columns  {', '.join(f'{kind} ({count:,})' for kind, count in kinds.items())}"))
    missing = list[str]()
    for column, values in zip(columns, inputs.T, strict=True):
        empty = values.isnan() if "" not in column.categories else values == column.categories.index("")
        if empty.any():
            missing.append(f"{column.name} ({empty.double().mean().item():.1%})")
    console.print(Text(f"  missing  {listed(missing, 6)}"))
    console.print(Text(f"  target   {listed(data.target.columns)}"))


def _classes(task: Any, labels: np.ndarray, rows: Any) -> list[tuple[str, ...]]:
    def of(k: int) -> list[int]:
        if labels.ndim == 2:
            return [int(labels[part][:, k].sum()) for part in rows.values()]
        return [int((labels[part] == k).sum()) for part in rows.values()]

    count = task.outputs or 0
    lines = [(_cut(task.called(k)), *_counts(of(k))) for k in range(min(count, MOST))]
    return lines if count <= MOST else [*lines, (f"and {count - MOST:,} more", *[""] * (len(rows) + 1))]


def _cut(name: str) -> str:
    return name if len(name) <= WIDEST else f"{name[:WIDEST]}..."


def _counts(counts: list[int]) -> list[str]:
    return [f"{count:,}" for count in (*counts, sum(counts))]


def _most(counts: Counter[Any], called: Any) -> str:
    shown = [f"{called(value)} ({count:,})" for value, count in counts.most_common(4)]
    return ", ".join(shown) + (f" and {len(counts) - 4:,} more" if len(counts) > 4 else "")


def _outputs(kind: str, count: int) -> str:
    return {"regression": "targets", "multi-label": "labels"}.get(kind, "classes") if count > 1 else "target"


def _size(size: int) -> str:
    return f"{size / 2**30:,.1f} GB" if size >= 2**30 else f"{size / 2**20:,.1f} MB"
