"""Networks as rows of cards, one for each block."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from untrained.report.drawing.card import NARROWEST, WIDEST, Card
from untrained.report.drawing.scene import FAINT, INK, SMALL, Box, Label, Scene, fitted, polyline
from untrained.spaces.picture import Chain, Stage, folded

GAP, ROW_GAP = 26.0, 32.0
"""Between cards side by side, and between rows: room for arrows."""
FRAME, HEADING = 16.0, 24.0
"""Between the sides of a stage's frame and its cards; above them, with its title."""
ASIDE = 11.0
"""How far arrows to another row go to the side: beyond the scene, if it is as wide as it may be."""


@dataclass(frozen=True)
class Unit:
    """A stage and its cards."""

    stage: Stage
    cards: Sequence[Card]

    @property
    def frame(self) -> float:
        """The room at both sides of the cards."""
        return FRAME if self.stage.title else 0.0

    def width(self, card: float, most: int) -> float:
        """Its width, with cards of a width and at most so many in a row."""
        across = min(len(self.cards), most)
        return across * (card + GAP) - GAP + 2 * self.frame


@dataclass(frozen=True)
class Place:
    """Where a card is: its upper left corner, and the lower end of all that is in its row."""

    unit: Unit
    x: float
    y: float
    bottom: float


def chain_scene(chain: Chain, width: float) -> Scene:
    """Lays out a network in rows of cards from left to right; a stage is a frame around its cards.

    Args:
        chain: the network.
        width: how wide it may be.
    """
    units = list(_units(chain))
    cards = [card for unit in units for card in unit.cards]
    wide = min(max(NARROWEST, *(card.width for card in cards)), WIDEST)
    indent = FRAME if any(stage.title for stage in chain.stages) else 0.0
    room = width - 2 * indent
    most = max(1, int((room + GAP) // (wide + GAP)))
    scene, places, y = Scene(), list[Place](), 0.0
    for row in _rows(units, wide, most, room):
        height = max(card.height for unit in row for card in unit.cards)
        framed = any(unit.stage.title for unit in row)
        top = y + (HEADING if framed else 0.0)
        lines = -(-max(len(unit.cards) for unit in row) // most)
        bottom = top + lines * (height + ROW_GAP) - ROW_GAP + (FRAME if framed else 0.0)
        x = indent - row[0].frame
        for unit in row:
            across = unit.width(wide, most)
            if unit.stage.title:
                title = fitted(unit.stage.title, across - 2 * FRAME, SMALL)
                scene.add(Box(x, y, across, bottom - y, INK, 0.03, 0.16, radius=9.0))
                scene.add(Label(x + FRAME, y + HEADING / 2 + 1, title, SMALL, opacity=FAINT, anchor="start"))
            for k, card in enumerate(unit.cards):
                left = x + unit.frame + k % most * (wide + GAP)
                upper = top + k // most * (height + ROW_GAP)
                card.draw(scene, left, upper, wide, height)
                last = k // most == (len(unit.cards) - 1) // most
                places.append(Place(unit, left, upper + height / 2, bottom if last else upper + height))
            x += across + GAP
        scene.width = max(scene.width, x - GAP)
        scene.height, y = bottom, bottom + ROW_GAP
    for one, other in pairwise(places):
        if one.y == other.y:
            scene.add(polyline([(one.x + wide, one.y), (other.x, other.y)]))
            continue
        inside = one.unit is other.unit
        right = one.x + wide + ASIDE + (0.0 if inside else one.unit.frame)
        left = -ASIDE + (indent if inside else 0.0)
        middle = one.bottom + ROW_GAP / 2
        corners = [(right, one.y), (right, middle), (left, middle), (left, other.y)]
        scene.add(polyline([(one.x + wide, one.y), *corners, (other.x, other.y)]))
    return scene


def _units(chain: Chain) -> Iterator[Unit]:
    """The stages with a title, and each card that stands outside of one by itself."""
    for stage in chain.stages:
        cards = [Card(*pair) for pair in folded(stage.blocks)]
        yield from (Unit(stage, [card]) for card in cards) if not stage.title else [Unit(stage, cards)]


def _rows(units: Sequence[Unit], card: float, most: int, room: float) -> Iterator[list[Unit]]:
    """The units of each row; one that needs several rows has them for itself."""
    row, used = list[Unit](), 0.0
    for unit in units:
        width = unit.width(card, most)
        alone = len(unit.cards) > most
        if row and (alone or len(row[-1].cards) > most or used + GAP + width > room + unit.frame + row[0].frame):
            yield row
            row, used = [], 0.0
        row.append(unit)
        used += width + (GAP if used else 0.0)
    yield row
