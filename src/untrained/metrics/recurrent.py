"""A metric on recurrent networks."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from untrained.metrics.base.metric import metric
from untrained.probe import Probe
from untrained.probe.evaluation import detached_state
from untrained.probe.functions import RECURRENT

K = 1e-5


@metric(
    "hidden_covariance",
    paper="Serianni & Kalita, Training-free Neural Architecture Search for RNNs and Transformers, ACL 2023",
    needs=("activations",),
    cost="forward",
    formula=r"-\sum_i \left( \ln (v_i + k) + \frac{1}{v_i + k} \right), \quad k = 10^{-5}",
)
def hidden_covariance(probe: Probe, layer: int = 1) -> float:
    """How unlike the samples' hidden states are: -sum (ln(v + k) + 1 / (v + k)) over eigenvalues v of correlations.

    The n x n correlations of hidden states, all time steps and units of a sample being a row; k = 1e-5. (The authors'
    code swaps dimensions, and correlates hidden units instead.)

    Args:
        probe: A network that calls LSTMs, GRUs or RNNs.
        layer: Of which call, from 1; of several layers in one call it is the last one's states.

    Returns:
        The sum: higher for states that are less alike.

    Raises:
        ValueError: If the network has no such call, or all hidden states of a sample are alike.

    Example:
        Two samples of opposite signs: v = (0, 2).

        >>> net = nn.RNN(1, 2, batch_first=True, bias=False)
        >>> net.weight_ih_l0.data, net.weight_hh_l0.data = torch.tensor([[1.0], [2.0]]), torch.zeros(2, 2)
        >>> score = hidden_covariance(Probe(net, torch.tensor([[[1.0]], [[-1.0]]])))
        >>> round(score, 1)  # -(ln 1e-5 + 1e5 + ln 2 + 1 / 2)
        -99989.7
    """
    if layer < 1:
        raise ValueError(f"layer {layer}: they count from 1")
    watch = _Watch()
    with probe.untouched(), torch.no_grad(), watch:
        probe.call(detached_state(probe), probe.inputs.detach())
    if len(watch.states) < layer:
        raise ValueError(f"the network calls {len(watch.states)} recurrent layers: there is no {layer}")
    rows = watch.states[layer - 1].double()
    if len(rows) != len(probe.inputs):
        raise ValueError(f"the hidden states are of {len(rows)} samples, the batch of {len(probe.inputs)}")
    if not torch.isfinite(rows).all():
        raise ValueError("the hidden states are not all finite")
    rows = rows - rows.mean(1, keepdim=True)
    norms = rows.norm(dim=1, keepdim=True)
    if (norms == 0).any():
        raise ValueError("all hidden states of a sample are alike: no correlation exists")
    rows = rows / norms
    v = torch.linalg.eigvalsh(rows @ rows.T).clamp(min=0)
    return -((v + K).log() + 1 / (v + K)).sum().item()


class _Watch(TorchFunctionMode):
    """Takes down what recurrent layers return, n x (steps and units)."""

    def __init__(self) -> None:
        super().__init__()
        self.states: list[Tensor] = []

    def __torch_function__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        if func in RECURRENT:
            if isinstance(args[1], Tensor) and not args[1].is_floating_point():
                raise ValueError("a recurrent layer gets packed sequences: their samples cannot be told apart")
            samples_first = bool(args[-1])
            states: Tensor = output[0].detach()
            self.states.append((states if samples_first else states.transpose(0, 1)).flatten(1).clone())
        return output
