"""Networks of the built-in spaces leave Python: `torch.export` with any number of samples."""

from typing import Any

import pytest
import torch
from torch import Tensor

from untrained.spaces import SPACES

IMAGES, ROWS, TOKENS = torch.randn(2, 3, 9, 9), torch.randn(2, 16), torch.randint(0, 9, (2, 12))
SMALL: dict[str, tuple[Tensor, dict[str, Any]]] = {
    "resnet": (IMAGES, {"image_size": 9}),
    "mobilenet": (IMAGES, {"image_size": 9}),
    "vit": (IMAGES, {"image_size": 9}),
    "vit, relative positions": (IMAGES, {"image_size": 9, "relative": True}),
    "mobilenet, resized": (torch.randn(2, 3, 132, 132), {"image_size": 132}),
    "unet": (IMAGES, {"image_size": 9}),
    "darts": (IMAGES, {"C": 4, "layers": 3}),
    "nasbench101": (IMAGES, {"C": 8, "N": 1}),
    "transnas101-micro": (IMAGES, {"image_size": 9}),
    "transnas101-macro": (IMAGES, {"image_size": 9, "task": "segmentation"}),
    "mlp": (ROWS, {}),
    "transformer": (TOKENS, {"length": 12}),
    "gpt": (TOKENS, {"length": 12}),
    "bert": (TOKENS, {"length": 12}),
}


@pytest.mark.parametrize("name", SMALL)
def test_networks_are_exported_for_any_number_of_samples(name: str) -> None:
    torch.manual_seed(0)
    inputs, options = SMALL[name]
    space = SPACES[name.partition(",")[0]](**options)
    arch = "w0.2r128" + "|k3e3-k3e3" * 5 if "resized" in name else space.pool(1)[0]
    net = space.build(arch).eval()
    samples = torch.export.Dim("samples", min=1, max=64)
    exported = torch.export.export(net, (inputs,), dynamic_shapes=({0: samples},)).module()
    three = torch.cat([inputs, inputs[:1]])
    torch.testing.assert_close(exported(three), net(three))
