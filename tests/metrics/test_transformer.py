"""Metrics on transformers and recurrent networks, against values by hand and straightforward loops."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from untrained.metrics import (
    Probe,
    activation_distance,
    dss,
    head_confidence,
    head_importance,
    hidden_covariance,
    softmax_confidence,
    w_pca,
)
from untrained.probe.token_layers import token_layers

N, TOKENS, WIDTH, HEADS = 3, 5, 4, 2


class Block(nn.Module):
    """A transformer's block, its modules named after nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c, self.d = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.e, self.f = nn.Linear(WIDTH, 6), nn.Linear(6, WIDTH)
        self.g, self.h = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.d(self.attend(self.g(x)))
        return x + self.f(nn.functional.gelu(self.e(self.h(x))))

    def attend(self, x: Tensor) -> Tensor:
        q, k, v = (layer(x).unflatten(2, (HEADS, -1)).transpose(1, 2) for layer in (self.a, self.b, self.c))
        return (self.weights(q, k) @ v).transpose(1, 2).flatten(2)

    def weights(self, q: Tensor, k: Tensor) -> Tensor:
        return (q @ k.transpose(2, 3) / math.sqrt(WIDTH / HEADS)).softmax(3)


class Net(nn.Module):
    """Patches, two blocks, and a classifier of their mean."""

    def __init__(self) -> None:
        super().__init__()
        self.patches, self.head = nn.Linear(2, WIDTH), nn.Linear(WIDTH, 3)
        self.blocks = nn.ModuleList(Block() for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.embedded(x).mean(1))

    def embedded(self, x: Tensor) -> Tensor:
        x = self.patches(x)
        for block in self.blocks:
            x = block(x)
        return x


@pytest.fixture
def net() -> Net:
    torch.manual_seed(0)
    return Net()


@pytest.fixture
def probe(net: Net) -> Probe:
    return Probe(net, torch.randn(N, TOKENS, 2), torch.tensor([0, 1, 2]))


def encoder(**options: Any) -> nn.TransformerEncoderLayer:
    torch.manual_seed(1)
    return nn.TransformerEncoderLayer(WIDTH, HEADS, 6, dropout=0.0, **options)


def test_layers_are_told_by_what_becomes_of_their_outputs(probe: Probe) -> None:
    found = token_layers(probe)
    assert {name.removeprefix("blocks.") for name in found.into_mixing} == {
        f"{i}.{layer}.weight" for i in range(2) for layer in "abc"
    }
    assert found.mixing - found.into_mixing == {f"blocks.{i}.d.weight" for i in range(2)}
    assert found.into_activation == {f"blocks.{i}.e.weight" for i in range(2)}
    assert found.mlp - found.into_activation == {f"blocks.{i}.f.weight" for i in range(2)}


@pytest.mark.parametrize("batch_first", [True, False])
def test_pytorchs_own_attention_has_the_same_parts(batch_first: bool) -> None:
    found = token_layers(Probe(encoder(batch_first=batch_first), torch.randn(5, 5, WIDTH)))
    assert found.into_mixing == {"self_attn.in_proj_weight"}
    assert found.mixing == {"self_attn.in_proj_weight", "self_attn.out_proj.weight"}
    assert found.mlp == {"linear1.weight", "linear2.weight"}
    assert len(found.attention_peaks) == 1


