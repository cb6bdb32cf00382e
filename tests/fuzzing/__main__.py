"""Inputs by the million: `python -m tests.fuzzing --inputs 1000000`, from the root of the repository.

Each input is almost right: an example with pieces cut, doubled, swapped or replaced. It must be taken, or refused in
one line. `--out` keeps how far it came, and goes on from there. Prints how far the memory of the process grew, too.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fuzzing.fuzz import fuzz
from fuzzing.targets import files, texts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=10_000, help="how many, of all targets together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--target", action="append", help="only this one; may be given several times")
    parser.add_argument("--out", type=Path, help="a JSON file that keeps what was found, and is gone on from")
    options = parser.parse_args()
    kept = json.loads(options.out.read_text()) if options.out and options.out.exists() else {}
    found, begun = 0, time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        targets = {**texts(), **files(Path(folder))}
        targets = {name: targets[name] for name in options.target or targets}
        share = options.inputs / sum(1 / target.cost for target in targets.values())
        before = memory()
        for name, target in targets.items():
            if name not in kept:
                count = max(int(share / target.cost), 1)
                outcome = fuzz(target, range(options.seed, options.seed + count))
                kept[name] = {"inputs": outcome.inputs, "refused": outcome.refused, "found": outcome.found}
                if options.out:
                    options.out.write_text(json.dumps(kept, indent=1))
            told = kept[name]
            found += len(told["found"])
            print(f"{told['inputs']:8} inputs, {told['refused']:8} refused: {name}", flush=True)
            for where, example in told["found"].items():
                print(f"    {where}\n        {example}", flush=True)
    total = sum(told["inputs"] for told in kept.values())
    print(f"{total} inputs in {time.monotonic() - begun:.0f} s, {found} places; memory grew by {memory() - before} MB")
    return bool(found)


def memory() -> int:
    """The most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    sys.exit(main())
