"""Networks that take along what runs them: a training, or a scoring, fills the memory, hangs, or breaks the process."""

import ctypes
import os
import resource
import signal
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from faults.scenarios import Noted, Scenario, queried
from searching.searches import SPACE
from toy import MLPs, toy_batch
from untrained import Evaluation, ScoreTable, Scoring, search
from untrained.metrics import metric
from untrained.probe import Probe

FATES = {4: "killed", 8: "refused memory", 12: "hangs", 16: "breaks"}
"""Width of a network without norm -> what becomes of it; of those with norm, nothing."""
POOL = tuple(f"width={width},depth=1,norm={norm}" for width in FATES for norm in (True, False))
SCORES = ScoreTable(POOL, ("m",), np.arange(8.0)[:, None])
LIMIT = 5.0
"""Seconds that an evaluation, or a network, may take: longer than any does but the one that hangs."""
ROOM = 2**26
"""Bytes that there still are."""


def suffer(width: int) -> None:
    """Has this process suffer the fate of a network."""
    if FATES[width] == "killed":  # as the system does, once there is no memory left
        os.kill(os.getpid(), signal.SIGKILL)
    if FATES[width] == "hangs":
        time.sleep(1000)
    if FATES[width] == "breaks":
        ctypes.string_at(0)
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + ROOM, taken + ROOM))
    held = [b"x" * 2**22]
    while True:
        held.append(held[0] + b"x")


class Poisoned(Noted):
    """An objective some of whose evaluations do not end well."""

    def __call__(self, arch: str, trial: Any = None) -> Evaluation:
        params = SPACE.to_params(arch)
        if not params["norm"]:
            suffer(params["width"])
        return super().__call__(arch, trial)


@metric("poisoned", paper="none")
def poisoned(probe: Probe) -> float:
    """1 for networks that nothing becomes of."""
    if not any(isinstance(module, nn.BatchNorm1d) for module in probe.net.modules()):
        suffer(len(probe.weights[0]))
    return 1.0


def searched(folder: Path, log: Path) -> None:
    made: dict[str, Any] = {"sampler": "random", "isolate": True, "training_limit": LIMIT}
    search(SPACE, Poisoned(log), budget=len(POOL), scores=SCORES, out=folder, **made)


def scored(folder: Path, log: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what is missing
        scoring = Scoring([poisoned, "params"], toy_batch(), limit_seconds=LIMIT, workers=2)
        scoring.scores(MLPs(), list(POOL), path=folder / "scores.parquet", note=lambda _: None)


def table(folder: Path) -> Any:
    kept = ScoreTable.load(folder / "scores.parquet")
    return kept.archs, repr(kept.values.tolist()), kept.reasons


POISON = {"search poison": Scenario(searched, queried), "score poison": Scenario(scored, table)}
