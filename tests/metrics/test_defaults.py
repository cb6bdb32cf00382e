"""Which metrics are chosen when none is named, on kinds of networks for which it is clear what cannot work."""

import pytest
import torch
from torch import Tensor, nn

from untrained.errors import InputError
from untrained.metrics import ROBOT_METRICS, default_metrics
from untrained.probe import Probe

LABELS = torch.tensor([0, 1, 2, 0])
TOKENS = torch.arange(24).reshape(4, 6) % 9


def perceptron(activation: nn.Module) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), activation, nn.Linear(8, 3))


def of_tokens() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Embedding(9, 8), nn.Flatten(), nn.Linear(48, 8), nn.GELU(), nn.Linear(8, 3))


class TwoHeads(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.left, self.right = perceptron(nn.GELU()), nn.Linear(3, 2), nn.Linear(3, 4)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"left": self.left(self.body(x)), "right": self.right(self.body(x))}


def chosen(*probes: Probe) -> tuple[list[str], str]:
    metrics, why = default_metrics(*probes)
    return [m.name for m in metrics], why


def floats(n: int = 4) -> Tensor:
    return torch.randn(n, 6, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("activation", [nn.ReLU(), nn.GELU()])
def test_robots_six_if_all_work(activation: nn.Module) -> None:
    assert chosen(Probe(perceptron(activation), floats(), LABELS)) == (list(ROBOT_METRICS), "")


def test_several_heads() -> None:
    def loss(outputs: dict[str, Tensor], _targets: Tensor) -> Tensor:
        return sum((z.square().mean() for z in outputs.values()), start=torch.zeros(()))

    assert chosen(Probe(TwoHeads(), floats(), LABELS, loss=loss)) == (list(ROBOT_METRICS), "")


def test_token_inputs() -> None:
    """No gradient with respect to whole numbers, and no sample of ones: synflow and jacob_cov are replaced."""
    names, why = chosen(Probe(of_tokens(), TOKENS, LABELS))
    assert names[:4] == ["grad_norm", "snip", "grasp", "fisher"]
    assert len(set(names)) == 6
    assert not {"synflow", "jacob_cov", "naswot"} & set(names)
    assert all(word in why for word in ("synflow", "jacob_cov", "int64", *names))
    assert len(why) <= 300
    assert "\n" not in why


def test_no_labels() -> None:
    names, why = chosen(Probe(perceptron(nn.ReLU()), floats()))
    assert {"synflow", "jacob_cov", "naswot"} < set(names)
    assert "targets" in why


def test_one_degenerate_network_does_not_decide() -> None:
    """Outputs that do not depend on the inputs have no Jacobian; the next network has."""
    dead = perceptron(nn.ReLU())
    for parameter in dead[0].parameters():
        nn.init.zeros_(parameter)
    dead, alive = Probe(dead, floats(), LABELS), Probe(perceptron(nn.ReLU()), floats(), LABELS)
    assert "jacob_cov" not in chosen(dead)[0]
    assert chosen(dead, alive) == (list(ROBOT_METRICS), "")


def test_networks_that_do_not_run_are_told() -> None:
    with pytest.raises(InputError, match="no metric has a value"):
        default_metrics(Probe(perceptron(nn.ReLU()), torch.zeros(4, 5), LABELS))
    with pytest.raises(InputError, match="give a probe"):
        default_metrics()
