"""Networks of the spaces that come with the package can be written as Python, all their classes included."""

from pathlib import Path

import pytest
import torch
from torch import nn

from untrained.deploying.export import Exportable, export_network
from untrained.spaces import SPACES, get_space

FACTS = {"num_classes": 4, "in_channels": 3, "image_size": 16, "in_features": 6, "vocabulary": 20, "length": 8}
TOKENS = torch.arange(32).view(4, 8) % 20
PIXELS = [("transnas101-macro", "segmentation"), ("transnas101-macro", "normal")]
NAMES = [*((name, None) for name in sorted(set(SPACES) - {"nasbench201"})), *PIXELS]
EXAMPLES = {"mlp": torch.ones(4, 6), "transformer": TOKENS, "gpt": TOKENS, "bert": TOKENS}


@pytest.mark.parametrize(("name", "task"), NAMES)
def test_a_network_of_each_space_is_written_as_python(name: str, task: str | None, tmp_path: Path) -> None:
    space = get_space(name, FACTS | ({} if task is None else {"task": task}))
    torch.manual_seed(0)
    example = EXAMPLES.get(name, torch.rand(4, 3, 16, 16))
    exportable = Exportable(nn.Identity(), space.build(space.pool(1)[0]), example, kind="other")
    done = export_network(exportable, "python", tmp_path / "mine.py")
    assert done.difference < 1e-5
    text = done.paths[0].read_text()
    assert "constant" not in text  # nothing of the example has become part of the network
