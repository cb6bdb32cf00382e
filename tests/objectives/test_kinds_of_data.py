"""Trainings of networks on volumes, masks, several inputs and several heads."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from optuna.distributions import BaseDistribution, IntDistribution
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, IterableDataset

from toy import training_objective
from untrained.data import load_data
from untrained.errors import InputError
from untrained.objectives import Recipe, TrainingObjective
from untrained.spaces import SearchSpace

ARCH = "w=4"


@dataclass(frozen=True)
class Widths(SearchSpace):
    """Networks of one width, made by `make`."""

    make: Callable[[int], nn.Module]

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        return {"w": IntDistribution(4, 8, step=4)}

    def build(self, arch: str) -> nn.Module:
        return self.make(self.to_params(arch)["w"])


def volumes(w: int) -> nn.Module:
    pooled = (nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(w, 2))
    return nn.Sequential(nn.Conv3d(1, w, 3, padding=1), nn.BatchNorm3d(w), nn.ReLU(), *pooled)


def masks(w: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, w, 1), nn.BatchNorm2d(w), nn.ReLU(), nn.Conv2d(w, 2, 1))


def images(w: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, w, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(w, 10))


class TwoHeads(nn.Module):
    def __init__(self, w: int) -> None:
        super().__init__()
        self.body, self.label, self.size = nn.Linear(6, w), nn.Linear(w, 3), nn.Linear(w, 1)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        h = torch.relu(self.body(x))
        return {"label": self.label(h), "size": self.size(h)}


class TwoInputs(nn.Module):
    def __init__(self, w: int) -> None:
        super().__init__()
        self.body, self.head = nn.Linear(6, w), nn.Linear(w, 2)

    def forward(self, x: list[Tensor]) -> Tensor:
        return self.head(torch.relu(self.body(torch.cat(list(x), 1))))


class Bag(nn.Module):
    """Tells the first token."""

    def __init__(self, w: int) -> None:
        super().__init__()
        self.tokens, self.head = nn.Embedding(3, w), nn.Linear(w, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.tokens(x)[:, 0])


class Samples(Dataset[Any]):
    """`n` samples, made by `make` from a stream of their own."""

    def __init__(self, make: Callable[[int, torch.Generator], Any], n: int = 24) -> None:
        self.make, self.n = make, n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> Any:
        return self.make(index, torch.Generator().manual_seed(index))


def two_targets(index: int, stream: torch.Generator) -> Any:
    x = torch.randn(6, generator=stream)
    return x, {"label": index % 3, "size": x.sum(0, keepdim=True)}


def two_inputs(index: int, stream: torch.Generator) -> Any:
    x = torch.randn(6, generator=stream)
    return (x[:3], x[3:]), int(x.sum() > 0)


def both_losses(outputs: dict[str, Tensor], targets: dict[str, Tensor]) -> Tensor:
    size = nn.functional.mse_loss(outputs["size"], targets["size"])
    return nn.functional.cross_entropy(outputs["label"], targets["label"]) + size


def size_error(outputs: dict[str, Tensor], targets: dict[str, Tensor]) -> float:
    assert len(outputs["size"]) == len(targets["size"]) == 24  # of all batches
    return nn.functional.mse_loss(outputs["size"], targets["size"]).item()


def test_volumes() -> None:
    x, y = torch.randn(24, 1, 4, 4, 4), torch.arange(24) % 2
    x[y == 1] += 2
    recipe: dict[str, Any] = {"epochs": 8, "batch_size": 8, "learning_rate": 0.025}
    assert training_objective(Widths(volumes), (x, y), (x, y), **recipe)(ARCH).value > 80


def test_a_class_for_each_pixel() -> None:
    x = torch.rand(40, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    y = (x[:, 0] > 0.5).long()
    options: dict[str, Any] = {"epochs": 8, "batch_size": 8, "learning_rate": 0.1, "metrics": "accuracy"}
    assert training_objective(Widths(masks), (x, y), (x, y), **options)(ARCH).value > 80


def test_two_heads() -> None:
    data = Samples(two_targets)
    options: dict[str, Any] = {"loss": both_losses, "metrics": size_error, "direction": "minimize", "batch_size": 8}
    short, long = (training_objective(Widths(TwoHeads), data, data, epochs=n, **options)(ARCH) for n in (1, 30))
    assert 0 < long.value < short.value
    usual = training_objective(Widths(TwoHeads), data, data, metrics=["size.mae", "label.f1"], batch_size=8, epochs=1)
    assert usual.direction == "minimize"
    assert set(usual(ARCH).figures) == {"size.mae", "label.f1"}
    with pytest.raises(InputError, match=r"no mean: .* label.accuracy, size.rmse"):
        training_objective(Widths(TwoHeads), data, data)


def test_two_inputs() -> None:
    data = Samples(two_inputs)
    objective = training_objective(Widths(TwoInputs), data, data, epochs=30, batch_size=8, learning_rate=0.1)
    assert objective(ARCH).value > 80
    assert [tuple(part.shape) for part in objective.example] == [(1, 3), (1, 3)]
    inputs, targets = objective.batch(5, seed=3)
    assert [tuple(part.shape) for part in inputs] == [(5, 3), (5, 3)]
    assert tuple(targets.shape) == (5,)


class Named(TwoInputs):
    """Takes its two inputs by name."""

    def forward(self, left: Tensor, right: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        return super().forward([left, right])


@pytest.mark.parametrize("by_name", [True, False], ids=["a dictionary", "a tuple"])
def test_two_inputs_of_a_network_with_two_parameters(by_name: bool) -> None:
    def make(index: int, stream: torch.Generator) -> Any:
        (left, right), target = two_inputs(index, stream)
        return ({"right": right, "left": left} if by_name else (left, right)), target

    data = Samples(make)
    recipe: dict[str, Any] = {"epochs": 30, "batch_size": 8, "learning_rate": 0.1}
    assert training_objective(Widths(Named), data, data, **recipe)(ARCH).value > 80


def test_sequences_of_tokens() -> None:
    """The class is whether token 3 stands in the sequence."""

    class Tokens(nn.Module):
        def __init__(self, w: int) -> None:
            super().__init__()
            self.table, self.head = nn.Embedding(8, w), nn.Linear(w, 2)

        def forward(self, tokens: Tensor) -> Tensor:
            return self.head(self.table(tokens).amax(1))

    x = torch.randint(8, (60, 6), generator=torch.Generator().manual_seed(0))
    y = (x == 3).any(1).long()
    objective = training_objective(Widths(Tokens), (x, y), (x, y), epochs=20, batch_size=10, learning_rate=0.05)
    assert objective.training.optimizer == "adamw"
    assert objective(ARCH).value > 90


def test_several_labels_of_a_sample() -> None:
    x = torch.randn(60, 6, generator=torch.Generator().manual_seed(0))
    y = (x[:, :3] > 0.3).long()
    made = Widths(lambda w: nn.Sequential(nn.Linear(6, w), nn.ReLU(), nn.Linear(w, 3)))
    objective = training_objective(
        made, (x, y), (x, y), epochs=30, batch_size=10, learning_rate=0.05, metrics=["f1", "auroc"]
    )
    evaluation = objective("w=8")
    assert evaluation.value == evaluation.figures["f1"] > 0.85
    assert evaluation.figures["auroc"] > 0.95


def test_masks_are_learnt_from_images_that_are_moved() -> None:
    x = torch.rand(40, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    y = (x[:, 0] > 0.5).long()
    options: dict[str, Any] = {
        "epochs": 8,
        "batch_size": 8,
        "learning_rate": 0.1,
        "augment": "flip-crop,trivial-augment",
    }
    evaluation = training_objective(Widths(masks), (x, y), (x, y), loss="dice", metrics=["iou", "dice"], **options)(
        ARCH
    )
    assert 0.6 < evaluation.value == evaluation.figures["iou"] < evaluation.figures["dice"] <= 1


def test_images_are_what_can_be_augmented() -> None:
    x, y = torch.randn(8, 6), torch.arange(8) % 2
    with pytest.raises(InputError, match=r"augment .* \(6,\)"):
        training_objective(Widths(TwoHeads), (x, y), (x, y), augment="flip-crop")


def test_the_batch_is_the_one_that_the_data_gives() -> None:
    data = load_data("digits")
    objective = training_objective(Widths(images), data.split("train"), data.split("valid"))
    inputs, targets = objective.batch(16, seed=5)
    assert torch.equal(inputs, data.batch(16, 5)[0])
    assert torch.equal(targets, data.batch(16, 5)[1])
    others, _ = objective.second_batch(16, seed=5)
    assert not any(torch.equal(a, b) for a in inputs for b in others)
    with pytest.raises(InputError, match=r"batch size 600.*at most 5"):
        objective.second_batch(600)


def test_a_loader_decides_the_batch_size_unless_the_recipe_does() -> None:
    loader = DataLoader(Samples(two_inputs), batch_size=5)
    space = Widths(TwoInputs)
    assert TrainingObjective(space, (loader, loader)).training.batch_size == 5
    assert TrainingObjective(space, (loader, loader), Recipe(batch_size=8)).training.batch_size == 8


def test_sequences_of_several_lengths_are_padded_by_the_users_own_function() -> None:
    def padded(samples: list[Any]) -> Any:
        lengths = [len(tokens) for tokens, _ in samples]
        batch = torch.zeros(len(samples), max(lengths), dtype=torch.int64)
        for row, (tokens, _) in zip(batch, samples, strict=True):
            row[: len(tokens)] = tokens
        return batch, torch.tensor([label for _, label in samples])

    def tokens(index: int, stream: torch.Generator) -> Any:
        found = torch.randint(1, 3, (2 + index % 3,), generator=stream)
        return found, int(found[0]) - 1

    def network(w: int) -> nn.Module:
        return Bag(w)

    loader = DataLoader(Samples(tokens, 40), batch_size=8, collate_fn=padded)
    objective = TrainingObjective(Widths(network), (loader, loader), Recipe(epochs=15, batch_size=8, learning_rate=0.1))
    assert objective(ARCH).value > 80


def test_what_is_no_data_set_of_pairs_is_named() -> None:
    class Endless(IterableDataset[Any]):
        def __iter__(self) -> Any:
            return iter(())

    good = (torch.randn(4, 6), torch.arange(4) % 2)
    with pytest.raises(InputError, match="training data, Endless, has no length"):
        training_objective(Widths(TwoHeads), Endless(), good)
    with pytest.raises(InputError, match="sample of the validation data has the keys x: which is the target"):
        training_objective(Widths(TwoHeads), good, Samples(lambda i, _: {"x": i}))
