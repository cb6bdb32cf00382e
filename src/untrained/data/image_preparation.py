"""Images on their way into a network: read from files, brought to one size, normalised."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from untrained.data.pixels import Form
from untrained.data.preparation import Preparation
from untrained.data.resizing import Resize
from untrained.errors import InputError


@dataclass(frozen=True)
class ImagePreparation(Preparation):
    """Pixels of one form, minus their mean, divided by their standard deviation.

    Args:
        form: What raw images are, after they were read and resized.
        resize: How images of other sizes are brought to the form's; None if they are refused.
        mean: Of each of the c channels, over training images.
        std: Likewise.

    Example:
        >>> preparation = ImagePreparation(Form("L", 1, 1, 2, "uint8"), None, (1.0,), (2.0,))
        >>> preparation.module()(torch.full((1, 1, 1, 2), 5, dtype=torch.uint8))
        tensor([[[[2., 2.]]]])
    """

    form: Form
    resize: Resize | None
    mean: tuple[float, ...]
    std: tuple[float, ...]
    kind = "images"

    def module(self) -> nn.Module:
        return PrepareImages(self)

    def read(self, paths: Sequence[Path]) -> Tensor:
        """Reads pictures as those of the training were.

        Args:
            paths: n files.

        Returns:
            n x c x h x w raw pixels.

        Raises:
            InputError: A file is missing, is no picture, or does not have the form.

        Example:
            >>> from PIL import Image
            >>> Image.new("L", (2, 1), 5).save("5.png")
            >>> preparation = ImagePreparation(Form("L", 1, 1, 2, "uint8"), None, (1.0,), (2.0,))
            >>> preparation.read([Path("5.png")])
            tensor([[[[5, 5]]]], dtype=torch.uint8)
        """
        import numpy as np

        from untrained.data.picture_files import Files
        from untrained.data.pictures import Pictures

        if self.form.mode is None:
            shape = " x ".join(map(str, self.form.shape))
            raise InputError(f"images of this search are arrays of {shape} {self.form.dtype}, not pictures in files")
        pictures = Pictures("predict", Files(list(map(Path, paths))), self.resize, form=self.form)
        return pictures(np.arange(len(paths)))

    def to_json(self) -> dict[str, Any]:
        form = self.form
        return {
            "kind": self.kind,
            "mode": form.mode,
            "channels": form.channels,
            "height": form.height,
            "width": form.width,
            "dtype": form.dtype,
            "resize": None if self.resize is None else self.resize.to_json(),
            "mean": list(self.mean),
            "std": list(self.std),
        }

    @classmethod
    def of_json(cls, document: Mapping[str, Any]) -> "ImagePreparation":
        form = Form(*(document[name] for name in ("mode", "channels", "height", "width", "dtype")))
        resize = None if document["resize"] is None else Resize.of_json(document["resize"])
        return cls(form, resize, tuple(document["mean"]), tuple(document["std"]))


class PrepareImages(nn.Module):
    """The module of `ImagePreparation`: n x c x h x w raw pixels -> n x c x height x width floats.

    Args:
        preparation: What is done.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, preparation: ImagePreparation) -> None:
        super().__init__()
        self.preparation = preparation
        for name in ("mean", "std"):
            values = torch.tensor(getattr(preparation, name))[:, None, None]
            self.register_buffer(name, values, persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        form, resize = self.preparation.form, self.preparation.resize
        if str(pixels.dtype) != f"torch.{form.dtype}":
            hint = ", 0 to 255" if form.dtype == "uint8" else ""
            raise InputError(f"pixels are {pixels.dtype}: this network was trained on {form.dtype}{hint}, not scaled")
        if pixels.ndim != 4 or pixels.shape[1] != form.channels:
            raise InputError(f"images of shape {tuple(pixels.shape)}: give n x {' x '.join(map(str, form.shape))}")
        floats = pixels.float()
        if pixels.shape[2:] != (form.height, form.width):
            if resize is None:
                own, others = (" x ".join(map(str, size)) for size in (pixels.shape[2:], (form.height, form.width)))
                raise InputError(f"images of {own} pixels: this network was trained on {others} (height x width)")
            floats = resize.tensor(floats, whole=form.dtype != "float32")
        return (floats - self.mean) / self.std
