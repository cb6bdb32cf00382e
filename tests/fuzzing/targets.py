"""What reads text of a user's, or a file: each takes an input, and may raise an `InputError` and nothing else."""

import contextlib
import json
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from fuzzing.mutations import mutated, mutated_json, words_of
from searching.searches import FAILED, SCORES, SPACE, Counted
from tampered import tampered
from untrained import SPACES, ScoreTable, load_network, search
from untrained.cli.options import chosen_space, seconds_in
from untrained.cli.resume import named_code, read_run
from untrained.cli.show import show
from untrained.data import load_data
from untrained.metrics import get_metrics, split_names
from untrained.objectives.tuning import read_tune
from untrained.runtime.executors import named
from untrained.runtime.journal import Journal
from untrained.runtime.urls import shown_url
from untrained.searching.limits import read_limits
from untrained.searching.remembered import recall
from untrained.searching.runs import read_runs
from untrained.searching.tradeoffs import read_objectives
from untrained.spaces import SearchSpace

TRAINED = {
    "search": "x",
    "metric": "accuracy",
    "on": "train",
    "network": {"architecture": "width=8,depth=1,norm=False", "seed": 1, "weights": "w.safetensors"},
    "architectures": [
        {
            "architecture": "width=8,depth=1,norm=False",
            "rank": 1,
            "value": 0.5,
            "valid": {"accuracy": {"mean": 0.5, "std": 0.1, "n": 2}},
            "test": {"accuracy": {"mean": 0.5, "std": 0.1, "n": 2}},
            "runs": [{"seed": 1, "valid": {"accuracy": 0.5}, "test": {"accuracy": 0.4}, "seconds": 1.0}],
        }
    ],
}


@dataclass(frozen=True)
class Target:
    """Something that reads.

    Args:
        read: Reads an input.
        draw: Draws one.
        cost: How much slower it is than the fastest, about.
    """

    read: Callable[[Any], Any]
    draw: Callable[[random.Random], Any]
    cost: int = 1


def of_text(read: Callable[[str], Any], *examples: str, cost: int = 1) -> Target:
    words = words_of(examples)
    return Target(read, lambda rng: mutated(examples, words, rng), cost)


def of_space(space: SearchSpace) -> Target:
    def read(text: str) -> None:
        params = space.to_params(text)
        assert space.to_params(space.canonical(text)).keys() == space.to_params(space.canonical(text)).keys()
        assert params is not None

    return of_text(read, *space.pool(6))


def texts() -> dict[str, Target]:
    """Grammars of the command line, and the strings of architectures."""
    limits = ("params <= 2, latency <= 5", "flops<=1e3", "memory > 0.5; val_acc >= 10", "latency(runtime=onnx) <= 3")
    tunes = ("lr=1e-4..1e-1 log, batch_size=32|64", "weight_decay=0..0.1", "optimizer=sgd|adam", "epochs=1..5 step 2")
    metrics = (
        "snip, synflow",
        "naswot,zen(gamma=0.01)",
        "layers(times=2)",
        "ntk_condition_number(mode=train)",
        "fisher",
    )
    options = ("N=5,C=16", "num_classes=10, in_channels=3", "width=[1,2,3],x=(1,)", "a=true,b=None", "C=4")
    urls = ("postgresql://me:secret@host:5432/db?sslmode=x", "sqlite:///a/b.db", "mysql+pymysql://u@h/d")
    return {
        "--where": of_text(read_limits, *limits),
        "--objectives": of_text(read_objectives, "accuracy, latency", "val_top1, throughput max", "params min, f1"),
        "--tune": of_text(read_tune, *tunes),
        "--metrics": of_text(lambda text: get_metrics(list(split_names(text))), *metrics, cost=10),  # looks at packages
        "--space-options": of_text(lambda text: chosen_space("nasbench201", text, None), *options),
        "--time-limit": of_text(seconds_in, "90", "30min", "2h", "1d", "1.5h"),
        "--executor": of_text(lambda text: named(text, 2), "slurm:partition=gpu,time=3", "dask://h:1", "ray", "mpi"),
        "--storage, shown": of_text(shown_url, *urls),
        **{f"an architecture of {name}": of_space(chosen_space(name, "", None)) for name in SPACES},
    }


