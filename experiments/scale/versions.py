"""Two versions of this package side by side: does scoring in local processes cost what it did?

Scores networks of NAS-Bench-201 in two processes of the package's own, with one version and the other in turn, each
time in a new process. Told are seconds of the processor, of all processes together, and of the wall; imports of the
process that scores are not counted, those of its workers are.

git worktree add /tmp/before ac0176d^        # the commit before executors
python experiments/scale/versions.py /tmp/before/src src --networks 200 --repeat 5
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

RUN = """
import resource, sys, time, warnings
import torch
from untrained import NASBench201, Scoring

def cpu():
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    space = NASBench201(N=1, C=4)
    batch = torch.randn(8, 3, 8, 8, generator=torch.Generator().manual_seed(0)), torch.arange(8) % 10
    archs = space.pool(int(sys.argv[1]), 0)
    scoring = Scoring(["params", "synflow", "snip"], batch, workers=2)
    wall, before = time.perf_counter(), cpu()
    table = scoring.scores(space, archs, 0)
    print(cpu() - before, time.perf_counter() - wall, table.values.sum())
"""


def run(source: Path, networks: int, script: Path) -> list[float]:
    environment = os.environ | {"PYTHONPATH": str(source), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, str(script), str(networks)], env=environment, check=True, capture_output=True, text=True
    )
    return [float(number) for number in done.stdout.split()]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("sources", type=Path, nargs=2)
    parser.add_argument("--networks", type=int, default=200)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    script = Path(os.environ.get("TMPDIR", "/tmp")) / f"scored-{os.getpid()}.py"
    script.write_text(RUN)
    found: dict[Path, list[list[float]]] = {source.resolve(): [] for source in options.sources}
    try:
        for turn in range(options.repeat):
            order = list(found) if turn % 2 == 0 else list(found)[::-1]
            for source in order:
                found[source].append(run(source, options.networks, script))
                print(source, found[source][-1], flush=True)
    finally:
        script.unlink()
    for source, rows in found.items():
        cpu, wall, values = (list(column) for column in zip(*rows, strict=True))
        row = {"source": str(source), "cpu_s": round(statistics.median(cpu), 2), "least_cpu_s": round(min(cpu), 2)}
        print(json.dumps(row | {"wall_s": round(statistics.median(wall), 2), "values": sorted(set(values))}))


if __name__ == "__main__":
    main()
