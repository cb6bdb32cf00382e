"""From raw batches to inputs of a network: augmented, if it is trained, and prepared."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree
from torch.utils.data import Dataset

from untrained.data.preparation import Preparation
from untrained.data.task import Task
from untrained.errors import InputError
from untrained.objectives.feed import layout
from untrained.objectives.goal import IGNORED
from untrained.runtime.seeding import seeded

PADDING = 8
"""Crops are taken of images padded by 1/8 of their side: 4 pixels for 32 x 32, as in NAS-Bench-201."""
GROUPS = 4
"""TrivialAugment draws an operation for each of so many parts of a batch. Kornia draws one for a whole batch, the
paper one for each image."""
PIXELS = {torch.uint8: 255.0}
"""Type of pixels -> white; 65,535 for any other type of whole numbers."""


@dataclass(frozen=True)
class Plain:
    """The loss of a batch whose inputs are not mixed.

    Args:
        targets: Of the batch.
    """

    targets: Any

    def __call__(self, loss: Callable[[Any, Any], Tensor], outputs: Any) -> Tensor:
        return loss(outputs, self.targets)


@dataclass(frozen=True)
class Pairs:
    """The loss of a batch whose inputs are each mixed with another: the mean of both targets' losses, weighted.

    Args:
        targets: Of the batch.
        partners: The number of the other sample, for each.
        share: How much there is of the other.
    """

    targets: Any
    partners: Tensor
    share: Tensor

    def __call__(self, loss: Callable[[Any, Any], Tensor], outputs: Any) -> Tensor:
        others = pytree.tree_map_only(Tensor, lambda t: t[self.partners], self.targets)
        return (1 - self.share) * loss(outputs, self.targets) + self.share * loss(outputs, others)


class Inputs:
    """Makes inputs of a network from raw batches, images channels last.

    Images are augmented by kornia, as pixels from 0 to 1, before they are prepared: its operations want these.

    Args:
        preparation: Of the data.
        augmentations: Names from `AUGMENTATIONS`.
        masks: Whether targets are a class at each pixel, which move with the pixels; positions that come from outside
            of an image count for nothing.

    Example:
        >>> from untrained.data.preparation import AsIs
        >>> inputs = Inputs(AsIs(), ("flip-crop",))
        >>> with seeded(0):
        ...     batch, loss = inputs.for_training(torch.rand(4, 3, 8, 8), torch.arange(4))
        >>> tuple(batch.shape)
        (4, 3, 8, 8)
    """

    def __init__(self, preparation: Preparation, augmentations: tuple[str, ...] = (), masks: bool = False) -> None:
        self.preparation, self.augmentations, self.masks = preparation, augmentations, masks
        self._prepare: nn.Module = preparation.module()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in ("_moves", "_mix")}

    def __call__(self, raw: Any) -> Any:
        """Prepares a batch."""
        for leaf in pytree.tree_leaves(raw):
            if isinstance(leaf, Tensor):
                self._prepare.to(leaf.device)
                break
        prepared = self._prepare(raw)
        return pytree.tree_map_only(Tensor, lambda t: t.contiguous(memory_format=layout(t)), prepared)

    @torch.no_grad()
    def for_training(self, raw: Any, targets: Any) -> tuple[Any, Plain | Pairs]:
        """Augments and prepares a batch.

        Args:
            raw: A raw batch.
            targets: Its targets.

        Returns:
            Inputs of the network; and (a loss, outputs) -> the loss of the batch.
        """
        if not self.augmentations:
            return self(raw), Plain(targets)
        white = _white(raw)
        images = raw.float() / white
        for moves in self._moves:
            images, targets = self._moved(moves, images, targets)
        mixed: Plain | Pairs = Plain(targets)
        if self._mix is not None:
            images, mixed = self._mixed(images, targets)
        if not raw.is_floating_point():  # pixels as they were read
            images = (images * white).clamp_(0, white).round_().to(raw.dtype)
        return self(images), mixed

    @cached_property
    def _moves(self) -> list[Any]:
        """What moves, recolours or erases, each with whether it is drawn for parts of a batch."""
        import kornia.augmentation as library
        from kornia.augmentation.auto import TrivialAugment

        made = list[Any]()
        for name in self.augmentations:
            if name == "flip-crop":
                made += [library.RandomHorizontalFlip(p=0.5), _Crop()]
            elif name == "trivial-augment":
                made.append(_InGroups(TrivialAugment()))
            elif name == "cutout":
                made.append(library.RandomErasing(p=0.5))
        return made

    @cached_property
    def _mix(self) -> Any:
        import kornia.augmentation as library

        keys: Any = ["input", "class"]
        if "mixup" in self.augmentations:
            return library.RandomMixUpV2(same_on_batch=True, data_keys=keys)
        if "cutmix" in self.augmentations:
            return library.RandomCutMixV2(same_on_batch=True, data_keys=keys, use_correct_lambda=True)
        return None

    def _moved(self, moves: Any, images: Tensor, targets: Any) -> tuple[Tensor, Any]:
        if not self.masks or type(moves).__name__ == "RandomErasing":
            return moves(images), targets
        # 0 is what comes from outside.
        masks = torch.where(targets >= 0, targets + 1, 0).unsqueeze(1).to(images.dtype)
        images, masks = _both(moves, images, masks)
        classes = masks.squeeze(1).round().to(targets.dtype)
        return images, torch.where(classes > 0, classes - 1, IGNORED)

    def _mixed(self, images: Tensor, targets: Any) -> tuple[Tensor, Pairs]:
        # The number of a sample stands for its target, of whatever form.
        images, pairs = self._mix(images, torch.arange(len(images), device=images.device))
        _, partners, share = pairs.reshape(len(images), 3).unbind(1)
        # Of mixup the share is the other's, of cutmix the sample's own.
        share = share[0] if "mixup" in self.augmentations else 1 - share[0]
        return images, Pairs(targets, partners.long(), share)


def _both(moves: Any, images: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """Moves images, and masks in the same way, without mixing classes."""
    import kornia.augmentation as library

    if isinstance(moves, _Crop | _InGroups):
        return moves(images, masks)
    moved = library.AugmentationSequential(moves, data_keys=["input", "mask"])(images, masks)
    return moved[0], moved[1]


class _Crop:
    """Pads with black and crops back, at a random place, to the size that comes."""

    def __init__(self) -> None:
        self._made = dict[tuple[int, int], Any]()

    def __call__(self, images: Tensor, masks: Tensor | None = None) -> Any:
        import kornia.augmentation as library

        h, w = images.shape[-2:]
        if (h, w) not in self._made:
            pad = max(h // PADDING, 1), max(w // PADDING, 1)
            self._made[h, w] = library.RandomCrop((h, w), padding=pad)
        return self._made[h, w](images) if masks is None else _both(self._made[h, w], images, masks)


class _InGroups:
    """Draws anew for each part of a batch.

    Args:
        moves: What is drawn.
    """

    def __init__(self, moves: Any) -> None:
        self._moves = moves

    def __call__(self, images: Tensor, masks: Tensor | None = None) -> Any:
        parts = images.chunk(GROUPS)
        if masks is None:
            return torch.cat([self._moves(part) for part in parts])
        both = [_both(self._moves, *pair) for pair in zip(parts, masks.chunk(GROUPS), strict=True)]
        return tuple(torch.cat(part) for part in zip(*both, strict=True))


def check_augmentable(data: Dataset[Any], task: Task, names: tuple[str, ...]) -> None:
    """Makes sure that augmentation makes sense for data.

    Args:
        data: Pairs (raw input, target).
        task: What is to be predicted.
        names: Of augmentations.

    Raises:
        InputError: It does not.
    """
    if not names:
        return
    given = f"augment {','.join(names)!r}"
    with seeded(0):
        inputs, targets = data[0]
    if not (isinstance(inputs, Tensor) and inputs.ndim == 3):
        what = f"of shape {tuple(inputs.shape)}" if isinstance(inputs, Tensor) else f"a {type(inputs).__name__}"
        raise InputError(
            f"{given} is for images (channels x height x width), and an input here is {what}: leave it out"
        )
    moved = {"flip-crop", "trivial-augment"} & set(names)
    if task.kind == "segmentation":
        if mixed := {"mixup", "cutmix"} & set(names):
            raise InputError(f"augment {mixed.pop()!r} mixes images, and a mask is of one image: leave it out")
    elif moved and any(torch.as_tensor(target).ndim > 1 for target in pytree.tree_leaves(targets)):
        raise InputError(f"{given} moves the inputs, and not targets that are images too: let the data set move both")
    if "trivial-augment" in names and inputs.is_floating_point() and not 0 <= inputs.min() <= inputs.max() <= 1:
        spread = f"{inputs.min():.3g} to {inputs.max():.3g}"
        raise InputError(f"augment 'trivial-augment' is for pixels from 0 to 1 or uint8, and an input has {spread}")


def _white(raw: Tensor) -> float:
    return 1.0 if raw.is_floating_point() else PIXELS.get(raw.dtype, 65_535.0)
