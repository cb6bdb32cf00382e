"""Trained networks of many kinds, as an export gets them."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from untrained.deploying.export import Exportable
from untrained.spaces import NASBench201


class Pixels(nn.Module):
    """uint8 pixels -> resized, rounded to whole pixels, normalised."""

    mean: Tensor
    std: Tensor

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("mean", torch.rand(channels, 1, 1))
        self.register_buffer("std", torch.rand(channels, 1, 1) + 0.5)

    def forward(self, x: Tensor) -> Tensor:
        x = F.interpolate(x.float(), (self.size, self.size), mode="bilinear", align_corners=False, antialias=True)
        return (x.round().clamp(0, 255) / 255 - self.mean) / self.std


class Squeeze(nn.Module):
    def __init__(self, channels: int, parts: int) -> None:
        super().__init__()
        self.reduce = nn.Linear(channels, channels // parts)
        self.expand = nn.Linear(channels // parts, channels)

    def forward(self, x: Tensor) -> Tensor:
        weights = F.adaptive_avg_pool2d(x, 1).flatten(1)
        weights = torch.sigmoid(self.expand(F.relu(self.reduce(weights))))
        return x * weights[:, :, None, None]


class Functional(nn.Module):
    """Functions, bare parameters and buffers, sizes, and a loop."""

    shift: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.squeeze = nn.ModuleList([Squeeze(8, 2), Squeeze(8, 4)])
        self.gain = nn.Parameter(torch.rand(8, 1, 1))
        self.register_buffer("shift", torch.rand(8, 1, 1), persistent=False)
        self.head = nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = F.gelu(self.conv(x)) * self.gain + self.shift
        if x.shape[1] != 8:
            raise ValueError("8 channels")
        for squeeze in self.squeeze:
            x = x + squeeze(x)
        x = torch.cat([x.mean((2, 3)), x.amax((2, 3))], dim=1)
        x = F.dropout(x, 0.3, self.training)
        return self.head(x.view(x.size(0), -1))


class Bottleneck(nn.Module):
    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        middle = c_out // 4
        self.conv1 = nn.Conv2d(c_in, middle, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(middle)
        self.conv2 = nn.Conv2d(middle, middle, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(middle)
        self.conv3 = nn.Conv2d(middle, c_out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(c_out)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut = nn.Identity()
        if stride != 1 or c_in != c_out:
            self.shortcut = nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out))

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        out += self.shortcut(x)
        return self.relu(out)


class ResNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.stage1 = nn.Sequential(Bottleneck(8, 16, 1), Bottleneck(16, 16, 1), Bottleneck(16, 16, 1))
        self.stage2 = nn.Sequential(Bottleneck(16, 32, 2), Bottleneck(32, 32, 1))
        self.head = nn.Linear(32, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stage2(self.stage1(self.stem(x)))
        return self.head(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1))


class TwoInputs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.image = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.table = nn.Linear(5, 4)
        self.head = nn.Linear(8, 1)

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        return self.head(torch.cat([self.image(inputs["image"]), F.relu(self.table(inputs["table"]))], 1)).squeeze(1)


class PrepareTwo(nn.Module):
    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.rand(5))

    def forward(self, raw: dict[str, Tensor]) -> dict[str, Tensor]:
        table = torch.where(raw["table"].isnan(), self.mean, raw["table"])
        return {"image": raw["image"].float() / 255, "table": table}


class Attention(nn.Module):
    """Tokens -> classes, with a position of its own for each token."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(20, 8)
        self.position = nn.Parameter(torch.rand(6, 8))
        layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, activation="gelu", batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(8, 3)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.layers(self.embed(tokens) + self.position).mean(1))


class Tied(nn.Module):
    """An auto-encoder of tokens: the last layer has the embedding's weight, and one block is used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(20, 8)
        self.first = Squeezed(8)
        self.second = self.first
        self.head = nn.Linear(8, 20, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.second(self.first(self.embed(tokens).sum(1))))


class Squeezed(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.tanh(self.linear(x))


class TwoHeads(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Linear(5, 4)
        self.a, self.b = nn.Linear(4, 2), nn.Linear(4, 3)

    def forward(self, inputs: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        first, second = inputs
        hidden = self.body(first) * self.body(second)
        return {"kind": self.a(hidden), "size": self.b(hidden)}


def mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.GELU(), nn.Dropout(0.2), nn.Linear(8, 3))


def trained(network: nn.Module) -> nn.Module:
    """Gives every BatchNorm statistics that a training might have left."""
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            assert module.running_mean is not None
            assert module.running_var is not None
            nn.init.uniform_(module.running_mean, -0.5, 0.5)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
            nn.init.uniform_(module.weight, 0.5, 2.0)
            nn.init.uniform_(module.bias, -0.5, 0.5)
    return network


def pictures(size: int, channels: int = 3) -> Tensor:
    return torch.randint(0, 256, (4, channels, size, size), dtype=torch.uint8)


ARCH = "|nor_conv_3x3~0|+|skip_connect~0|nor_conv_1x1~1|+|none~0|avg_pool_3x3~1|nor_conv_3x3~2|"
MAKERS: dict[str, Callable[[], Exportable]] = {
    "nasbench201": lambda: Exportable(
        Pixels(3, 8), NASBench201(N=1, C=4).build(ARCH), pictures(13), tuple("abcdefghij"), about={"architecture": ARCH}
    ),
    "functional": lambda: Exportable(Pixels(3, 8), Functional(), pictures(8), tuple("abcd"), "multi-label"),
    "resnet": lambda: Exportable(Pixels(3, 8), ResNet(), pictures(16), tuple("abcd")),
    "mlp": lambda: Exportable(nn.Identity(), mlp(), torch.rand(4, 5), tuple("abc")),
    "two inputs": lambda: Exportable(
        PrepareTwo(),
        TwoInputs(),
        {"image": pictures(8, 1), "table": torch.tensor([[1.0, 2.0, float("nan"), 0.5, 3.0]] * 4)},
        kind="regression",
    ),
    "attention": lambda: Exportable(nn.Identity(), Attention(), torch.randint(0, 20, (4, 6)), tuple("abc")),
    "tied": lambda: Exportable(nn.Identity(), Tied(), torch.randint(0, 20, (4, 6)), kind="other"),
    "two heads": lambda: Exportable(nn.Identity(), TwoHeads(), (torch.rand(4, 5), torch.rand(4, 5)), kind="several"),
}


def made(name: str) -> Exportable:
    """The trained network of a name, the same each time."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        found = MAKERS[name]()
        trained(found.network)
    return found