def gradients(net: nn.Module, x: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
    """Weight and gradient of the sum of the outputs, by plain backpropagation."""
    net.zero_grad()
    net(x).sum().backward()
    found = {name: (p.detach().double(), p.grad) for name, p in net.named_parameters()}
    return {name: (p, g.double()) for name, (p, g) in found.items() if g is not None and p.ndim > 1}


def product_of_nuclear_norms(w: Tensor, g: Tensor) -> float:
    return float(np.linalg.svd(w.numpy(), compute_uv=False).sum() * np.linalg.svd(g.numpy(), compute_uv=False).sum())


@pytest.mark.parametrize("inputs", ["ones", "batch"])
def test_dss_by_a_loop(net: Net, probe: Probe, inputs: str) -> None:
    net.double()
    x = probe.inputs.double()
    before = {name: p.detach().clone() for name, p in net.named_parameters()}
    if inputs == "ones":
        for p in net.parameters():
            p.data = p.data.abs()
        x = torch.ones(1, TOKENS, 2, dtype=torch.float64)
    diversity = saliency = others = 0.0
    for name, (w, g) in gradients(net, x).items():
        if name.split(".")[-2] in "abcd":
            diversity += product_of_nuclear_norms(w, g)
        elif name.split(".")[-2] in "ef":
            saliency += (w * g).abs().sum().item()
        else:
            others += (w * g).abs().sum().item()
    for name, p in net.named_parameters():
        p.data = before[name]
    probe = Probe(net, probe.inputs.double())
    assert dss(probe, inputs=inputs) == pytest.approx(diversity + saliency, rel=1e-9)
    assert dss(probe, inputs=inputs, part="diversity") == pytest.approx(diversity, rel=1e-9)
    assert dss(probe, inputs=inputs, part="saliency") == pytest.approx(saliency, rel=1e-9)
    assert dss(probe, inputs=inputs, reading="code") == pytest.approx(diversity + saliency + others, rel=1e-9)


def test_dss_refuses_ones_for_tokens_and_other_options() -> None:
    embedding = nn.Sequential(nn.Embedding(7, WIDTH), encoder(batch_first=True))
    probe = Probe(embedding, torch.randint(7, (N, TOKENS)))
    with pytest.raises(ValueError, match="inputs=batch"):
        dss(probe)
    assert dss(probe, inputs="batch") >= 0
    for option in ("part", "inputs", "reading"):
        with pytest.raises(ValueError, match="none"):
            dss.function(probe, **{option: "none"})


def test_heads_by_a_loop(net: Net, probe: Probe) -> None:
    importance = confidence = peaks = 0.0
    found = gradients(net, probe.inputs)
    x = net.patches(probe.inputs)
    with torch.no_grad():
        for i, module in enumerate(net.blocks):
            block: Any = module
            normalised = block.g(x)
            made = [layer(normalised) for layer in (block.a, block.b, block.c)]
            for name, output in zip("abc", made, strict=True):
                w, g = found[f"blocks.{i}.{name}.weight"]
                importance += sum(abs(u * v) for u, v in zip(w.flatten().tolist(), g.flatten().tolist(), strict=True))
                highest = [max(output[n, :, j].tolist()) for n in range(N) for j in range(WIDTH)]
                confidence += sum(highest) / len(highest)
            q, k = (part.unflatten(2, (HEADS, -1)).transpose(1, 2) for part in made[:2])
            attention = block.weights(q, k).tolist()
            surest = [
                max(attention[n][h][s][t] for h in range(HEADS))
                for n in range(N)
                for s in range(TOKENS)
                for t in range(TOKENS)
            ]
            peaks += sum(surest) / len(surest)
            x = block(x)
    assert head_importance(probe) == pytest.approx(importance, rel=1e-5)
    assert head_importance(probe, mean=True) == pytest.approx(importance / 6, rel=1e-5)
    assert head_confidence(probe) == pytest.approx(confidence, rel=1e-5)
    assert head_confidence(probe, mean=True) == pytest.approx(confidence / 6, rel=1e-5)
    assert softmax_confidence(probe) == pytest.approx(peaks, rel=1e-5)
    assert softmax_confidence(probe, mean=True) == pytest.approx(peaks / 2, rel=1e-5)


@pytest.mark.parametrize("batch_first", [True, False])
def test_pytorchs_own_attention_scores_as_a_loop(batch_first: bool) -> None:
    net, x = encoder(batch_first=batch_first), torch.randn(5, 5, WIDTH)
    attention = net.self_attn
    tokens_second = x if batch_first else x.transpose(0, 1)
    made = tokens_second @ attention.in_proj_weight.detach().T
    _, weights = attention(x, x, x, average_attn_weights=False)
    probe = Probe(net, x)
    assert head_confidence(probe) == pytest.approx(made.amax(1).mean().item(), rel=1e-5)
    assert softmax_confidence(probe) == pytest.approx(weights.amax(1).mean().item(), rel=1e-5)


def test_a_mask_and_fused_attention_are_followed() -> None:
    class Fused(Block):
        def attend(self, x: Tensor) -> Tensor:
            q, k, v = (layer(x).unflatten(2, (HEADS, -1)).transpose(1, 2) for layer in (self.a, self.b, self.c))
            mixed = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            return mixed.transpose(1, 2).flatten(2)

    class Stepwise(Block):
        def weights(self, q: Tensor, k: Tensor) -> Tensor:
            later = torch.ones(TOKENS, TOKENS, dtype=torch.bool).triu(1)
            return (q @ k.transpose(2, 3) / math.sqrt(WIDTH / HEADS)).masked_fill(later, -math.inf).softmax(3)

    torch.manual_seed(0)
    fused, x = Fused(), torch.randn(N, TOKENS, WIDTH)
    stepwise = Stepwise()
    stepwise.load_state_dict(fused.state_dict())
    for score in (softmax_confidence, head_confidence, head_importance, w_pca, activation_distance):
        assert score(Probe(fused, x)) == pytest.approx(score(Probe(stepwise, x)), rel=1e-5)


def test_w_pca_by_singular_values(net: Net, probe: Probe) -> None:
    for eta in (0.5, 0.9, 0.99, 1.0):
        total = 0
        with torch.no_grad():
            x = net.patches(probe.inputs)
            for module in net.blocks:
                block: Any = module
                attended = x + block.d(block.attend(block.g(x)))
                rows = block.e(block.h(attended)).double().flatten(0, 1).numpy()
                variances = np.linalg.svd(rows - rows.mean(0), compute_uv=False) ** 2
                k, sum_ = 0, 0.0
                while sum_ <= eta and k < len(variances):
                    sum_ += variances[k] / variances.sum()
                    k += 1
                total += k
                x = block(x)
        if eta < 1:
            assert w_pca(probe, eta=eta, weighted=False) == total
            assert w_pca(probe, eta=eta) == total * sum(p.numel() for p in net.parameters())
        else:
            assert w_pca(probe, eta=eta, weighted=False) <= 12  # rounding decides whether all are needed
    with pytest.raises(ValueError, match="eta"):
        w_pca(probe, eta=2.0)


@pytest.mark.parametrize("between", ["tokens", "samples"])
def test_activation_distance_by_a_loop(net: Net, probe: Probe, between: str) -> None:
    expected = 0
    with torch.no_grad():
        x = net.patches(probe.inputs)
        for module in net.blocks:
            block: Any = module
            attended = x + block.d(block.attend(block.g(x)))
            on = block.e(block.h(attended)) > 0
            rows = (on[0] if between == "tokens" else on.flatten(1)).tolist()
            expected += sum(u == v for a in rows for b in rows for u, v in zip(a, b, strict=True))
            x = block(x)
    assert activation_distance(probe, between=between) == expected
    assert activation_distance(probe, between=between, mean=True) == expected / 2


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
@pytest.mark.parametrize("batch_first", [True, False])
def test_hidden_covariance_by_a_loop(kind: Any, batch_first: bool) -> None:
    torch.manual_seed(0)

    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = (kind(size, 3, batch_first=batch_first) for size in (2, 3))

        def forward(self, x: Tensor) -> Tensor:
            states, _ = self.first(x if batch_first else x.transpose(0, 1))
            states, _ = self.second(states)
            return (states if batch_first else states.transpose(0, 1))[:, -1]

    net, x = Recurrent(), torch.randn(4, 6, 2)
    states, _ = net.first(x if batch_first else x.transpose(0, 1))
    deeper, _ = net.second(states)
    for layer, hidden in enumerate((states, deeper), 1):
        rows = hidden.detach().double() if batch_first else hidden.detach().double().transpose(0, 1)
        v = np.linalg.eigvalsh(np.corrcoef(rows.flatten(1).numpy()))
        expected = -sum(math.log(value + 1e-5) + 1 / (value + 1e-5) for value in v)
        assert hidden_covariance(Probe(net, x), layer=layer) == pytest.approx(expected, rel=1e-4)
    with pytest.raises(ValueError, match="2 recurrent layers"):
        hidden_covariance(Probe(net, x), layer=3)


def test_a_network_of_another_kind_is_refused_with_one_reason() -> None:
    cnn = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    probe = Probe(cnn, torch.randn(N, 3, 8, 8), torch.tensor([0, 1, 2]))
    for score in (dss, w_pca, head_importance, head_confidence, softmax_confidence):
        with pytest.raises(ValueError, match="no linear layer on tokens"):
            score(probe)
    with pytest.raises(ValueError, match="calls 0 recurrent layers"):
        hidden_covariance(probe)
    with pytest.raises(ValueError, match="has tokens"):
        activation_distance(Probe(nn.Sequential(nn.Linear(2, 3), nn.ReLU()), torch.randn(N, 2)))
    mlp = Probe(nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2)), torch.randn(N, TOKENS, 2))
    with pytest.raises(ValueError, match="before a product of tokens"):
        head_confidence(mlp)
    with pytest.raises(ValueError, match="no softmax over tokens"):
        softmax_confidence(mlp)
