"""What a pool of millions takes: seconds and peak memory of loading, scaling, shortlisting and searching.

The pool is made of cells of the DARTS space (2,048 normal cells with up to 4,883 reduction cells each) and made-up
scores of 13 metrics, 0.1 % of them missing. Each step is measured in a process of its own, by the processor's seconds,
the wall's, and the peak of resident memory. A step that is in the file of results is not made again.

python experiments/scale/large_pool.py --rows 1e6 --folder pools --to large_pool.jsonl
python experiments/scale/large_pool.py --rows 1e7 --steps make,shortlist,search-short --folder pools --to L.jsonl
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from kept import keep, kept

METRICS = 13
GROUP = 100_000


class Looked:
    """An objective that takes no time."""

    def __call__(self, network: Any, trial: Any) -> float:
        return float(sum(parameter.numel() for parameter in network.parameters()))


def make(path: Path, rows: int) -> dict[str, Any]:
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from untrained import DARTS

    cells = [arch.split(",") for arch in DARTS().pool(4_883, 0)]
    normal, reduce = [one for one, _ in cells[:2_048]], [other for _, other in cells]
    reduce = list(dict.fromkeys(reduce))
    rng = np.random.default_rng(0)
    schema = pa.schema([("arch", pa.string()), *((f"metric_{k}", pa.float64()) for k in range(METRICS))])
    with pq.ParquetWriter(path, schema, use_dictionary=False, compression="zstd", write_page_checksum=True) as file:
        for start in range(0, rows, GROUP):
            places = range(start, min(start + GROUP, rows))
            archs = [f"{normal[k % len(normal)]},{reduce[k // len(normal)]}" for k in places]
            values = rng.lognormal(sigma=3, size=(len(archs), METRICS))
            values[rng.random(values.shape) < 0.001] = np.nan
            columns = [pa.array(archs), *(pa.array(column, from_pandas=True) for column in values.T)]
            file.write_batch(pa.record_batch(columns, schema=schema), row_group_size=GROUP)
    return {"bytes_a_row": round(path.stat().st_size / rows, 1)}


def load(path: Path, rows: int) -> dict[str, Any]:
    from untrained import ScoreTable

    assert len(ScoreTable.load(path)) == rows
    return {}


def scale(path: Path, rows: int) -> dict[str, Any]:
    from untrained import ScoreTable

    assert ScoreTable.load(path).scaled("rank").shape == (rows, METRICS)
    return {}


def search_whole(path: Path, rows: int, sampler: str = "mixture") -> dict[str, Any]:
    from untrained import DARTS, ScoreTable, search

    table = ScoreTable.load(path)
    result = search(DARTS(layers=2, C=4), Looked(), scores=table, sampler=sampler, budget=5)
    return {"queries": len(result.queries)}


def search_robot(path: Path, rows: int) -> dict[str, Any]:
    return search_whole(path, rows, "robot")


def shortlisted(path: Path, rows: int) -> dict[str, Any]:
    from untrained.samplers import shortlist

    return {"kept": len(shortlist(path))}


def search_short(path: Path, rows: int) -> dict[str, Any]:
    from untrained import DARTS, search
    from untrained.samplers import shortlist

    result = search(DARTS(layers=2, C=4), Looked(), scores=shortlist(path), budget=5)
    return {"queries": len(result.queries)}


STEPS = {
    "make": make,
    "load": load,
    "scale": scale,
    "search": search_whole,
    "search-robot": search_robot,
    "shortlist": shortlisted,
    "search-short": search_short,
}


def measured(step: str, path: Path, rows: int) -> dict[str, Any]:
    """Makes a step in this process, the imports not counted in its seconds."""
    import untrained.samplers.shortlist
    import untrained.searching.search  # noqa: F401

    before = resource.getrusage(resource.RUSAGE_SELF)
    wall, cpu = time.perf_counter(), before.ru_utime + before.ru_stime
    found = STEPS[step](path, rows)
    after = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "step": step,
        "rows": rows,
        "wall_s": round(time.perf_counter() - wall, 1),
        "cpu_s": round(after.ru_utime + after.ru_stime - cpu, 1),
        "peak_gb": round(after.ru_maxrss / 2**20, 2),
        "imports_gb": round(before.ru_maxrss / 2**20, 2),
        **found,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=lambda text: int(float(text)), default=1_000_000)
    parser.add_argument("--steps", default=",".join(STEPS))
    parser.add_argument("--folder", type=Path, default=Path("pools"))
    parser.add_argument("--to", type=Path, default=None)
    parser.add_argument("--here", action="store_true", help="Make the one step in this process.")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    path = options.folder / f"pool{options.rows}.parquet"
    if options.here:
        print(json.dumps(measured(options.steps, path, options.rows)))
        return
    done = {(row["step"], row["rows"]) for row in kept(options.to)}
    for step in options.steps.split(","):
        if (step, options.rows) in done and (step != "make" or path.exists()):
            continue
        command = [
            sys.executable,
            __file__,
            "--rows",
            str(options.rows),
            "--steps",
            step,
            "--folder",
            str(options.folder),
        ]
        made = subprocess.run([*command, "--here"], check=True, stdout=subprocess.PIPE, text=True)
        keep(options.to, json.loads(made.stdout))


if __name__ == "__main__":
    main()
