"""What augmentation costs: milliseconds of the processor for a batch of 64 images of 3 x 32 x 32, one thread.

    python experiments/speed/augmentation.py [--device cpu]

"none" is the normalisation alone, which is part of all others.
"""

import argparse
import statistics
import time

import torch

from untrained.data.preparation import Normalisation
from untrained.objectives.augmentation import Inputs
from untrained.objectives.recipe import AUGMENTATIONS
from untrained.runtime.seeding import seeded


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    torch.set_num_threads(1)
    pixels = torch.randint(256, (64, 3, 32, 32), dtype=torch.uint8, device=given.device)
    labels = torch.arange(64, device=given.device)
    normal = Normalisation((125.0,) * 3, (60.0,) * 3)
    for names in ((), *((name,) for name in AUGMENTATIONS), ("flip-crop", "cutout", "mixup")):
        inputs, times = Inputs(normal, names), list[float]()
        with seeded(0, torch.device(given.device)):
            for repeat in range(40):
                start = time.process_time()
                inputs.for_training(pixels, labels)
                if given.device != "cpu":
                    torch.cuda.synchronize()
                times += [1e3 * (time.process_time() - start)] * (repeat > 4)
        print(f"{','.join(names) or 'none'}: {statistics.median(times):.2f} ms, mean {statistics.mean(times):.2f}")


if __name__ == "__main__":
    main()
