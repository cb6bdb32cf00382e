"""What there is to draw of an architecture."""

import random
from collections.abc import Callable

import pytest
import torch
from optuna.distributions import BaseDistribution, CategoricalDistribution
from torch import Tensor, nn

from spaces.networks import parameters
from untrained import DARTS, SPACES, InputError, SearchSpace, UNets, choice, repeat, space
from untrained.spaces import NASBench101, NASBench201, ResNets, TransNASMacro, TransNASMicro, get_space
from untrained.spaces.picture import Chain, Graph, Picture

DARTS_V2 = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), "
    "('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)], normal_concat=[2, 3, 4, 5], "
    "reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0), "
    "('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], reduce_concat=[2, 3, 4, 5])"
)
"""As the authors publish it: (operation, node that it is applied to), two for each of four nodes."""


def chain_of(picture: Picture) -> Chain:
    """The network of a picture."""
    return next(part for part in picture.parts if isinstance(part, Chain))


def graph_of(picture: Picture) -> Graph:
    """The first cell of a picture."""
    return next(part for part in picture.parts if isinstance(part, Graph))


@pytest.mark.parametrize("name", SPACES)
def test_every_space_has_a_picture(name: str) -> None:
    made = get_space(name, N=2) if "N" in SPACES[name]().options else get_space(name)
    rng = random.Random(0)
    for arch in (made.sample(rng) for _ in range(2)):
        picture = made.picture(arch)
        assert (picture.title, picture.architecture) == (name, arch)
        chain = chain_of(picture)
        assert chain.blocks[0].kind == "input"
        assert len(chain.blocks) > 2 or arch == "depth=0"
        for graph in (part for part in picture.parts if isinstance(part, Graph)):
            names = [node.name for node in graph.nodes]
            assert len({*names}) == len(names)
            assert all(names.index(edge.source) < names.index(edge.target) for edge in graph.edges)
        with pytest.raises(InputError):
            made.picture("no architecture")
        if made.has_networks:
            # Tokens of their own and places are parameters of no block.
            loose = {"vit", "transformer", "bert"}
            counted, all_of_them = sum(block.params or 0 for block in chain.blocks), parameters(made, arch)
            assert picture.params == all_of_them
            assert counted <= all_of_them if name in loose else counted == all_of_them


def test_edges_of_a_cell_of_nasbench201() -> None:
    graph = graph_of(
        NASBench201().picture("|none~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|none~1|nor_conv_1x1~2|")
    )
    assert [(e.source, e.target, e.label, e.kind, e.dead) for e in graph.edges] == [
        ("0", "1", "none", "none", True),
        ("0", "2", "nor_conv_3x3", "conv", False),
        ("1", "2", "avg_pool_3x3", "pool", True),  # nothing reaches node 1
        ("0", "3", "skip_connect", "skip", False),
        ("1", "3", "none", "none", True),
        ("2", "3", "nor_conv_1x1", "conv", False),
    ]


def test_an_operation_whose_result_is_dropped_is_dead() -> None:
    graph = graph_of(TransNASMicro().picture("64-41414-3_00_300"))  # 0->1 and 0->3 are convolutions, all else is none
    assert [(e.source, e.target) for e in graph.edges if not e.dead] == [("0", "3")]


def test_edges_of_a_cell_of_nasbench101() -> None:
    graph = graph_of(NASBench101().picture("conv3x3+maxpool3x3|01+02+13+23"))
    assert [node.label for node in graph.nodes] == ["input", "conv3x3", "maxpool3x3", "output"]
    assert {(e.source, e.target) for e in graph.edges} == {("0", "1"), ("0", "2"), ("1", "3"), ("2", "3")}


