"""Networks that go down and up again, and take on the way up what they had on the way down, as U-Nets do."""

from itertools import pairwise

from untrained.report.drawing.card import NARROWEST, WIDEST, Card
from untrained.report.drawing.scene import Scene, polyline
from untrained.spaces.picture import Chain

ACROSS, BETWEEN = 120.0, 30.0
"""Between the two columns, and between rows."""


def nested_scene(chain: Chain) -> Scene:
    """Lays out a network in two columns: down on the left, up on the right, an arrow across for each skip.

    Args:
        chain: the network, with at least one skip.
    """
    cards = [Card(block) for block in chain.blocks]
    wide = min(max(NARROWEST, *(card.width for card in cards)), WIDEST)
    first, last = chain.skips[-1]  # the innermost
    partner = {target: source for source, target in chain.skips}
    rows = dict[int, int]()
    for k in range(last):
        rows[k] = k  # down; between the innermost skip's ends, too
    bottom = range(first + 1, last)
    for k in range(last, len(cards)):
        rows[k] = rows[partner[k]] if k in partner else rows[k - 1] - 1
    high = [max(card.height for k, card in enumerate(cards) if rows[k] == row) for row in range(max(rows.values()) + 1)]
    tops = [sum(high[:row]) + BETWEEN * row for row in range(len(high))]
    scene = Scene(width=2 * wide + ACROSS, height=tops[-1] + high[-1])

    def corner(k: int) -> tuple[float, float, float]:
        column = 0.5 if k in bottom else 0.0 if k < last else 1.0
        return column * (wide + ACROSS), tops[rows[k]], high[rows[k]]

    for k, card in enumerate(cards):
        x, y, height = corner(k)
        card.draw(scene, x, y, wide, height)
    for one, other in pairwise(range(len(cards))):
        (x, y, height), (to_x, to_y, to_height) = corner(one), corner(other)
        middle, to_middle = x + wide / 2, to_x + wide / 2
        if x == to_x:
            ends = (y + height, to_y) if to_y > y else (y, to_y + to_height)
            points = [(middle, ends[0]), (middle, ends[1])]
        elif one in bottom:
            points = [(x + wide, y + height / 2), (to_middle, y + height / 2), (to_middle, to_y + to_height)]
        else:
            points = [(middle, y + height), (middle, to_y + to_height / 2), (to_x, to_y + to_height / 2)]
        scene.add(polyline(points))
    for source, target in chain.skips:
        (x, y, height), (to_x, *_) = corner(source), corner(target)
        scene.add(polyline([(x + wide, y + height / 2), (to_x, y + height / 2)]))
    return scene
