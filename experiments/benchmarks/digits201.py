"""Makes the benchmark `digits-201`: every different network of NAS-Bench-201, trained on digits, scored and timed.

    python experiments/benchmarks/digits201.py train --out digits201 --seed 0
    python experiments/benchmarks/digits201.py score --out digits201
    python experiments/benchmarks/digits201.py time --out digits201
    python experiments/benchmarks/digits201.py write --out digits201 --table src/untrained/benchmarks/digits201.parquet

The networks have one cell a stage and 8 channels (N = 1, C = 8). Each step goes on where it was if it was stopped, and
goes through the networks in one random order, so that what is done at any time is a fair sample. `train` and `time`
take one core; give `--part 0/2` and `--part 1/2` to two processes.
"""

import argparse
import json
import os
import random
import time
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

import untrained
from untrained import Recipe, TrainingObjective
from untrained.spaces import NASBench201

SPACE = NASBench201(N=1, C=8, in_channels=1)
DATA = "digits"
RECIPE = Recipe(epochs=3, batch_size=64, optimizer="adamw", learning_rate=3e-3, augment="trivial-augment")
"""Short and hard, so that networks differ: without augmentation all of them come to 98 % of the digits soon."""
SEEDS = (0, 1, 2)
BATCH = 64
NOT_SCORED = ("latency",)
"""Latency is measured apart, against the noise of a busy machine."""


def cells() -> list[str]:
    """One cell for each of the different networks, in a random order."""
    found = sorted({SPACE.canonical(arch) for arch in SPACE})
    random.Random(201).shuffle(found)
    return found


def rows(path: Path) -> dict[str, dict]:
    """The rows of a file by cell, but for a last line that is not whole."""
    return {row["arch"]: row for row in map(json.loads, path.read_text().rpartition("\n")[0].splitlines())}


def to_go_on(path: Path) -> IO[str]:
    """Opens a file of rows to add to; a last line that a kill cut off is taken away."""
    if path.exists():
        os.truncate(path, path.read_bytes().rfind(b"\n") + 1)
    return path.open("a")


def train(out: Path, seed: int, part: tuple[int, int]) -> None:
    """Trains each network once; notes the validation accuracy after each epoch, the test accuracy, the seconds."""
    file = to_go_on(out / f"trained.{seed}.{part[0]}of{part[1]}.jsonl")
    done = _merged(out, f"trained.{seed}.*.jsonl")
    objective = TrainingObjective(SPACE, DATA, RECIPE, metrics="accuracy", seed=seed, device="cpu")
    with file:
        for arch in cells()[part[0] :: part[1]]:
            if arch in done:
                continue
            start, processor = time.perf_counter(), time.process_time()
            with objective.begun(arch) as fit:
                curve = [round(figures["accuracy"], 3) for figures in fit]
            seconds, processor = time.perf_counter() - start, time.process_time() - processor
            test = round(objective.measured(fit.network, "test")["accuracy"], 3)
            row = {"arch": arch, "valid": curve, "test": test, "seconds": round(seconds, 3)}
            file.write(json.dumps(row | {"processor": round(processor, 3)}) + "\n")
            file.flush()


def score(out: Path, metrics: str, step: int = 250) -> None:
    """Scores each network with the metrics, or with every one, some hundred networks after the other."""
    digits = untrained.load_data(DATA)
    names = metrics.split(",") if metrics else [name for name in untrained.METRICS if name not in NOT_SCORED]
    archs = cells()
    for done in (*range(step, len(archs), step), len(archs)):
        untrained.compute_scores(
            SPACE,
            archs[:done],
            names,
            digits.batch(BATCH),
            second_batch=digits.second_batch(BATCH),
            path=out / "scores.parquet",
        )
        print(f"{done} of {len(archs)}", flush=True)


def timed(out: Path, part: tuple[int, int], rounds: int = 12, calls: int = 3) -> None:
    """Times one image through each network: a thread's processor time, the fastest of many rounds."""
    torch.set_num_threads(1)
    file = to_go_on(out / f"timed.{part[0]}of{part[1]}.jsonl")
    done = _merged(out, "timed.*.jsonl")
    image = untrained.load_data(DATA).example
    with file, torch.inference_mode():
        for arch in cells()[part[0] :: part[1]]:
            if arch in done:
                continue
            network = SPACE.build(arch).eval()
            network(image)
            fastest = float("inf")
            for _ in range(rounds):
                start = time.thread_time()
                for _ in range(calls):
                    network(image)
                fastest = min(fastest, (time.thread_time() - start) / calls)
            file.write(json.dumps({"arch": arch, "milliseconds": round(1e3 * fastest, 4)}) + "\n")
            file.flush()


def write(out: Path, table: Path) -> None:
    """Puts together the networks that are trained with the first seed and scored; further seeds if they have all."""
    scores = untrained.ScoreTable.load(out / "scores.parquet")
    trained = {seed: _merged(out, f"trained.{seed}.*.jsonl") for seed in SEEDS}
    archs = sorted(set(scores.archs) & trained[SEEDS[0]].keys())
    columns: dict[str, np.ndarray] = {}
    seeds = [seed for seed, found in trained.items() if not set(archs) - found.keys()]
    curves = {s: np.array([trained[s][arch]["valid"] for arch in archs]) for s in seeds}
    tests = {s: np.array([trained[s][arch]["test"] for arch in archs]) for s in seeds}
    seconds = np.array([[trained[s][arch]["processor"] for arch in archs] for s in seeds])
    mean = np.mean(list(curves.values()), axis=0)
    columns["valid_accuracy"] = mean[:, -1]
    columns["test_accuracy"] = np.mean(list(tests.values()), axis=0)
    columns["train_seconds"] = np.median(seconds, axis=0)
    columns |= {f"valid_accuracy_{epoch + 1}": mean[:, epoch] for epoch in range(RECIPE.epochs - 1)}
    for s in seeds:
        columns |= {f"valid_{epoch + 1}_seed{s}": curves[s][:, epoch] for epoch in range(RECIPE.epochs)}
        columns[f"test_seed{s}"] = tests[s]
    latency = _merged(out, "timed.*.jsonl")
    if not set(archs) - latency.keys():
        columns["latency_ms"] = np.array([latency[arch]["milliseconds"] for arch in archs])
    scores = scores.select(archs)
    for name, values in zip(scores.metrics, scores.values.T, strict=True):
        if np.isfinite(values).any() and np.nanmin(values) < np.nanmax(values):
            columns[f"metric_{name}"] = values
    made = pa.table({"arch": archs} | {name: pa.array(values, pa.float32()) for name, values in columns.items()})
    pq.write_table(made, table, compression="zstd", compression_level=19, use_dictionary=True)
    print(f"{made.num_rows} networks, {made.num_columns - 1} columns, seeds {seeds}, {table.stat().st_size:,} bytes")


def _merged(out: Path, pattern: str) -> dict[str, dict]:
    return {arch: row for file in sorted(out.glob(pattern)) for arch, row in rows(file).items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=("train", "score", "time", "write"))
    parser.add_argument("--out", type=Path, required=True, help="folder for what is measured")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--part", default="0/1")
    parser.add_argument("--metrics", default="", help="to score by these first (default: all)")
    parser.add_argument("--table", type=Path, default=Path("digits201.parquet"))
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    part, parts = map(int, given.part.split("/"))
    if given.step == "train":
        train(given.out, given.seed, (part, parts))
    elif given.step == "score":
        score(given.out, given.metrics)
    elif given.step == "time":
        timed(given.out, (part, parts))
    else:
        write(given.out, given.table)


if __name__ == "__main__":
    main()