def test_edges_of_darts_second_order_cells() -> None:
    made = DARTS(C=36, layers=8)
    normal, reduction, network = made.picture(made.read(DARTS_V2)).parts
    assert isinstance(normal, Graph)
    assert isinstance(reduction, Graph)
    assert isinstance(network, Chain)
    assert {(e.label, e.source, e.target) for e in normal.edges if e.label} == {
        ("sep_conv_3x3", "before last", "0"),
        ("sep_conv_3x3", "last", "0"),
        ("sep_conv_3x3", "before last", "1"),
        ("sep_conv_3x3", "last", "1"),
        ("sep_conv_3x3", "last", "2"),
        ("skip_connect", "before last", "2"),
        ("skip_connect", "before last", "3"),
        ("dil_conv_3x3", "0", "3"),
    }
    assert [(e.source, e.target) for e in normal.edges if not e.label] == [(str(k), "output") for k in range(4)]
    assert sum(e.label == "skip_connect" for e in reduction.edges) == 3
    # Reduction cells at a third and at two thirds of 8, with four nodes of 36, 72, 144 channels.
    cells = [block for block in network.blocks if block.kind in ("cell", "reduction")]
    assert [k for k, block in enumerate(cells) if block.kind == "reduction"] == [2, 5]
    assert [cells[k].shape for k in (0, 2, 5)] == [(144, 32, 32), (288, 16, 16), (576, 8, 8)]


def test_stages_of_resnet_18() -> None:
    picture = ResNets(1000, 3, 224).picture("block=basic,width=64,depth1=2,depth2=2,depth3=2,depth4=2")
    chain = chain_of(picture)
    stages = [stage for stage in chain.stages if stage.title]
    # He et al., table 1.
    assert [[block.shape for block in stage.blocks] for stage in stages] == [
        [(64, 56, 56)] * 2,
        [(128, 28, 28)] * 2,
        [(256, 14, 14)] * 2,
        [(512, 7, 7)] * 2,
    ]
    assert stages[0].blocks[0].params == 2 * (9 * 64 * 64 + 2 * 64)
    assert "stride 2" in stages[1].blocks[0].details
    assert "stride 2" not in stages[1].blocks[1].details
    assert [block.shape for block in chain.blocks[:3]] == [(3, 224, 224), (64, 112, 112), (64, 56, 56)]
    assert picture.params == 11_689_512
    assert chain.blocks[-1].shape == (1000,)


def test_a_unet_takes_on_the_way_up_what_it_had_on_the_way_down() -> None:
    chain = chain_of(UNets(num_classes=1).picture("depth=4,width=64,convs=2,block=plain"))
    assert sum(block.params or 0 for block in chain.blocks) == 31_037_633
    shapes = [block.shape for block in chain.blocks]
    assert shapes[1:6] == [(64, 64, 64), (128, 32, 32), (256, 16, 16), (512, 8, 8), (1024, 4, 4)]
    assert len(chain.skips) == 4
    assert all(shapes[source] == shapes[target] for source, target in chain.skips)


