"""A whole picture: its title, the architecture, and its parts below each other."""

from math import ceil

from untrained.report.drawing.card import params_text
from untrained.report.drawing.chain import chain_scene
from untrained.report.drawing.graph import graph_scene
from untrained.report.drawing.nested import nested_scene
from untrained.report.drawing.scene import FAINT, HEAD, SMALL, TITLE, Label, Scene, fitted, text_width
from untrained.report.folding import folded_architecture
from untrained.spaces.picture import Chain, Graph, Picture

WIDTH, NARROWEST = 780.0, 380.0
MARGIN = 24.0
LINE = 15.0


def page(picture: Picture) -> Scene:
    """Lays out a picture.

    Args:
        picture: what there is to draw.
    """
    room = WIDTH - 2 * MARGIN
    parts = [(part, _scene(part, room)) for part in picture.parts]
    letter = text_width("m" * 100, SMALL, "mono") / 100
    title = text_width(picture.title, TITLE, "bold")
    # As narrow as the widest part allows; a picture that is wider than a page becomes wider.
    inner = max(NARROWEST, *(scene.width for _, scene in parts))
    inner = max(inner, min(room, max(title + 150, letter * len(picture.architecture))))
    made, y = Scene(), MARGIN + TITLE / 2
    made.add(Label(MARGIN, y, fitted(picture.title, inner - 140, TITLE, "bold"), TITLE, "bold", anchor="start"))
    if picture.params is not None:
        counted = params_text(picture.params).replace("params", "parameters")
        made.add(Label(MARGIN + inner, y, counted, HEAD, opacity=FAINT, anchor="end"))
    y += TITLE / 2 + 14
    for line in folded_architecture(picture.architecture, int(inner / letter)):
        made.add(Label(MARGIN, y, line, SMALL, "mono", FAINT, "start"))
        y += LINE
    y += 10
    for part, scene in parts:
        if len(parts) > 1:
            made.add(Label(MARGIN, y, fitted(part.title, inner, HEAD, "bold"), HEAD, "bold", anchor="start"))
            y += 22
        made.take(scene, MARGIN + ((inner - scene.width) / 2 if isinstance(part, Graph) else 0.0), y)
        y += scene.height + 30
    made.width, made.height = ceil(inner + 2 * MARGIN), ceil(y - 30 + MARGIN)
    return made


def _scene(part: Graph | Chain, room: float) -> Scene:
    if isinstance(part, Graph):
        return graph_scene(part)
    return nested_scene(part) if part.skips else chain_scene(part, room)
