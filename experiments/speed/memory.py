"""Peak memory of scoring one network with the six metrics of RoBoT, next to grasp alone and to the public procedure.

    python experiments/speed/memory.py

Each figure is from a process of its own: the peak of its resident memory, less what it holds once the package is
imported, the network built and one small pass made. NAS-Bench-201 (N = 5, C = 16), 64 images of 3 x 32 x 32.
"""

import argparse
import resource
import subprocess
import sys
from pathlib import Path

import torch
from public_procedure import PROCEDURE, score

from untrained.metrics import METRICS, ROBOT_METRICS
from untrained.probe import Probe
from untrained.spaces import NASBench201

ARCH = "|nor_conv_3x3~0|+|nor_conv_1x1~0|nor_conv_3x3~1|+|avg_pool_3x3~0|skip_connect~1|nor_conv_3x3~2|"
CASES = {
    "one pass": [],
    "grasp": ["grasp"],
    "the six": list(ROBOT_METRICS),
    "public grasp": ["public grasp"],
    "public, the six": [f"public {name}" for name in PROCEDURE],
}


def resident() -> int:
    """Bytes of this process in memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure(case: str) -> int:
    """Bytes that `case` adds at its peak."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    net = NASBench201().build(ARCH)
    inputs, targets = torch.randn(64, 3, 32, 32), torch.randint(10, (64,))
    for name in ROBOT_METRICS:
        METRICS[name](Probe(net, inputs[:2, :, :8, :8], targets[:2]))
    before = resident()
    if not CASES[case]:
        torch.nn.functional.cross_entropy(net(inputs), targets).backward()
    probe = Probe(net, inputs, targets, second_order="grasp" in CASES[case])
    for name in CASES[case]:
        if name.startswith("public "):
            score(name.removeprefix("public "), net, inputs, targets)
        else:
            METRICS[name](probe)
    return peak() - before


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--case", choices=list(CASES), help="print the bytes of this one")
    given = options.parse_args()
    if given.case:
        print(measure(given.case))
        return
    found = dict[str, int]()
    for case in CASES:
        done = subprocess.run([sys.executable, __file__, "--case", case], capture_output=True, text=True, check=True)
        found[case] = int(done.stdout)
        print(f"{case:20}{found[case] / 2**20:8.0f} MiB", flush=True)
    print(f"the six take {found['the six'] / found['grasp']:.2f} times grasp alone")
    print(f"the six take {found['the six'] / found['public grasp']:.2f} times the public procedure's grasp alone")


if __name__ == "__main__":
    main()
