"""The networks in the folder of a search."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from untrained.errors import InputError, listed, shown
from untrained.searching.folder import BEST_FILE, STUDY_FILE, TRAINED_FILE, broken, load_summary, read_json
from untrained.searching.interface import Interface, example_of
from untrained.searching.trained import TrainedNetwork
from untrained.searching.weights import load_weights
from untrained.spaces import SearchSpace, as_space, remade_space
from untrained.spaces.picture import Picture


def load_network(folder: str | Path, space: Any = None, which: str | None = None) -> TrainedNetwork:
    """Builds the network that a search found, with its trained weights, in evaluation mode.

    A folder may be a stranger's. Nothing that its files name is imported or run, so a space of one's own must be given,
    or its module be imported before.

    Args:
        folder: The folder of the search.
        space: The space of the search, or the function that is one; not needed if it comes with an installed package.
        which: "best" is the search's pick with the weights of the search; "trained" the network that `untrained train`
            took; an architecture, one of the best whose weights the search has kept. None takes the trained one if
            there is one, else the pick.

    Returns:
        The network, on the CPU: raw inputs in, as the data have them, and outputs or predictions out. Its `source` says
        which one it is.

    Raises:
        InputError: The folder holds no finished search or no such network, or names a space of one's own.

    Example:
        ```python
        network = load_network("runs/digits")
        probabilities = network.predict(images)  # uint8, n x 1 x 8 x 8
        ```
    """
    folder = Path(folder)
    if which is None:
        which = "trained" if (folder / TRAINED_FILE).is_file() else "best"
    name = TRAINED_FILE if which == "trained" else BEST_FILE
    if not (folder / name).is_file():
        has = f"it has no {name}"
        if which == "trained" and (folder / BEST_FILE).is_file():
            raise InputError(f"no network of {str(folder)!r} is trained in full ({has}): untrained train {folder}")
        hint = f": untrained resume {folder}" if (folder / STUDY_FILE).is_file() else ""
        raise InputError(f"no finished search in {str(folder)!r} ({has}){hint}")
    document = read_json(folder / name)
    try:
        made = str(document["space"]), dict(document["space_options"])
        interface = Interface.from_json(document["network"])
        chosen = {"value": (document.get("best") or {}).get("value")} | document["network"]
        source = str(chosen.get("source", "the search"))
        if which not in ("best", "trained"):
            chosen = _kept(document, which, folder)
        arch, weights, value = chosen["architecture"], chosen["weights"], chosen["value"]
    except InputError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise broken(folder / name) from error
    net = (_loaded_space(*made) if space is None else as_space(space, made[1])).build(arch)
    if weights:
        path = _inside(folder, weights)
        _load(net, load_weights(path), path)
    return TrainedNetwork(net, interface, architecture=arch, value=value, source=source)


def load_picture(folder: str | Path, space: Any = None, study: str | None = None) -> Picture:
    """What there is to draw of the best architecture of a search, finished or not.

    Args:
        folder: The folder of the search.
        space: As for `load_network`.
        study: Which of the searches in the folder; None for the latest.

    Raises:
        InputError: There is no such search or no best architecture yet, the space is one of its own, or nothing is
            known of its architectures.
    """
    folder = Path(folder)
    summary = load_summary(folder, study)
    if summary.get("best") is None:
        raise InputError(f"the search in {str(folder)!r} has no best architecture yet: no query has a value")
    try:
        made, arch = (str(summary["space"]), dict(summary["space_options"])), str(summary["best"]["architecture"])
        interface = Interface.from_json(summary.get("network", {}))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise broken(folder / BEST_FILE) from error
    if made[0] == "table" and space is None:
        raise InputError(f"the search in {str(folder)!r} was in a table without a space: there is nothing to draw")
    known = interface.inputs is not None
    inputs = interface.preparation.module()(example_of(interface.inputs, n=2)) if known else None
    return (_loaded_space(*made) if space is None else as_space(space, made[1])).picture(arch, inputs)


def load_space(summary: Mapping[str, Any], space: Any = None) -> SearchSpace:
    """Makes the space of a search from its summary, which may be a stranger's: nothing that it names is imported.

    Args:
        summary: What `load_summary` gave.
        space: The space, or the function that is one; not needed if it comes with an installed package.

    Raises:
        InputError: The space is one of its own, or none.
    """
    try:
        name, options = str(summary["space"]), dict(summary["space_options"])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError("the summary of the search does not tell its space: run the search again") from error
    return _loaded_space(name, options) if space is None else as_space(space, options)


def _kept(document: dict[str, Any], arch: str, folder: Path) -> dict[str, Any]:
    """What `best.json` says of one of the best architectures."""
    kept = document.get("kept", [])
    found = next((one for one in kept if one["architecture"] == arch), None)
    if found is None:
        choices = listed(one["architecture"] for one in kept)
        raise InputError(f"no weights of {shown(arch, 60)} in {str(folder)!r}: give best, trained, or one of {choices}")
    return found


def _inside(folder: Path, name: Any) -> Path:
    """A file of a folder that a file in it names; it names no other place, such as a device without an end."""
    path = folder / str(name)
    if not path.resolve().is_relative_to(folder.resolve()) or (path.exists() and not path.is_file()):
        raise InputError(f"{folder} names weights outside of it ({shown(name, 60)}): they are not read")
    return path


def _load(net: nn.Module, weights: Mapping[str, Tensor], path: Path) -> None:
    try:
        net.load_state_dict(dict(weights))
    except RuntimeError as error:
        raise InputError(f"{path} holds the weights of another network: give the space of the search") from error


def _loaded_space(name: str, options: dict[str, Any]) -> SearchSpace:
    """The space that a file names, if it is one of this package, of an installed one or of a module in use."""
    module, colon, attribute = name.rpartition(":")
    found = getattr(sys.modules.get(module), attribute, None)
    if colon and not (isinstance(found, type) and issubclass(found, SearchSpace)):
        raise InputError(
            f"the search was in the space {shown(name)}, whose code is not run because a file names it: give the space "
            "too (--space; load_network(folder, space)), or import its module first"
        )
    return remade_space(name, options)
