"""Draws an architecture of each space into `pictures/`, for docs/guides/drawing.md.

`make pictures` runs it; `tests/report/test_gallery.py` says when a picture is out of date.
"""

from pathlib import Path
from typing import Any

import untrained

FOLDER = Path(__file__).parent / "pictures"

Drawn = tuple[str, dict[str, Any]]
"""An architecture, and options of its space."""

PICTURES: dict[str, Drawn] = {
    "nasbench201": ("|nor_conv_1x1~0|+|nor_conv_1x1~0|nor_conv_3x3~1|+|skip_connect~0|none~1|avg_pool_3x3~2|", {}),
    "nasbench101": ("conv3x3+conv1x1+conv3x3+maxpool3x3|01+02+03+05+14+24+35+45", {}),
    "darts": (
        # The second-order cells of the paper, and its network for CIFAR-10.
        "normal=|sep_conv_3x3~0|sep_conv_3x3~1|+|sep_conv_3x3~0|sep_conv_3x3~1|+|skip_connect~0|sep_conv_3x3~1|+"
        "|skip_connect~0|dil_conv_3x3~2|,reduce=|max_pool_3x3~0|max_pool_3x3~1|+|max_pool_3x3~1|skip_connect~2|+"
        "|max_pool_3x3~0|skip_connect~2|+|max_pool_3x3~1|skip_connect~2|",
        {"C": 36, "layers": 20},
    ),
    "transnas101-micro": ("64-41414-1_02_333", {}),
    "transnas101-macro": ("64-41131-basic", {}),
    "natsbench-size": ("8:16:32:48:64", {}),
    "resnet": (  # ResNet-18
        "block=basic,width=64,depth1=2,depth2=2,depth3=2,depth4=2",
        {"image_size": 224, "num_classes": 1000},
    ),
    "mobilenet": (
        "w1.0|k3e4-k5e3|k5e3-k5e4-k3e6|k7e6-k3e4-k3e3|k5e6-k5e6|k7e6-k5e4-k3e6",
        {"image_size": 224, "num_classes": 1000},
    ),
    "mnasnet": (
        "e6k3l1s0|e4k5l2s0|e6k3l3s0|e6k5l3s0|e6k5l2s0|e1k3l2s1|e1k3l2s0",
        {"image_size": 224, "num_classes": 1000},
    ),
    "unet": ("depth=3,width=32,convs=2,block=residual", {"num_classes": 4}),
    "mlp": ("depth=4,width=256,shape=funnel,act=silu,norm=batch,dropout=0.1,residual=True", {"in_features": 12}),
    "vit": ("e128;h4,4,6,4,2;m2.0,4.0,4.0,3.0,3.0", {}),
    "transformer": ("width=64,depth=4,heads=4,ratio=2,dropout=0.1", {}),
    "bert": ("128;SA-WMA-h4-f256x2;LT-DCT-h2-f128x1;DSC-5-h4-f256x1;SA-SDP-h4-f256x1", {}),
    "gpt": ("e128;l6;h8,8,4,4,4,8;m4,4,2,3,3,4;b0", {}),
}

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, (arch, options) in PICTURES.items():
        untrained.draw(name, arch, **options).save(FOLDER / f"{name}.svg")