@pytest.mark.parametrize(
    ("task", "outputs"),
    [("class_object", (100,)), ("jigsaw", (1000,)), ("segmentsemantic", (17, 256, 256)), ("normal", (3, 256, 256))],
)
def test_layers_of_transnas101(task: str, outputs: tuple[int, ...]) -> None:
    chain = chain_of(TransNASMacro(task=task).picture("64-4311-basic"))
    layers = [stage.blocks for stage in chain.stages if stage.title.startswith("layer")]
    start = 16 if task == "jigsaw" else 64  # a quarter of the image's or the piece's side
    assert [[block.shape for block in blocks] for blocks in layers] == [
        [(128, start // 2, start // 2)] * 2,  # doubles and halves
        *[[(128, start // 4, start // 4)] * 2] * 3,  # halves, and stays
    ]
    assert chain.blocks[-1].shape == outputs


class Backwards(nn.Module):
    """Holds its parts in another order than it calls them, and one that it never calls."""

    def __init__(self, num_classes: int = 10, in_channels: int = 3) -> None:
        super().__init__()
        self.head = nn.Linear(8, num_classes)
        self.unused = nn.Linear(5, 5)
        self.body = repeat("depth", lambda: nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8)), 1, 3)
        self.act = choice("act", nn.ReLU(), nn.GELU())
        self.stem = nn.Conv2d(in_channels, 8, 3, padding=1, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """n x in_channels x h x w -> n x num_classes."""
        return self.head(self.body(self.act(self.stem(x))).mean((2, 3)))


def test_a_network_of_ones_own_is_read_off_its_modules() -> None:
    picture = space(Backwards).picture("depth=2,act=GELU")
    found = [(block.title, block.details, block.shape, block.params) for block in chain_of(picture).blocks]
    conv = ("Conv2d 3×3", ("BatchNorm2d",), (8, 16, 16), 9 * 8 * 8 + 8 + 16)
    assert found == [
        ("input", (), (3, 32, 32), None),
        ("Conv2d 3×3", ("stem", "stride 2", "GELU"), (8, 16, 16), 9 * 3 * 8 + 8),
        conv,
        conv,
        ("Linear", ("head",), (10,), 90),
    ]
    assert [stage.title for stage in chain_of(picture).stages] == ["", "", "body", ""]
    assert picture.title.endswith("test_picture:Backwards")


def test_inputs_can_be_given() -> None:
    made = space(Backwards, in_channels=1)
    chain = chain_of(made.picture("depth=1,act=ReLU", torch.zeros(2, 1, 8, 12)))
    assert chain.blocks[1].shape == (8, 4, 6)
    with pytest.raises(InputError, match="does not take these data"):
        made.picture("depth=1,act=ReLU", torch.zeros(2, 5))


class Own(SearchSpace):
    """A space that says nothing of its data."""

    def __init__(self, make: Callable[[int], nn.Module]) -> None:
        self.make = make

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        """One decision."""
        return {"width": CategoricalDistribution([4, 10**6])}

    def build(self, arch: str) -> nn.Module:
        """What the function makes."""
        return self.make(self.to_params(arch)["width"])


def test_without_inputs_there_are_no_shapes() -> None:
    made = Own(lambda width: nn.Sequential(nn.Linear(3, width), nn.Tanh(), nn.Sequential(nn.Linear(width, 2))))
    assert [(b.title, b.details, b.shape, b.params) for b in chain_of(made.picture("width=4")).blocks[1:]] == [
        ("Linear", ("Tanh",), None, 16),
        ("Linear", (), None, 10),
    ]


def test_nothing_is_allocated() -> None:
    picture = Own(lambda width: nn.Sequential(nn.Linear(4, width), nn.Linear(width, width))).picture("width=1000000")
    assert picture.params == 5 * 10**6 + 10**12 + 10**6  # 4 TB in single precision


def test_a_network_that_reads_numbers_has_a_picture() -> None:
    def make(width: int) -> nn.Module:
        rates = torch.linspace(0, 0.1, 3).tolist()
        return nn.Sequential(nn.Linear(4, width), nn.Dropout(rates[1]), nn.Linear(width, 2))

    assert [b.title for b in chain_of(Own(make).picture("width=4")).blocks] == ["input", "Linear", "Linear"]


def test_a_network_that_cannot_be_built() -> None:
    def make(width: int) -> nn.Module:
        raise ZeroDivisionError("no way")

    with pytest.raises(InputError, match="cannot be built: ZeroDivisionError: no way"):
        Own(make).picture("width=4")


def test_what_follows_a_block_of_several_layers_stands_by_itself() -> None:
    class Layer(nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.mix, self.norm = nn.Linear(width, width), nn.LayerNorm(width)

        def forward(self, x: Tensor) -> Tensor:
            return x + self.mix(self.norm(x))

    made = Own(lambda width: nn.Sequential(Layer(width), Layer(width), nn.LayerNorm(width), nn.Linear(width, 2)))
    assert [(b.title, b.details) for b in chain_of(made.picture("width=4")).blocks[1:]] == [
        *[("Layer", ("Linear", "LayerNorm"))] * 2,
        ("LayerNorm", ()),
        ("Linear", ()),
    ]


def test_what_only_trainings_have_is_not_drawn() -> None:
    made, plain = (DARTS(C=4, layers=3, auxiliary=weight) for weight in (0.4, 0.0))
    arch = made.read(DARTS_V2)
    assert made.picture(arch) == plain.picture(arch)


def test_images_of_another_resolution() -> None:
    made = get_space("mobilenet", image_size=224)
    chain = chain_of(made.picture("w1.0r160|k3e3-k3e3|k3e3-k3e3|k3e3-k3e3|k3e3-k3e3|k3e3-k3e3"))
    assert [block.shape for block in chain.blocks[:3]] == [(3, 224, 224), (3, 160, 160), (16, 80, 80)]
