"""Segmentation: a class for each pixel. The pictures are made here: light discs and dark squares under noise.

Run: python examples/segmentation.py [--epochs 4] [--budget 4]
"""

import argparse

import torch
from torch import Tensor

import untrained


def drawn(n: int, seed: int, size: int = 24) -> tuple[Tensor, Tensor]:
    """Draws pictures and their masks.

    Args:
        n: How many.
        seed: Decides which.
        size: Height and width.

    Returns:
        n x 1 x size x size pixels, and n x size x size classes: 0 ground, 1 disc, 2 square.
    """
    rng = torch.Generator().manual_seed(seed)
    rows, columns = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    masks = torch.zeros(n, size, size, dtype=torch.long)
    for mask in masks:
        (y0, x0), (y1, x1) = torch.randint(6, size - 6, (2, 2), generator=rng).tolist()
        mask[((rows - y0).abs() < 5) & ((columns - x0).abs() < 5)] = 2
        mask[(rows - y1) ** 2 + (columns - x1) ** 2 < 25] = 1
    brightness = torch.tensor([0.0, 1.0, -1.0])[masks]
    return (brightness + 0.5 * torch.randn(n, size, size, generator=rng))[:, None], masks


def main() -> None:
    """Searches a U-Net, and prints the mean intersection over union that it reaches."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--budget", type=int, default=4)
    options = parser.parse_args()
    data = {"train": drawn(200, 0), "valid": drawn(60, 1), "test": drawn(60, 2)}
    recipe = untrained.Recipe(epochs=options.epochs, batch_size=16, augment="flip-crop")
    result = untrained.search("unet", data=data, recipe=recipe, budget=options.budget, pool=8)
    print(f"mean IoU: valid {result.value:.3f}, {dict(result.reported)}, {result.architecture}")


if __name__ == "__main__":
    main()
