"""A block of a network as a card: what it is, its details, the shape of its output, its parameters."""

from dataclasses import dataclass, replace

from untrained.report.drawing.colours import COLOURS, tint
from untrained.report.drawing.scene import FAINT, HEAD, TEXT, Box, Label, Scene, fitted, polyline, text_width
from untrained.spaces.picture import Block

WIDEST, NARROWEST = 176.0, 84.0
PADDING, LINE = 9.0, 15.0
FOLD = 3.0
"""By how much the cards below one that stands for several look out."""


@dataclass(frozen=True)
class Card:
    """A block, and how often it stands there in a row."""

    block: Block
    times: int = 1

    @property
    def facts(self) -> tuple[str, ...]:
        """The shape and the parameters, as far as they are known; 0 parameters are not told."""
        found = (shape_text(self.block.shape), params_text(self.block.params) if self.block.params else "")
        return tuple(filter(None, found))

    @property
    def badge(self) -> str:
        """How often the block stands there."""
        return f"× {self.times}" if self.times > 1 else ""

    @property
    def width(self) -> float:
        """The width that its text needs."""
        first = text_width(self.block.title, HEAD, "bold") + self._badge_width
        return 2 * PADDING + max(first, *(text_width(line, TEXT) for line in ("", *self.block.details, *self.facts)))

    @property
    def height(self) -> float:
        """The height of its lines."""
        return LINE * (1 + len(self.block.details) + len(self.facts)) + 2 * PADDING - 2

    @property
    def _badge_width(self) -> float:
        return text_width(self.badge, TEXT, "bold") + 8 if self.badge else 0.0

    def draw(self, scene: Scene, x: float, y: float, width: float, height: float) -> None:
        """Draws the card.

        Args:
            scene: on which.
            x, y: its upper left corner.
            width, height: how large it is.
        """
        colour, room = COLOURS[self.block.kind], width - 2 * PADDING
        for k in (2, 1) if self.badge else ():
            right, bottom, out = x + width + FOLD * k, y + height + FOLD * k, FOLD * k
            corners = [(right, y + out + 2), (right, bottom), (x + out + 2, bottom)]
            scene.add(replace(polyline(corners, 6.0), colour=colour, opacity=0.9 - 0.2 * k, arrow=False, width=1.1))
        scene.add(Box(x, y, width, height, colour, *tint(colour)))
        middle = y + PADDING + LINE / 2 - 1
        title = fitted(self.block.title, room - self._badge_width, HEAD, "bold")
        scene.add(Label(x + PADDING, middle, title, HEAD, "bold", anchor="start"))
        if self.badge:
            scene.add(Label(x + width - PADDING, middle, self.badge, TEXT, "bold", FAINT, "end"))
        for line in self.block.details:
            middle += LINE
            scene.add(Label(x + PADDING, middle, fitted(line, room, TEXT), TEXT, anchor="start"))
        for line in self.facts:
            middle += LINE
            scene.add(Label(x + PADDING, middle, fitted(line, room, TEXT), TEXT, opacity=FAINT, anchor="start"))


def shape_text(shape: tuple[int, ...] | None) -> str:
    """A shape as papers write it, with the channels of maps behind their sides; "" if it is not known.

    Example:
        >>> shape_text((64, 32, 32)), shape_text((128,)), shape_text((16, 96))
        ('32×32×64', '128', '16×96')
    """
    if shape is None:
        return ""
    return "×".join(map(str, shape if len(shape) != 3 else (*shape[1:], shape[0]))) or "1"


def params_text(params: int) -> str:
    """A number of parameters in four characters or so.

    Example:
        >>> params_text(640), params_text(73_856), params_text(11_689_512)
        ('640 params', '73.9 k params', '11.7 M params')
    """
    if params < 1000:
        return f"{params} params"
    number, unit = (params / 1e3, "k") if params < 999_500 else (params / 1e6, "M")
    digits = max(0, 2 - len(str(int(number))) + 1) if number < 100 else 0
    return f"{number:.{digits}f} {unit} params"
