"""Networks whose code is harder to write again, each with what makes it so."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SelfAttention(nn.Module):
    """Sizes, an unpacked tuple, and numbers kept as attributes."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.scale = (width // heads) ** -0.5
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        n, t, c = x.shape
        q, k, v = self.qkv(x).reshape(n, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        weights = ((q @ k.transpose(-2, -1)) * self.scale).softmax(dim=-1)
        return self.proj((weights @ v).transpose(1, 2).reshape(n, t, c))


class AttentionBlock(nn.Module):
    def __init__(self, heads: int) -> None:
        super().__init__()
        self.norm1, self.attention = nn.LayerNorm(8), SelfAttention(8, heads)
        self.norm2, self.linear = nn.LayerNorm(8), nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm1(x))
        return x + F.gelu(self.linear(self.norm2(x)))


class VisionTransformer(nn.Module):
    """A loop over blocks that differ in a number."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 8, 4, 4)
        self.token = nn.Parameter(torch.rand(1, 1, 8))
        self.blocks = nn.ModuleList([AttentionBlock(heads) for heads in (2, 2, 4)])
        self.head = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], dim=1)
        for block in self.blocks:
            x = block(x)
        return self.head(x[:, 0])


class DenseLayer(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bn = nn.BatchNorm2d(channels)
        self.conv = nn.Conv2d(channels, 4, 3, padding=1)

    def forward(self, parts: list[Tensor]) -> Tensor:
        return self.conv(F.relu(self.bn(torch.cat(parts, 1))))


class DenseNet(nn.Module):
    """A list of tensors as an argument, and a dictionary of modules."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleDict({f"layer{i}": DenseLayer(3 + 4 * i) for i in range(3)})
        self.head = nn.Linear(15, 4)

    def forward(self, x: Tensor) -> Tensor:
        parts = [x]
        for layer in self.layers.values():
            parts.append(layer(parts))
        return self.head(torch.cat(parts, 1).mean((2, 3)))


class UNet(nn.Module):
    """Results that are used again much later."""

    def __init__(self) -> None:
        super().__init__()
        self.down1, self.down2 = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 8, 3, padding=1)
        self.middle = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(True))
        self.up2, self.up1 = nn.ConvTranspose2d(8, 8, 2, 2), nn.ConvTranspose2d(16, 4, 2, 2)
        self.out = nn.Conv2d(8, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        a = F.relu(self.down1(x))
        b = F.relu(self.down2(F.max_pool2d(a, 2)))
        x = torch.cat([self.up2(self.middle(F.max_pool2d(b, 2))), b], 1)
        return self.out(torch.cat([self.up1(x), a], 1))


class Recurrent(nn.Module):
    """Nested tuples, masks and infinities."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(20, 6)
        self.lstm = nn.LSTM(6, 8, batch_first=True, bidirectional=True)
        self.head = nn.Linear(16, 3)

    def forward(self, tokens: Tensor) -> Tensor:
        out, (h, c) = self.lstm(self.embed(tokens))
        out = out.masked_fill((tokens == 0).unsqueeze(-1), float("-inf")).max(1).values
        place = torch.arange(tokens.shape[1], device=tokens.device) / tokens.size(1)
        return self.head(torch.where(out.isinf(), torch.zeros_like(out), out)) + place.sum() * (h[-1] - c[0])[:, :3]


class ManyWays(nn.Module):
    """Changes in place, names that are no identifiers, constants, tensors as attributes, and a part for training."""

    def __init__(self) -> None:
        super().__init__()
        self.ops = nn.ModuleDict({"conv_3x3": nn.Conv2d(3, 3, 3, padding=1), "pool-max": nn.MaxPool2d(3, 1, 1)})
        self.add_module("1x1", nn.Conv2d(3, 3, 1))
        self.alpha = nn.Parameter(torch.rand(2))
        self.head, self.auxiliary = nn.Linear(3, 4), nn.Linear(3, 7)
        self.offset = torch.tensor([1.0, 2.0, 3.0]).view(3, 1, 1)
        self.pairs = nn.ParameterList([nn.Parameter(torch.rand(3)) for _ in range(2)])

    def forward(self, x: Tensor) -> Tensor:
        weights = F.softmax(self.alpha, 0)
        y = sum((w * op(x) for w, op in zip(weights, self.ops.values(), strict=True)), torch.zeros(1))
        y = y + getattr(self, "1x1")(x) + self.offset
        if self.training:
            self.auxiliary(y.mean((2, 3)))
        y[:, 0] = y[:, 0] * 2
        same = y
        y += x
        if y.dim() == 4 and y.size(1) == 3:
            y = (y * same).mean(dim=(2, 3))
        y *= math.sqrt(y.shape[1])
        return self.head(y @ torch.diag(self.pairs[0]) - self.pairs[1] - torch.tensor([0.5, 0.1, 0.2]))


class Gated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.add_module("lambda", nn.Linear(3, 3))

    def forward(self, x: Tensor, gate: Tensor) -> Tensor:
        return x + gate * torch.tanh(getattr(self, "lambda")(x))


class Looped(nn.Module):
    """A loop with a second argument, the length of a batch, and a keyword as a name."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([Gated() for _ in range(3)])
        self.start = nn.Parameter(torch.rand(1, 3))
        self.head = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = x.mean((2, 3))
        gate = torch.sigmoid(x)
        start = self.start.expand(len(x), -1)
        for block in self.blocks:
            x = block(x, gate)
        return self.head(torch.cat([start, x], 1))


class Nested(nn.Module):
    """A class inside itself."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.inner = Nested(depth - 1) if depth else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return x + self.inner(F.relu(self.conv(x)))


class Optional(nn.Module):
    """Arguments by name, with and without tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.part = Part()
        self.head = nn.Linear(3, 4)

    def forward(self, x: Tensor) -> Tensor:
        found = self.part(x, scale=2.0, mask=None, extra=x.mean())
        return self.head((found["y"] / (1 + found["size"])).mean((2, 3)))


class Part(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList([nn.Conv2d(3, 3, 1) for _ in range(3)])

    def forward(
        self, x: Tensor, scale: float = 1.0, mask: Tensor | None = None, *, extra: Tensor | None = None
    ) -> dict[str, Tensor]:
        y = x * scale if isinstance(x, Tensor) and isinstance(x.shape[0], int) else x
        if mask is not None:
            y = y * mask
        if extra is not None:
            y = y + extra
        parts = [conv(y) for conv in self.convs]
        return {"y": torch.stack(parts).sum(0), "size": parts[0].abs().mean()}


class Normed(nn.Module):
    """A weight that is computed from others."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.utils.parametrizations.weight_norm(nn.Linear(3, 4))

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x.mean((2, 3)))


HARDER = {
    "vision transformer": VisionTransformer,
    "dense net": DenseNet,
    "u-net": UNet,
    "many ways": ManyWays,
    "looped": Looped,
    "nested": lambda: nn.Sequential(Nested(2), nn.Flatten()),
    "optional arguments": Optional,
    "weight norm": Normed,
    "recurrent": Recurrent,
}
