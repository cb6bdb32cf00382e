"""An architecture as a picture."""

from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from untrained.errors import InputError, shown
from untrained.runtime.files import written_whole
from untrained.spaces import as_space
from untrained.spaces.picture import Picture

if TYPE_CHECKING:
    from untrained.report.drawing.scene import Scene

THEMES = ("auto", "light", "dark")
ENDINGS = (".svg", ".png", ".pdf")


@dataclass(frozen=True)
class Drawing:
    """A drawn architecture. In a notebook, it shows itself.

    Args:
        picture: what there is to draw.
        theme: `light` or `dark` for a page of this kind; `auto` for both: an SVG then takes the colour of the text
            around it, or that which its viewer prefers, and other files are dark on white.

    Attributes:
        svg: the SVG, to stand in an HTML page.

    Example:
        >>> from untrained.spaces.picture import Block, Chain, Stage
        >>> chain = Chain("network", (Stage((Block("input", "input"), Block("linear", "linear", shape=(10,)))),))
        >>> drawing = Drawing(Picture("mine", "depth=0", (chain,)))
        >>> drawing.svg.startswith("<svg"), "depth=0" in drawing.svg
        (True, True)
        >>> drawing.save("mine.pdf")
    """

    picture: Picture
    theme: str = "auto"

    def __post_init__(self) -> None:
        check_theme(self.theme)
        try:
            import matplotlib  # noqa: F401
        except ImportError as error:
            raise InputError("drawing needs matplotlib: pip install 'untrained[draw]'") from error

    @cached_property
    def scene(self) -> "Scene":
        """Everything at its place."""
        from untrained.report.drawing.page import page

        return page(self.picture)

    @cached_property
    def svg(self) -> str:
        """The SVG, to stand in an HTML page: its text and lines have the colour of the text around it."""
        from untrained.report.drawing.canvas import svg_of

        picture = self.picture
        name = "a" + blake2b(repr(picture).encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
        title = f"{picture.title}: {picture.architecture}"
        return svg_of(self.scene, title, picture.described(), self.theme, name)

    def save(self, path: str | Path) -> None:
        """Writes the drawing to a file.

        Args:
            path: a file that ends in `.svg`, `.png` or `.pdf`.

        Raises:
            InputError: if it has another ending, or cannot be written.
        """
        from untrained.report.drawing.canvas import in_a_file, rendered

        path = checked_path(path)
        ending = path.suffix.lower()
        content = in_a_file(self.svg).encode() if ending == ".svg" else rendered(self.scene, ending[1:], self.theme)
        with written_whole(path) as temporary:
            temporary.write_bytes(content)

    def _repr_svg_(self) -> str:
        return self.svg


def check_theme(theme: str) -> None:
    """Raises `InputError` if there is no such theme."""
    if theme not in THEMES:
        raise InputError(f"unknown theme {shown(theme, 40)}: choose from {', '.join(THEMES)}")


def checked_path(path: str | Path) -> Path:
    """The path of a file that a drawing can be written to.

    Raises:
        InputError: if it has another ending, or is a folder.
    """
    path = Path(path)
    if path.suffix.lower() not in ENDINGS:
        raise InputError(f"{str(path)!r}: give a file that ends in {', '.join(ENDINGS)}")
    if path.is_dir():
        raise InputError(f"{str(path)!r} is a folder: give a file in it")
    return path


def draw(space: Any, arch: str, *, data: Any = None, theme: str = "auto", **options: Any) -> Drawing:
    """Draws an architecture: the graph of its cell, its network block by block, or both.

    What there is to draw is the space's to say (`SearchSpace.picture`); a space that says nothing shows the blocks of
    its network. Nothing is allocated.

    Args:
        space: a space, its name, or a function that builds a network (see `untrained.space`).
        arch: an architecture, in any form that the space reads.
        data: what the network is for, as `untrained.search` takes it: facts such as the number of classes come from it,
            and so does the shape of the inputs.
        theme: `light`, `dark` or `auto` (see `Drawing`).
        options: of the space.

    Returns:
        The drawing, which `save` writes to a file, and a notebook shows.

    Raises:
        InputError: if there is no such space, architecture or theme, or matplotlib is not installed.

    Example:
        >>> import untrained
        >>> drawing = untrained.draw("resnet", "block=basic,width=8,depth1=1,depth2=1,depth3=1,depth4=0")
        >>> drawing.save("resnet.svg")
        >>> [stage.title for stage in drawing.picture.parts[0].stages if stage.title]
        ['stage 1', 'stage 2', 'stage 3']
    """
    from untrained.data import as_data

    check_theme(theme)
    found = None if data is None else as_data(data)
    made = as_space(space, None if found is None else found.facts, **options)
    inputs = None if found is None else found.batch(2)[0]
    return Drawing(made.picture(made.read(arch), inputs), theme)
