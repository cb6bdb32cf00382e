"""What each part of RoBoT is worth, on tasks and parts that `untrained reproduce ablations` does not choose.

    python experiments/samplers/ablations.py tables --parts 0 5 --seeds 0 100
    python experiments/samplers/ablations.py tables --tasks transnas101-micro/jigsaw --seeds 0 10

Each line changes one thing of the method as published: mean ± std over seeds of the objective rank of the pick (1 is
best), its median, and the mean T0.
"""

import argparse
from pathlib import Path

import numpy as np

from untrained.reproducing import ablate
from untrained.reproducing.ablations import TASKS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("data", type=Path)
    parser.add_argument("--tasks", nargs="+", default=TASKS, help="names of benchmarks")
    parser.add_argument("--seeds", type=int, nargs=2, default=(0, 10), metavar=("FIRST", "END"))
    parser.add_argument("--parts", type=int, nargs="+", help="which of the tables, from 0")
    parser.add_argument("--out", type=Path, help="file of finished searches, to go on from")
    args = parser.parse_args()
    for one in ablate(args.data, args.tasks, range(*args.seeds), parts=args.parts, path=args.out):
        told = (
            f"{np.mean(one.ranks):.0f}±{np.std(one.ranks):.0f} ({np.median(one.ranks):g}), {np.mean(one.explored):.1f}"
        )
        print(f"{one.title}: {one.name:<34}{one.task:<52}{told}")


if __name__ == "__main__":
    main()