def files(folder: Path) -> dict[str, Target]:
    """Files, which are written in a folder."""
    run = folder / "run"
    search(SPACE, Counted(lambda arch, call: FAILED if call == 1 else None), budget=3, scores=SCORES, out=run)
    made = {"arguments": ["--space", "nasbench201"], "folder": str(folder), "storage": None, "has_password": False}
    (run / "run.json").write_text(json.dumps({"command": "search", **made}))
    about = {"name": "x", "fingerprint": {"a": "b"}, "sizes": {"train": 3}}
    (run / "data.json").write_text(json.dumps(about))
    (run / "trained.json").write_text(json.dumps(TRAINED))

    def shown(place: Path) -> None:
        with (folder / "shown").open("w") as file, contextlib.redirect_stdout(file):
            show(place, None, False)

    def read_made(place: Path) -> None:
        named_code(read_run(place))

    def journal(path: Path) -> None:
        with contextlib.closing(Journal(path)) as opened:
            opened.add([1])

    def scores(path: Path) -> None:
        ScoreTable.load(path)

    def data(path: Path) -> None:
        loaded = load_data(path)
        for name in loaded.splits:
            loaded.split(name)

    def target(name: str, read: Callable[[Path], Any], content: bytes, cost: int, *, at: Path | None = None) -> Target:
        path = at or folder / name

        def draw(rng: random.Random) -> bytes:
            return next(tampered(content, 4, rng.randrange(2**40) * 4)) if rng.random() < 0.3 else changed(content, rng)

        def written(changed: bytes) -> None:
            path.unlink(missing_ok=True)
            path.write_bytes(changed)
            read(path.parent if at else path)

        return Target(written, draw, cost)

    def document(name: str, read: Callable[[Path], Any], cost: int) -> Target:
        place = Path(shutil.copytree(run, folder / f"of {name} {len(list(folder.iterdir()))}"))
        original = json.loads((place / name).read_text())
        raw = target(name, read, (place / name).read_bytes(), cost, at=place / name)

        def draw(rng: random.Random) -> bytes:
            if rng.random() < 0.2:
                return raw.draw(rng)
            changed = original
            for _ in range(rng.choice((1, 1, 2, 4))):
                changed = mutated_json(changed, rng)
            return json.dumps(changed).encode()

        return Target(raw.read, draw, cost)

    table = pa.table({"arch": [f"a{i}" for i in range(9)], "m": [i / 7 for i in range(9)], "c": list("abcabcabc")})
    pq.write_table(table, folder / "t.parquet")
    pc.write_csv(table, folder / "t.csv")
    SCORES.save(folder / "s.parquet")
    np.savez_compressed(folder / "x.npz", x=np.zeros((12, 1, 4, 4), np.uint8), y=np.arange(12) % 2)
    with contextlib.closing(Journal(folder / "j.partial")) as opened:
        for number in range(3):
            opened.add([f"a{number}", "m", 1.5])
    rows = "\n".join(f"{i},{i * 1.5},{'abc'[i % 3]},{'yn'[i % 2]}" for i in range(24))
    (folder / "d.csv").write_text(f"a,b,c,target\n{rows}\n")

    def content(name: str) -> bytes:
        return (folder / name).read_bytes()

    return {
        "best.json, shown": document("best.json", shown, 20),
        "best.json, listed": document("best.json", read_runs, 20),
        "trained.json, shown": document("trained.json", shown, 20),
        "best.json, loaded": document("best.json", lambda place: load_network(place, SPACE, which="best"), 20),
        "run.json": document("run.json", read_made, 5),
        "data.json": document("data.json", recall, 5),
        "a Parquet file of scores": target("t.parquet", scores, content("t.parquet"), 20),
        "a saved score table": target("s.parquet", scores, content("s.parquet"), 20),
        "a CSV file of scores": target("t.csv", scores, content("t.csv"), 20),
        "a journal": target("j.partial", journal, content("j.partial"), 5),
        "an npz file of images": target("x.npz", data, content("x.npz"), 20),
        "a CSV file of data": target("d.csv", data, content("d.csv"), 200),
        "weights": target(
            "best.safetensors",
            lambda place: load_network(place, SPACE, which="best"),
            weights(),
            20,
            at=with_weights(run, folder),
        ),
    }


def weights() -> bytes:
    from safetensors.torch import save

    return save(SPACE.build("width=8,depth=1,norm=False").state_dict(), {"architecture": "width=8"})


def with_weights(run: Path, folder: Path) -> Path:
    """A file of weights in a folder whose `best.json` names it."""
    place = Path(shutil.copytree(run, folder / "of weights"))
    best = json.loads((place / "best.json").read_text())
    best["network"] |= {"architecture": "width=8,depth=1,norm=False", "weights": "best.safetensors"}
    (place / "best.json").write_text(json.dumps(best))
    return place / "best.safetensors"


def changed(content: bytes, rng: random.Random) -> bytes:
    """Some bytes of a file are others; of text, some pieces are odd."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        copies = list(tampered(content, 4, rng.randrange(2**40)))
        return rng.choice(copies)
    return mutated([text], words_of([text[:500]]), rng).encode(
        "utf-8", "surrogatepass" if rng.random() < 0.5 else "replace"
    )
