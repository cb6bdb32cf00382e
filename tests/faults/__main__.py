"""Faults by the hundred: `python -m tests.faults --kills 1000`, from the root of the repository.

Each fault strikes a scenario of its own in the middle: a kill, a torn write, a full or broken disk at one of the calls
that change its files, or a signal at some moment. Then the scenario is done again, and must come out as if nothing had
been: the same table, the same history, nothing lost or evaluated twice, no other file, no process left. It needs a C
compiler. `--out` keeps what was found, and goes on from there.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from faults.shim import within_shim


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="how many faults")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scenario", action="append", help="only this one; may be given several times")
    parser.add_argument("--each", action="store_true", help="evenly spaced kills, instead of random faults")
    parser.add_argument(
        "--minutes", type=float, default=float("inf"), help="how long at most: `--out` goes on from there"
    )
    parser.add_argument("--out", type=Path, help="a JSON file that keeps what was found, and is gone on from")
    options = parser.parse_args()
    code = within_shim("tests.faults", sys.argv[1:])
    return strike(options) if code is None else code


def strike(options: argparse.Namespace) -> int:
    """Does it, in a process with the shim."""
    import torch

    from faults.harness import Harness, Tally, drawn
    from faults.poison import POISON
    from faults.scenarios import SCENARIOS, USUAL

    torch.set_num_threads(1)
    tally, done = Tally(), 0
    if options.out is not None and options.out.exists():
        kept = json.loads(options.out.read_text())
        tally.counts.update(kept["counts"])
        tally.notes, done = kept["notes"], kept["done"]
    chosen = options.scenario or USUAL
    begun = time.monotonic()
    memory = Path("/dev/shm")  # where nothing waits for a disk; the calls are the same
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as place:
        harnesses = {name: Harness((SCENARIOS | POISON)[name], Path(place) / name.replace(" ", "_")) for name in chosen}
        for number in range(done, options.kills):
            if time.monotonic() - begun > 60 * options.minutes:
                break
            name = chosen[number % len(chosen)]
            rng = random.Random(f"{options.seed} {number}")
            kind, where = drawn(rng)
            if options.each:
                kind, where = "kill", number // len(chosen) / max(options.kills / len(chosen), 1)
            before = len(tally.notes)
            harnesses[name].strike(tally, kind, where)
            done = number + 1
            tally.notes[before:] = [f"{name}: {note}" for note in tally.notes[before:]]
            if options.out is not None:
                found = {"done": done, "counts": tally.counts, "notes": tally.notes}
                options.out.write_text(json.dumps(found, indent=1))
        calls = {name: harness.calls for name, harness in harnesses.items()}
    print(f"calls that change files: {calls}")
    print(f"{done} faults, the last in {time.monotonic() - begun:.0f} s:")
    for name, count in sorted(tally.counts.items()):
        print(f"  {count} {name}")
    for note in tally.notes:
        print(f"  {note}")
    return bool(tally.notes)


if __name__ == "__main__":
    sys.exit(main())
