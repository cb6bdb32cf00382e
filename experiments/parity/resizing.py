"""How far the resizing in a network's graph is from Pillow's, which reads the files of a training.

python experiments/parity/resizing.py

Prints the share of 8-bit values that differ, and by how much at most; for comparison those of PyTorch's own
antialiased bilinear interpolation, rounded.
"""

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from untrained.data.resizing import Resize

SIZES = [(375, 500, "64"), (500, 375, "48x64"), (28, 28, "32"), (32, 32, "224"), (1000, 333, "96"), (33, 47, "32")]
"""Height and width, and what they become."""


def images(rng: np.random.Generator, h: int, w: int) -> list[np.ndarray]:
    """Noise, and smooth colours."""
    smooth = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)).resize((w, h), Image.Resampling.BICUBIC)
    return [rng.integers(0, 256, (h, w, 3), dtype=np.uint8), np.asarray(smooth)]


def main() -> None:
    rng = np.random.default_rng(0)
    ours, torchs = list[np.ndarray](), list[np.ndarray]()
    for h, w, size in SIZES:
        resize = Resize.of(size)
        left, top, right, bottom = resize.box(h, w)
        for image in images(rng, h, w):
            pillow = np.asarray(resize.picture(Image.fromarray(image))).astype(float)
            batch = torch.from_numpy(image.transpose(2, 0, 1).copy())[None]
            part = batch[..., top:bottom, left:right].float()
            other = F.interpolate(part, (resize.height, resize.width), mode="bilinear", antialias=True).round()
            for found, values in ((ours, resize.tensor(batch)), (torchs, other)):
                found.append(np.abs(values[0].permute(1, 2, 0).numpy() - pillow).ravel())
    for name, found in (("the graph's resizing", ours), ("torch.nn.functional.interpolate", torchs)):
        differences = np.concatenate(found)
        print(f"{name}: {(differences > 0).mean():.3%} of values differ, by at most {differences.max():.0f} of 255")


if __name__ == "__main__":
    main()
