"""The written Python file: it runs alone, gives the same, and reads as the original does."""

import ast
import builtins
import inspect
import re
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from deploying.harder import HARDER, VisionTransformer
from deploying.networks import MAKERS, Bottleneck, made, trained
from deploying.test_formats import close, expected, unseen
from untrained.deploying.export import Exportable, export_network
from untrained.errors import InputError


def alone(path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Imports a file, which may import nothing but torch and the standard library."""
    real = builtins.__import__

    def checked(name: str, *args: Any, **kwargs: Any) -> ModuleType:
        if (sys._getframe(1).f_globals.get("__file__")) == str(path):
            assert name.split(".")[0] in {"torch", "math", "sys", "collections", "pathlib"}
        return real(name, *args, **kwargs)

    module = ModuleType(path.stem)
    module.__file__ = str(path)
    with monkeypatch.context() as patch:
        patch.setattr(builtins, "__import__", checked)
        exec(compile(path.read_text(), str(path), "exec"), vars(module))
    return module


def harder(name: str) -> Exportable:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = trained(HARDER[name]())
        example = torch.randint(0, 20, (4, 5)) if name == "recurrent" else torch.rand(4, 3, 8, 8)
    return Exportable(nn.Identity(), network, example, kind="other")


CASES: dict[str, Callable[[], Exportable]] = {
    **{name: lambda name=name: made(name) for name in MAKERS},
    **{name: lambda name=name: harder(name) for name in HARDER},
}


@pytest.mark.parametrize("name", CASES)
def test_the_file_gives_what_the_network_gives(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    exportable = CASES[name]()
    done = export_network(exportable, "python", tmp_path / "mine.py")
    assert done.paths == (tmp_path / "mine.py", tmp_path / "mine.pt")
    batch = unseen(exportable)
    module = alone(tmp_path / "mine.py", monkeypatch)
    close(tree_leaves(module.predict(batch)), expected(exportable, batch), 1e-5)
    lines = (tmp_path / "mine.py").read_text().splitlines()
    assert max(map(len, lines)) <= 110
    assert ast.get_docstring(ast.parse((tmp_path / "mine.py").read_text()))


def code_of(text: str, name: str) -> dict[str, str]:
    """The methods of a class in some code, without annotations and docstrings."""
    (found,) = (n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.ClassDef) and n.name == name)
    methods = {m.name: m for m in found.body if isinstance(m, ast.FunctionDef)}
    for method in methods.values():
        method.returns = None
        for argument in method.args.args:
            argument.annotation = None
        if ast.get_docstring(method):
            method.body = method.body[1:]
    return {name: "\n".join(map(ast.unparse, method.body)) for name, method in methods.items()}


def written(exportable: Exportable, folder: Path) -> str:
    export_network(exportable, "python", folder / "mine.py")
    return (folder / "mine.py").read_text()


@pytest.mark.parametrize(
    ("name", "own", "again"),
    [("resnet", Bottleneck, "Bottleneck"), ("vision transformer", VisionTransformer, "Network")],
    ids=["bottleneck", "vision transformer"],
)
def test_the_code_of_a_forward_pass_comes_back(name: str, own: type[nn.Module], again: str, tmp_path: Path) -> None:
    text = written(CASES[name](), tmp_path)
    original = code_of(textwrap.dedent(inspect.getsource(own)), own.__name__)
    assert code_of(text, again)["forward"] == original["forward"]


def test_numbers_in_which_modules_differ_are_arguments(tmp_path: Path) -> None:
    text = written(made("functional"), tmp_path)
    init = code_of(text, "Squeeze")["__init__"]
    assert init.splitlines()[1:] == [
        "self.reduce = nn.Linear(8, features)",
        "self.expand = nn.Linear(features, 8)",
    ]
    assert text.count("class Squeeze") == 1
    assert "nn.ModuleList([Squeeze(4), Squeeze(2)])" in text  # 8 channels in 2 and in 4 parts


def test_attributes_and_unpacking_come_back(tmp_path: Path) -> None:
    text = written(harder("vision transformer"), tmp_path)
    attention = code_of(text, "SelfAttention")
    assert "q, k, v = " in attention["forward"]
    assert "n, t, c = x.shape" in attention["forward"]
    assert {"self.heads = heads", "self.scale = scale"} <= set(attention["__init__"].splitlines())


def test_a_loop_with_more_arguments_comes_back(tmp_path: Path) -> None:
    forward = code_of(written(harder("looped"), tmp_path), "Network")["forward"]
    assert re.search(r"for block in self.blocks:\n +(\w+) = block\(\1, \w+\)", forward)
    assert "blocks[" not in forward


def test_long_lists_of_class_names_stay_what_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = made("mlp")
    classes = tuple(f"a class with number {i}, of {'x' * i}" for i in range(30))
    exportable = Exportable(base.prepare, base.network, base.example, classes, "other")
    export_network(exportable, "python", tmp_path / "mine.py")
    assert tuple(alone(tmp_path / "mine.py", monkeypatch).CLASSES) == classes


def test_equal_cells_are_one_class(tmp_path: Path) -> None:
    from untrained.spaces import NASBench201

    arch = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|nor_conv_1x1~2|"
    exportable = Exportable(nn.Identity(), NASBench201(N=3, C=4).build(arch), torch.rand(2, 3, 8, 8))
    text = written(exportable, tmp_path)
    names = sorted(line.split()[1].split("(")[0] for line in text.splitlines() if line.startswith("class "))
    assert names == ["Cell", "Network", "Preprocess", "ReLUConvBN", "Reduction", "Zero"]
    for channels in (4, 8, 16):
        assert f"*(Cell({channels}) for _ in range(3))" in text


def test_tied_weights_stay_tied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export_network(made("tied"), "python", tmp_path / "mine.py")
    network = alone(tmp_path / "mine.py", monkeypatch).load().network
    assert network.head.weight is network.embed.weight
    assert network.second is network.first


def test_the_written_network_can_be_trained_further(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    exportable = made("functional")
    export_network(exportable, "python", tmp_path / "mine.py")
    model = alone(tmp_path / "mine.py", monkeypatch).load().train()
    torch.manual_seed(0)
    first, second = model(exportable.example), model(exportable.example)
    assert not torch.equal(first, second)  # dropout
    first.sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_the_text_says_what_the_network_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = made("mlp")
    about = {"space": 'odd """ name \\ here', "value": "0.91"}
    exportable = Exportable(base.prepare, base.network, base.example, ('a "b"', "it's"), "other", about=about)
    export_network(exportable, "python", tmp_path / "mine.py")
    module = alone(tmp_path / "mine.py", monkeypatch)
    assert module.CLASSES == ['a "b"', "it's"]
    assert "Value: 0.91" in (module.__doc__ or "")
    assert "name \\ here" in (module.__doc__ or "")


def test_pictures_are_read_with_pillow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from PIL import Image

    exportable = made("resnet")
    export_network(exportable, "python", tmp_path / "mine.py")
    pixels = exportable.example[:1]
    Image.fromarray(pixels[0].permute(1, 2, 0).numpy()).save(tmp_path / "one.png")
    monkeypatch.setattr(sys, "argv", ["mine.py", str(tmp_path / "one.png")])
    names = {"__name__": "__main__", "__file__": str(tmp_path / "mine.py")}
    exec(compile((tmp_path / "mine.py").read_text(), "mine.py", "exec"), names)
    likely = int(expected(exportable, pixels)[0].argmax())
    assert capsys.readouterr().out.splitlines()[0].split()[1] == "abcd"[likely]


class DataDependent(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x if x.sum() > 0 else -x


class Outside(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch._foreach_neg([x])[0]  # pyright: ignore[reportPrivateImportUsage]


def hooked() -> nn.Module:
    layer = nn.Linear(5, 2)
    layer.register_forward_hook(lambda *_: None)
    return nn.Sequential(layer)


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (DataDependent(), "DataDependent .*numbers in a tensor"),
        (Outside(), "Outside .*_foreach_neg"),
        (hooked(), r"Linear \(Sequential\.0\) .*hooks"),
        (nn.Sequential(nn.Linear(5, 5), nn.Sequential(DataDependent())), r"DataDependent \(Sequential\.1\.0\)"),
    ],
    ids=["branch", "no public name", "hooks", "the place is told"],
)
def test_what_cannot_be_written_is_said(network: nn.Module, words: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("the old one")
    with pytest.raises(InputError, match=words):
        export_network(Exportable(nn.Identity(), network, torch.rand(3, 5), kind="other"), "python", path)
    assert path.read_text() == "the old one"
    assert list(tmp_path.iterdir()) == [path]


LAYERS = [
    nn.Conv2d(3, 16, (3, 1), padding="same", padding_mode="reflect"),
    nn.ConvTranspose2d(3, 4, 3, 2, output_padding=1),
    nn.Linear(3, 4, bias=False, dtype=torch.float64),
    nn.BatchNorm1d(4, affine=False, eps=1e-3),
    nn.LayerNorm([3, 8], elementwise_affine=False),
    nn.GroupNorm(2, 4),
    nn.GELU(approximate="tanh"),
    nn.AvgPool2d(3, 1, 1, count_include_pad=False),
    nn.AdaptiveAvgPool2d((None, 2)),
    nn.Unflatten(1, (2, 3)),
    nn.GRU(3, 4, 2, bidirectional=True),
    nn.RNN(3, 4, nonlinearity="relu"),
    nn.MultiheadAttention(8, 2, batch_first=True),
    nn.TransformerDecoderLayer(8, 2, activation="gelu"),
    nn.Upsample(scale_factor=2, mode="bilinear"),
    nn.EmbeddingBag(10, 4, mode="sum"),
]


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
def test_constructor_calls_make_the_same_layer(layer: nn.Module) -> None:
    from untrained.deploying.export.python.layers import constructor
    from untrained.deploying.export.python.layout import written as text

    made = eval(text(constructor(layer)), {"nn": nn, "torch": torch, "F": nn.functional})
    assert repr(made) == repr(layer)
    made.load_state_dict(layer.state_dict())
    assert [t.dtype for t in made.state_dict().values()] == [t.dtype for t in layer.state_dict().values()]


def test_arguments_with_their_default_are_left_out() -> None:
    from untrained.deploying.export.python.layers import constructor
    from untrained.deploying.export.python.layout import written as text

    assert text(constructor(nn.Conv2d(3, 8, 3, 1, 1, bias=False))) == "nn.Conv2d(3, 8, 3, padding=1, bias=False)"
    assert text(constructor(nn.MaxPool2d(2, 2))) == "nn.MaxPool2d(2)"
    assert text(constructor(nn.Dropout(0.2))) == "nn.Dropout(0.2)"
