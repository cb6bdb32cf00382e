"""Options of trainings: each field of `Recipe` is one."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import fields
from typing import Annotated, Any, get_type_hints

import typer

PANEL = "How networks are trained"
HELP = {
    "epochs": "Passes over the training data.",
    "batch_size": "Samples a step; by default 64, fewer for adamw on fewer than 1,024 samples.",
    "optimizer": "sgd, adamw or auto: sgd for convolutional networks, adamw for transformers, tables and sequences.",
    "learning_rate": "The highest; by default 0.025 for sgd in batches of 64, 0.001 for adamw, 0.003 for tables.",
    "weight_decay": "By default 5e-4 for sgd, and 0.01 for adamw.",
    "momentum": "Of sgd (Nesterov), and the first beta of adamw.",
    "warmup": "Epochs, also 0.5, in which the learning rate rises, before it falls by a cosine.",
    "label_smoothing": "Part of a target that goes to all classes alike.",
    "clip": "The largest norm of the gradient.",
    "ema": "Decay of an average of the weights, as 0.999, which is measured and kept.",
    "precision": "float32, bfloat16, float16 (CUDA), or auto: bfloat16 on CUDA, else float32.",
    "compile": "Train through torch.compile.",
    "augment": "Some of flip-crop, trivial-augment, cutout, and mixup or cutmix, separated by commas; or none.",
}
"""Field of `Recipe` -> what `--help` says of its option."""


def with_recipe(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command an option for each field of `Recipe`.

    Args:
        command: Has a parameter `recipe`: a dictionary of the fields that were given on the command line.

    Returns:
        The command for typer.
    """
    from untrained.objectives.recipe import Recipe

    hints = get_type_hints(Recipe)
    own = inspect.signature(command, eval_str=True)
    names = {field.name: field.default for field in fields(Recipe)}
    added = [_option(name, hints[name], default) for name, default in names.items()]
    kept = [p.replace(kind=p.KEYWORD_ONLY) for p in own.parameters.values() if p.name != "recipe"]

    @functools.wraps(command)
    def run(**given: Any) -> Any:
        chosen = {name: given.pop(name) for name in names}
        return command(**given, recipe={name: value for name, value in chosen.items() if value is not None})

    run.__signature__ = own.replace(parameters=[*kept, *added])  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in (*kept, *added)}
    del run.__wrapped__  # type: ignore[attr-defined]
    return run


def _option(name: str, kind: Any, default: Any) -> inspect.Parameter:
    """An option that is None if it is not given; `--help` shows the default."""
    told = "" if default in (None, False) else f" (default: {default})"
    option = typer.Option(help=f"{HELP[name].removesuffix('.')}{told}.", show_default=False, rich_help_panel=PANEL)
    annotation = Annotated[kind | None, option]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
