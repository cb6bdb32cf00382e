"""Augmentation: what it does to pixels, masks and targets, and for which data."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import TensorDataset

from untrained.data import Task
from untrained.data.preparation import AsIs, Normalisation
from untrained.errors import InputError
from untrained.objectives.augmentation import Inputs, Pairs, Plain, check_augmentable
from untrained.runtime.seeding import seeded

LABELS = torch.arange(64) % 3


def augmented(images: Tensor, names: str, targets: Any = LABELS, seed: int = 0, **options: Any) -> tuple[Tensor, Any]:
    inputs = Inputs(options.pop("preparation", AsIs()), tuple(names.split(",")), **options)
    with seeded(seed):
        return inputs.for_training(images, targets)


def test_flips_and_crops_move_whole_images() -> None:
    images = torch.zeros(200, 1, 8, 8)
    images[:, 0, 3, 2] = 1.0  # one bright pixel, 8/8 = 1 pixel of padding
    found, mixed = augmented(images, "flip-crop", torch.zeros(200))
    places = {tuple(divmod(int(image.argmax()), 8)) for image in found}
    assert places == {(3 + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) for x in (2, 5)}
    assert isinstance(mixed, Plain)
    assert augmented(torch.rand(3, 2, 9, 5), "flip-crop")[0].shape == (3, 2, 9, 5)


def test_pixels_are_augmented_before_they_are_normalised() -> None:
    """The frame that a crop brings in is black, not the mean colour."""
    normal = Normalisation((100.0,), (50.0,))
    white = torch.full((64, 1, 8, 8), 200, dtype=torch.uint8)
    found, _ = augmented(white, "flip-crop", preparation=normal)
    assert found.unique().tolist() == pytest.approx([-2, 2])  # (0 - 100) / 50, (200 - 100) / 50
    again, _ = augmented(white, "flip-crop", preparation=normal)
    assert torch.equal(found, again)
    plain = Inputs(normal)(white)
    assert plain.unique().item() == pytest.approx(2)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("pixel", [torch.uint8, torch.float32])
def test_trivial_augment_keeps_the_range_of_pixels_and_depends_on_the_seed(channels: int, pixel: torch.dtype) -> None:
    images = torch.rand(64, channels, 8, 8, generator=torch.Generator().manual_seed(0))
    images = (images * 255).to(pixel) if pixel == torch.uint8 else images
    white = 255 if pixel == torch.uint8 else 1
    found = [augmented(images, "trivial-augment", seed=seed)[0] for seed in (*range(8), 0)]
    assert all(-1e-4 <= part.min() <= part.max() <= white * (1 + 1e-4) for part in found)
    assert torch.equal(found[0], found[-1])
    assert not torch.equal(found[0], found[1])


def test_cutout_blackens_a_rectangle_of_half_the_images() -> None:
    found, _ = augmented(torch.ones(64, 3, 16, 16), "cutout")
    black = (found == 0).all(1)
    touched = black.flatten(1).any(1)
    assert 16 < int(touched.sum()) < 48
    for image in black[touched]:
        rows, columns = image.any(1), image.any(0)
        assert int(image.sum()) == int(rows.sum()) * int(columns.sum())


@pytest.mark.parametrize("name", ["mixup", "cutmix"])
def test_mixed_images_have_the_losses_of_both_in_their_shares(name: str) -> None:
    """Image i is all i: its mean tells how much there is of which other."""
    n = 12
    images = torch.arange(n).float().view(n, 1, 1, 1).expand(n, 1, 40, 40) / n
    found, mixed = augmented(images, name, torch.arange(n))
    assert isinstance(mixed, Pairs)
    wanted = (1 - mixed.share) * torch.arange(n) + mixed.share * mixed.partners
    assert found.mean((1, 2, 3)) * n == pytest.approx(wanted, abs=1e-4)
    assert 0 < mixed.share < 1
    logits = torch.randn(n, n, generator=torch.Generator().manual_seed(1))
    soft = (1 - mixed.share) * F.one_hot(torch.arange(n)) + mixed.share * F.one_hot(mixed.partners, n)
    assert mixed(F.cross_entropy, logits).item() == pytest.approx(F.cross_entropy(logits, soft).item(), rel=1e-5)
    kinds = set(found[0].unique().tolist())
    assert len(kinds) <= (1 if name == "mixup" else 2)


@pytest.mark.parametrize("names", ["flip-crop", "trivial-augment", "flip-crop,cutout"])
def test_masks_move_with_their_pixels(names: str) -> None:
    """The brightness of a pixel tells its class, also after it was moved; what comes from outside has none."""
    masks = torch.randint(1, 4, (64, 16, 16), generator=torch.Generator().manual_seed(0))
    images = masks[:, None].float() / 4
    outside = 0
    for seed in range(6):
        found, mixed = augmented(images, names, masks, seed, masks=True)
        assert mixed.targets.dtype == torch.int64
        assert set(mixed.targets.unique().tolist()) <= {-100, 1, 2, 3}
        outside += int((mixed.targets == -100).sum())
        if names == "flip-crop":
            seen = mixed.targets >= 0
            assert torch.equal((found[:, 0] * 4).round().long()[seen], mixed.targets[seen])
            assert not found[:, 0][~seen].any()
    assert outside > 0


@pytest.mark.parametrize(
    ("inputs", "targets", "task", "names", "says"),
    [
        (torch.zeros(4, 6), LABELS[:4], "classification", "flip-crop", r"is for images .* \(6,\)"),
        (torch.zeros(4, 6).long(), LABELS[:4], "classification", "mixup", r"is for images .* \(6,\)"),
        (torch.zeros(4, 1, 4, 4, 4), LABELS[:4], "classification", "cutout", r"\(1, 4, 4, 4\)"),
        (torch.zeros(4, 1, 4, 4), torch.zeros(4, 4, 4), "other", "flip-crop", "targets that are images too"),
        (torch.zeros(4, 1, 4, 4), torch.zeros(4, 4, 4).long(), "segmentation", "cutmix", "a mask is of one image"),
        (torch.zeros(4, 1, 4, 4) - 1, LABELS[:4], "classification", "trivial-augment", "pixels from 0 to 1 .* -1 to"),
    ],
)
def test_what_makes_no_sense_is_refused(inputs: Tensor, targets: Tensor, task: Any, names: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        check_augmentable(TensorDataset(inputs, targets), Task(task, 3), (names,))
