"""The whole Python file of an exported network."""

from collections.abc import Mapping

import torch

import untrained
from untrained.deploying.export.exportable import EachHead, Exportable, Whole
from untrained.deploying.export.python.calls import observed_calls
from untrained.deploying.export.python.classes import Classes, is_own
from untrained.deploying.export.python.expressions import quoted
from untrained.deploying.export.python.layout import laid_out
from untrained.deploying.export.python.pictures import main_text, mode_of
from untrained.deploying.export.python.source import class_text, docstring
from untrained.deploying.export.python.tree import Items, Text

SAMPLES = 7
"""Of the batch that the code is followed with: no number that a network is likely to have itself."""


def file_text(exportable: Exportable, whole: Whole, name: str, probabilities: bool) -> str:
    """Writes a network as a Python file that needs torch alone.

    Args:
        exportable: The network.
        whole: A copy of it. Constants in its code become buffers of it.
        name: Of the file, without its suffix.
        probabilities: Whether `predict` gives probabilities.

    Returns:
        The text of the file.

    Raises:
        InputError: The network cannot be written as Python.
    """
    calls = observed_calls(whole, exportable.batch(SAMPLES), is_own)
    about = {
        "Preprocess": f"{_raw(exportable)} -> inputs of the network.",
        "Network": _about_network(whole),
    }
    roots = {"Preprocess": whole.prepare, "Network": whole.network}
    if exportable.restore is not None:
        roots["Restore"] = whole.restore
        about["Restore"] = "Outputs of the network -> outputs in the units of the targets."
    classes = Classes(roots, calls, about)
    body = "\n\n".join(class_text(code) for code in classes.found)
    argument = "images" if "images" in exportable.inputs else "inputs"
    has_pictures = mode_of(exportable) is not None
    parts = [
        "\n".join(docstring(_head(exportable, name, argument, probabilities, has_pictures), 0)) + "\n",
        _imports(body, has_pictures),
        _constants(exportable),
        f"\n{body}",
        LOAD.replace("RESTORE", "" if exportable.restore is None else ', ("restore", Restore())'),
        _predict(exportable, whole, argument, probabilities),
    ]
    if has_pictures:
        parts.append(main_text(exportable, bool(exportable.classes) and whole.last is not None))
    return "\n".join(parts)


def _imports(body: str, has_pictures: bool) -> str:
    lines = ["import math"] if "math." in body else []
    lines += ["import sys"] if has_pictures else []
    lines += ["from collections import OrderedDict"]
    lines += ["from pathlib import Path", "", "import torch"]
    lines += ["import torch.nn.functional as F"] if "F." in body else []
    return "\n".join([*lines, "from torch import nn", ""])


def _head(exportable: Exportable, name: str, argument: str, probabilities: bool, has_pictures: bool) -> str:
    title = exportable.about.get("title", "A network that was found by architecture search")
    facts = {key: value for key, value in exportable.about.items() if key != "title"}
    facts["inputs"] = "; ".join(f"{key}: {value}" for key, value in exportable.inputs.items())
    facts["outputs"] = f"{exportable.meaning(probabilities)} ({exportable.kind})"
    lines = [f"{title}: preprocessing and network, written by untrained {untrained.__version__}.", ""]
    lines += [f"{key[:1].upper()}{key[1:]}: {' '.join(str(value).split())}" for key, value in facts.items()]
    if exportable.classes:
        lines.append(f"Classes: {', '.join(exportable.classes)}")
    lines += ["", f"It needs torch alone. The weights are in {name}.pt, beside this file.", ""]
    lines += [f"    from {name} import load, predict", "", "    model = load()", f"    predict({argument}, model)"]
    if has_pictures:
        lines += ["", f"With Pillow: python {name}.py picture.jpg ..."]
    return "\n".join(lines)


def _raw(exportable: Exportable) -> str:
    return "Raw " + ", ".join(f"{name} ({kind})" for name, kind in exportable.inputs.items())


def _about_network(whole: Whole) -> str:
    count = sum(tensor.numel() for tensor in whole.network.parameters())
    return f"The network, with {count:,} parameters."


def _constants(exportable: Exportable) -> str:
    lines = ['WEIGHTS = Path(__file__).with_suffix(".pt")']
    if exportable.classes:
        names = Items(tuple(Text(quoted(name)) for name in exportable.classes))
        lines.append(f"CLASSES = {laid_out(names, 0, 12)}")
    return "\n".join(lines) + "\n"


LOAD = '''
def load(weights=WEIGHTS, device="cpu"):
    """Preprocessing and network with their trained weights, in evaluation mode."""
    parts = [("preprocess", Preprocess()), ("network", Network())RESTORE]
    model = nn.Sequential(OrderedDict(parts))
    model.load_state_dict(torch.load(weights, map_location=device, weights_only=True))
    return model.to(device).eval()

'''


def _predict(exportable: Exportable, whole: Whole, argument: str, probabilities: bool) -> str:
    meaning = exportable.meaning(probabilities)
    of = f" of the {len(exportable.classes)} classes, n x {len(exportable.classes)}," if exportable.classes else ""
    of = of if meaning == "probabilities" else ""
    raw = "; ".join(exportable.inputs.values())
    lines = [
        f"def predict({argument}, model=None):",
        *docstring(f"{meaning.capitalize()}{of} for raw {argument} ({raw}).", 4),
        "    model = load() if model is None else model",
        "    with torch.inference_mode():",
        *(f"        {line}" for line in _ending(exportable, whole, argument)),
        "",
    ]
    return "\n".join(lines)


ENDS = {"classification": "torch.softmax({}, dim=1)", "multi-label": "torch.sigmoid({})"}


def _ending(exportable: Exportable, whole: Whole, argument: str) -> list[str]:
    """The statements that make predictions of raw inputs."""
    if whole.last is None:
        return [f"return model({argument})"]
    if not isinstance(whole.last, EachHead):
        return [f"return {ENDS[exportable.kind].format(f'model({argument})')}"]
    with torch.no_grad():
        outputs = whole(exportable.batch(2))
    lines, is_named = [f"outputs = model({argument})"], isinstance(outputs, Mapping)
    kinds = [exportable.heads.get(key, "") for key in outputs] if is_named else list(exportable.heads.values())
    ends = [ENDS.get(kind, "{}").format(f"outputs[{i}]") for i, kind in enumerate(kinds)]
    if not is_named:
        return [*lines, f"return {', '.join(ends)}" + ("," if len(ends) == 1 else "")]
    codes = [
        f"    {quoted(key)}: " + ENDS.get(kind, "{}").format(f"outputs[{quoted(key)}]") + ","
        for key, kind in zip(outputs, kinds, strict=True)
    ]
    return [*lines, "return {", *codes, "}"]
